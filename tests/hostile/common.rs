//! The rows that hold for every vendor.

use base64ct::{Base64, Encoding};
use offhook::{standard_webhooks, talkifai, truedy, ultravox};
use offhook_tests::hostile::{Answer, Case, Headers};
use offhook_tests::servers::{SALPRE_TOKEN, STANDARD_SECRET, TALKIFAI_SECRET, TRUEDY_SECRET, ULTRAVOX_SECRET};
use offhook_tests::signing::{hex, mac};

/// How a vendor sends, and an event of it.
pub struct Vendor {
    pub route: &'static str,
    /// Makes the value of the header `credential`.
    pub sign: fn(timestamp: &[u8], body: &[u8]) -> String,
    pub credential: &'static str,
    pub timestamp: Option<&'static str>,
    pub id: Option<&'static str>,
    pub now: &'static str,
    /// The event's name, and its body.
    pub event: &'static str,
    pub body: &'static str,
    /// The code for a credential that is well-formed and wrong.
    pub mismatch: &'static str,
}

pub const TRUEDY: Vendor = Vendor {
    route: "/truedy",
    sign: |timestamp, body| hex(&mac(TRUEDY_SECRET, &[timestamp, b".", body])),
    credential: truedy::SIGNATURE_HEADER,
    timestamp: Some(truedy::TIMESTAMP_HEADER),
    id: None,
    now: "1773844200",
    event: "call.started",
    body: r#"{"event":"call.started","data":{"call_id":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
};

pub const TALKIFAI: Vendor = Vendor {
    route: "/talkifai",
    sign: |_, body| format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body]))),
    credential: talkifai::SIGNATURE_HEADER,
    timestamp: None,
    id: None,
    now: "",
    event: "call.started",
    body: r#"{"id":"evt_1","type":"call.started","data":{"callId":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
};

pub const SALPRE: Vendor = Vendor {
    route: "/salpre",
    sign: |_, _| format!("Bearer {SALPRE_TOKEN}"),
    credential: "authorization",
    timestamp: None,
    id: None,
    now: "",
    event: "call_initiated",
    body: r#"{"event_type":"call_initiated","payload":{"call_id":1,"note":"zebra-marker"}}"#,
    mismatch: "token_mismatch",
};

pub const ULTRAVOX: Vendor = Vendor {
    route: "/ultravox",
    sign: |timestamp, body| hex(&mac(ULTRAVOX_SECRET, &[body, timestamp])),
    credential: ultravox::SIGNATURE_HEADER,
    timestamp: Some(ultravox::TIMESTAMP_HEADER),
    id: None,
    now: "2026-03-18T14:30:00Z",
    event: "call.started",
    body: r#"{"event":"call.started","call":{"callId":"c1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
};

pub const STANDARD: Vendor = Vendor {
    route: "/standard-webhooks",
    sign: |timestamp, body| {
        format!("v1,{}", Base64::encode_string(&mac(b"long enough", &[b"msg_1.", timestamp, b".", body])))
    },
    credential: standard_webhooks::SIGNATURE_HEADER,
    timestamp: Some(standard_webhooks::TIMESTAMP_HEADER),
    id: Some(standard_webhooks::ID_HEADER),
    now: "1773844200",
    event: "user.created",
    body: r#"{"type":"user.created","data":{"id":"u1","note":"zebra-marker"}}"#,
    mismatch: "signature_mismatch",
};

pub const ALL: [&Vendor; 5] = [&TRUEDY, &TALKIFAI, &SALPRE, &ULTRAVOX, &STANDARD];

/// What must stand in no log line: the secrets, and a word of the bodies.
pub const SECRETS: [&str; 9] = [
    "zebra-marker",
    SALPRE_TOKEN,
    TALKIFAI_SECRET,
    TRUEDY_SECRET,
    ULTRAVOX_SECRET,
    STANDARD_SECRET,
    "k3y-zebra",
    "t0ken-zebra",
    "old-zebra",
];

pub fn refused(code: &'static str) -> Answer {
    Err((401, code))
}

/// The cases of one vendor.
pub struct Table {
    pub vendor: &'static Vendor,
    pub cases: Vec<Case>,
}

impl Table {
    pub fn new(vendor: &'static Vendor) -> Self {
        Table { vendor, cases: Vec::new() }
    }

