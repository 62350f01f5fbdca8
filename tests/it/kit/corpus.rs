//! Damaged deliveries whose cause is known, and the same deliveries undamaged. The values are
//! the same in every run.

use base64ct::{Base64, Base64Url, Encoding};
use chrono::{DateTime, TimeDelta, Utc};
use offhook::diagnose::{Explainer, Receiver};
use offhook::testing::{Layout, RawRequest, Signer, samples};
use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
use offhook::{Clock, FixedClock, Salpre, StandardWebhooks, TalkifAi, Truedy, Ultravox};
use offhook::{standard_webhooks, talkifai, truedy, ultravox};
use offhook_tests::random::Random;
use offhook_tests::signing::{NOW, hex, mac};
use serde_json::value::RawValue;

/// A damaged delivery, with what explains it.
pub struct Damaged {
    pub request: RawRequest,
    pub undamaged: RawRequest,
    pub explainer: Explainer,
    /// The texts that no output may show.
    pub secrets: Vec<String>,
}

/// A kind of damage: its name, the cause that explains it, and how it is done. There is no
/// cause for damage that cannot be undone.
pub struct Damage {
    pub name: &'static str,
    pub cause: Option<&'static str>,
    pub make: fn(&mut World) -> Damaged,
}

#[derive(Clone, Copy, PartialEq)]
enum Vendor {
    Truedy,
    TalkifAi,
    Ultravox,
    Standard,
}

impl Vendor {
    const ALL: [Vendor; 4] = [Vendor::Truedy, Vendor::TalkifAi, Vendor::Ultravox, Vendor::Standard];
    const TIMED: [Vendor; 3] = [Vendor::Truedy, Vendor::Ultravox, Vendor::Standard];
    const RAW: [Vendor; 3] = [Vendor::Truedy, Vendor::TalkifAi, Vendor::Ultravox];

    fn scheme(self) -> HmacScheme {
        match self {
            Vendor::Truedy => truedy::SCHEME,
            Vendor::TalkifAi => talkifai::SCHEME,
            Vendor::Ultravox => ultravox::SCHEME,
            Vendor::Standard => standard_webhooks::SCHEME,
        }
    }

    fn receiver(self, secret: &str) -> Receiver {
        let clock = FixedClock::at_unix(NOW);
        let receiver = match self {
            Vendor::Truedy => Receiver::signed(&Truedy::new(secret).unwrap().with_clock(clock)),
            Vendor::TalkifAi => Receiver::signed(&TalkifAi::new(secret).unwrap().with_clock(clock)),
            Vendor::Ultravox => Receiver::signed(&Ultravox::new(secret).unwrap().with_clock(clock)),
            Vendor::Standard => {
                Receiver::signed(&StandardWebhooks::<serde_json::Value>::new(secret).unwrap().with_clock(clock))
            }
        };
        receiver.with_secret(secret)
    }

    /// Signs with a key of any bytes.
    fn send(self, key: impl AsRef<[u8]>, time: DateTime<Utc>, body: &[u8]) -> RawRequest {
        send_by(self.scheme(), key, time, body)
    }

    fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Vendor::Truedy => ("x-truedy-signature", Some("x-truedy-timestamp")),
            Vendor::TalkifAi => ("x-talkifai-signature", None),
            Vendor::Ultravox => ("x-ultravox-webhook-signature", Some("x-ultravox-webhook-timestamp")),
            Vendor::Standard => ("webhook-signature", Some("webhook-timestamp")),
        }
    }
}

fn send_by(scheme: HmacScheme, secret: impl AsRef<[u8]>, time: DateTime<Utc>, body: &[u8]) -> RawRequest {
    let secret = offhook::Secret::danger_short(secret.as_ref());
    Signer::new(scheme, secret).unwrap().request_at(time, "/webhooks", body.to_vec())
}

fn now() -> DateTime<Utc> {
    FixedClock::at_unix(NOW).now()
}

/// What one damaged delivery is made of.
pub struct World {
    pub random: Random,
}

/// A vendor, a secret that its receiver has, and a body.
struct Case {
    vendor: Vendor,
    secret: String,
    body: Vec<u8>,
}

impl Case {
    fn sent(&self) -> RawRequest {
        self.vendor.send(&self.secret, now(), &self.body)
    }

