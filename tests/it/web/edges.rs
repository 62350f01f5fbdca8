//! The table of hostile deliveries for Ultravox and Standard Webhooks: one answer,
//! from the core, and from axum and actix-web over loopback.

use std::net::SocketAddr;

use actix_web::web;
use base64ct::{Base64, Encoding};
use offhook::{Event, FixedClock, Reply, StandardWebhooks, Ultravox, Verifier, Webhook, ultravox};

use offhook_tests::client::{chunked, exchange, sized};
use offhook_tests::servers::{serve_actix, serve_axum};
use offhook_tests::signing::{NOW, hex, mac};

#[derive(Clone)]
struct Case {
    name: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    answer: Result<(), (u16, &'static str)>,
}

async fn handle<V: Verifier>(webhook: Webhook<V>) -> Reply {
    webhook.acknowledge()
}

/// Both frameworks on loopback, with one route.
fn servers<V>(verifier: &V) -> [(&'static str, SocketAddr); 2]
where
    V: Verifier + Clone + 'static,
    V::Event: Send,
{
    let app = axum::Router::new().route("/", axum::routing::post(handle::<V>)).with_state(verifier.clone());
    let data = web::Data::new(verifier.clone());
    let routes = move |app: &mut web::ServiceConfig| {
        app.app_data(data.clone()).route("/", web::post().to(handle::<V>));
    };
    [("axum", serve_axum(app)), ("actix-web", serve_actix(routes))]
}

fn run<V>(verifier: V, cases: &[Case])
where
    V: Verifier + Clone + 'static,
    V::Event: Event + Send + Sync,
{
    let servers = servers(&verifier);
    for Case { name, headers, body, answer } in cases {
        let status = answer.map_or_else(|(status, _)| status, |()| 204);
        // The framework's own refusals do not reach the core.
        if !matches!(answer, Err((413 | 415, _))) {
            let received = verifier.receive(headers, body.clone());
            let code = received.as_ref().map(|_| ()).map_err(|error| (error.status(), error.code()));
            assert_eq!(code, *answer, "core: {name}");
            if let Ok(delivery) = received {
                assert_eq!(delivery.body(), body);
                assert_eq!(delivery.acknowledge().status(), status);
            }
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        for (server, address) in servers {
            for (way, request) in
                [("sized", sized("/", &headers, body)), ("chunked", chunked("/", &headers, body, 1000, ""))]
            {
                let answer = exchange(address, &request);
                assert_eq!((answer.status, answer.body.as_slice()), (status, &b""[..]), "{server}, {way}: {name}");
            }
        }
    }
}

/// What two vendors have in common: how they sign, and what an event looks like.
struct Vendor {
    sign: fn(timestamp: &[u8], body: &[u8]) -> String,
    signature: &'static str,
    timestamp: &'static str,
    id: Option<&'static str>,
    now: &'static str,
    body: &'static str,
}

const ULTRAVOX: Vendor = Vendor {
    sign: |timestamp, body| hex(&mac(b"uv_test_secret", &[body, timestamp])),
    signature: ultravox::SIGNATURE_HEADER,
    timestamp: ultravox::TIMESTAMP_HEADER,
    id: None,
    now: "2026-03-18T14:30:00Z",
    body: r#"{"event":"call.started","call":{"callId":"c1"}}"#,
};

const STANDARD: Vendor = Vendor {
    sign: |timestamp, body| {
        format!("v1,{}", Base64::encode_string(&mac(b"long enough", &[b"msg_1.", timestamp, b".", body])))
    },
    signature: "webhook-signature",
    timestamp: "webhook-timestamp",
    id: Some("webhook-id"),
    now: "1773844200",
    body: r#"{"type":"user.created","data":{"id":"u1"}}"#,
};

struct Table<'v> {
    vendor: &'v Vendor,
    cases: Vec<Case>,
}

type Answer = Result<(), (u16, &'static str)>;

fn refused(code: &'static str) -> Answer {
    Err((401, code))
}

impl Table<'_> {
    fn headers(&self, timestamp: &[u8], signature: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = vec![
            (self.vendor.signature, signature.to_vec()),
            (self.vendor.timestamp, timestamp.to_vec()),
            ("content-type", b"application/json".to_vec()),
        ];
        headers.extend(self.vendor.id.map(|name| (name, b"msg_1".to_vec())));
        headers
    }

    fn add(&mut self, name: &str, headers: Vec<(&'static str, Vec<u8>)>, body: &[u8], answer: Answer) {
        self.cases.push(Case { name: name.to_owned(), headers, body: body.to_vec(), answer });
    }

    /// Signed as sent.
    fn time(&mut self, timestamp: impl AsRef<[u8]>, answer: Answer) {
        let timestamp = timestamp.as_ref();
        let signature = (self.vendor.sign)(timestamp, self.vendor.body.as_bytes());
        let headers = self.headers(timestamp, signature.as_bytes());
        self.add(
            &format!("time {:?}", String::from_utf8_lossy(timestamp)),
            headers,
            self.vendor.body.as_bytes(),
            answer,
        );
    }

    fn signature(&mut self, signature: impl AsRef<[u8]>, answer: Answer) {
        let signature = signature.as_ref();
        let headers = self.headers(self.vendor.now.as_bytes(), signature);
        let shown = String::from_utf8_lossy(&signature[..signature.len().min(100)]).into_owned();
        self.add(&format!("signature {shown:?}"), headers, self.vendor.body.as_bytes(), answer);
    }

    fn body(&mut self, body: impl AsRef<[u8]>, answer: Answer) {
        let body = body.as_ref();
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), body);
        let headers = self.headers(self.vendor.now.as_bytes(), signature.as_bytes());
        let shown = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
        self.add(&format!("body {shown:?}"), headers, body, answer);
    }

    fn good(&self) -> Vec<(&'static str, Vec<u8>)> {
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), self.vendor.body.as_bytes());
        self.headers(self.vendor.now.as_bytes(), signature.as_bytes())
    }

