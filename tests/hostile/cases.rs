//! The rows of Truedy (T), TalkifAI (K) and Salpre (H).

use base64ct::{Base64, Encoding};

use offhook_tests::hostile::{Answer, Case, Headers};
use offhook_tests::servers::{SALPRE_TOKEN, TALKIFAI_SECRET, TRUEDY_OLD_SECRET, TRUEDY_SECRET};
use offhook_tests::signing::{NOW, hex, mac};

const STARTED: &str =
    r#"{"event":"call.started","timestamp":"2025-03-18T14:30:00Z","data":{"call_id":"c1","note":"zebra-marker"}}"#;
const CREATED: &str = r#"{"id":"evt_1","type":"call.started","created":"2026-03-18T14:00:00Z","data":{"callId":"c1","note":"zebra-marker"}}"#;
const INITIATED: &str =
    r#"{"event_type":"call_initiated","timestamp_utc":1760084505,"payload":{"call_id":1,"note":"zebra-marker"}}"#;

fn truedy_tag(timestamp: &[u8], body: &[u8]) -> String {
    hex(&mac(TRUEDY_SECRET, &[timestamp, b".", body]))
}

struct Table(Vec<Case>);

impl Table {
    fn add(
        &mut self,
        name: impl Into<String>,
        route: &'static str,
        headers: Headers,
        body: impl Into<Vec<u8>>,
        answer: Answer,
    ) -> &mut Case {
        self.0.push(Case::new(name, route, headers, body, answer));
        self.0.last_mut().unwrap()
    }

    /// A signature over what is sent, with this timestamp.
    fn time(&mut self, timestamp: impl AsRef<[u8]>, answer: Answer) {
        let timestamp = timestamp.as_ref();
        self.add(
            format!("timestamp {:?}", String::from_utf8_lossy(timestamp)),
            "/truedy",
            vec![(SIGNATURE, truedy_tag(timestamp, STARTED.as_bytes()).into()), (TIMESTAMP, timestamp.into())],
            STARTED,
            answer,
        );
    }

    /// A signature header of Truedy's with the right timestamp.
    fn truedy(&mut self, name: impl Into<String>, signature: impl Into<Vec<u8>>, answer: Answer) {
        let headers = vec![(SIGNATURE, signature.into()), (TIMESTAMP, now().into())];
        self.add(name, "/truedy", headers, STARTED, answer);
    }

    fn talkifai(&mut self, name: impl Into<String>, signature: impl Into<Vec<u8>>, answer: Answer) {
        self.add(name, "/talkifai", vec![(TALKIFAI_SIGNATURE, signature.into())], CREATED, answer);
    }

    fn salpre(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>, answer: Answer) {
        self.add(name, "/salpre", vec![("authorization", value.into())], INITIATED, answer);
    }

    /// A body under a good signature.
    fn body(&mut self, name: &str, body: impl AsRef<[u8]>, answer: Answer) -> &mut Case {
        let body = body.as_ref();
        let headers = vec![(SIGNATURE, truedy_tag(now().as_bytes(), body).into()), (TIMESTAMP, now().into())];
        self.add(name, "/truedy", headers, body, answer)
    }
}

const SIGNATURE: &str = "x-truedy-signature";
const TIMESTAMP: &str = "x-truedy-timestamp";
const TALKIFAI_SIGNATURE: &str = "x-talkifai-signature";

fn now() -> String {
    NOW.to_string()
}

pub fn cases() -> Vec<Case> {
    let mut table = Table(Vec::new());
    times(&mut table);
    truedy_signatures(&mut table);
    talkifai_signatures(&mut table);
    wrong_schemes(&mut table);
    static_headers(&mut table);
    bodies(&mut table);
    table.0
}

