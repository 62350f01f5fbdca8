//! The example servers close connections whose request does not arrive.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offhook_tests::client::connect;
use offhook_tests::examples::build;

/// Twice as long as the examples wait, for a machine under load.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) struct Server {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn start(example: &str) -> Self {
        let mut command = Command::new(build(example));
        for name in ["OFFHOOK_STORE", "TRUEDY_WEBHOOK_SECRET", "TALKIFAI_WEBHOOK_SECRET", "SALPRE_WEBHOOK_TOKEN"] {
            command.env_remove(name);
        }
        let mut process = command.env("PORT", "0").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = notes.find_map(|line| line.strip_prefix("listening on http://")?.parse().ok());
        // The rest is read, so that the server does not wait for a reader.
        std::thread::spawn(move || notes.for_each(drop));
        Server { process, address: address.expect("it listens") }
    }

    /// Returns the memory that the process has, in bytes.
    pub(super) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Returns how many sockets the process has.
    pub(super) fn sockets(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap();
        open.filter(|file| {
            let link = file.as_ref().ok().and_then(|file| std::fs::read_link(file.path()).ok());
            link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
        })
        .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A complete and authentic request that is no event, after which the connection stays open where
/// the server keeps connections.
const REQUEST: &str = "POST /webhooks/salpre HTTP/1.1\r\nHost: localhost\r\n\
    Authorization: Bearer salpre_demo_token\r\nContent-Length: 2\r\n\r\n{}";
const HALF: &str = "POST /webhooks/truedy HTTP/1.1\r\nHost: localhost\r\nX-Truedy-Sig";

/// Keeps a connection with a half request head busy, and returns how long it was open.
fn open_for(mut stream: TcpStream, begun: Instant) -> Duration {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 4096];
    while begun.elapsed() < PATIENCE {
        // A byte now and then must not extend the wait.
        let _ = stream.write_all(b"a");
        match stream.read(&mut buffer) {
            Ok(0) => return begun.elapsed(),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return begun.elapsed(),
        }
    }
    panic!("the connection is still open");
}

#[test]
fn the_example_servers_close_connections_whose_head_does_not_arrive() {
    for example in ["axum", "actix"] {
        let server = Server::start(example);
        let cases = [&[][..], &["GET"], &[HALF], &[REQUEST, HALF]];
        let waits: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = cases
                .iter()
                .map(|sent| {
                    let address = server.address;
                    scope.spawn(move || {
                        let (mut stream, begun) = (connect(address), Instant::now());
                        for part in *sent {
                            // The server may have closed the connection after the first request.
                            let _ = stream.write_all(part.as_bytes());
                            std::thread::sleep(Duration::from_millis(500));
                        }
                        open_for(stream, begun)
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().expect(example)).collect()
        });
        assert!(waits[0] > Duration::from_secs(2), "{example}: an honest sender has some time: {waits:?}");
    }
}

#[test]
fn the_example_servers_close_idle_connections() {
    for example in ["axum", "actix"] {
        let server = Server::start(example);
        for sent in ["", REQUEST] {
            let mut stream = connect(server.address);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(sent.as_bytes()).unwrap();
            let ended = stream.read_to_end(&mut Vec::new());
            let reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
            assert!(ended.as_ref().map_or_else(reset, |_| true), "{example} after {sent:?}: {ended:?}");
        }
    }
}
