//! What a client library does not send, to both example servers: requests that are half closed,
//! whose lengths conflict, that are sent before the answer to the one before, or that never end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::timeouts::Server;
use offhook_tests::client::connect;

const EXAMPLES: [&str; 2] = ["axum", "actix"];
const BODY: &str = r#"{"event_type":"call_answered","payload":{"call_id":7}}"#;

/// Returns a request whose body is described by these lines of its head.
fn request(token: &str, lines: &str, body: &str) -> String {
    format!(
        "POST /webhooks/salpre HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{lines}\r\n\r\n{body}"
    )
}

fn honest() -> String {
    request("salpre_demo_token", &format!("Content-Length: {}", BODY.len()), BODY)
}

/// The same request, after which the server does not wait for another one.
fn last() -> String {
    request("salpre_demo_token", &format!("Connection: close\r\nContent-Length: {}", BODY.len()), BODY)
}

fn forged() -> String {
    request("not_the_token", &format!("Content-Length: {}", BODY.len()), BODY)
}

/// Reads until the server closes the connection, which it must do soon, and returns the status of
/// each answer.
fn statuses(mut stream: TcpStream, case: &str) -> Vec<u16> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{case}: the connection is still open: {error}"),
    }
    let text = String::from_utf8_lossy(&received);
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server.address);
    // The server may answer and close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    stream
}

fn assert_alive(server: &Server, case: &str) {
    assert_eq!(statuses(send(server, last().as_bytes()), case), [200], "{case}: an honest delivery");
}

#[test]
fn on_a_half_closed_connection_only_what_is_complete_is_accepted() {
    for example in EXAMPLES {
        let server = Server::start(example);
        let complete = last();
        for sent in [complete.len(), complete.len() - 1, 60, 0] {
            let case = format!("{example}: {sent} bytes");
            let stream = send(&server, &complete.as_bytes()[..sent]);
            stream.shutdown(Shutdown::Write).unwrap();
            let statuses = statuses(stream, &case);
            // hyper gives up a connection that it sees closed before the handler has answered.
            let is_right = |status: &u16| if sent == complete.len() { *status == 200 } else { *status >= 400 };
            assert!(statuses.len() <= 1 && statuses.iter().all(is_right), "{case}: {statuses:?}");
        }
        assert_alive(&server, example);
    }
}

#[test]
fn a_request_whose_lengths_conflict_hides_no_second_request() {
    let hidden = honest();
    let length = BODY.len();
    let conflicts = [
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length: {length}, 0"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        format!("Content-Length: 0x{length:x}"),
        "Content-Length: 18446744073709551616".to_owned(),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        format!("Transfer-Encoding : chunked\r\nContent-Length: {length}"),
        format!("Content-Length : {length}"),
    ];
    for example in EXAMPLES {
        let server = Server::start(example);
        for lines in &conflicts {
            for token in ["salpre_demo_token", "not_the_token"] {
                // Read as chunks, the first request ends before the second one.
                for body in [format!("{BODY}{hidden}"), format!("0\r\n\r\n{hidden}")] {
                    let case = format!("{example}: {lines:?} {token} {body:?}");
                    let statuses = statuses(send(&server, request(token, lines, &body).as_bytes()), &case);
                    let accepted = statuses.iter().filter(|status| **status == 200).count();
                    assert_eq!(accepted, 0, "{case}: {statuses:?}");
                }
            }
        }
        assert_alive(&server, example);
    }
}

/// A client may send requests before it has the answer to the one before.
#[test]
fn requests_that_are_sent_at_once_are_checked_one_by_one() {
    for example in EXAMPLES {
        let server = Server::start(example);
        for (sent, expected) in [
            (vec![forged(), last()], [401, 200]),
            (vec![last(), forged()], [200, 401]),
            (vec![honest(), last()], [200, 200]),
        ] {
            // The server may close the connection after any answer.
            let case = format!("{example}: {expected:?}");
            let statuses = statuses(send(&server, sent.concat().as_bytes()), &case);
            assert!(!statuses.is_empty() && expected.starts_with(&statuses), "{case}: {statuses:?}");
        }
        assert_alive(&server, example);
    }
}