fn times(table: &mut Table) {
    let taken = Ok("call.started");
    for seconds in [NOW, NOW - 299, NOW - 300, NOW + 299, NOW + 300] {
        table.time(seconds.to_string(), taken);
    }
    for seconds in [NOW - 301, NOW - 86_400, 1, 0] {
        table.time(seconds.to_string(), Err((401, "timestamp_too_old")));
    }
    for seconds in [NOW + 301, NOW + 86_400, 99_999_999_999] {
        table.time(seconds.to_string(), Err((401, "timestamp_too_new")));
    }
    table.time(format!("{NOW}000"), Err((401, "timestamp_in_milliseconds")));
    table.time(format!("{NOW}123"), Err((401, "timestamp_in_milliseconds")));
    let malformed = Err((401, "malformed_timestamp"));
    for text in [
        i64::MAX.to_string(),
        i64::MIN.to_string(),
        "9".repeat(40),
        "-1".to_owned(),
        format!("{NOW}abc"),
        format!("+{NOW}"),
        format!("0{NOW}"),
        format!("00{NOW}"),
        format!("{NOW}.5"),
        format!("{NOW}."),
        format!("{NOW},{NOW}"),
        format!("{NOW}, {NOW}"),
        format!("{NOW} {NOW}"),
        "1.7e9".to_owned(),
        "0x6553F100".to_owned(),
        "Wed, 18 Mar 2026 14:30:00 GMT".to_owned(),
        "2026-02-30T14:30:00Z".to_owned(),
        "2026-03-18T25:00:00Z".to_owned(),
        "2026-03-18 14:30:00Z".to_owned(),
        "2026-03-18T14:30:00+25:00".to_owned(),
        "+999999999-01-01T00:00:00Z".to_owned(),
        "NaN".to_owned(),
        "true".to_owned(),
    ] {
        table.time(text, malformed);
    }
    table.time("1".repeat(65), Err((401, "header_too_long")));
    for text in ["\u{661}\u{667}\u{667}\u{663}", "１７７３８４４２００"] {
        table.time(text, Err((401, "header_not_ascii")));
    }
    for text in [
        "2026-03-18T14:30:00Z",
        "2026-03-18T14:30:00.000Z",
        "2026-03-18T16:30:00+02:00",
        "2026-03-18T14:30:00.123456+00:00",
        "2026-03-18T14:30:00",
        "2026-03-18T14:30:00.5",
    ] {
        table.time(text, taken);
    }
    table.time("2026-03-18T13:30:00Z", Err((401, "timestamp_too_old")));

    let body = STARTED.as_bytes();
    let good = |timestamp: &str| truedy_tag(timestamp.as_bytes(), body).into_bytes();
    let seconds = good(&now());
    table.add("no timestamp", "/truedy", vec![(SIGNATURE, seconds.clone())], STARTED, Err((401, "missing_header")));
    for empty in ["", " ", "\t"] {
        let headers = vec![(SIGNATURE, good(empty)), (TIMESTAMP, empty.into())];
        table.add(format!("empty timestamp {empty:?}"), "/truedy", headers, STARTED, Err((401, "empty_header")));
    }
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, format!("{NOW}abc").into())];
    table.add("the parseInt trap", "/truedy", headers, STARTED, Err((401, "malformed_timestamp")));
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, "2026-03-18T14:30:00Z".into())];
    table.add("ISO time, signed over Unix seconds", "/truedy", headers, STARTED, Err((401, "signature_mismatch")));
    for (name, first, second) in [("equal", NOW, NOW), ("good then bad", NOW, 1), ("bad then good", 1, NOW)] {
        let headers = vec![
            (SIGNATURE, seconds.clone()),
            (TIMESTAMP, first.to_string().into()),
            (TIMESTAMP, second.to_string().into()),
        ];
        table.add(format!("two timestamps, {name}"), "/truedy", headers, STARTED, Err((401, "repeated_header")));
    }
    let headers = vec![(SIGNATURE, seconds.clone()), (TIMESTAMP, format!(" \t{NOW}\t ").into())];
    table.add("spaces around the timestamp", "/truedy", headers, STARTED, taken);
    for old in ["1970-01-01T00:00:00Z", "2025-03-18T14:30:00Z", "2099-01-01T00:00:00Z"] {
        let body = STARTED.replace("2025-03-18T14:30:00Z", old);
        table.body(&format!("a fresh header, the body's own time {old}"), body, taken);
    }
    let headers = vec![(SIGNATURE, seconds), (TIMESTAMP, now().into())];
    table.add("a clock before 1970", "/early/truedy", headers, STARTED, Err((401, "timestamp_too_new")));
}

