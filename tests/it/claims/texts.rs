//! `Debug` and `Display` of every public type show nothing that is secret.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use axum_core::extract::FromRequest;
use offhook::diagnose::{Cause, Confidence, Explainer, Finding, Receiver};
use offhook::event::{CallUpdate, Drift, Parsed, Stage};
use offhook::idempotency::{Handled, Key, MemoryStore, PayloadDigest, Store as _};
use offhook::testing::{Capture, RawRequest, Sample, Signer, samples};
use offhook::verify::{Head, HeaderTokens, HmacKeys};
use offhook::{
    Event, Function, FunctionRejection, Headers, ParseError, Rejection, Request, Salpre, Secret, StandardWebhooks,
    Truedy, Verifier, Webhook, salpre, talkifai, truedy, ultravox,
};
use offhook_tests::crate_root;
use offhook_tests::samples::FULL_CALL;
use serde_json::Value;

/// Stands for everything that must not be shown. It is valid as a header value and in base64.
const MARKER: &str = "S3cretMarker";

/// Stands for an amount of money.
const MARKED_NUMBER: &str = "76543.21";

/// The members of a delivery that `Debug` shows: ids, the names of events, and times.
const SHOWN: [&str; 19] = [
    "event",
    "type",
    "event_type",
    "id",
    "event_id",
    "eventId",
    "call_id",
    "callId",
    "agent_id",
    "agentId",
    "batch_id",
    "batchId",
    "voice_id",
    "voiceId",
    "source",
    "created",
    "joined",
    "ended",
    "timestamp",
];

/// The public types without a text that came with a request or with a secret.
const WITHOUT_TEXT: [(&str, &str, &[&str]); 41] = [
    ("diagnose/evidence.rs", "a count", &["Work"]),
    ("diagnose/report.rs", "an order of three words", &["Confidence"]),
    ("event/call.rs", "one of eight words", &["Stage"]),
    ("event/model.rs", "an id, which is the key in a store; that of a batch of Truedy holds its status", &["Identity"]),
    ("idempotency/once.rs", "a builder, and a claim that only a handler sees", &["HeldClaim", "Once"]),
    ("idempotency/settings.rs", "spans of time of the receiver's own", &["SettingsError", "StoreSettings"]),
    (
        "idempotency/store.rs",
        "the cause is the store's; `no_error_shows_a_password` connects with one",
        &["StoreError"],
    ),
    ("idempotency/stores/postgres.rs", "an empty type", &["PostgresDialect"]),
    ("idempotency/stores/redis.rs", "settings and a prefix", &["RedisStore"]),
    (
        "idempotency/stores/sql.rs",
        "settings; the others belong to a private trait",
        &["NewClaim", "Record", "SqlStore"],
    ),
    ("idempotency/stores/sqlite.rs", "it shows its name", &["SqliteDialect"]),
    ("idempotency/tasks.rs", "a set of running tasks", &["HandlerTasks"]),
    ("inbox/acceptance.rs", "numbers, and the error of the database or of the age", &["Accepted", "Acceptance"]),
    ("inbox/base.rs", "a timeout", &["Inbox"]),
    ("inbox/claims.rs", "in a private module", &["Finished"]),
    ("inbox/dialect.rs", "in a private module: a value on its way to the database", &["Value", "Row"]),
    ("inbox/ended.rs", "a word, a time, and the text of the handler's own error", &["Ended"]),
    ("inbox/entry.rs", "ids, names and times, and the text of the handler's own error", &["Entry", "State"]),
    ("inbox/handlers.rs", "in a private module", &["Attempt", "InTransaction", "Job", "NoHandlers", "Plain"]),
    ("inbox/operate.rs", "counts, and what an operator looks for", &["Filter", "Pruned", "SourceStats", "Stats"]),
    ("inbox/policy.rs", "spans of time", &["PrunePolicy"]),
    ("inbox/postgres.rs", "an empty type", &["PostgresDialect"]),
    ("inbox/sqlite.rs", "it shows its name", &["SqliteDialect"]),
    ("inbox/work.rs", "it shows what `Delivery` shows, and numbers", &["Work"]),
    ("inbox/worker.rs", "settings", &["Worker"]),
    ("receive/profile.rs", "facts that the receiver states", &["Profile"]),
    ("receive/reply.rs", "a status and a code", &["Reply", "Success"]),
    ("testing/deliver/mod.rs", "a status and a code", &["Answer"]),
    ("testing/idempotent.rs", "a count", &["Effects"]),
    ("testing/near_miss.rs", "a list of words", &["NearMiss"]),
    ("testing/relayout.rs", "a list of words", &["Layout"]),
    ("testing/store.rs", "a rule, and what a store answered to made-up keys", &["ConformanceSuite", "Violation"]),
    ("time/clock.rs", "a clock", &["FixedClock", "SystemClock"]),
    ("time/unix.rs", "a time", &["UnixTime"]),
    ("vendors/salpre/mod.rs", "a type without values", &["Spec"]),
    ("vendors/standard_webhooks/mod.rs", "a type without values", &["Spec"]),
    ("vendors/talkifai/mod.rs", "a type without values", &["Spec"]),
    ("vendors/truedy/mod.rs", "a type without values", &["Spec"]),
    ("vendors/ultravox/mod.rs", "a type without values", &["Spec"]),
    ("verify/scheme.rs", "how a vendor signs: constants", &["HmacScheme", "HmacSchemeBuilder", "Part", "Separator"]),
    ("web/limits.rs", "limits that the receiver states", &["ReadLimits"]),
];