#[test]
fn a_header_in_a_trailer_does_not_count() {
    for example in EXAMPLES {
        let server = Server::start(example);
        let chunks = format!("{:x}\r\n{BODY}\r\n0\r\n", BODY.len());
        let trailers = ["Authorization: Bearer salpre_demo_token\r\n", "Content-Length: 0\r\n"];
        for trailer in trailers {
            let body = format!("{chunks}{trailer}\r\n");
            let case = format!("{example}: {trailer}");
            let forged = request("not_the_token", "Connection: close\r\nTransfer-Encoding: chunked", &body);
            assert_eq!(statuses(send(&server, forged.as_bytes()), &case), [401], "{case}");
            let honest = request("salpre_demo_token", "Connection: close\r\nTransfer-Encoding: chunked", &body);
            assert_eq!(statuses(send(&server, honest.as_bytes()), &case), [200], "{case}");
        }
        assert_alive(&server, example);
    }
}

/// What has no end is cut off: chunks, the extension of a chunk, and a trailer.
#[test]
fn a_body_without_an_end_is_cut_off() {
    for example in EXAMPLES {
        let server = Server::start(example);
        let block = "a".repeat(1 << 16);
        for (kind, begin, piece) in [
            ("chunks", "", "10\r\naaaaaaaaaaaaaaaa\r\n".repeat(4096)),
            ("an extension", "1;", block.clone()),
            ("a length", "", "0".repeat(1 << 16)),
            ("a trailer", "1\r\na\r\n0\r\nx: ", block.clone()),
        ] {
            let case = format!("{example}: {kind}");
            let before = server.memory();
            let mut stream =
                send(&server, request("salpre_demo_token", "Transfer-Encoding: chunked", begin).as_bytes());
            let begun = Instant::now();
            while stream.write_all(piece.as_bytes()).is_ok() {
                assert!(begun.elapsed() < Duration::from_secs(30), "{case}: it is read for ever");
            }
            let statuses = statuses(stream, &case);
            assert!(statuses.iter().all(|status| *status >= 400), "{case}: {statuses:?}");
            let growth = server.memory().saturating_sub(before);
            assert!(growth < 16 << 20, "{case}: {growth} bytes");
        }
        assert_alive(&server, example);
    }
}

#[test]
fn a_thousand_idle_connections_cost_little_and_are_closed() {
    const CONNECTIONS: usize = 1000;
    for example in EXAMPLES {
        let server = Server::start(example);
        assert_alive(&server, example);
        let (memory, sockets) = (server.memory(), server.sockets());
        let opening = AtomicBool::new(true);
        let mut idle = Vec::new();
        let (most, growth) = std::thread::scope(|scope| {
            let peak = scope.spawn(|| {
                let mut peak = (0, 0);
                while opening.load(Ordering::Relaxed) {
                    peak = (
                        peak.0.max(server.sockets().saturating_sub(sockets)),
                        peak.1.max(server.memory().saturating_sub(memory)),
                    );
                    std::thread::sleep(Duration::from_millis(20));
                }
                peak
            });
            idle.extend((0..CONNECTIONS).map(|_| connect(server.address)));
            assert_alive(&server, example);
            std::thread::sleep(Duration::from_millis(500));
            opening.store(false, Ordering::Relaxed);
            peak.join().unwrap()
        });
        println!("{example}: {most} idle connections at once, {growth} bytes");
        // On a machine under load, the first are closed before the last are open.
        assert!(most > CONNECTIONS / 4, "{example}: {most} connections were open");
        assert!(growth < 32 << 20, "{example}: {growth} bytes");

        // Both servers wait 5 s for a head.
        let begun = Instant::now();
        while server.sockets() > sockets + 10 {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{example}: {} are open",
                server.sockets().saturating_sub(sockets)
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_alive(&server, example);
        drop(idle);
    }
}