fn truedy_signatures(table: &mut Table) {
    let body = STARTED.as_bytes();
    let good = truedy_tag(now().as_bytes(), body);
    let taken = Ok("call.started");
    let malformed = Err((401, "malformed_signature"));
    let mismatch = Err((401, "signature_mismatch"));
    table.truedy("a good signature", good.clone(), taken);
    table.truedy("upper-case hex", good.to_uppercase(), taken);
    let mixed: String = good
        .chars()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit.to_ascii_uppercase() } else { digit })
        .collect();
    table.truedy("mixed-case hex", mixed, taken);
    table.truedy("spaces around the signature", format!(" \t{good} \t"), taken);
    let headers = vec![("X-TRUEDY-SIGNATURE", good.clone().into()), ("X-Truedy-TimeStamp", now().into())];
    table.add("header names in another case", "/truedy", headers, STARTED, taken);

    let headers = vec![(TIMESTAMP, now().into())];
    table.add("no signature", "/truedy", headers, STARTED, Err((401, "missing_header")));
    table.truedy("an empty signature", "", Err((401, "empty_header")));
    table.truedy("a blank signature", " \t ", Err((401, "empty_header")));
    for length in [1, 2, 32, 62, 63] {
        table.truedy(format!("the first {length} digits"), &good[..length], malformed);
    }
    for (name, text) in [
        ("zz after it", format!("{good}zz")),
        ("00 after it", format!("{good}00")),
        ("one digit after it", format!("{good}0")),
        ("twice", format!("{good}{good}")),
        ("sha256= before it", format!("sha256={good}")),
        ("0x before it", format!("0x{good}")),
        ("v1= before it", format!("v1={good}")),
        ("quoted", format!("\"{good}\"")),
        ("a list", format!("{},{good}", "0".repeat(64))),
        ("a list with a space", format!("{}, {good}", "0".repeat(64))),
        ("a good list", format!("{good},{good}")),
        ("letters", "g".repeat(64)),
        ("64 spaces within", format!("a{}b", " ".repeat(62))),
        ("base64 of the MAC", Base64::encode_string(&mac(TRUEDY_SECRET, &[now().as_bytes(), b".", body]))),
        ("base64 of the hex", Base64::encode_string(good.as_bytes())),
    ] {
        table.truedy(name, text, malformed);
    }
    table.truedy("100 KiB of a", "a".repeat(100 << 10), Err((401, "header_too_long")));
    table.truedy("not ASCII", [0xe4; 64], Err((401, "header_not_ascii")));
    let full_width: String = good.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect();
    table.truedy("full-width digits", full_width, Err((401, "header_not_ascii")));
    for bit in 0..256 {
        let mut tag = mac(TRUEDY_SECRET, &[now().as_bytes(), b".", body]);
        tag[bit / 8] ^= 1 << (bit % 8);
        table.truedy(format!("bit {bit} flipped"), hex(&tag), mismatch);
    }
    let bad = "0".repeat(64);
    for (name, first, second) in
        [("good then bad", &good, &bad), ("bad then good", &bad, &good), ("equal", &good, &good)]
    {
        let headers =
            vec![(SIGNATURE, first.clone().into()), (TIMESTAMP, now().into()), (SIGNATURE, second.clone().into())];
        table.add(format!("two signatures, {name}"), "/truedy", headers, STARTED, Err((401, "repeated_header")));
    }
    let time = now();
    for (name, parts) in [
        ("body.time", [body, b".", time.as_bytes()]),
        ("time:body", [time.as_bytes(), b":", body]),
        ("timebody", [time.as_bytes(), b"", body]),
        ("time.", [time.as_bytes(), b".", b""]),
        ("body only", [b"", b"", body]),
        ("time..body", [time.as_bytes(), b"..", body]),
        ("time.body and a newline", [time.as_bytes(), b".", &[body, b"\n"].concat()]),
    ] {
        table.truedy(format!("signed over {name}"), hex(&mac(TRUEDY_SECRET, &parts)), mismatch);
    }
    table.truedy("under an empty key", hex(&mac("", &[time.as_bytes(), b".", body])), mismatch);
    table.truedy(
        "under another tenant's secret",
        hex(&mac("whsec_another_tenant", &[time.as_bytes(), b".", body])),
        mismatch,
    );
    let stripped = TRUEDY_SECRET.trim_start_matches("whsec_");
    table.truedy("under the secret without its prefix", hex(&mac(stripped, &[time.as_bytes(), b".", body])), mismatch);
    let plain = hmac_sha256::Hash::hash(&[TRUEDY_SECRET.as_bytes(), time.as_bytes(), b".", body].concat());
    table.truedy("a plain SHA-256 of secret and message", hex(&plain), mismatch);
    let plain = hmac_sha256::Hash::hash(&[TRUEDY_SECRET.as_bytes(), body].concat());
    table.truedy("a plain SHA-256 of secret and body", hex(&plain), mismatch);
    let plain = hmac_sha256::Hash::hash(&[time.as_bytes(), b".", body].concat());
    table.truedy("a plain SHA-256 of the message", hex(&plain), mismatch);

    for (name, signature, timestamp) in [
        ("underscores", "x_truedy_signature", "x_truedy_timestamp"),
        ("a missing letter", "x-trudy-signature", "x-trudy-timestamp"),
        ("another ending", "x-truedy-signatures", "x-truedy-timestamps"),
        ("without x-", "truedy-signature", "truedy-timestamp"),
        ("a cookie", "cookie", "x-truedy-timestamp"),
    ] {
        let headers = vec![(signature, good.clone().into()), (timestamp, now().into())];
        table.add(format!("near-miss header names: {name}"), "/truedy", headers, STARTED, Err((401, "missing_header")));
    }
    let case = Case::new("in the query", "/truedy", vec![], STARTED, Err((401, "missing_header")));
    table.0.push(case.with_query(format!("?{SIGNATURE}={good}&{TIMESTAMP}={NOW}")));
    let inside = format!(r#"{{"{SIGNATURE}":"{good}","{TIMESTAMP}":"{NOW}","event":"call.started","data":{{}}}}"#);
    table.add("in the body", "/truedy", vec![], inside, Err((401, "missing_header")));

    let old = hex(&mac(TRUEDY_OLD_SECRET, &[time.as_bytes(), b".", body]));
    let headers = vec![(SIGNATURE, old.clone().into()), (TIMESTAMP, now().into())];
    table.add("an old secret that is still listed", "/rotated/truedy", headers, STARTED, taken);
    let headers = vec![(SIGNATURE, good.into()), (TIMESTAMP, now().into())];
    table.add("the new secret beside an old one", "/rotated/truedy", headers, STARTED, taken);
    table.truedy("an old secret that is not listed", old, mismatch);
}

