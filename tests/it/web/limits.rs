//! What a stranger's body may cost: the deadline, the budget, and the end of the connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::web::{self, ServiceConfig};
use axum::extract::{FromRef, FromRequest as _};
use axum::routing::post;
use offhook::talkifai::{FunctionReply, Functions};
use offhook::testing::Signer;
use offhook::{Clock, FixedClock, Function, ReadLimits, Reply, Truedy, Webhook, truedy};

use offhook_tests::client::{chunked, connect, read_answer, sized};
use offhook_tests::servers::{TRUEDY_SECRET, serve_actix, serve_axum, truedy as verifier};
use offhook_tests::signing::NOW;

const DEADLINE: Duration = Duration::from_millis(600);
/// So long may a machine under load take for what takes no time.
const PATIENCE: Duration = Duration::from_secs(15);

async fn on_truedy(webhook: Webhook<Truedy>) -> Reply {
    webhook.acknowledge()
}

async fn on_function(call: Function<serde_json::Value>) -> FunctionReply {
    call.answer(FunctionReply::result("late"), async |_| FunctionReply::result("done")).await
}

#[derive(Clone, FromRef)]
struct App {
    truedy: Truedy,
    functions: Functions,
}

fn functions() -> Functions {
    Functions::bearer("s3cret-t0ken").unwrap()
}

/// Both frameworks with these limits.
fn both(limits: &ReadLimits) -> [(&'static str, SocketAddr); 2] {
    [("axum", serve_axum(router(limits))), ("actix-web", serve_actix(routes(limits)))]
}

pub(super) fn router(limits: &ReadLimits) -> axum::Router {
    axum::Router::new()
        .route("/truedy", post(on_truedy))
        .route("/function", post(on_function))
        .layer(axum::Extension(limits.clone()))
        .with_state(App { truedy: verifier(), functions: functions() })
}

/// The same for actix-web, and a route with a limit of 2 MiB in actix-web's own way.
pub(super) fn routes(limits: &ReadLimits) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let limits = limits.clone();
    move |app| {
        app.app_data(limits.clone())
            .app_data(web::Data::new(verifier()))
            .app_data(web::Data::new(functions()))
            .route("/truedy", web::post().to(on_truedy))
            .route("/function", web::post().to(on_function))
            .service(web::resource("/configured/truedy").app_data(web::PayloadConfig::new(2 << 20)).post(on_truedy));
    }
}

/// The head of a request that looks like one of Truedy, and asks to keep the connection.
pub(super) fn forged(path: &str, length: &str) -> Vec<u8> {
    let (signature, time) = (truedy::SIGNATURE_HEADER, truedy::TIMESTAMP_HEADER);
    let digits = "0".repeat(64);
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s3cret-t0ken\r\n\
         {signature}: {digits}\r\n{time}: {}\r\n{length}\r\n\r\n",
        NOW
    )
    .into_bytes()
}

pub(super) const CHUNKED: &str = "Transfer-Encoding: chunked";

/// Reads until the server closes the connection, and returns what it wrote.
pub(super) fn read_to_end(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection is still open: {error}"),
    }
    String::from_utf8(received).unwrap().to_ascii_lowercase()
}

/// Writes pieces for as long as the server takes them and the answer has not come.
fn trickle(stream: &mut TcpStream, piece: &[u8], pause: Duration) -> Duration {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if stream.write_all(piece).is_err()
            || !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
        {
            return begun.elapsed();
        }
        std::thread::sleep(pause);
    }
    panic!("the server waits for ever");
}

#[test]
fn a_body_that_trickles_gets_408_at_the_deadline_and_the_connection_closes() {
    for (name, address) in both(&ReadLimits::default().with_deadline(DEADLINE)) {
        for (path, length, piece) in [
            ("/truedy", "Content-Length: 100000", &b" "[..]),
            ("/truedy", CHUNKED, b"1\r\n \r\n"),
            ("/function", "Content-Length: 100000", b" "),
            ("/function", CHUNKED, b"1\r\n \r\n"),
        ] {
            let mut stream = connect(address);
            stream.write_all(&forged(path, length)).unwrap();
            let waited = trickle(&mut stream, piece, Duration::from_millis(50));
            let answer = read_to_end(&mut stream);
            assert!(answer.starts_with("http/1.1 408 "), "{name} {path} {length}: {answer}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{name} {path} {length}: {answer}");
            assert!(answer.ends_with("\r\n\r\n"), "{name} {path} {length}: the body must be empty: {answer}");
            assert!(waited >= DEADLINE, "{name} {path} {length}: answered after {waited:?}");
        }
    }
}