    fn common(&mut self) {
        let vendor = self.vendor;
        let body = vendor.body.as_bytes();
        self.add("as it should be", self.good(), body, Ok(()));
        for (at, (name, value)) in self.good().into_iter().enumerate() {
            if name == "content-type" {
                continue;
            }
            let mut headers = self.good();
            headers.remove(at);
            self.add(&format!("without {name}"), headers, body, refused("missing_header"));
            for again in [value.clone(), b"x".to_vec()] {
                let mut headers = self.good();
                headers.push((name, again.clone()));
                self.add(&format!("two {name}"), headers, body, refused("repeated_header"));
                let mut headers = self.good();
                headers.insert(0, (name, again));
                self.add(&format!("two {name}"), headers, body, refused("repeated_header"));
            }
            let mut replace = |with: Vec<u8>, answer| {
                let mut headers = self.good();
                headers[at].1 = with;
                self.add(&format!("another {name}"), headers, body, answer);
            };
            replace(b"".to_vec(), refused("empty_header"));
            replace(b" \t ".to_vec(), refused("empty_header"));
            replace("\u{661}".as_bytes().to_vec(), refused("header_not_ascii"));
            replace(vec![b'a'; 100 * 1024], refused("header_too_long"));
            replace([b" \t", &*value, b"\t "].concat(), Ok(()));
        }
        let mut headers = self.good();
        headers.push(("content-encoding", b"gzip".to_vec()));
        self.add("gzip", headers, body, Err((415, "content_coding")));
        let mut headers = self.good();
        headers.push(("content-encoding", b"identity".to_vec()));
        self.add("identity", headers, body, Ok(()));
        let mut headers = self.good();
        headers.retain(|(name, _)| *name != "content-type");
        self.add("no content type", headers, body, Ok(()));
        self.add("another body", self.good(), &[body, b" "].concat(), refused("signature_mismatch"));

        for (bytes, code) in [
            (&b"\xff\xfe"[..], "body_not_utf8"),
            (b"\xef\xbb\xbf{}", "body_not_json"),
            (b"\0", "body_not_json"),
            (b"", "body_not_json"),
            (b"{\"event\":", "body_not_json"),
            (b"null", "body_not_an_object"),
            (b"[]", "body_not_an_object"),
            (b"17", "body_not_an_object"),
        ] {
            self.body(bytes, Err((400, code)));
        }
        let nested = "[".repeat(100_000);
        self.body(&nested, Err((400, "body_not_json")));
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
        self.body(large, Err((413, "body_too_large")));
    }
}