/// A file of `src/`, its types, and the texts of values of all these types.
type Shown = (&'static str, &'static [&'static str], String);

#[tokio::test]
async fn no_text_of_a_public_type_shows_a_secret_a_signature_a_header_or_a_body() {
    let all: Vec<Shown> =
        verifying().into_iter().chain(events()).chain(handling().await).chain(functions().await).collect();
    for (file, types, text) in &all {
        assert!(!text.trim().is_empty(), "{file}");
        for marker in [MARKER, MARKED_NUMBER] {
            let shown = text.split_once(marker).map(|(before, _)| before);
            assert_eq!(shown, None, "{file}, {types:?}: {marker} is shown after this text");
        }
    }

    let formatted = all.iter().flat_map(|(file, types, _)| types.iter().map(move |name| (*file, *name)));
    let without = WITHOUT_TEXT.iter().flat_map(|(file, _, types)| types.iter().map(move |name| (*file, *name)));
    let mut listed = BTreeSet::new();
    for (file, name) in formatted.chain(without) {
        assert!(listed.insert(format!("{file}: {name}")), "{file}: {name} is listed twice");
    }
    let types = public_types();
    let unlisted: Vec<_> = types.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&types).collect();
    assert!(unlisted.is_empty(), "format a value of these types here, or say why there is no such text: {unlisted:?}");
    assert!(gone.is_empty(), "these types do not exist: {gone:?}");
}

/// What verifies, what it makes, and why it refuses.
fn verifying() -> Vec<Shown> {
    let truedy = truedy();
    let salpre = Salpre::header("x-api-key", MARKER).unwrap();
    let tokens = HeaderTokens::bearer(MARKER).unwrap();
    let signer = Signer::of(&truedy);
    let genuine = signer.request("/hook", filled(&samples::truedy::CALL_ENDED));
    let signature = headers(&genuine);
    let forged = genuine.clone().with_body(format!("{{\"a\":\"{MARKER}\"}}")).with_header("x-more", MARKER);
    let delivery = truedy.receive(&genuine.headers, genuine.body.clone()).unwrap();
    let refused = truedy.receive(&forged.headers, forged.body.clone()).unwrap_err();
    let wrong_token = salpre.receive(&[("x-api-key", format!("x{MARKER}"))], "{}").unwrap_err();
    let not_json = format!("{{\"{MARKER}\":{MARKER}}}");
    let misconfigured = HeaderTokens::new([("x-a", format!("{MARKER}\n"))]).unwrap_err();
    let shows_evidence = Cause {
        name: "shows_evidence",
        test: |evidence| Some(Finding::new(Confidence::Possible).with_detail(debug(evidence))),
        text: "",
    };
    let explainer = Explainer::new(Receiver::signed(&truedy).with_secret(MARKER)).with_cause(shows_evidence);
    let diagnosis = explainer.explain(&forged.request());
    let with_quotes = Explainer::new(
        Receiver::signed(&Truedy::new(format!("\"{MARKER}\"")).unwrap()).with_secret(format!("\"{MARKER}\"")),
    );
    let certain = with_quotes.explain(&genuine.request());
    let reason = certain.first().unwrap().clone();
    assert!(diagnosis.to_string().contains("Evidence {"), "{diagnosis}");
    let lookup = genuine.headers.lookup("x-truedy-signature");
    let keys: &HmacKeys = truedy.as_ref();
    let proof = delivery.verified().clone();
    let mut shown: Vec<Shown> = vec![
        ("vendors/signed.rs", &["Hmac"], debug(&truedy)),
        ("vendors/static_headers.rs", &["StaticHeaders"], debug(&salpre)),
        ("verify/keys.rs", &["HmacKeys"], debug(keys)),
        ("verify/tokens.rs", &["HeaderTokens"], debug(&tokens)),
        ("verify/secret.rs", &["Secret"], debug(&Secret::from(MARKER))),
        ("verify/headers.rs", &["Lookup"], debug(&lookup)),
        ("verify/request.rs", &["Head", "Request", "PublicUrl"], {
            let request: Request<'_> = forged.request();
            let head: Head<'_> = forged.head();
            let url = offhook::verify::PublicUrl::base("https://hooks.example.com").unwrap();
            format!("{request:?} {head:?} {url:?}")
        }),
        ("verify/verified.rs", &["Verified"], debug(&proof)),
        ("verify/tolerance.rs", &["Tolerance"], debug(&offhook::Tolerance::from(std::time::Duration::from_secs(1)))),
        ("verify/timestamp.rs", &["TimestampFormat"], debug(&offhook::verify::TimestampFormat::UnixSeconds)),
        ("verify/error.rs", &["ConfigError", "ConfigErrorKind", "VerifyError"], {
            let verify = truedy.verify(&forged.request()).unwrap_err();
            format!("{misconfigured:?} {misconfigured} {:?} {verify:?} {verify}", misconfigured.kind())
        }),
        ("receive/error.rs", &["ReceiveError"], format!("{refused:?} {refused} {wrong_token:?} {wrong_token}")),
        ("receive/delivery.rs", &["Delivery"], debug(&delivery)),
        ("event/error.rs", &["ParseError"], {
            let error: ParseError = Parsed::decode::<Value>("", not_json.as_bytes()).unwrap_err();
            format!("{error:?} {error}")
        }),
        ("testing/raw.rs", &["RawRequest"], debug(&forged)),
        ("testing/capture.rs", &["Capture", "CaptureError"], {
            let error = Capture::from_json(MARKER.as_bytes()).unwrap_err();
            format!("{:?} {error:?} {error}", Capture::new(forged.clone()))
        }),
        ("testing/samples/mod.rs", &["Sample"], debug(&filled(&samples::truedy::CALL_ENDED))),
        ("testing/signer.rs", &["Signer"], format!("{signer:?} {:?}", Signer::bearer(MARKER).unwrap())),
        ("diagnose/receiver.rs", &["Receiver"], debug(&Receiver::signed(&truedy).with_secret(MARKER))),
        ("diagnose/explainer.rs", &["Explainer"], debug(&explainer)),
        ("diagnose/explained.rs", &["Explained"], {
            debug(&offhook::diagnose::Explained::new(
                truedy.clone(),
                Explainer::new(Receiver::signed(&truedy).with_secret(MARKER)),
            ))
        }),
        ("diagnose/evidence.rs", &["Evidence"], diagnosis.to_string()),
        (
            "diagnose/report.rs",
            &["Cause", "Diagnosis", "Finding", "Reason"],
            format!("{diagnosis:?} {diagnosis} {certain:?} {certain} {reason:?}"),
        ),
    ];
    for (file, _, text) in &mut shown {
        for value in &signature {
            assert!(!text.contains(value.as_str()), "{file} shows the header value {value}: {text}");
        }
    }
    shown
}

/// Every documented event of every vendor, with a marker in every text that is no id.
fn events() -> Vec<Shown> {
    let mut texts = [const { String::new() }; 4];
    let mut envelopes = String::new();
    for sample in samples::all() {
        let body = filled(&sample);
        let (text, envelope) = match sample.vendor() {
            "truedy" => (&mut texts[0], parsed(truedy::Event::parse(body.as_ref()))),
            "talkifai" => (&mut texts[1], parsed(talkifai::Event::parse(body.as_ref()))),
            "salpre" => (&mut texts[2], parsed(salpre::Event::parse(body.as_ref()))),
            _ => (&mut texts[3], parsed(ultravox::Event::parse(body.as_ref()))),
        };
        *text += &envelope;
        envelopes += &envelope;
    }
    // What the call and the event do not show, they hold.
    let call = marked(serde_json::from_str(FULL_CALL).unwrap());
    let call = ultravox::Event::parse(format!(r#"{{"event":"call.ended","call":{call}}}"#).as_bytes());
    if let ultravox::Event::CallEnded(ended) = call.as_ref().unwrap().event() {
        let call = &ended.call;
        texts[3] += &format!("{:?} {:?} {:?}", call.agent, call.sip_details, call.medium);
    }
    texts[3] += &parsed(call);
    let ended = salpre::Event::parse(filled(&samples::salpre::CALL_ENDED).as_ref()).unwrap();
    if let salpre::Event::CallEnded(ended) = ended.event() {
        texts[2] += &debug(&ended.transcript);
    }
    let odd = [
        parsed(truedy::Event::parse(format!(r#"{{"event":"new","data":"{MARKER}"}}"#).as_bytes())),
        parsed(truedy::Event::parse(format!(r#"{{"event":"call.ended","data":"{MARKER}"}}"#).as_bytes())),
    ]
    .concat();
    let mut update = CallUpdate::new(Stage::Ended);
    (update.from, update.to, update.end_reason) = (Some(MARKER), Some(MARKER), Some(MARKER));
    let undecodable = Parsed::decode::<Strict>("ping", format!(r#"{{"sequence":"{MARKER}"}}"#).as_bytes()).unwrap();
    let error = undecodable.event().as_ref().unwrap_err();
    let drift: &Drift = undecodable.drift();
    let message = {
        let webhooks = StandardWebhooks::<Strict>::new("whsec_UzNjcmV0TWFya2Vy").unwrap();
        let request = Signer::of(&webhooks)
            .request("/", Sample::new("any", "ping", format!(r#"{{"type":"ping","sequence":"{MARKER}"}}"#)));
        debug(webhooks.receive(&request.headers, request.body.clone()).unwrap().event())
    };
    let json = offhook::RawJson::from(serde_json::value::to_raw_value(MARKER).unwrap().as_ref());
    let amount = serde_json::from_str::<offhook::Amount>(MARKED_NUMBER).unwrap();
    let [truedy, talkifai, salpre, ultravox] = texts;
    for (text, names) in [
        (&truedy, &["CallEvent {", "BatchEvent {", "VoiceEvent {", "Call {"][..]),
        (&talkifai, &["CallEvent {", "TranscriptEvent {", "AnalysisEvent {", "CreditEvent {"]),
        (
            &salpre,
            &["Call {", "CallEvent {", "TranscriptEvent {", "CallEndedEvent {", "TranscriptEntry {", "ErrorEvent {"],
        ),
        (&ultravox, &["CallEvent {", "Call {", "Agent {", "SipDetails {", "Medium {", "Other(..)"]),
        (&odd, &["Unknown {", "Undecodable {"]),
    ] {
        for name in names {
            assert!(text.contains(name), "no {name} in {text}");
        }
    }
    vec![
        (
            "vendors/truedy/event.rs",
            &["Event", "CallEvent", "BatchEvent", "VoiceEvent", "CallStatus", "BatchStatus"],
            truedy,
        ),
        (
            "vendors/talkifai/event.rs",
            &["Event", "CallEvent", "TranscriptEvent", "AnalysisEvent", "CreditEvent", "CallStatus", "EndReason"],
            talkifai,
        ),
        (
            "vendors/salpre/event.rs",
            &[
                "Event",
                "Call",
                "CallEvent",
                "TranscriptEvent",
                "CallEndedEvent",
                "TranscriptEntry",
                "ErrorEvent",
                "Speaker",
            ],
            salpre,
        ),
        ("vendors/ultravox/event.rs", &["Event", "CallEvent"], ultravox.clone()),
        (
            "vendors/call.rs",
            &[
                "Call",
                "Agent",
                "SipDetails",
                "Medium",
                "MediumKind",
                "EndReason",
                "BillingStatus",
                "SipTerminationReason",
            ],
            ultravox,
        ),
        ("vendors/standard_webhooks/message.rs", &["Message"], message),
        (
            "event/call.rs",
            &["CallUpdate", "Direction"],
            format!("{update:?} {:?}", offhook::event::Direction::from(MARKER)),
        ),
        ("event/parsed.rs", &["Parsed", "Drift", "Misfit"], format!("{envelopes} {undecodable:?} {drift:?} {drift}")),
        (
            "event/model.rs",
            &["Envelope", "Unknown", "Undecodable"],
            format!("{odd} {error:?} {error} {:?}", undecodable.envelope()),
        ),
        ("event/json.rs", &["RawJson", "Amount"], format!("{json:?} {amount:?}")),
    ]
}

/// What becomes of a delivery.
async fn handling() -> Vec<Shown> {
    let truedy = truedy();
    let request = Signer::of(&truedy).request("/", filled(&samples::truedy::CALL_ENDED));
    let delivery = truedy.receive(&request.headers, request.body.clone()).unwrap();
    let store = MemoryStore::new();
    let key = Key::of(&delivery).unwrap();
    let digest = PayloadDigest::of_delivery(&delivery);
    let handled: Handled = delivery.once(&store, async |_| Err("no room".into())).await;
    let claim = store.claim(&key, &digest).await.unwrap();
    vec![
        ("idempotency/key.rs", &["Key", "PayloadDigest"], format!("{key:?} {key} {digest:?}")),
        ("inbox/stored.rs", &["Stored", "OpenError"], {
            let stored = offhook::inbox::Stored::of(&delivery);
            let text = serde_json::to_string(&stored).unwrap();
            assert!(text.contains(MARKER), "the record holds the body");
            let broken: offhook::inbox::Stored = serde_json::from_str(&text.replace("{\\\"", MARKER)).unwrap();
            let error = broken.open(&truedy).unwrap_err();
            format!("{stored:?} {error:?} {error}")
        }),
        ("idempotency/claim.rs", &["Claim", "Lease", "LeaseToken"], debug(&claim)),
        ("idempotency/outcome.rs", &["Handled", "Outcome", "HandlerError"], debug(&handled)),
        ("idempotency/stores/memory.rs", &["MemoryStore"], debug(&store)),
        ("web/webhook.rs", &["Webhook", "Rejection", "Code"], {
            let forged = truedy.receive(&request.headers, MARKER).unwrap_err();
            let rejection = Rejection::from(forged);
            format!(
                "{:?} {rejection:?} {rejection} {:?}",
                Webhook::<Truedy>(delivery.clone()),
                offhook::Code(rejection.code())
            )
        }),
    ]
}

/// Calls of custom functions.
async fn functions() -> Vec<Shown> {
    let functions = talkifai::Functions::bearer(MARKER).unwrap();
    let authorization = [("authorization", format!("Bearer {MARKER}"))];
    let arguments = format!(r#"{{"sequence":"{MARKER}"}}"#);
    let error = functions.receive::<Strict>(&authorization, arguments.as_bytes()).unwrap_err();
    let reply = talkifai::FunctionReply::result(MARKER);
    let call = |body: String| {
        let (name, value) = &authorization[0];
        axum::extract::Request::post("/").header(*name, value).body(axum::body::Body::from(body)).unwrap()
    };
    let accepted: Function<Value> = Function::from_request(call(arguments.clone()), &functions).await.unwrap();
    let refused: FunctionRejection = Function::<Strict>::from_request(call(arguments), &functions).await.unwrap_err();
    vec![
        (
            "vendors/talkifai/function.rs",
            &["Functions", "FunctionError", "FunctionReply"],
            format!("{functions:?} {error:?} {error} {:?} {reply:?}", String::from_utf8_lossy(&error.body())),
        ),
        ("web/function.rs", &["Function", "FunctionRejection"], format!("{accepted:?} {refused:?} {refused}")),
    ]
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "a text never fits it")]
struct Strict {
    sequence: u64,
}

fn truedy() -> Truedy {
    Truedy::new(MARKER)
        .unwrap()
        .with_secret(format!("{MARKER}2"))
        .unwrap()
        .with_max_age(std::time::Duration::from_secs(1 << 30))
}

fn debug(value: &(impl Debug + ?Sized)) -> String {
    format!("{value:?} {value:#?}")
}

/// The texts of an event and of everything around it.
fn parsed<E: Event + Debug>(parsed: Result<Parsed<E>, ParseError>) -> String {
    let parsed = parsed.unwrap();
    format!("{parsed:?} {} {:?}", parsed.drift(), parsed.call())
}

/// Returns the values of all headers that a signature or a credential is in.
fn headers(request: &RawRequest) -> Vec<String> {
    let values = request.headers.iter().filter(|(name, _)| name.to_ascii_lowercase().contains("signature"));
    let values: Vec<_> = values.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect();
    assert!(!values.is_empty());
    values
}

/// Puts the marker into every text that is not shown.
fn filled(sample: &Sample) -> Sample {
    let body = marked(serde_json::from_str(sample.body()).unwrap());
    Sample::new(sample.vendor(), sample.event(), body.to_string())
}

fn marked(value: Value) -> Value {
    match value {
        Value::String(_) => MARKER.into(),
        Value::Number(number) if !number.is_i64() => serde_json::from_str(MARKED_NUMBER).unwrap(),
        Value::Array(items) => items.into_iter().map(marked).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let kept = SHOWN.contains(&name.as_str()) && value.is_string();
                (name, if kept { value } else { marked(value) })
            })
            .collect(),
        other => other,
    }
}

/// The public types of `src/`, with their files: every line that begins with `pub struct` or
/// `pub enum`. A type that no path leads to is among them; it does no harm.
fn public_types() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let source = crate_root().join("src");
    collect(&source, &source, &mut found);
    found
}

fn collect(source: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.strip_prefix(source).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect(source, &path, found);
        } else if !DEFINES_MACROS.contains(&file.as_str()) {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.extend(code.lines().filter_map(type_name).map(|name| format!("{file}: {name}")));
        }
    }
}

/// Files whose `pub enum` is the pattern of a macro.
const DEFINES_MACROS: [&str; 2] = ["event/envelope/events.rs", "event/wire/macros.rs"];

fn type_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("pub struct ").or(line.strip_prefix("pub enum "))?;
    rest.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}