fn talkifai_signatures(table: &mut Table) {
    let body = CREATED.as_bytes();
    let tag = hex(&mac(TALKIFAI_SECRET, &[body]));
    let taken = Ok("call.started");
    let malformed = Err((401, "malformed_signature"));
    let mismatch = Err((401, "signature_mismatch"));
    table.talkifai("K: a good signature", format!("sha256={tag}"), taken);
    table.talkifai("K: upper-case hex", format!("sha256={}", tag.to_uppercase()), taken);
    table.talkifai("K: bare hex", tag.clone(), malformed);
    for prefix in [
        "SHA256=",
        "Sha256=",
        "sha256:",
        "sha256==",
        "sha256 =",
        "sha256= ",
        "sha1=",
        "sha512=",
        "md5=",
        "none=",
        "v1=",
        "sha256=sha256=",
        "=",
        "sha256",
    ] {
        table.talkifai(format!("K: prefix {prefix:?}"), format!("{prefix}{tag}"), malformed);
    }
    for (name, text) in [
        ("the prefix alone", "sha256=".to_owned()),
        ("63 digits", format!("sha256={}", &tag[..63])),
        ("65 digits", format!("sha256={tag}0")),
        ("a list", format!("sha256={},sha256={tag}", "0".repeat(64))),
        ("letters", format!("sha256={}", "g".repeat(64))),
    ] {
        table.talkifai(format!("K: {name}"), text, malformed);
    }
    for length in [1, 2, 32, 62] {
        table.talkifai(format!("K: the first {length} digits"), format!("sha256={}", &tag[..length]), malformed);
    }
    let full_width: String = tag.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect();
    table.talkifai("K: full-width digits", format!("sha256={full_width}"), Err((401, "header_not_ascii")));
    for (name, text) in [
        ("zz after it", format!("{tag}zz")),
        ("00 after it", format!("{tag}00")),
        ("twice", format!("{tag}{tag}")),
        ("quoted", format!("\"{tag}\"")),
        ("a list with a space", format!("{}, sha256={tag}", "0".repeat(64))),
        ("a good list", format!("{tag},sha256={tag}")),
        ("base64 of the MAC", Base64::encode_string(&mac(TALKIFAI_SECRET, &[body]))),
        ("base64 of the hex", Base64::encode_string(tag.as_bytes())),
    ] {
        table.talkifai(format!("K: {name}"), format!("sha256={text}"), malformed);
    }
    for bit in 0..256 {
        let mut tag = mac(TALKIFAI_SECRET, &[body]);
        tag[bit / 8] ^= 1 << (bit % 8);
        table.talkifai(format!("K: bit {bit} flipped"), format!("sha256={}", hex(&tag)), mismatch);
    }
    let plain = hmac_sha256::Hash::hash(&[TALKIFAI_SECRET.as_bytes(), body].concat());
    table.talkifai("K: a plain SHA-256 of secret and body", format!("sha256={}", hex(&plain)), mismatch);
    table.talkifai("K: empty", "", Err((401, "empty_header")));
    table.add("K: missing", "/talkifai", vec![], CREATED, Err((401, "missing_header")));
    table.talkifai("K: not ASCII", [b"sha256=".as_slice(), &[0xff; 64]].concat(), Err((401, "header_not_ascii")));
    table.talkifai("K: 100 KiB", format!("sha256={}", "a".repeat(100 << 10)), Err((401, "header_too_long")));
    table.talkifai("K: an empty key", format!("sha256={}", hex(&mac("", &[body]))), mismatch);
    table.talkifai("K: another secret", format!("sha256={}", hex(&mac("other", &[body]))), mismatch);
    let timed = hex(&mac(TALKIFAI_SECRET, &[now().as_bytes(), b".", body]));
    table.talkifai("K: signed with a time", format!("sha256={timed}"), mismatch);
    let good: Vec<u8> = format!("sha256={tag}").into();
    let bad: Vec<u8> = format!("sha256={}", "0".repeat(64)).into();
    for (name, first, second) in
        [("good then bad", &good, &bad), ("bad then good", &bad, &good), ("equal", &good, &good)]
    {
        let headers = vec![(TALKIFAI_SIGNATURE, first.clone()), (TALKIFAI_SIGNATURE, second.clone())];
        table.add(format!("K: two signatures, {name}"), "/talkifai", headers, CREATED, Err((401, "repeated_header")));
    }

    // NOW is 14:30; the route has a maximum age of 36 minutes.
    let aged = |created: &str| CREATED.replace("2026-03-18T14:00:00Z", created);
    for (created, answer) in [
        ("2026-03-18T13:54:00Z", taken),
        ("2026-03-18T13:53:59Z", Err((401, "timestamp_too_old"))),
        ("2026-03-18T14:35:00Z", taken),
        ("2026-03-18T14:35:01Z", Err((401, "timestamp_too_new"))),
        ("2024-01-15T10:30:00Z", Err((401, "timestamp_too_old"))),
    ] {
        let body = aged(created);
        let headers =
            vec![(TALKIFAI_SIGNATURE, format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body.as_bytes()]))).into())];
        table.add(
            format!("K: maximum age, created {created}"),
            "/aged/talkifai",
            headers.clone(),
            body.clone(),
            answer,
        );
        table.add(format!("K: no maximum age, created {created}"), "/talkifai", headers, body, taken);
    }
    for body in [
        CREATED.replace(r#""created":"2026-03-18T14:00:00Z","#, ""),
        CREATED.replace(r#""2026-03-18T14:00:00Z""#, "null"),
        CREATED.replace(r#""2026-03-18T14:00:00Z""#, r#""yesterday""#),
    ] {
        let headers =
            vec![(TALKIFAI_SIGNATURE, format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body.as_bytes()]))).into())];
        table.add(
            "K: maximum age, no usable created",
            "/aged/talkifai",
            headers,
            body,
            Err((401, "missing_timestamp")),
        );
    }
}