#[test]
fn ultravox() {
    let mut table = Table { vendor: &ULTRAVOX, cases: Vec::new() };
    table.common();
    for (time, answer) in [
        ("2026-03-18T14:25:00Z", Ok(())),
        ("2026-03-18T14:24:59Z", refused("timestamp_too_old")),
        ("2026-03-18T14:35:00.000000+00:00", Ok(())),
        ("2026-03-18T14:35:01Z", refused("timestamp_too_new")),
        ("2026-03-18T17:30:00+03:00", Ok(())),
        ("2026-03-18T14:30:00", Ok(())),
        ("2026-03-18T14:30:00.123456789Z", Ok(())),
        ("1970-01-01T00:00:00Z", refused("timestamp_too_old")),
        ("9999-12-31T23:59:59Z", refused("timestamp_too_new")),
        ("1773844200", refused("malformed_timestamp")),
        ("2026-03-18T14:30:00Zabc", refused("malformed_timestamp")),
        ("2026-03-18 14:30:00Z", refused("malformed_timestamp")),
        ("2026-02-30T00:00:00Z", refused("malformed_timestamp")),
        ("2026-03-18T25:00:00Z", refused("malformed_timestamp")),
        ("+999999999-01-01T00:00:00Z", refused("malformed_timestamp")),
        ("Wed, 18 Mar 2026 14:30:00 GMT", refused("malformed_timestamp")),
        ("2026-03-18T14:30:00Z, 2026-03-18T14:30:00Z", refused("malformed_timestamp")),
    ] {
        table.time(time, answer);
    }
    let good = (ULTRAVOX.sign)(ULTRAVOX.now.as_bytes(), ULTRAVOX.body.as_bytes());
    let bad = "0".repeat(64);
    let tag = |parts: &[&[u8]]| hex(&mac(b"uv_test_secret", parts));
    let (now, body) = (ULTRAVOX.now.as_bytes(), ULTRAVOX.body.as_bytes());
    for (signature, answer) in [
        (good.to_uppercase(), Ok(())),
        (format!("{bad},{good}"), Ok(())),
        (format!("{good},{bad}"), Ok(())),
        (format!("{bad}, {good}, x"), Ok(())),
        (format!("{bad},{bad}"), refused("signature_mismatch")),
        (tag(&[body]), refused("signature_mismatch")),
        (tag(&[now, body]), refused("signature_mismatch")),
        (tag(&[body, b".", now]), refused("signature_mismatch")),
        (tag(&[now, b".", body]), refused("signature_mismatch")),
        (hex(&mac(b"another", &[body, now])), refused("signature_mismatch")),
        (hex(&mac(b"", &[body, now])), refused("signature_mismatch")),
        (good[..63].to_owned(), refused("malformed_signature")),
        (format!("{good}0"), refused("malformed_signature")),
        (format!("{good}zz"), refused("malformed_signature")),
        (format!("sha256={good}"), refused("malformed_signature")),
        (format!("{good};{good}"), refused("malformed_signature")),
        ("g".repeat(64), refused("malformed_signature")),
        (",,,".to_owned(), refused("malformed_signature")),
    ] {
        table.signature(signature, answer);
    }
    let call = |call: &str| format!(r#"{{"event":"call.ended","call":{call}}}"#);
    for body in [
        ULTRAVOX.body.replace(":", " :\n"),
        r#"{"event":"call.parked","call":{"x":1}}"#.to_owned(),
        r#"{"call":{"callId":"c1"}}"#.to_owned(),
        call("{}"),
        call("null"),
        call(r#"{"callId":7,"__proto__":{"x":1},"new":[1]}"#),
        call(r#"{"callId":null,"ended":null,"endReason":null,"agent":null,"metadata":null,"medium":null}"#),
        call(r#"{"callId":["c1"]}"#),
        call(r#"{"temperature":1e999}"#),
        call(r#"{"billedSideInputTokens":9223372036854775808}"#),
        call(r#"{"endReason":"bored"}"#),
        call(&format!(r#"{{"new":{}{}}}"#, "[".repeat(100), "]".repeat(100))),
        call(&format!(r#"{{"medium":{{"sip":{}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
    ] {
        table.body(body, Ok(()));
    }
    for (body, code) in [
        ("{}", "missing_field"),
        (r#"{"event":"call.ended"}"#, "missing_field"),
        (r#"{"event":"","call":{}}"#, "missing_field"),
        (r#"{"event":"call.ended","event":"call.ended","call":{}}"#, "repeated_field"),
        (r#"{"event":"call.ended","call":{},"call":{}}"#, "repeated_field"),
    ] {
        table.body(body, Err((400, code)));
    }
    let verifier = Ultravox::new("uv_test_secret").unwrap().with_clock(FixedClock::at_unix(NOW));
    run(verifier, &table.cases);
    println!("{} cases, three ways each", table.cases.len());
}

#[derive(Clone, serde::Deserialize)]
#[expect(dead_code, reason = "only whether it fits counts")]
struct User {
    data: Option<Id>,
}

#[derive(Clone, serde::Deserialize)]
#[expect(dead_code, reason = "only whether it fits counts")]
struct Id {
    id: String,
}

#[test]
fn standard_webhooks() {
    let mut table = Table { vendor: &STANDARD, cases: Vec::new() };
    table.common();
    for (time, answer) in [
        ("1773843900", Ok(())),
        ("1773843899", refused("timestamp_too_old")),
        ("1773844500", Ok(())),
        ("1773844501", refused("timestamp_too_new")),
        ("0", refused("timestamp_too_old")),
        ("253402300799", refused("timestamp_too_new")),
        ("9223372036854775807", refused("malformed_timestamp")),
        ("-9223372036854775808", refused("malformed_timestamp")),
        ("-1", refused("malformed_timestamp")),
        ("1773844200abc", refused("malformed_timestamp")),
        ("+1773844200", refused("malformed_timestamp")),
        ("001773844200", refused("malformed_timestamp")),
        ("1773844200.5", refused("malformed_timestamp")),
        ("1.7738442e9", refused("malformed_timestamp")),
        ("0x69BAB628", refused("malformed_timestamp")),
        ("1773844200, 1773844200", refused("malformed_timestamp")),
        ("1773844200000", refused("timestamp_in_milliseconds")),
        ("2026-03-18T14:30:00Z", refused("malformed_timestamp")),
    ] {
        table.time(time, answer);
    }
    let good = (STANDARD.sign)(STANDARD.now.as_bytes(), STANDARD.body.as_bytes());
    let bad = format!("v1,{}=", "A".repeat(43));
    let tag = |key: &[u8], parts: &[&[u8]]| format!("v1,{}", Base64::encode_string(&mac(key, parts)));
    let (now, body) = (STANDARD.now.as_bytes(), STANDARD.body.as_bytes());
    let hexed = hex(&mac(b"long enough", &[b"msg_1.", now, b".", body]));
    for (signature, answer) in [
        (format!("{bad} {good}"), Ok(())),
        (format!("{good} {bad}"), Ok(())),
        (format!("v1a,x v2,y {bad}  {good}"), Ok(())),
        (format!("{bad} {bad}"), refused("signature_mismatch")),
        (tag(b"long enough", &[b"msg_2.", now, b".", body]), refused("signature_mismatch")),
        (tag(b"long enough", &[now, b".", body]), refused("signature_mismatch")),
        (tag(b"a2V5", &[b"msg_1.", now, b".", body]), refused("signature_mismatch")),
        (tag(b"", &[b"msg_1.", now, b".", body]), refused("signature_mismatch")),
        (good.replace("v1,", "v2,"), refused("malformed_signature")),
        (good.replace("v1,", "V1,"), refused("malformed_signature")),
        (good.replace("v1,", ""), refused("malformed_signature")),
        (good.replace("v1,", "v1="), refused("malformed_signature")),
        (good.replace(' ', ","), Ok(())),
        (format!("{good},{good}"), refused("malformed_signature")),
        (good.trim_end_matches('=').to_owned(), refused("malformed_signature")),
        (format!("v1,{hexed}"), refused("malformed_signature")),
        ("v1,".to_owned(), refused("malformed_signature")),
        ("v1".to_owned(), refused("malformed_signature")),
    ] {
        table.signature(signature, answer);
    }
    for body in [
        "{}",
        r#"{"type":null}"#,
        r#"{"type":7,"data":null}"#,
        r#"{"type":"user.created","data":{"id":7}}"#,
        r#"{"type":"new","data":[1e999]}"#,
        r#"{"type":"user.created","data":{"id":"u1"},"data":{"id":"u2"}}"#,
        r#"{"type":"user.created","__proto__":{},"timestamp":"yesterday"}"#,
        &format!(r#"{{"type":"user.created","new":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)),
        &format!(r#"{{"type":"user.created","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)),
    ] {
        table.body(body, Ok(()));
    }
    for body in [r#"{"type":"a","type":"a"}"#, r#"{"timestamp":1,"timestamp":2}"#] {
        table.body(body, Err((400, "repeated_field")));
    }
    table.body("{} {}", Err((400, "body_not_json")));
    let verifier =
        StandardWebhooks::<User>::new("whsec_bG9uZyBlbm91Z2g=").unwrap().with_clock(FixedClock::at_unix(NOW));
    run(verifier, &table.cases);
    println!("{} cases, three ways each", table.cases.len());
}
