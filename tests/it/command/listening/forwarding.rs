//! What reaches the handler, what its answer suggests, and what the sender gets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};

use offhook::testing::NearMiss;
use serde_json::Value;

use super::{Listener, delivery, truedy};
use crate::command::TRUEDY_SECRET;

/// A handler that gives this answer to each request, on connections of their own.
fn handler(answer: &'static str) -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut request = Vec::new();
            while !is_complete(&request) {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..length]);
            }
            let _ = stream.write_all(answer.as_bytes());
            sender.send(request).unwrap();
        }
    });
    (address, requests)
}

/// Returns whether the body of a request has arrived.
fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    body.len() >= length.unwrap()
}

/// Returns what is shown of a delivery that is forwarded to a handler with this answer.
fn shown(answer: &'static str) -> (u16, Value) {
    let (address, _requests) = handler(answer);
    let listener = Listener::start(&["--json", "--forward-to", &format!("http://{address}")]);
    let status = listener.send(&delivery()).status;
    (status, listener.json())
}

#[test]
fn the_handler_gets_the_body_and_the_headers_in_their_order_and_case() {
    let (address, requests) = handler("HTTP/1.1 204 No Content\r\n\r\n");
    let listener = Listener::start(&["--forward-to", &format!("http://{address}")]);
    let mut request = delivery();
    request.target.push_str("?token=a");
    let request = request.with_header("X-UPPER", "1").with_header("x-lower", "\u{e9}").with_header("X-UPPER", "2");
    assert_eq!(listener.send(&request).status, 204);
    let received = requests.recv().unwrap();
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hooks/truedy?token=a HTTP/1.1\r\n"), "{head}");
    assert_eq!(body.as_bytes(), request.body);
    let names: Vec<_> = head.lines().skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
    let sent: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    let own = ["host", "content-length"];
    let kept: Vec<_> = names.into_iter().filter(|name| !own.contains(&name.to_ascii_lowercase().as_str())).collect();
    // The values of one name stay together.
    let mut expected = sent;
    let last = expected.pop().unwrap();
    expected.insert(expected.len() - 1, last);
    assert_eq!(kept, expected);
    for line in ["X-UPPER: 1", "X-UPPER: 2", "x-lower: \u{e9}"] {
        assert!(head.lines().any(|found| found == line), "{head}");
    }
}

#[test]
fn a_url_with_a_path_gets_every_delivery() {
    let (address, requests) = handler("HTTP/1.1 204 No Content\r\n\r\n");
    let listener = Listener::start(&["--forward-to", &format!("http://{address}/mine?a=b")]);
    listener.send(&delivery());
    assert!(requests.recv().unwrap().starts_with(b"POST /mine?a=b HTTP/1.1\r\n"));
}

#[test]
fn the_sender_gets_the_answer_of_the_handler() {
    let (address, _requests) =
        handler("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX-Internal: 1\r\nContent-Length: 4\r\n\r\nbusy");
    let listener = Listener::start(&["--forward-to", &format!("http://{address}")]);
    let answer = listener.exchange(&super::wire(&delivery())).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503 ") && answer.ends_with("\r\n\r\nbusy"), "{answer}");
    assert!(answer.contains("retry-after: 7") && !answer.contains("x-internal"), "{answer}");
}

#[test]
fn every_status_of_the_handler_has_its_hint() {
    for (answer, hint) in [
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "redirect"),
        ("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", "cannot read the delivery"),
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "is the route verified with this secret"),
        ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "before the handler"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "no route at this path"),
        ("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", "does not take POST"),
        ("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", "body limit"),
        ("HTTP/1.1 415 No\r\nContent-Length: 0\r\n\r\n", "Content-Type"),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 13\r\n\r\nno such\ntable", "the handler failed. It says: no such table"),
        ("broken", "did the handler panic"),
    ] {
        let (status, shown) = shown(answer);
        let hints = shown["hints"].as_array().unwrap();
        assert!(hints[0].as_str().unwrap().contains(hint), "{answer}: {shown}");
        assert_eq!(hints[1], "truedy may send it again; when is not stated", "{answer}");
        assert_eq!(shown["answered"], status);
    }
    let (_, shown) = shown("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(shown["hints"], serde_json::json!([]));
}

#[test]
fn an_answer_with_a_secret_is_not_shown() {
    let answer = format!("HTTP/1.1 500 Oh\r\nContent-Length: {}\r\n\r\n{TRUEDY_SECRET}", TRUEDY_SECRET.len());
    let (_, shown) = shown(answer.leak());
    assert!(shown["hints"][0].as_str().unwrap().ends_with("It says: ***"), "{shown}");
}

#[test]
fn a_handler_that_accepts_what_is_refused_is_named() {
    let (address, _requests) = handler("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let listener = Listener::start(&["--json", "--forward-to", &format!("http://{address}")]);
    let forged = NearMiss::WrongSecret.of(&truedy(), &delivery()).unwrap();
    assert_eq!(listener.send(&forged).status, 200);
    assert!(listener.json()["hints"][0].as_str().unwrap().contains("does its route verify the signature"));
}

#[test]
fn nobody_at_the_address_is_a_502() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let listener = Listener::start(&["--json", "--forward-to", &url]);
    assert_eq!(listener.send(&delivery()).status, 502);
    let shown = listener.json();
    assert_eq!(shown["forwarded"]["error"], "no_connection");
    assert!(shown["hints"][0].as_str().unwrap().contains("is the server running"), "{shown}");
}

#[test]
fn a_sender_that_hangs_up_does_not_lose_its_delivery() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let listener = Listener::start(&["--json", "--timeout", "2", "--forward-to", &url]);
    let mut stream = offhook_tests::client::connect(listener.address);
    stream.write_all(&super::wire(&delivery())).unwrap();
    // The delivery is under way once the handler has a connection.
    let _handler = silent.accept().unwrap();
    drop(stream);
    let shown = listener.json();
    assert_eq!((&shown["forwarded"]["error"], &shown["answered"]), (&"timed_out".into(), &504.into()));
}