    /// The case of a delivery that was signed by this case's vendor and arrives as `request`.
    fn arrives(&self, request: RawRequest) -> Damaged {
        let explainer = Explainer::new(self.vendor.receiver(&self.secret));
        Damaged { request, undamaged: self.sent(), explainer, secrets: vec![self.secret.clone()] }
    }

    /// The body is damaged on its way.
    fn arrives_with_body(&self, body: impl Into<Vec<u8>>) -> Damaged {
        self.arrives(self.sent().with_body(body.into()))
    }

    /// The sender signs in its own way.
    fn signed_as(&self, request: RawRequest) -> Damaged {
        self.arrives(request)
    }

    /// The header `name` has another value.
    fn with_value(&self, name: &str, change: impl Fn(&str) -> String) -> Damaged {
        let sent = self.sent();
        let value = value_of(&sent, name);
        self.arrives(sent.without_header(name).with_header(name, change(&value)))
    }
}

fn value_of(request: &RawRequest, name: &str) -> String {
    let (_, value) = request.headers.iter().find(|(header, _)| header == name).unwrap();
    String::from_utf8(value.clone()).unwrap()
}

impl World {
    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.random.below(of.len() as u64)).unwrap()].clone()
    }

    fn secret(&mut self, vendor: Vendor) -> String {
        let bytes = self.random.bytes(24);
        // The letter makes it no hexadecimal number by chance.
        if vendor == Vendor::Standard {
            format!("whsec_{}", Base64::encode_string(&bytes))
        } else {
            format!("whsec_z{}", hex(&bytes))
        }
    }

    /// A sample with a text of its own, in one line.
    fn body(&mut self) -> Vec<u8> {
        let all: Vec<_> = samples::all().collect();
        let note: String = (0..8).map(|_| self.pick(&["a", "é", "ü/", "<b>", "x y", "😀", "0"])).collect();
        let number = self.random.below(1_000_000);
        self.pick(&all).with("zz_note", format!("{note}é<")).with("number", number).body().as_bytes().to_vec()
    }

    fn of(&mut self, vendors: &[Vendor]) -> Case {
        let vendor = self.pick(vendors);
        Case { vendor, secret: self.secret(vendor), body: self.body() }
    }

    fn any(&mut self) -> Case {
        self.of(&Vendor::ALL)
    }

    fn layout(&mut self) -> Layout {
        self.pick(&[Layout::Spaced, Layout::Indented(2), Layout::Indented(4), Layout::Tabs])
    }
}