    fn headers(&self, timestamp: &[u8], credential: &[u8]) -> Headers {
        let mut headers = vec![(self.vendor.credential, credential.to_vec())];
        headers.extend(self.vendor.timestamp.map(|name| (name, timestamp.to_vec())));
        headers.push(("content-type", b"application/json".to_vec()));
        headers.extend(self.vendor.id.map(|name| (name, b"msg_1".to_vec())));
        headers
    }

    fn add(&mut self, name: &str, headers: Headers, body: &[u8], answer: Answer) -> &mut Case {
        let name = format!("{}: {name}", self.vendor.route);
        self.cases.push(Case::new(name, self.vendor.route, headers, body, answer));
        self.cases.last_mut().unwrap()
    }

    /// Adds a delivery that is signed as sent, with this timestamp.
    pub fn time(&mut self, timestamp: impl AsRef<[u8]>, answer: Answer) {
        let (timestamp, body) = (timestamp.as_ref(), self.vendor.body.as_bytes());
        let signature = (self.vendor.sign)(timestamp, body);
        let headers = self.headers(timestamp, signature.as_bytes());
        self.add(&format!("time {}", shown(timestamp)), headers, body, answer);
    }

    /// Adds a delivery with this timestamp, but signed over another.
    pub fn time_signed_over(&mut self, timestamp: &str, signed: &str, answer: Answer) {
        let body = self.vendor.body.as_bytes();
        let signature = (self.vendor.sign)(signed.as_bytes(), body);
        let headers = self.headers(timestamp.as_bytes(), signature.as_bytes());
        self.add(&format!("time {timestamp:?} signed over {signed:?}"), headers, body, answer);
    }

    /// Adds a delivery with this signature.
    pub fn signature(&mut self, signature: impl AsRef<[u8]>, answer: Answer) {
        let signature = signature.as_ref();
        let headers = self.headers(self.vendor.now.as_bytes(), signature);
        self.add(&format!("signature {}", shown(signature)), headers, self.vendor.body.as_bytes(), answer);
    }

    /// Adds an authentic delivery of this body.
    pub fn body(&mut self, body: impl AsRef<[u8]>, answer: Answer) -> &mut Case {
        let body = body.as_ref();
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), body);
        let headers = self.headers(self.vendor.now.as_bytes(), signature.as_bytes());
        self.add(&format!("body {}", shown(body)), headers, body, answer)
    }

    /// Returns the headers of the vendor's event as it should be.
    fn good(&self) -> Headers {
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), self.vendor.body.as_bytes());
        self.headers(self.vendor.now.as_bytes(), signature.as_bytes())
    }

    /// Returns its required headers.
    fn required(&self) -> Headers {
        self.good().into_iter().filter(|(name, _)| *name != "content-type").collect()
    }
}

/// Shows the beginning of a value.
fn shown(value: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&value[..value.len().min(100)]))
}

pub fn cases(vendor: &'static Vendor) -> Vec<Case> {
    let mut table = Table::new(vendor);
    headers(&mut table);
    places(&mut table);
    content_headers(&mut table);
    bodies(&mut table);
    table.cases
}

fn headers(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    table.add("as it should be", table.good(), body, accepted);
    for (at, (name, value)) in table.good().into_iter().enumerate() {
        if name == "content-type" {
            continue;
        }
        let mut headers = table.good();
        headers.remove(at);
        table.add(&format!("without {name}"), headers, body, refused("missing_header"));
        for again in [value.clone(), b"x".to_vec()] {
            let mut headers = table.good();
            headers.push((name, again.clone()));
            table.add(&format!("two {name}"), headers, body, refused("repeated_header"));
            let mut headers = table.good();
            headers.insert(0, (name, again));
            table.add(&format!("two {name}"), headers, body, refused("repeated_header"));
        }
        let mut replace = |with: Vec<u8>, answer| {
            let mut headers = table.good();
            headers[at].1 = with;
            table.add(&format!("another {name}"), headers, body, answer);
        };
        replace(b"".to_vec(), refused("empty_header"));
        replace(b" \t ".to_vec(), refused("empty_header"));
        replace("\u{661}".as_bytes().to_vec(), refused("header_not_ascii"));
        replace(vec![b'a'; 100 * 1024], refused("header_too_long"));
        replace([b" \t", &*value, b"\t "].concat(), accepted);
    }
}