#[test]
fn a_body_that_is_not_sent_gets_408() {
    let servers = both(&ReadLimits::default().with_deadline(DEADLINE));
    let configured = (servers[1].0, servers[1].1, "/configured/truedy");
    for (name, address, path) in
        servers.map(|(name, address)| (name, address, "/truedy")).into_iter().chain([configured])
    {
        let mut stream = connect(address);
        stream.write_all(&forged(path, "Content-Length: 10")).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(answer.starts_with("http/1.1 408 "), "{name} {path}: {answer}");
    }
}

#[test]
fn a_refusal_before_the_end_of_the_body_closes_the_connection() {
    let unsigned = |length: &str| format!("POST /truedy HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n").into_bytes();
    for (name, address) in both(&ReadLimits::default().with_deadline(DEADLINE)) {
        for (status, request) in [
            ("401", unsigned("Content-Length: 1000000")),
            ("401", unsigned(CHUNKED)),
            ("413", forged("/truedy", "Content-Length: 10000000000")),
            ("415", forged("/truedy", "Content-Encoding: gzip\r\nContent-Length: 1000000")),
            ("415", forged("/truedy", &format!("Content-Encoding: gzip\r\n{CHUNKED}"))),
            ("415", forged("/function", &format!("Content-Encoding: gzip\r\n{CHUNKED}"))),
        ] {
            let mut stream = connect(address);
            stream.write_all(&request).unwrap();
            // More of the body arrives, as the server must expect.
            let _ = stream.write_all(b"5\r\nabcde\r\n");
            let answer = read_to_end(&mut stream);
            assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{name} {status}: {answer}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{name} {status}: {answer}");
        }
    }
}

#[test]
fn an_endless_body_is_not_taken_for_ever_after_its_refusal() {
    let unsigned = format!("POST /truedy HTTP/1.1\r\nHost: localhost\r\n{CHUNKED}\r\n\r\n").into_bytes();
    let chunk = [b"10000\r\n", vec![b' '; 65_536].as_slice(), b"\r\n"].concat();
    for (name, address) in both(&ReadLimits::default()) {
        for request in [unsigned.clone(), forged("/truedy", CHUNKED), forged("/function", CHUNKED)] {
            let mut stream = connect(address);
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&request).unwrap();
            let begun = Instant::now();
            let error = loop {
                if let Err(error) = stream.write_all(&chunk) {
                    break error;
                }
                assert!(begun.elapsed() < PATIENCE, "{name}: the server takes an endless body");
            };
            let closed = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            assert!(closed, "{name}: {error}");
        }
    }
}

#[test]
fn a_body_that_finds_the_budget_used_gets_503_and_a_small_one_is_received() {
    let limits = ReadLimits::default().with_deadline(Duration::from_secs(5)).with_budget(100_000);
    for (name, address) in both(&limits) {
        // More than the budget, but it is the only one.
        let mut first = connect(address);
        first.write_all(&forged("/truedy", "Content-Length: 200000")).unwrap();
        first.write_all(&[b' '; 190_000]).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let mut paths = vec!["/truedy", "/function"];
        if name == "actix-web" {
            paths.push("/configured/truedy");
        }
        for path in paths {
            let mut second = connect(address);
            second.write_all(&forged(path, "Content-Length: 60000")).unwrap();
            let _ = second.write_all(&[b' '; 60_000]);
            let answer = read_to_end(&mut second);
            assert!(answer.starts_with("http/1.1 503 "), "{name} {path}: {answer}");
            assert!(answer.contains("\r\nretry-after: 5\r\n"), "{name} {path}: {answer}");
        }
        let mut small = connect(address);
        small.write_all(&forged("/truedy", "Content-Length: 16000")).unwrap();
        small.write_all(&[b' '; 16_000]).unwrap();
        assert!(read_to_end(&mut small).starts_with("http/1.1 401 "), "{name}");
        // The first one is received to its end, and gives back what it had.
        first.write_all(&[b' '; 10_000]).unwrap();
        assert!(read_to_end(&mut first).starts_with("http/1.1 401 "), "{name}");
        let mut after = connect(address);
        after.write_all(&forged("/truedy", "Content-Length: 60000")).unwrap();
        after.write_all(&[b' '; 60_000]).unwrap();
        assert!(read_to_end(&mut after).starts_with("http/1.1 401 "), "{name}");
    }
}

