//! Signatures and ages that TalkifAI never sends.

use base64ct::{Base64, Encoding};
use offhook::talkifai::SIGNATURE_HEADER as SIGNATURE;

use super::VENDOR;
use crate::hostile::{Answer, Case, Table};
use crate::servers::{TALKIFAI_SECRET, TRUEDY_SECRET};
use crate::signing::{NOW, hex, mac};

const CREATED: &str = r#"{"id":"evt_1","type":"call.started","created":"2026-03-18T14:00:00Z","data":{"callId":"c1","note":"zebra-marker"}}"#;

pub fn rows() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
    signatures(&mut table);
    table.cases
}

fn signature(table: &mut Table, name: impl Into<String>, signature: impl Into<Vec<u8>>, answer: Answer) {
    table.add_at(name, "/talkifai", vec![(SIGNATURE, signature.into())], CREATED, answer);
}

fn signatures(table: &mut Table) {
    let body = CREATED.as_bytes();
    let tag = hex(&mac(TALKIFAI_SECRET, &[body]));
    let taken = Ok("call.started");
    let malformed = Err((401, "malformed_signature"));
    let mismatch = Err((401, "signature_mismatch"));
    signature(table, "a good signature", format!("sha256={tag}"), taken);
    signature(table, "upper-case hex", format!("sha256={}", tag.to_uppercase()), taken);
    signature(table, "bare hex", tag.clone(), malformed);
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
        signature(table, format!("prefix {prefix:?}"), format!("{prefix}{tag}"), malformed);
    }
    for (name, text) in [
        ("the prefix alone", "sha256=".to_owned()),
        ("63 digits", format!("sha256={}", &tag[..63])),
        ("65 digits", format!("sha256={tag}0")),
        ("a list", format!("sha256={},sha256={tag}", "0".repeat(64))),
        ("letters", format!("sha256={}", "g".repeat(64))),
    ] {
        signature(table, name, text, malformed);
    }
    for length in [1, 2, 32, 62] {
        signature(table, format!("the first {length} digits"), format!("sha256={}", &tag[..length]), malformed);
    }
    let full_width: String = tag.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect();
    signature(table, "full-width digits", format!("sha256={full_width}"), Err((401, "header_not_ascii")));
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
        signature(table, name, format!("sha256={text}"), malformed);
    }
    for bit in 0..256 {
        let mut tag = mac(TALKIFAI_SECRET, &[body]);
        tag[bit / 8] ^= 1 << (bit % 8);
        signature(table, format!("bit {bit} flipped"), format!("sha256={}", hex(&tag)), mismatch);
    }
    let plain = hmac_sha256::Hash::hash(&[TALKIFAI_SECRET.as_bytes(), body].concat());
    signature(table, "a plain SHA-256 of secret and body", format!("sha256={}", hex(&plain)), mismatch);
    signature(table, "empty", "", Err((401, "empty_header")));
    table.add_at("missing", "/talkifai", vec![], CREATED, Err((401, "missing_header")));
    signature(table, "not ASCII", [b"sha256=".as_slice(), &[0xff; 64]].concat(), Err((401, "header_not_ascii")));
    signature(table, "100 KiB", format!("sha256={}", "a".repeat(100 << 10)), Err((401, "header_too_long")));
    signature(table, "an empty key", format!("sha256={}", hex(&mac("", &[body]))), mismatch);
    signature(table, "another secret", format!("sha256={}", hex(&mac("other", &[body]))), mismatch);
    let truedys = format!("sha256={}", hex(&mac(TRUEDY_SECRET, &[body])));
    signature(table, "Truedy's secret", truedys, mismatch);
    let timed = hex(&mac(TALKIFAI_SECRET, &[NOW.to_string().as_bytes(), b".", body]));
    signature(table, "signed with a time", format!("sha256={timed}"), mismatch);
    let good: Vec<u8> = format!("sha256={tag}").into();
    let bad: Vec<u8> = format!("sha256={}", "0".repeat(64)).into();
    for (name, first, second) in
        [("good then bad", &good, &bad), ("bad then good", &bad, &good), ("equal", &good, &good)]
    {
        let headers = vec![(SIGNATURE, first.clone()), (SIGNATURE, second.clone())];
        table.add_at(format!("two signatures, {name}"), "/talkifai", headers, CREATED, Err((401, "repeated_header")));
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
        let headers = vec![(SIGNATURE, format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body.as_bytes()]))).into())];
        table.add_at(
            format!("maximum age, created {created}"),
            "/aged/talkifai",
            headers.clone(),
            body.clone(),
            answer,
        );
        table.add_at(format!("no maximum age, created {created}"), "/talkifai", headers, body, taken);
    }
    for body in [
        CREATED.replace(r#""created":"2026-03-18T14:00:00Z","#, ""),
        CREATED.replace(r#""2026-03-18T14:00:00Z""#, "null"),
        CREATED.replace(r#""2026-03-18T14:00:00Z""#, r#""yesterday""#),
    ] {
        let headers = vec![(SIGNATURE, format!("sha256={}", hex(&mac(TALKIFAI_SECRET, &[body.as_bytes()]))).into())];
        table.add_at(
            "maximum age, no usable created",
            "/aged/talkifai",
            headers,
            body,
            Err((401, "missing_timestamp")),
        );
    }
}
