//! Many hostile connections at once, to a server in a process of its own whose memory is measured.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer};
use offhook::testing::Signer;
use offhook::{Clock, FixedClock, ReadLimits, truedy};

use super::limits::{CHUNKED, forged, read_to_end, router, routes};
use offhook_tests::client::{connect, exchange, sized};
use offhook_tests::servers::{TRUEDY_SECRET, serve_axum};
use offhook_tests::signing::NOW;

const CONNECTIONS: usize = 400;
/// How long the senders go on, which is longer than the server's deadline.
const ATTACK: Duration = Duration::from_secs(4);
const DEADLINE: Duration = Duration::from_secs(2);
const BODY: usize = 2 << 20;
const MOST_GROWTH: usize = 64 << 20;

/// Each test starts itself again as a server, with this variable.
const FRAMEWORK: &str = "OFFHOOK_CROWD_FRAMEWORK";

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(test: &str, framework: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(FRAMEWORK, framework)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("address ")?.parse().ok()).expect("it listens");
        Server { process, address }
    }

    /// Returns a figure of the kernel about the process, in bytes.
    fn memory(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the test that started this process ends.
fn serve(framework: &str) {
    let limits = ReadLimits::default().with_deadline(DEADLINE);
    if framework == "axum" {
        println!("\naddress {}", serve_axum(router(&limits)));
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\naddress {}", listener.local_addr().unwrap());
    let routes = routes(&limits);
    let server = HttpServer::new(move || App::new().configure(routes.clone()));
    // As the example and the guide say: actix-web would read on for a second after a
    // refusal, with a buffer of 256 KiB for each connection.
    let server = server.workers(2).client_disconnect_timeout(Duration::ZERO).listen(listener).unwrap().run();
    actix_web::rt::System::new().block_on(server).unwrap();
}

/// What each of the hostile connections sends.
#[derive(Clone)]
struct Crowd {
    kind: &'static str,
    head: Vec<u8>,
    /// What is written again and again, until the body but for one byte is sent.
    piece: Vec<u8>,
    /// How long each connection waits between two pieces.
    pause: Duration,
}

fn crowds() -> Vec<Crowd> {
    let unsigned = format!("POST /truedy HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n").into_bytes();
    let sized = forged("/truedy", &format!("Content-Length: {BODY}"));
    let block = vec![b' '; 16 << 10];
    let chunk = [b"4000\r\n", block.as_slice(), b"\r\n"].concat();
    let (fast, slow) = (Duration::ZERO, Duration::from_millis(100));
    vec![
        Crowd { kind: "no signature", head: unsigned, piece: block.clone(), pause: fast },
        Crowd { kind: "forged", head: sized.clone(), piece: block.clone(), pause: fast },
        Crowd { kind: "forged and chunked", head: forged("/truedy", CHUNKED), piece: chunk, pause: fast },
        Crowd { kind: "slow", head: sized, piece: vec![b' '; 4 << 10], pause: slow },
    ]
}

/// A hostile connection.
struct Sender {
    stream: TcpStream,
    left: usize,
    /// What is left of the piece that is being written.
    rest: Vec<u8>,
    next: Instant,
    ended: bool,
}

impl Sender {
    fn start(address: SocketAddr, head: &[u8]) -> Self {
        let mut stream = connect(address);
        stream.write_all(head).unwrap();
        stream.set_nonblocking(true).unwrap();
        Sender { stream, left: BODY - 1, rest: Vec::new(), next: Instant::now(), ended: false }
    }

    /// Writes what the connection takes. A body stays unfinished.
    fn send(&mut self, crowd: &Crowd) {
        while !self.ended {
            if self.rest.is_empty() {
                if self.left < crowd.piece.len() || self.next > Instant::now() {
                    return;
                }
                self.rest.clone_from(&crowd.piece);
                self.left -= crowd.piece.len();
                self.next += crowd.pause;
            }
            match self.stream.write(&self.rest) {
                Ok(written) => drop(self.rest.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.ended = true,
            }
        }
    }
}

/// Returns by how much the server's memory has grown at most.
fn attack(server: &Server, crowd: &Crowd) -> usize {
    let body = br#"{"event":"call.ended","data":{"call_id":"c1"}}"#;
    let signed = Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), body);
    let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let honest = sized("/truedy", &headers, body);
    // The first requests cost memory that no later one costs.
    for _ in 0..10 {
        assert_eq!(exchange(server.address, &honest).status, 204);
    }
    let before = server.memory("VmRSS");
    let mut senders: Vec<_> = (0..CONNECTIONS).map(|_| Sender::start(server.address, &crowd.head)).collect();
    let begun = Instant::now();
    while begun.elapsed() < ATTACK {
        for sender in &mut senders {
            sender.send(crowd);
        }
        if begun.elapsed() < DEADLINE {
            assert_eq!(exchange(server.address, &honest).status, 204, "{}: an honest delivery", crowd.kind);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    for sender in &mut senders {
        sender.stream.set_nonblocking(false).unwrap();
        read_to_end(&mut sender.stream);
    }
    assert_eq!(exchange(server.address, &honest).status, 204, "{}: an honest delivery afterwards", crowd.kind);
    server.memory("VmHWM").saturating_sub(before)
}

fn assert_bounded(test: &str, framework: &str, crowds: &[Crowd]) {
    if let Ok(framework) = std::env::var(FRAMEWORK) {
        return serve(&framework);
    }
    for crowd in crowds {
        let server = Server::start(test, framework);
        let growth = attack(&server, crowd);
        println!("{framework}: {CONNECTIONS} connections, {}: {} KiB", crowd.kind, growth / 1024);
        assert!(growth < MOST_GROWTH, "{framework}: {}: {growth} bytes", crowd.kind);
    }
}

#[test]
fn axum_stays_below_64_mib_with_400_hostile_connections() {
    let mut crowds = crowds();
    // In actix-web, its own queue keeps 32 bytes for each piece that was read ahead.
    let head = forged("/truedy", CHUNKED);
    let piece = b"1\r\n \r\n".repeat(2000);
    crowds.push(Crowd { kind: "single bytes in chunks", head, piece, pause: Duration::ZERO });
    assert_bounded("web::crowds::axum_stays_below_64_mib_with_400_hostile_connections", "axum", &crowds);
}

#[test]
fn actix_web_stays_below_64_mib_with_400_hostile_connections() {
    let test = "web::crowds::actix_web_stays_below_64_mib_with_400_hostile_connections";
    assert_bounded(test, "actix-web", &crowds());
}
