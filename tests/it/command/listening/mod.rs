//! `offhook listen`: what it shows, what it forwards, and what it holds out against.

mod browser;
mod forwarding;
mod holding;
mod page;
mod showing;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use offhook::testing::{RawRequest, Signer, samples};
use offhook_tests::client::{self, Answer};
use serde_json::Value;

use super::{TRUEDY_SECRET, command};

/// A running `offhook listen`. It is killed when this is dropped.
pub(super) struct Listener {
    child: Child,
    pub(super) address: SocketAddr,
    lines: Receiver<String>,
    messages: Receiver<String>,
}

impl Listener {
    /// Starts the command with these arguments, on any free port.
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::start_command(command(&[&["listen", "--port", "0"], arguments].concat()))
    }

    pub(super) fn start_command(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let messages = self::lines(child.stderr.take().unwrap());
        let opening = next(&messages);
        let address = opening.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("{opening}")).parse().unwrap();
        Listener { child, address, lines, messages }
    }

    /// Sends a request, and returns the answer.
    pub(super) fn send(&self, request: &RawRequest) -> Answer {
        client::exchange(self.address, &wire(request))
    }

    /// Sends bytes, and returns what comes back until the connection is closed.
    pub(super) fn exchange(&self, request: &[u8]) -> String {
        exchange(self.address, request)
    }

    /// Returns the next line of standard output.
    pub(super) fn line(&self) -> String {
        next(&self.lines)
    }

    /// Returns the next line of standard output as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Returns the next message.
    pub(super) fn message(&self) -> String {
        next(&self.messages)
    }

    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and returns the exit code with the remaining messages.
    pub(super) fn end(mut self) -> (i32, Vec<String>) {
        let code = self.child.wait().unwrap().code().expect("the command ended by itself");
        (code, self.messages.iter().collect())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(Duration::from_secs(60)).expect("a line")
}

/// Sends bytes, and returns what comes back until the connection is closed.
pub(super) fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = client::connect(address);
    let mut answer = Vec::new();
    for result in [stream.write_all(request), stream.read_to_end(&mut answer).map(drop)] {
        let closed = |kind| matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
        assert!(result.is_ok() || result.is_err_and(|error| closed(error.kind())));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns the bytes of a request.
fn wire(request: &RawRequest) -> Vec<u8> {
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    client::sized(&request.target, &headers, &request.body)
}

/// Returns a signed delivery of Truedy.
pub(super) fn delivery() -> RawRequest {
    truedy().request("/hooks/truedy", samples::truedy::CALL_ENDED)
}

pub(super) fn truedy() -> Signer {
    Signer::of(&offhook::Truedy::new(TRUEDY_SECRET).unwrap())
}
