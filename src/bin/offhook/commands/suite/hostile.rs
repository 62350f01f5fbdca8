//! Deliveries that the vendor does not send, which a right receiver refuses.

use offhook::testing::NearMiss;
use offhook::{Clock, SystemClock};

use super::check::Expected::{MustRefuse, ShouldRefuse};
use super::check::{Check, Expected};
use super::sender::Sender;

pub(super) fn checks() -> Vec<Check> {
    let mut checks: Vec<_> = NearMiss::ALL.into_iter().map(near_miss).collect();
    checks.extend(signatures());
    checks.extend(tokens());
    checks.extend(timestamps());
    checks.extend(bodies());
    checks
}

fn near_miss(miss: NearMiss) -> Check {
    let NearMissTexts { expected, sent, why, fix } = texts(miss);
    let make = move |sender: &Sender<'_>| miss.of(&sender.signer("ordinary")?, &sender.ordinary()?);
    Check::hostile(miss.name(), expected, sent, make).because(why, fix)
}

struct NearMissTexts {
    expected: Expected,
    sent: &'static str,
    why: &'static str,
    fix: &'static str,
}

fn texts(miss: NearMiss) -> NearMissTexts {
    let must = |sent, why, fix| NearMissTexts { expected: MustRefuse(miss.status()), sent, why, fix };
    let should = |sent, why, fix| NearMissTexts { expected: ShouldRefuse(miss.status()), sent, why, fix };
    match miss {
        NearMiss::Stale => must(
            "a genuine delivery that was signed 360 s ago",
            "Somebody who has captured a delivery can send it again at any time.",
            "Refuse a signed time that is more than 300 s ago.",
        ),
        NearMiss::FromTheFuture => must(
            "a genuine delivery that was signed 360 s ahead of the clock",
            "A delivery that is signed far ahead can be sent again until then.",
            "Compare the distance in both directions: abs(now - timestamp) <= 300.",
        ),
        NearMiss::WrongSecret => must("a delivery with another secret", FORGED, COMPARE),
        NearMiss::OldSecret => must("a delivery with a secret from before a rotation", FORGED, COMPARE),
        NearMiss::TamperedBody => must("a genuine delivery with one byte of its body changed", FORGED, COMPARE),
        NearMiss::ReserialisedBody => must(
            "a genuine delivery whose JSON is written with other spaces",
            "The receiver verifies what it has parsed and written again, and not what was signed. Genuine deliveries \
             fail as soon as the vendor writes its JSON differently.",
            "Verify the bytes of the body as they arrived, before anything parses them.",
        ),
        NearMiss::Missing => must("a delivery without the header that authenticates it", FORGED, MISSING),
        NearMiss::AnotherVendor => must("a delivery whose headers have another vendor's names", FORGED, MISSING),
        NearMiss::Malformed => must("the text `not-a-signature` instead of a signature", FORGED, LENGTHS),
        NearMiss::Repeated => should(
            "the header that authenticates the delivery twice, with the same value",
            "Where two values are sent, a proxy and the receiver may read different ones.",
            "Refuse a request with more than one such header.",
        ),
        NearMiss::ContentCoding => should(
            "a header Content-Encoding: gzip over a body that is not compressed",
            "A receiver that decompresses before it verifies does work for anybody, and does not verify what was sent.",
            "Refuse Content-Encoding on this route with 415.",
        ),
        NearMiss::OverTheLimit => should(
            "a body of 2 MiB and one byte",
            "Without a limit, anybody can fill the memory of the receiver before a signature is checked.",
            "Limit the body of this route, to 2 MiB for example, and answer 413.",
        ),
        _ => must("a delivery that is nearly right", FORGED, COMPARE),
    }
}

fn signatures() -> Vec<Check> {
    vec![
        signature("signature_too_short", "a signature with its last digit missing", |signature| {
            signature.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default()
        }),
        signature("signature_too_long", "a signature with two digits more", |signature| [signature, b"00"].concat()),
        signature("signature_empty", "an empty signature header", |_| Vec::new()),
        signature("signature_not_encoded", "a signature of the right length that is neither hex nor base64", |text| {
            let start = text.iter().position(|byte| matches!(byte, b'=' | b',')).map_or(0, |at| at.saturating_add(1));
            text.iter().enumerate().map(|(at, byte)| if at < start { *byte } else { b'~' }).collect()
        }),
        signature(
            "signature_not_ascii",
            "a signature of the right length with a byte that is not ASCII",
            |signature| {
                let rest = signature.get(1..).unwrap_or_default();
                [b"\xe9", rest].concat()
            },
        ),
    ]
}

fn signature(name: &str, sent: &str, change: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Check {
    let make = move |sender: &Sender<'_>| {
        sender.signs().then_some(())?;
        sender.with_credential(&change)
    };
    Check::hostile(name, MustRefuse(401), sent, make).because(FORGED, LENGTHS)
}