fn wrong_schemes(table: &mut Table) {
    let truedy = truedy_tag(now().as_bytes(), STARTED.as_bytes());
    let talkifai = format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[CREATED.as_bytes()])));
    let missing = Err((401, "missing_header"));
    let headers = || vec![(SIGNATURE, truedy.clone().into()), (TIMESTAMP, now().into())];
    table.add("T's headers on K", "/talkifai", headers(), STARTED, missing);
    table.add("T's headers on H", "/salpre", headers(), STARTED, missing);
    table.add("K's header on T", "/truedy", vec![(TALKIFAI_SIGNATURE, talkifai.into())], CREATED, missing);
    let token: Vec<u8> = format!("Bearer {SALPRE_TOKEN}").into();
    table.add("H's header on T", "/truedy", vec![("authorization", token.clone())], STARTED, missing);
    table.add("H's header on K", "/talkifai", vec![("authorization", token)], CREATED, missing);
    let headers = vec![("x-api-key", TRUEDY_SECRET.into())];
    table.add("the secret itself as a key on T", "/truedy", headers, STARTED, missing);
    let on_talkifai = format!("sha256={}", hex(&mac(TRUEDY_SECRET, &[CREATED.as_bytes()])));
    table.talkifai("T's secret on K", on_talkifai, Err((401, "signature_mismatch")));
}

