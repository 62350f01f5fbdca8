//! Hostile bodies and connections: limits, lengths, chunks, encodings and broken connections.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use offhook::testing::Signer;
use offhook::{Clock, FixedClock, truedy};

use offhook_tests::client::{Answer, chunked, connect, exchange, head, read_answer, sized};
use offhook_tests::servers::{Server, TRUEDY_SECRET, both};
use offhook_tests::signing::NOW;

const LIMIT: usize = 2 * 1024 * 1024;

fn event(bytes: usize) -> Vec<u8> {
    let (before, after) = (r#"{"event":"call.started","data":{"call_id":"c1","padding":""#, r#""}}"#);
    let padding = "x".repeat(bytes.saturating_sub(before.len() + after.len()));
    format!("{before}{padding}{after}").into_bytes()
}

fn signed(body: &[u8]) -> Vec<(&'static str, String)> {
    Signer::new(truedy::SCHEME, TRUEDY_SECRET).unwrap().sign(FixedClock::at_unix(NOW).now(), body)
}

fn bytes<'a>(headers: &'a [(&'static str, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a [u8])> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    headers.chain(more.iter().map(|(name, value)| (*name, value.as_bytes()))).collect()
}

#[track_caller]
fn assert_answer(server: &Server, case: &str, answer: Answer, status: u16, outcome: &[Result<&str, &str>]) {
    assert_eq!(answer.status, status, "{}: {case}", server.name);
    assert_eq!(answer.body, b"", "{}: {case}: the body must be empty", server.name);
    let expected: Vec<_> =
        outcome.iter().map(|outcome| outcome.map(ToOwned::to_owned).map_err(ToOwned::to_owned)).collect();
    assert_eq!(server.log.take(), expected, "{}: {case}", server.name);
}

const STARTED: &[Result<&str, &str>] = &[Ok("call.started")];

#[test]
fn a_body_at_the_limit_is_accepted_and_one_byte_more_is_refused() {
    for server in both() {
        for (path, limit) in [("/truedy", LIMIT), ("/small/truedy", 1024), ("/large/truedy", 4 << 20)] {
            let body = event(limit);
            let request = sized(path, &bytes(&signed(&body), &[]), &body);
            assert_answer(&server, "at the limit", exchange(server.address, &request), 204, STARTED);
            let request = chunked(path, &bytes(&signed(&body), &[]), &body, 65_536, "");
            assert_answer(&server, "chunked, at the limit", exchange(server.address, &request), 204, STARTED);
            let body = event(limit + 1);
            let request = sized(path, &bytes(&signed(&body), &[]), &body);
            assert_answer(&server, "one over", exchange(server.address, &request), 413, &[Err("body_too_large")]);
            let request = chunked(path, &bytes(&signed(&body), &[]), &body, 65_536, "");
            assert_answer(
                &server,
                "chunked, one over",
                exchange(server.address, &request),
                413,
                &[Err("body_too_large")],
            );
        }
    }
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_the_body_arrives() {
    for server in both() {
        for (path, length) in [
            ("/truedy", "10000000000"),
            ("/truedy", "2097153"),
            ("/small/truedy", "1025"),
            ("/large/truedy", "4194305"),
        ] {
            let mut request = head(path, &bytes(&signed(b"{}"), &[("Content-Length", length)]));
            request.extend_from_slice(b"\r\n");
            let begun = Instant::now();
            let answer = exchange(server.address, &request);
            assert!(begun.elapsed() < Duration::from_secs(10), "{}: waited for the body", server.name);
            assert_answer(&server, length, answer, 413, &[Err("body_too_large")]);
        }
    }
}

#[test]
fn an_endless_body_is_refused_at_the_limit() {
    for server in both() {
        let mut stream = connect(server.address);
        let mut request = head("/truedy", &bytes(&signed(b"{}"), &[]));
        request.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(&request).unwrap();
        let chunk = [b"10000\r\n", vec![b' '; 65_536].as_slice(), b"\r\n"].concat();
        let mut sent = 0;
        // The client can send more than the server reads, because the socket buffers hold some of it.
        while sent < 64 * LIMIT {
            match stream.write_all(&chunk) {
                Ok(()) => sent += 65_536,
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => break,
                Err(error) => panic!("{error}"),
            }
            if sent == LIMIT + 65_536 {
                // The limit is exceeded, so the server must answer now.
                let answer = read_answer(&mut stream);
                assert_answer(&server, "endless", answer, 413, &[Err("body_too_large")]);
                break;
            }
        }
        assert_eq!(sent, LIMIT + 65_536, "{}", server.name);
    }
}

#[test]
fn the_size_of_the_chunks_does_not_matter() {
    for server in both() {
        let body = event(500);
        for chunk in [1, 7, 499, 500, 1000] {
            let request = chunked("/truedy", &bytes(&signed(&body), &[]), &body, chunk, "");
            assert_answer(&server, "chunked", exchange(server.address, &request), 204, STARTED);
        }
    }
}

#[test]
fn a_signature_in_a_trailer_or_in_the_query_is_ignored() {
    for server in both() {
        let body = event(100);
        let headers = signed(&body);
        let trailer: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = chunked("/truedy", &[("Trailer", truedy::SIGNATURE_HEADER.as_bytes())], &body, 50, &trailer);
        assert_answer(&server, "trailer", exchange(server.address, &request), 401, &[Err("missing_header")]);
        let query: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = sized(&format!("/truedy?{}", query.join("&")), &[], &body);
        assert_answer(&server, "query", exchange(server.address, &request), 401, &[Err("missing_header")]);
    }
}

#[test]
fn a_content_encoding_is_refused_before_the_body_is_read() {
    for server in both() {
        let body = event(100);
        let headers = signed(&body);
        for coding in ["gzip", "GZIP", "br", "deflate", "x-unknown", "gzip, identity", "identity, gzip"] {
            // The body is never sent, and the answer must not wait for it.
            let mut request =
                head("/truedy", &bytes(&headers, &[("Content-Encoding", coding), ("Content-Length", "100")]));
            request.extend_from_slice(b"\r\n");
            let answer = exchange(server.address, &request);
            assert_answer(&server, coding, answer, 415, &[Err("content_coding")]);
        }
        for coding in ["identity", "Identity", ""] {
            let request = sized("/truedy", &bytes(&headers, &[("Content-Encoding", coding)]), &body);
            assert_answer(&server, coding, exchange(server.address, &request), 204, STARTED);
        }
        let twice = [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")];
        let request = sized("/truedy", &bytes(&headers, &twice), &body);
        assert_answer(&server, "repeated", exchange(server.address, &request), 415, &[Err("content_coding")]);
    }
}

#[test]
fn the_content_type_is_ignored() {
    for server in both() {
        let body = event(100);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "not a media type"] {
            for path in ["/truedy", "/large/truedy"] {
                let request = sized(path, &bytes(&signed(&body), &[("Content-Type", kind)]), &body);
                assert_answer(&server, kind, exchange(server.address, &request), 204, STARTED);
            }
        }
        let request = sized("/truedy", &bytes(&signed(&body), &[]), &body);
        assert_answer(&server, "none", exchange(server.address, &request), 204, STARTED);
    }
}

#[test]
fn a_connection_that_closes_early_delivers_nothing() {
    for server in both() {
        let body = event(1000);
        let sized = sized("/truedy", &bytes(&signed(&body), &[]), &body);
        let chunked = chunked("/truedy", &bytes(&signed(&body), &[]), &body, 100, "");
        for (request, cut) in [(&sized, 500), (&sized, 1), (&chunked, 500), (&chunked, 1)] {
            let mut stream = connect(server.address);
            stream.write_all(&request[..request.len() - cut]).unwrap();
            stream.shutdown(Shutdown::Both).unwrap();
        }
        // A complete delivery afterwards shows that the server has had time to see the others.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(exchange(server.address, &sized).status, 204);
        let log = server.log.take();
        assert_eq!(log.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{}: {log:?}", server.name);
        assert!(
            log.iter()
                .all(|outcome| matches!(outcome.as_ref().map_err(String::as_str), Ok(_) | Err("body_unreadable"))),
            "{}: {log:?}",
            server.name
        );
    }
}

#[test]
fn an_http_1_0_request_without_a_length_has_no_body() {
    for server in both() {
        let mut request = b"POST /truedy HTTP/1.0\r\n".to_vec();
        for (name, value) in signed(b"") {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        // actix-web refuses such a request before it reaches the handler.
        assert_eq!(exchange(server.address, &request).status, 400, "{}", server.name);
        assert!(server.log.take().iter().all(Result::is_err), "{}", server.name);
    }
}