fn tokens() -> Vec<Check> {
    vec![
        token("token_too_short", "the token without its last character", |token| {
            token.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default()
        }),
        token("token_too_long", "the token with one character more", |token| [token, b"x"].concat()),
        token("token_empty", "an empty header of the token", |_| Vec::new()),
        token("token_not_ascii", "the token with a last byte that is not ASCII", |token| {
            let rest = token.split_last().map_or(&b""[..], |(_, rest)| rest);
            [rest, b"\xe9"].concat()
        }),
    ]
}

fn token(name: &str, sent: &str, change: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Check {
    let make = move |sender: &Sender<'_>| {
        (!sender.signs()).then_some(())?;
        sender.with_credential(&change)
    };
    Check::hostile(name, MustRefuse(401), sent, make).because(
        "A token that is compared in part can be guessed in part.",
        "Compare the whole value of the header, by a function that takes constant time and allows any length.",
    )
}

fn timestamps() -> Vec<Check> {
    vec![
        timestamp("timestamp_with_text", "the present time with `abc` behind it, signed as it is sent", |now| {
            format!("{now}abc")
        }),
        timestamp("timestamp_not_a_number", "`yesterday` as the timestamp, signed as it is sent", |_| {
            "yesterday".to_owned()
        }),
        timestamp("timestamp_empty", "an empty timestamp, signed as it is sent", |_| String::new()),
        timestamp("timestamp_negative", "-1 as the timestamp, signed as it is sent", |_| "-1".to_owned()),
        timestamp("timestamp_overflow", "a timestamp of 40 nines, signed as it is sent", |_| "9".repeat(40)),
        Check::hostile("timestamp_missing", MustRefuse(401), "a delivery without its timestamp header", |sender| {
            Some(sender.ordinary()?.without_header(sender.timestamp_header()?))
        })
        .because(FORGED, MISSING),
        Check::hostile(
            "timestamp_not_signed",
            MustRefuse(401),
            "a signature of the body alone, beside a fresh timestamp",
            |sender| sender.with_unsigned_timestamp(),
        )
        .because(
            "Somebody who has captured a delivery can put a new timestamp beside it, and send it at any time.",
            "Sign what the vendor signs: the text of the timestamp header together with the body.",
        ),
        Check::hostile(
            "signed_text_divided_otherwise",
            MustRefuse(401),
            "a genuine delivery, with the beginning of its body moved into the timestamp",
            |sender| sender.divided_in_another_way(),
        )
        .because("Its signature is right. Somebody who has captured a delivery can cut its body like this.", TIMESTAMP),
    ]
}

fn timestamp(name: &str, sent: &str, text: impl Fn(i64) -> String + 'static) -> Check {
    let make = move |sender: &Sender<'_>| sender.with_timestamp(&text(SystemClock.now().timestamp()));
    Check::hostile(name, MustRefuse(401), sent, make).because(
        "A text that is not a time, or is read as another one, passes the check of its age. A delivery can then be \
         sent again for ever, or cut where the signed text was not cut.",
        TIMESTAMP,
    )
}

fn bodies() -> Vec<Check> {
    vec![
        body(
            "forged_invalid_utf8",
            "a body that is not UTF-8, with the signature of another one",
            b"{\"a\":\"\xff\xfe\"}",
        ),
        body("forged_empty_body", "an empty body, with the signature of another one", b""),
        signed("signed_invalid_utf8", "a body that is not UTF-8, with a right signature", b"{\"a\":\"\xff\xfe\"}"),
        signed("signed_empty_body", "an empty body, with a right signature", b""),
        signed("signed_truncated_json", "JSON that breaks off, with a right signature", b"{\"event\":"),
        signed("signed_null", "`null` as the body, with a right signature", b"null"),
    ]
}

fn body(name: &str, sent: &str, body: &'static [u8]) -> Check {
    let make = move |sender: &Sender<'_>| {
        // A static header says nothing of the body.
        sender.signs().then_some(())?;
        Some(sender.ordinary()?.with_body(body))
    };
    Check::hostile(name, MustRefuse(401), sent, make).because(FORGED, BYTES)
}

fn signed(name: &str, sent: &str, body: &'static [u8]) -> Check {
    Check::hostile(name, ShouldRefuse(400), sent, move |sender| sender.signed(body))
        .because("A body that cannot be handled gets no better by being sent again, and a 500 asks for that.", BYTES)
}

const FORGED: &str = "Anybody who knows the URL can send events to the receiver.";
const COMPARE: &str =
    "Compute the signature of the bytes that arrived, with the secret, and compare it with the header.";
const MISSING: &str = "Refuse a request without the header, before anything else is done with it.";
const LENGTHS: &str = "Refuse a signature of another form, and compare the others in constant time. crypto.timingSafeEqual in Node \
                       throws if the lengths differ, and hmac.compare_digest in Python if a text is not ASCII.";
const TIMESTAMP: &str = "Read the whole text as a time, or refuse it. parseInt in Node reads `123abc` as 123, and a comparison \
                         with NaN is never true.";
const BYTES: &str = "Compute the signature of bytes, and decode and parse the body after it was verified; answer 400 if that \
                     fails.";