/// Python's `json.dumps(…)` escapes everything outside ASCII.
fn ascii(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(json.to_vec()).unwrap();
    text.chars()
        .map(|char| {
            if char.is_ascii() {
                char.to_string()
            } else {
                char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
        })
        .collect::<String>()
        .into_bytes()
}

fn laid_out(json: &[u8], layout: Layout) -> Vec<u8> {
    let text = String::from_utf8(json.to_vec()).unwrap();
    offhook::testing::Sample::new("any", "any", text).with_layout(layout).body().as_bytes().to_vec()
}

/// The members at the top in another order, each as it was.
fn turned(json: &[u8]) -> Vec<u8> {
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_slice(json).unwrap();
    let texts: Vec<_> = members.iter().rev().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", texts.join(",")).into_bytes()
}

const TRUEDY_BASE64: HmacScheme = HmacScheme::in_header("x-truedy-signature")
    .base64()
    .timestamp_header("x-truedy-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
const TRUEDY_MILLIS: HmacScheme = HmacScheme::in_header("x-truedy-signature")
    .timestamp_header("x-truedy-timestamp", TimestampFormat::UnixMillis)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
const TRUEDY_COLON: HmacScheme = HmacScheme::in_header("x-truedy-signature")
    .timestamp_header("x-truedy-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Timestamp, Part::Literal(":"), Part::Body]);
const TRUEDY_TURNED: HmacScheme = HmacScheme::in_header("x-truedy-signature")
    .timestamp_header("x-truedy-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Body, Part::Timestamp]);
const ULTRAVOX_UNIX: HmacScheme = HmacScheme::in_header("x-ultravox-webhook-signature")
    .list(Separator::Comma)
    .timestamp_header("x-ultravox-webhook-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Body, Part::Timestamp]);

/// A delivery that was signed so many seconds from now.
fn seconds_away(world: &mut World, seconds: i64) -> Damaged {
    let case = world.of(&Vendor::TIMED);
    let time = now().checked_add_signed(TimeDelta::seconds(seconds)).unwrap();
    case.arrives(case.vendor.send(&case.secret, time, &case.body))
}

/// A receiver whose secret is `configured`, and a sender with the key `used`.
fn with_keys(world: &mut World, make: fn(&str) -> (Vec<u8>, String)) -> Damaged {
    let mut case = world.of(&Vendor::RAW);
    let (used, configured) = make(&case.secret);
    let raw = |scheme: HmacScheme, key: &[u8]| send_by(scheme, key, now(), &case.body);
    let sent = raw(case.vendor.scheme(), &used);
    case.secret = configured;
    let mut damaged = case.signed_as(sent);
    damaged.secrets.push(String::from_utf8_lossy(&used).trim().to_owned());
    damaged
}

/// A route with static headers, where the header arrives as `change` makes it.
fn static_header(world: &mut World, change: fn(&str) -> String) -> Damaged {
    renamed_token(world, |_| "Authorization", change)
}

/// A delivery with a static header that has another name and another value.
fn renamed_token(
    world: &mut World,
    name: impl Fn(&mut World) -> &'static str,
    change: impl Fn(&str) -> String,
) -> Damaged {
    let token = world.secret(Vendor::Truedy);
    let undamaged = Signer::bearer(token.as_str()).unwrap().request("/webhooks", world.body());
    let request = undamaged.clone().without_header("authorization").with_header(name(world), change(&token));
    let explainer = Explainer::new(Receiver::static_headers(&Salpre::bearer(token.as_str()).unwrap()));
    Damaged { request, undamaged, explainer, secrets: vec![token] }
}

pub const DAMAGES: &[Damage] = &[
    Damage {
        name: "a line break was added at the end",
        cause: Some("trailing_newline"),
        make: |world| {
            let case = world.any();
            let end = world.pick(&["\n", "\r\n"]);
            case.arrives_with_body([&case.body, end.as_bytes()].concat())
        },
    },
    Damage {
        name: "a line break at the end was lost",
        cause: Some("trailing_newline"),
        make: |world| {
            let mut case = world.any();
            let body = case.body.clone();
            case.body.extend_from_slice(world.pick(&["\n", "\r\n"]).as_bytes());
            case.arrives_with_body(body)
        },
    },
    Damage {
        name: "a byte order mark was added",
        cause: Some("byte_order_mark"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(["\u{feff}".as_bytes(), &case.body].concat())
        },
    },
    Damage {
        name: "a byte order mark was lost",
        cause: Some("byte_order_mark"),
        make: |world| {
            let mut case = world.any();
            let body = case.body.clone();
            case.body = ["\u{feff}".as_bytes(), &body].concat();
            case.arrives_with_body(body)
        },
    },
    Damage {
        name: "LF became CRLF",
        cause: Some("line_endings"),
        make: |world| {
            let mut case = world.any();
            case.body = laid_out(&case.body, Layout::Indented(2));
            case.arrives_with_body(String::from_utf8(case.body.clone()).unwrap().replace('\n', "\r\n"))
        },
    },
    Damage {
        name: "CRLF became LF",
        cause: Some("line_endings"),
        make: |world| {
            let mut case = world.any();
            let lines = String::from_utf8(laid_out(&case.body, Layout::Indented(2))).unwrap();
            case.body = lines.replace('\n', "\r\n").into_bytes();
            case.arrives_with_body(lines)
        },
    },
    Damage {
        name: "base64, as serverless platforms do",
        cause: Some("base64_body"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(Base64::encode_string(&case.body))
        },
    },
    Damage {
        name: "base64 for URLs",
        cause: Some("base64_body"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(Base64Url::encode_string(&case.body))
        },
    },
    Damage {
        name: "encoded twice as JSON",
        cause: Some("quoted_body"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(serde_json::to_string(&String::from_utf8(case.body.clone()).unwrap()).unwrap())
        },
    },
    Damage {
        name: "UTF-8 was read as Latin-1",
        cause: Some("text_recoded"),
        make: |world| {
            let case = world.any();
            let text: String = case.body.iter().copied().map(char::from).collect();
            case.arrives_with_body(text)
        },
    },
    Damage {
        name: "written as Latin-1",
        cause: Some("text_recoded"),
        make: |world| {
            let mut case = world.any();
            case.body = String::from_utf8(case.body).unwrap().replace('😀', "ö").into_bytes();
            let text = String::from_utf8(case.body.clone()).unwrap();
            case.arrives_with_body(text.chars().map(|char| u8::try_from(char).unwrap()).collect::<Vec<_>>())
        },
    },
    Damage {
        name: "characters were replaced by U+FFFD",
        cause: Some("text_recoded"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(String::from_utf8(case.body.clone()).unwrap().replace('é', "\u{fffd}"))
        },
    },
    Damage {
        name: "other spaces: one line became lines or spaces",
        cause: Some("reserialised"),
        make: |world| {
            let case = world.any();
            let layout = world.layout();
            case.arrives_with_body(laid_out(&case.body, layout))
        },
    },
    Damage {
        name: "other spaces: lines or spaces became one line",
        cause: Some("reserialised"),
        make: |world| {
            let mut case = world.any();
            let compact = case.body.clone();
            case.body = laid_out(&compact, world.layout());
            case.arrives_with_body(compact)
        },
    },
    Damage {
        name: "other escapes: added",
        cause: Some("reserialised"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(ascii(&case.body))
        },
    },
    Damage {
        name: "other escapes: removed",
        cause: Some("reserialised"),
        make: |world| {
            let mut case = world.any();
            let plain = case.body.clone();
            case.body = ascii(&plain);
            case.arrives_with_body(plain)
        },
    },
    Damage {
        name: "Python: spaces and escapes",
        cause: Some("reserialised"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body(ascii(&laid_out(&case.body, Layout::Spaced)))
        },
    },
    Damage {
        name: "the members at the top in another order",
        cause: Some("key_order"),
        make: |world| {
            let mut case = world.any();
            case.body = samples::truedy::CALL_ENDED.with("data.n", world.random.below(1_000_000)).body().into();
            let body = turned(&case.body);
            case.arrives_with_body(body)
        },
    },
    Damage {
        name: "all members sorted",
        cause: Some("key_order"),
        make: |world| {
            let mut case = world.any();
            case.body = samples::truedy::CALL_ENDED.with("data.n", world.random.below(1_000_000)).body().into();
            let value: serde_json::Value = serde_json::from_slice(&case.body).unwrap();
            case.arrives_with_body(sorted(&value))
        },
    },
    Damage {
        name: "the body was read before",
        cause: Some("body_consumed"),
        make: |world| {
            let case = world.any();
            case.arrives_with_body("")
        },
    },
    Damage {
        name: "compressed, and no header says so",
        cause: Some("body_compressed"),
        make: |world| {
            let case = world.any();
            let rest = world.random.bytes(100);
            case.arrives_with_body([&[0x1f, 0x8b, 8, 0], &rest[..]].concat())
        },
    },
    Damage {
        name: "compressed, with its header",
        cause: Some("content_coding"),
        make: |world| {
            let case = world.any();
            let coding = world.pick(&["gzip", "br", "GZIP", "deflate"]);
            case.arrives(case.sent().with_header("content-encoding", coding))
        },
    },
    Damage {
        name: "cut off, with the length in the header",
        cause: Some("body_length"),
        make: |world| {
            let case = world.any();
            let (length, half) = (case.body.len(), case.body[..case.body.len() / 2].to_vec());
            case.arrives(case.sent().with_body(half).with_header("content-length", length.to_string()))
        },
    },
    Damage {
        name: "headers named as CGI does",
        cause: Some("header_renamed"),
        make: |world| {
            let case = world.any();
            let mut sent = case.sent();
            for (name, _) in &mut sent.headers {
                *name = format!("HTTP_{}", name.to_uppercase().replace('-', "_"));
            }
            case.arrives(sent)
        },
    },
    Damage {
        name: "headers with underscores",
        cause: Some("header_renamed"),
        make: |world| {
            let case = world.any();
            let mut sent = case.sent();
            for (name, _) in &mut sent.headers {
                *name = name.replace('-', "_");
            }
            case.arrives(sent)
        },
    },
    Damage {
        name: "the header is there twice",
        cause: Some("header_repeated"),
        make: |world| {
            let case = world.any();
            let (signature, _) = case.vendor.names();
            let sent = case.sent();
            let value = value_of(&sent, signature);
            case.arrives(sent.with_header(signature, value))
        },
    },
    Damage {
        name: "a proxy dropped the time",
        cause: Some("header_dropped"),
        make: |world| {
            let case = world.of(&Vendor::TIMED);
            let (_, timestamp) = case.vendor.names();
            case.arrives(case.sent().without_header(timestamp.unwrap()))
        },
    },
    Damage {
        name: "a proxy dropped all of the vendor's headers",
        cause: Some("header_dropped"),
        make: |world| {
            let case = world.of(&[Vendor::TalkifAi]);
            let (signature, _) = case.vendor.names();
            case.arrives(case.sent().without_header(signature).with_header("X-Forwarded-For", "203.0.113.7"))
        },
    },
    Damage {
        name: "another vendor's delivery, which is configured",
        cause: Some("another_vendor"),
        make: |world| {
            let (case, other) =
                (world.of(&[Vendor::Truedy, Vendor::TalkifAi]), world.of(&[Vendor::Ultravox, Vendor::Standard]));
            let mut damaged = case.arrives(other.sent());
            damaged.explainer = damaged.explainer.beside(other.vendor.receiver(&other.secret));
            damaged.secrets.push(other.secret);
            damaged
        },
    },
    Damage {
        name: "another vendor's delivery, which is not configured",
        cause: Some("another_vendor"),
        make: |world| {
            let (case, other) =
                (world.of(&[Vendor::Truedy, Vendor::TalkifAi]), world.of(&[Vendor::Ultravox, Vendor::Standard]));
            case.arrives(other.sent())
        },
    },
    Damage {
        name: "the signature in base64",
        cause: Some("tag_encoding"),
        make: |world| {
            let case = world.of(&[Vendor::Truedy]);
            case.signed_as(send_by(TRUEDY_BASE64, &case.secret, now(), &case.body))
        },
    },
    Damage {
        name: "a prefix before the signature",
        cause: Some("tag_prefix"),
        make: |world| {
            let case = world.of(&[Vendor::Truedy, Vendor::Ultravox]);
            let prefix = world.pick(&["sha256=", "v1=", "v0="]);
            case.with_value(case.vendor.names().0, |tag| format!("{prefix}{tag}"))
        },
    },
    Damage {
        name: "no prefix before the signature",
        cause: Some("tag_prefix"),
        make: |world| {
            let case = world.of(&[Vendor::TalkifAi]);
            case.with_value(case.vendor.names().0, |value| value.trim_start_matches("sha256=").to_owned())
        },
    },
    Damage {
        name: "a token without `Bearer`",
        cause: Some("token_form"),
        make: |world| static_header(world, str::to_owned),
    },
    Damage {
        name: "a token in quotation marks",
        cause: Some("token_form"),
        make: |world| static_header(world, |token| format!("Bearer \"{token}\"")),
    },
    Damage {
        name: "a token in a header of another name",
        cause: Some("token_header"),
        make: |world| {
            renamed_token(world, |world| world.pick(&["X-Api-Key", "apikey", "X-Auth-Token"]), |token| token.to_owned())
        },
    },
    Damage {
        name: "another token",
        cause: None,
        make: |world| static_header(world, |_| "Bearer an0ther-t0ken".to_owned()),
    },
    Damage {
        name: "the time in milliseconds",
        cause: Some("time_format"),
        make: |world| {
            let case = world.of(&[Vendor::Truedy]);
            case.signed_as(send_by(TRUEDY_MILLIS, &case.secret, now(), &case.body))
        },
    },
    Damage {
        name: "the time in seconds, not RFC 3339",
        cause: Some("time_format"),
        make: |world| {
            let case = world.of(&[Vendor::Ultravox]);
            case.signed_as(send_by(ULTRAVOX_UNIX, &case.secret, now(), &case.body))
        },
    },
    Damage {
        name: "the sender's clock is ahead",
        cause: Some("clock_behind"),
        make: |world| {
            let seconds = i64::try_from(world.random.between(301, 1_700)).unwrap();
            seconds_away(world, seconds)
        },
    },
    Damage {
        name: "a queue delayed it",
        cause: Some("delayed"),
        make: |world| {
            let seconds = i64::try_from(world.random.between(301, 1_700)).unwrap();
            seconds_away(world, -seconds)
        },
    },
    Damage {
        name: "a local time was taken for UTC",
        cause: Some("time_zone"),
        make: |world| {
            let half_hours = i64::try_from(world.random.between(1, 28)).unwrap();
            let sign = world.pick(&[1, -1]);
            seconds_away(world, sign * half_hours * 1_800)
        },
    },
    Damage {
        name: "the secret of another endpoint",
        cause: Some("other_secret"),
        make: |world| {
            let case = world.of(&Vendor::RAW);
            let other = world.secret(case.vendor);
            let mut damaged = case.signed_as(case.vendor.send(&other, now(), &case.body));
            damaged.explainer = damaged.explainer.beside(case.vendor.receiver(&other));
            damaged.secrets.push(other);
            damaged
        },
    },
    Damage {
        name: "the configured secret is in quotation marks",
        cause: Some("secret_quoted"),
        make: |world| {
            let quote = world.pick(&[true, false]);
            let make: fn(&str) -> (Vec<u8>, String) = if quote {
                |secret| (secret.into(), format!("\"{secret}\""))
            } else {
                |secret| (secret.into(), format!("'{secret}'"))
            };
            with_keys(world, make)
        },
    },
    Damage {
        name: "the sender signs with a line break at the end of the secret",
        cause: Some("secret_whitespace"),
        make: |world| {
            let case = world.of(&[Vendor::TalkifAi]);
            let tag = hex(&mac(format!("{}\n", case.secret), &[&case.body]));
            case.with_value(case.vendor.names().0, |_| format!("sha256={tag}"))
        },
    },
    Damage {
        name: "`whsec_` was removed from the configured secret",
        cause: Some("secret_prefix"),
        make: |world| with_keys(world, |secret| (secret.into(), secret.trim_start_matches("whsec_").to_owned())),
    },
    Damage {
        name: "the sender removes `whsec_`",
        cause: Some("secret_prefix"),
        make: |world| with_keys(world, |secret| (secret.trim_start_matches("whsec_").into(), secret.to_owned())),
    },
    Damage {
        name: "the configured secret is hexadecimal, the sender decodes it",
        cause: Some("secret_encoding"),
        make: |world| with_keys(world, |secret| (secret.into(), hex(secret.as_bytes()))),
    },
    Damage {
        name: "the configured secret is base64, the sender decodes it",
        cause: Some("secret_encoding"),
        make: |world| with_keys(world, |secret| (secret.into(), Base64::encode_string(secret.as_bytes()))),
    },
    Damage {
        name: "the sender encodes the secret in hexadecimal digits",
        cause: Some("secret_encoding"),
        make: |world| with_keys(world, |secret| (hex(secret.as_bytes()).into(), secret.to_owned())),
    },
    Damage {
        name: "another separator, or another order",
        cause: Some("signed_parts"),
        make: |world| {
            let case = world.of(&[Vendor::Truedy]);
            let scheme = world.pick(&[TRUEDY_COLON, TRUEDY_TURNED]);
            case.signed_as(send_by(scheme, &case.secret, now(), &case.body))
        },
    },
    Damage {
        name: "a secret that nobody knows",
        cause: None,
        make: |world| {
            let case = world.any();
            let other = world.secret(case.vendor);
            case.signed_as(case.vendor.send(&other, now(), &case.body))
        },
    },
    Damage {
        name: "one byte of the body is another",
        cause: None,
        make: |world| {
            let case = world.any();
            let mut body = case.body.clone();
            let place = usize::try_from(world.random.below(body.len() as u64)).unwrap();
            body[place] ^= 1;
            case.arrives_with_body(body)
        },
    },
];

/// Writes JSON with sorted members, whatever the features of serde_json.
fn sorted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(members) => {
            let members: std::collections::BTreeMap<_, _> = members.iter().collect();
            let texts: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            format!("{{{}}}", texts.join(","))
        }
        other => other.to_string(),
    }
}