fn static_headers(table: &mut Table) {
    let taken = Ok("call_initiated");
    let mismatch = Err((401, "token_mismatch"));
    let good = format!("Bearer {SALPRE_TOKEN}");
    table.salpre("H: right", good.clone(), taken);
    table.salpre("H: spaces around it", format!("\t {good} "), taken);
    table.add("H: missing", "/salpre", vec![], INITIATED, Err((401, "missing_header")));
    table.salpre("H: empty", "", Err((401, "empty_header")));
    table.salpre("H: blank", "  ", Err((401, "empty_header")));
    for (name, value) in [
        ("one byte shorter", good[..good.len() - 1].to_owned()),
        ("one byte longer", format!("{good}x")),
        ("another last byte", format!("{}X", &good[..good.len() - 1])),
        ("upper-case", good.to_uppercase()),
        ("another scheme word", format!("bearer {SALPRE_TOKEN}")),
        ("Basic", format!("Basic {SALPRE_TOKEN}")),
        ("without the scheme word", SALPRE_TOKEN.to_owned()),
        ("two spaces", format!("Bearer  {SALPRE_TOKEN}")),
        ("quoted", format!("Bearer \"{SALPRE_TOKEN}\"")),
        ("a list", format!("{good}, {good}")),
        ("the scheme word alone", "Bearer".to_owned()),
        ("its SHA-256", hex(&hmac_sha256::Hash::hash(good.as_bytes()))),
    ] {
        table.salpre(format!("H: {name}"), value, mismatch);
    }
    table.salpre("H: look-alike letters", good.replace('e', "\u{435}"), Err((401, "header_not_ascii")));
    table.salpre("H: 100 KiB", "a".repeat(100 << 10), Err((401, "header_too_long")));
    let twice = vec![("authorization", good.clone().into()), ("Authorization", good.clone().into())];
    table.add("H: twice", "/salpre", twice, INITIATED, Err((401, "repeated_header")));
    table.add(
        "H: in a cookie",
        "/salpre",
        vec![("cookie", good.clone().into())],
        INITIATED,
        Err((401, "missing_header")),
    );
    let case = Case::new("H: in the query", "/salpre", vec![], INITIATED, Err((401, "missing_header")));
    table.0.push(case.with_query(format!("?authorization={SALPRE_TOKEN}")));

    let key = |value: &str| ("x-api-key", value.as_bytes().to_vec());
    let token = |value: &str| ("x-token", value.as_bytes().to_vec());
    table.add("H: both of two", "/headers/salpre", vec![key("k3y-zebra"), token("t0ken-zebra")], INITIATED, taken);
    table.add("H: in another order", "/headers/salpre", vec![token("t0ken-zebra"), key("k3y-zebra")], INITIATED, taken);
    table.add("H: the old set", "/headers/salpre", vec![key("old-zebra")], INITIATED, taken);
    table.add("H: one of two", "/headers/salpre", vec![key("k3y-zebra")], INITIATED, Err((401, "missing_header")));
    table.add("H: swapped", "/headers/salpre", vec![key("t0ken-zebra"), token("k3y-zebra")], INITIATED, mismatch);
    table.add("H: one wrong", "/headers/salpre", vec![key("k3y-zebra"), token("wrong")], INITIATED, mismatch);
    table.add("H: of the old set only the name", "/headers/salpre", vec![key("wrong")], INITIATED, mismatch);
}

