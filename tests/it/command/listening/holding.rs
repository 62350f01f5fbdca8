//! What `listen` holds out against: many deliveries, and requests that are hostile.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use offhook::testing::samples;
use offhook_tests::client::{self, connect, head};

use super::{Listener, delivery, truedy, wire};

/// Serves a handler that counts, and returns its URL.
fn counting(count: Arc<AtomicU64>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = async move || {
        count.fetch_add(1, Ordering::SeqCst);
    };
    let app = Router::new().route("/hooks/truedy", post(handle));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await })
    });
    url
}

#[test]
fn a_thousand_deliveries_at_200_a_second_are_all_shown_and_forwarded() {
    const SENDERS: u32 = 8;
    const EACH: u32 = 125;
    let count = Arc::new(AtomicU64::new(0));
    let url = counting(Arc::clone(&count));
    let listener = Listener::start(&["--json", "--forward-to", &url]);
    let start = Instant::now();
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let send = |sender: u32| {
            let address = listener.address;
            move || {
                let mut waits = Vec::new();
                for index in 0..EACH {
                    let number = index * SENDERS + sender;
                    // Each begins at its time, however long the one before took.
                    let due = start + Duration::from_millis(5) * number;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let call = samples::truedy::CALL_ENDED.with("data.call.callId", format!("c{number}"));
                    let answer = client::exchange(address, &wire(&truedy().request("/hooks/truedy", &call)));
                    assert_eq!(answer.status, 200);
                    waits.push(due.elapsed());
                }
                waits
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(send(sender))).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let elapsed = start.elapsed();
    let calls: BTreeSet<_> = (0..SENDERS * EACH).map(|_| listener.json()["call_id"].to_string()).collect();
    assert_eq!(calls.len(), 1000);
    assert_eq!(count.load(Ordering::SeqCst), 1000);
    waits.sort();
    println!("1,000 deliveries in {elapsed:.2?}: median {:.2?}, 99th percentile {:.2?}", waits[500], waits[990]);
    listener.signal("-INT");
    assert_eq!(listener.end().1[0], "1000 deliveries: 1000 accepted, 0 refused");
}

#[test]
fn hostile_requests_do_not_stop_it() {
    let listener = Listener::start(&["--json"]);
    let large = vec![b'x'; 3 * 1024 * 1024];
    let many: Vec<(&str, &[u8])> = vec![("X-Many", b"1"); 300];
    let long = vec![b'a'; 100_000];
    let whole = |head: Vec<u8>, rest: &[u8]| [head, rest.to_vec()].concat();
    for (request, status) in [
        (whole(head("/", &[("Content-Length", b"3145728")]), &[b"\r\n", large.as_slice()].concat()), "413"),
        (b"POST / HTTP/1.1\r\nContent-Length: abc\r\n\r\n".to_vec(), "400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".to_vec(), "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), "400"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "405"),
        (whole(head("/", &many), b"\r\n"), "431"),
        (whole(head("/", &[("X-Long", &long)]), b"\r\n"), "431"),
        (b"POST / HTTP/1.1\r\n\r\n".to_vec(), "401"),
    ] {
        let answer = listener.exchange(&request);
        let shown: String = String::from_utf8_lossy(&request).chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
    }
    assert_eq!(listener.json()["code"], "unknown_vendor");
    // These begin a request, and never end it.
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(listener.address);
            stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{").unwrap();
            stream
        })
        .collect();
    assert_eq!(listener.send(&delivery()).status, 204);
    assert_eq!(listener.json()["event"], "call.ended");
    drop(slow);
}

#[test]
fn a_connection_has_one_request() {
    let listener = Listener::start(&["--json"]);
    let twice = [wire(&delivery()), wire(&delivery())].concat();
    let twice = String::from_utf8(twice).unwrap().replace("Connection: close\r\n", "");
    let answer = listener.exchange(twice.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 204").count(), 1, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
}