/// Credentials under other names and in other places.
fn places(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    let required = table.required();
    let renamed = |rename: &dyn Fn(&str) -> String| -> Headers {
        required.iter().map(|(name, value)| (&*rename(name).leak(), value.clone())).collect()
    };
    table.add("names in upper case", renamed(&|name| name.to_uppercase()), body, accepted);
    for (near_miss, rename) in [
        ("underscores", (&|name: &str| name.replace('-', "_")) as &dyn Fn(&str) -> String),
        ("a letter less", &|name| name[..name.len() - 1].to_owned()),
        ("a letter more", &|name| format!("{name}s")),
        ("two letters swapped", &|name| name.replace("ti", "it").replace("at", "ta")),
        ("a prefix", &|name| format!("x-{name}")),
        ("another prefix", &|name| format!("proxy-{name}")),
    ] {
        let headers = renamed(rename);
        if headers != required {
            table.add(&format!("near-miss names: {near_miss}"), headers, body, refused("missing_header"));
        }
    }
    for at in 0..required.len() {
        let mut headers = required.clone();
        headers[at].0 = format!("{}s", headers[at].0).leak();
        table.add(&format!("a near miss of {}", required[at].0), headers, body, refused("missing_header"));
    }
    let joined = |separator: &str| {
        let pairs = required.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
        pairs.collect::<Vec<_>>().join(separator)
    };
    let query = format!("?{}", joined("&").replace(' ', "%20"));
    let case = table.add("in the query", vec![], body, refused("missing_header"));
    case.query = query.clone();
    let case = table.add("in the query as well", required.clone(), body, accepted);
    case.query = query;
    table.add("in a cookie", vec![("cookie", joined("; ").into())], body, refused("missing_header"));
    let both = [required.clone(), vec![("cookie", joined("; ").into())]].concat();
    table.add("in a cookie as well", both, body, accepted);
    let inside = body.strip_suffix(b"}").unwrap().to_vec();
    let members = required.iter().map(|(name, value)| format!(r#","{name}":"{}""#, String::from_utf8_lossy(value)));
    let inside = [inside, members.collect::<String>().into(), b"}".to_vec()].concat();
    table.add("in the body", vec![], &inside, refused("missing_header"));

    for other in ALL.into_iter().filter(|other| other.route != table.vendor.route) {
        let headers = Table::new(other).good();
        table.add(&format!("the headers of {}", other.route), headers, body, refused("missing_header"));
        let both = [table.good(), Table::new(other).required()].concat();
        table.add(&format!("the headers of {} as well", other.route), both, body, accepted);
    }
}

fn content_headers(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    let with = |table: &Table, name, value: &str| [table.good(), vec![(name, value.as_bytes().to_vec())]].concat();
    for coding in ["gzip", "GZIP", "br", "x-unknown", "identity, gzip"] {
        let headers = with(table, "content-encoding", coding);
        table.add(coding, headers, body, Err((415, "content_coding")));
    }
    table.add("identity", with(table, "content-encoding", "identity"), body, accepted);
    // `{}`, compressed.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    table.body(gzip, Err((415, "content_coding"))).headers.push(("content-encoding", b"gzip".to_vec()));
    table.body(gzip, Err((400, "body_not_utf8")));

    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "zebra"] {
        let mut headers = table.good();
        headers.retain(|(name, _)| *name != "content-type");
        headers.push(("content-type", kind.as_bytes().to_vec()));
        table.add(kind, headers, body, accepted);
    }
    let mut headers = table.good();
    headers.retain(|(name, _)| *name != "content-type");
    table.add("no content type", headers, body, accepted);
}

fn bodies(table: &mut Table) {
    let vendor = table.vendor;
    let body = vendor.body.as_bytes();
    // A static header says nothing of the body.
    let another = if vendor.route == SALPRE.route { Ok(vendor.event) } else { refused(vendor.mismatch) };
    table.add("another body", table.good(), &[body, b" "].concat(), another);
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
        table.body(bytes, Err((400, code)));
    }
    table.body("[".repeat(100_000), Err((400, "body_not_json")));
    table.body(format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20)), Err((413, "body_too_large")));
}