#[test]
fn a_head_that_cannot_be_genuine_is_refused_before_its_body_arrives() {
    let (signature, time) = (truedy::SIGNATURE_HEADER, truedy::TIMESTAMP_HEADER);
    let digits = "0".repeat(64);
    let good = [format!("{signature}: {digits}"), format!("{time}: {NOW}")];
    for (name, address) in both(&ReadLimits::default()) {
        for (case, headers) in [
            ("no time", vec![good[0].clone()]),
            ("no signature", vec![good[1].clone()]),
            ("two signatures", [&good[..], &good[..1]].concat()),
            ("two times", [&good[..], &good[1..]].concat()),
            ("empty signature", vec![format!("{signature}:"), good[1].clone()]),
            ("empty time", vec![good[0].clone(), format!("{time}:")]),
            ("malformed signature", vec![format!("{signature}: x"), good[1].clone()]),
            ("malformed time", vec![good[0].clone(), format!("{time}: yesterday")]),
        ] {
            for length in ["Content-Length: 1000000", "Content-Length: 10000000000", CHUNKED] {
                let head =
                    format!("POST /truedy HTTP/1.1\r\nHost: localhost\r\n{}\r\n{length}\r\n\r\n", headers.join("\r\n"));
                let (mut stream, begun) = (connect(address), Instant::now());
                stream.write_all(head.as_bytes()).unwrap();
                let mut status = [0; 13];
                stream.read_exact(&mut status).unwrap();
                assert_eq!(&status, b"HTTP/1.1 401 ", "{name}: {case}, {length}");
                // The deadline of a body has not begun.
                assert!(begun.elapsed() < Duration::from_secs(9), "{name}: {case}, {length}: waited for the body");
            }
        }
    }
}

#[test]
fn a_genuine_body_that_arrives_slowly_but_in_time_is_accepted() {
    let body = br#"{"event":"call.started","data":{"call_id":"c1"}}"#;
    let signed = Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), body);
    let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let requests = [sized("/truedy", &headers, body), chunked("/truedy", &headers, body, 5, "")];
    for (name, address) in both(&ReadLimits::default()) {
        for request in &requests {
            let mut stream = connect(address);
            let (first, rest) = request.split_at(request.len() - 30);
            stream.write_all(first).unwrap();
            for byte in rest {
                std::thread::sleep(Duration::from_millis(10));
                stream.write_all(std::slice::from_ref(byte)).unwrap();
            }
            assert_eq!(read_answer(&mut stream).status, 204, "{name}");
        }
    }
}

/// A body that never arrives.
struct Never;

impl http_body::Body for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_10_s_by_default() {
    let mut request = http::Request::post("/").header(truedy::SIGNATURE_HEADER, "0".repeat(64));
    request = request.header(truedy::TIMESTAMP_HEADER, NOW.to_string());
    let request = request.body(axum::body::Body::new(Never)).unwrap();
    let begun = tokio::time::Instant::now();
    let rejection = Webhook::<Truedy>::from_request(request, &verifier()).await.unwrap_err();
    assert_eq!((rejection.code(), rejection.status()), ("body_timeout", 408));
    assert_eq!(rejection.to_string(), "the body did not arrive within 10000 ms");
    assert_eq!(begun.elapsed().as_secs(), 10);
}