fn bodies(table: &mut Table) {
    let taken = Ok("call.started");
    let good = truedy_tag(now().as_bytes(), STARTED.as_bytes());
    let escaped = r#"{"event":"call.started","data":{"a":"\u001B","b":1.0,"note":"zebra-marker"}}"#;
    let escaped_tag = truedy_tag(now().as_bytes(), escaped.as_bytes());
    for (name, tag, body) in [
        ("spaces", &good, STARTED.replace(':', ": ")),
        ("a newline at the end", &good, format!("{STARTED}\n")),
        ("another order of keys", &good, {
            STARTED.replace(
                r#""event":"call.started","timestamp":"2025-03-18T14:30:00Z""#,
                r#""timestamp":"2025-03-18T14:30:00Z","event":"call.started""#,
            )
        }),
        ("another case of an escape", &escaped_tag, escaped.replace("001B", "001b")),
        ("1 for 1.0", &escaped_tag, escaped.replace("1.0", "1")),
        ("one byte less", &good, STARTED[..STARTED.len() - 1].to_owned()),
        ("nothing", &good, String::new()),
    ] {
        let headers = vec![(SIGNATURE, tag.clone().into()), (TIMESTAMP, now().into())];
        let name = format!("another body under the signature: {name}");
        table.add(name, "/truedy", headers, body, Err((401, "signature_mismatch")));
    }
    table.body("the escapes as signed", escaped, taken);

    for (name, body) in [
        ("not UTF-8", b"{\"event\":\"call.started\",\"data\":{\"a\":\"\xff\"}}".to_vec()),
        ("not UTF-8 in a name", b"{\"event\":\"call.started\",\"data\":{},\"\xc3\x28\":1}".to_vec()),
        ("UTF-16", STARTED.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a lone surrogate in UTF-8", b"{\"event\":\"\xed\xa0\x80\",\"data\":{}}".to_vec()),
    ] {
        let answer = if name == "UTF-16" { Err((400, "body_not_json")) } else { Err((400, "body_not_utf8")) };
        table.body(name, body, answer);
    }
    for (name, body) in [
        ("empty", String::new()),
        ("blank", " \n".to_owned()),
        ("a BOM", format!("\u{feff}{STARTED}")),
        ("a NUL", "\0".to_owned()),
        ("a NUL after it", format!("{STARTED}\0")),
        ("truncated", STARTED[..STARTED.len() - 2].to_owned()),
        ("two values", format!("{STARTED}{STARTED}")),
        ("a comment", format!("/* zebra-marker */{STARTED}")),
        ("a trailing comma", r#"{"event":"call.started","data":{},}"#.to_owned()),
        ("single quotes", STARTED.replace('"', "'")),
        ("a control character", "{\"event\":\"call.started\",\"data\":{\"a\":\"\n\"}}".to_owned()),
        ("form data", "event=call.started&note=zebra-marker".to_owned()),
    ] {
        table.body(name, body, Err((400, "body_not_json")));
    }
    for body in ["null", "true", "[]", "1", "1e999", "\"zebra-marker\"", "[{}]"] {
        table.body(&format!("body {body}"), body, Err((400, "body_not_an_object")));
    }
    for body in [
        "{}",
        r#"{"event":"call.started"}"#,
        r#"{"data":{}}"#,
        r#"{"event":null,"data":{}}"#,
        r#"{"event":"","data":{}}"#,
        r#"{"event":1,"data":{}}"#,
        r#"{"event":["call.started"],"data":{}}"#,
        r#"{"Event":"call.started","data":{}}"#,
    ] {
        table.body(&format!("an envelope without its parts: {body}"), body, Err((400, "missing_field")));
    }
    for body in [
        r#"{"event":"call.ended","event":"call.started","data":{}}"#,
        r#"{"event":"call.started","data":{},"data":{"a":1}}"#,
        r#"{"data":{},"event":"call.started","data":{"a":1}}"#,
        r#"{"event":"call.started","id":"a","data":{},"id":"b"}"#,
        r#"{"event":"call.started","timestamp":1,"data":{},"timestamp":1}"#,
        r#"{"event":"call.started","data":{},"\u0065vent":"call.ended"}"#,
    ] {
        table.body(&format!("repeated keys: {body}"), body, Err((400, "repeated_field")));
    }
    for body in [
        r#"{"event":"call.started","data":{}}"#,
        r#"{"data":{"call_id":"c"},"event":"call.started"}"#,
        r#"{"event":"call.started","data":{"call":null,"call_id":null,"status":null,"id":null},"timestamp":null,"id":null}"#,
        r#"{"event":"call.started","data":{"call_id":7,"agent_id":8,"id":9},"id":10}"#,
        r#"{"event":"call.started","data":{"__proto__":{"admin":true},"constructor":1},"__proto__":1,"new":[{}]}"#,
        r#"{"\u0065vent":"call\u002estarted","data":{}}"#,
        r#"{"event":"call.started","data":{"call":{"callId":"c","newField":{"a":[1,2]}}}}"#,
    ] {
        table.body(&format!("taken: {body}"), body, taken);
    }
    for (body, path) in [
        (r#"{"event":"call.started","data":{"call":{"duration":1e999}}}"#, "data.call.duration"),
        (r#"{"event":"call.started","data":{"call":{"duration":9223372036854775808}}}"#, "data.call.duration"),
        (r#"{"event":"call.started","data":{"call":"c"}}"#, "data.call"),
        (r#"{"event":"call.started","data":[]}"#, "data"),
        (r#"{"event":"call.started","data":null}"#, "data"),
        (r#"{"event":"call.started","data":{},"timestamp":{}}"#, "timestamp"),
        (r#"{"event":"call.started","data":{"call_id":"a","call_id":"b"}}"#, "data.call_id"),
    ] {
        table.body(&format!("taken: {body}"), body, taken).drift = vec![path];
    }
    table.body("an unknown event", r#"{"event":"call.exploded","data":{"note":"zebra-marker"}}"#, Ok("call.exploded"));
    table.body("an alias", r#"{"event":"call.completed","data":{}}"#, Ok("call.ended"));

    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    table.body("100 000 arrays at the top", deep(100_000), Err((400, "body_not_an_object")));
    for (name, body, answer, drift) in [
        (
            "in an unknown field",
            format!(r#"{{"event":"call.started","data":{{}},"x":{}}}"#, deep(100_000)),
            taken,
            None,
        ),
        (
            "in an unknown field of the data",
            format!(r#"{{"event":"call.started","data":{{"x":{}}}}}"#, deep(100_000)),
            taken,
            None,
        ),
        (
            "in a known field of the data",
            format!(r#"{{"event":"call.started","data":{{"call_id":{}}}}}"#, deep(100_000)),
            taken,
            Some("data.call_id"),
        ),
        ("as the data", format!(r#"{{"event":"call.started","data":{}}}"#, deep(100_000)), taken, Some("data")),
        ("as the data, first", format!(r#"{{"data":{},"event":"call.started"}}"#, deep(100_000)), taken, Some("data")),
        ("as the name", format!(r#"{{"event":{},"data":{{}}}}"#, deep(100_000)), Err((400, "missing_field")), None),
        ("as the id", format!(r#"{{"event":"call.started","id":{},"data":{{}}}}"#, deep(100_000)), taken, Some("id")),
        ("in an unknown event", format!(r#"{{"event":"x","data":{}}}"#, deep(100_000)), Ok("x"), None),
        (
            "unclosed",
            format!(r#"{{"event":"call.started","data":{}"#, "[".repeat(100_000)),
            Err((400, "body_not_json")),
            None,
        ),
    ] {
        table.body(&format!("100 000 arrays {name}"), body, answer).drift.extend(drift);
    }
    let many = "[[[[[]]]]],".repeat((1 << 20) / 11);
    table.body("1 MiB of [[[[[]]]]],", format!(r#"{{"event":"call.started","data":{{"x":[{many}1]}}}}"#), taken);
    let keys: String = (0..100_000).map(|key| format!(r#""{key}":0,"#)).collect();
    let empty_keys = r#""":0,"#.repeat(400_000);
    table.body("400 000 empty keys", format!(r#"{{"event":"call.started",{empty_keys}"data":{{}}}}"#), taken);
    table.body("100 000 keys", format!(r#"{{"event":"call.started",{keys}"data":{{}}}}"#), taken);
}
