//! What the metrics show when each alert of `docs/alerts.yml` has its reason, over HTTP in
//! both frameworks. A binary of its own, since the recorder is that of the process.

mod inbox;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::web;
use axum::extract::{FromRef, State};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use offhook::event::Parsed;
use offhook::idempotency::{Handled, MemoryStore, Store, StoreSettings};
use offhook::testing::Signer;
use offhook::verify::HmacScheme;
use offhook::{Event, FixedClock, Hmac, ParseError, SignedVendor, Vendor, Verified, Webhook, truedy};
use offhook_tests::client::{connect, exchange, sized};
use offhook_tests::crate_root;
use offhook_tests::servers::{serve_actix, serve_axum};

/// Truedy, if it waited for 100 ms.
struct Hurried;

impl Vendor for Hurried {
    type Event = truedy::Event;
    const NAME: &'static str = "hurried";
    const ANSWERS_WITHIN: Duration = Duration::from_millis(100);

    fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<truedy::Event>, ParseError> {
        truedy::Event::parse(body)
    }
}

impl SignedVendor for Hurried {
    const SCHEME: HmacScheme = truedy::SCHEME;
}

#[derive(Clone)]
struct App {
    vendor: Hmac<Hurried>,
    store: Arc<dyn Store>,
}

impl FromRef<App> for Hmac<Hurried> {
    fn from_ref(app: &App) -> Self {
        app.vendor.clone()
    }
}

/// The call id says what the handler does.
async fn handle(app: &App, webhook: Webhook<Hmac<Hurried>>) -> Handled {
    webhook
        .once(&app.store, async |event| {
            match event.call_id() {
                Some("slow") => tokio::time::sleep(Duration::from_millis(70)).await,
                Some("endless") => std::future::pending().await,
                Some("fails") => return Err("no".into()),
                _ => {}
            }
            Ok(())
        })
        .await
}

async fn on_axum(State(app): State<App>, webhook: Webhook<Hmac<Hurried>>) -> Handled {
    handle(&app, webhook).await
}

/// actix-web lets a handler run on if the client hangs up, so this one has a deadline.
async fn on_actix(app: web::Data<App>, webhook: Webhook<Hmac<Hurried>>) -> Option<Handled> {
    tokio::time::timeout(Duration::from_secs(1), handle(&app, webhook)).await.ok()
}

const SECRET: &str = "whsec_metrics_test_secret";
const OLD_SECRET: &str = "whsec_metrics_test_old_secret";

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// An app whose clock is ahead by this many seconds.
fn app(endpoint: &str, ahead: i64) -> App {
    let vendor = Hmac::<Hurried>::new(SECRET).unwrap().with_secret(OLD_SECRET).unwrap();
    let vendor = vendor.with_endpoint(endpoint).with_clock(FixedClock::at_unix(unix_now() + ahead));
    App { vendor, store: Arc::new(MemoryStore::new()) }
}

fn axum_at(app: App) -> SocketAddr {
    serve_axum(axum::Router::new().route("/", axum::routing::post(on_axum)).with_state(app))
}

fn actix_at(app: App) -> SocketAddr {
    serve_actix(move |config| {
        let (vendor, app) = (web::Data::new(app.vendor.clone()), web::Data::new(app.clone()));
        config.service(web::resource("/").app_data(vendor).app_data(app).post(on_actix));
    })
}

fn request(secret: &str, body: &str) -> Vec<u8> {
    let now = offhook::UnixTime::from_seconds(unix_now()).to_datetime().unwrap();
    let headers = Signer::new(truedy::SCHEME, secret).unwrap().sign(now, body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    sized("/", &headers, body.as_bytes())
}

fn ended(id: u32, call: &str) -> String {
    format!(r#"{{"event":"call.ended","id":"evt_{id}","data":{{"call":{{"callId":"{call}"}}}}}}"#)
}

/// Every test needs the recorder of the process.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().install_recorder().unwrap();
        offhook::describe_metrics();
        recorder
    })
}

/// The value of a metric of an endpoint whose line contains these labels.
fn value(metric: &str, endpoint: &str, labels: &[&str]) -> f64 {
    let all = recorder().render();
    let endpoint = format!(r#"endpoint="{endpoint}""#);
    let found = all.lines().filter(|line| {
        line.starts_with(&format!("{metric}{{"))
            && line.contains(&endpoint)
            && labels.iter().all(|label| line.contains(label))
    });
    found.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[track_caller]
fn eventually(metric: &str, endpoint: &str, labels: &[&str], expected: f64) {
    for _ in 0..200 {
        if value(metric, endpoint, labels) == expected {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{metric} {endpoint} {labels:?} is not {expected}: {}", recorder().render());
}

/// Provokes every alert at this server, whose verifier has this endpoint.
fn provoke(server: SocketAddr, endpoint: &str) {
    let send = |secret: &str, body: &str| exchange(server, &request(secret, body)).status;
    let count = |metric: &str, labels: &[&str]| value(metric, endpoint, labels);

    // Silence: nothing was ever accepted, and a refusal changes nothing about that.
    assert_eq!(send("whsec_of_a_stranger", &ended(1, "a")), 401);
    assert_eq!(count("offhook_last_accepted_timestamp_seconds", &[]), 0.0);
    assert_eq!(send(SECRET, &ended(1, "a")), 200);
    let silence = unix_now() as f64 - count("offhook_last_accepted_timestamp_seconds", &[]);
    assert!((0.0..60.0).contains(&silence), "{silence}");

    // Refusals: by code. What a stranger writes is no label.
    let forged = r#"{"event":"evil.label","id":"evil","data":{"call":{"callId":"evil"}}}"#;
    assert_eq!(send("whsec_of_a_stranger", forged), 401);
    let refused = [r#"outcome="refused""#, r#"code="signature_mismatch""#, r#"vendor="hurried""#];
    assert_eq!(count("offhook_deliveries_total", &refused), 2.0);
    assert_eq!(exchange(server, &sized("/", &[("x-evil", b"evil")], b"{}")).status, 401);
    assert_eq!(count("offhook_deliveries_total", &[r#"code="missing_header""#]), 1.0);
    assert_eq!(count("offhook_deliveries_total", &[r#"outcome="accepted""#, r#"code="accepted""#]), 1.0);

    // Rotation: the old secret is still in use.
    assert_eq!(count("offhook_secret_used_total", &[r#"secret_index="1""#]), 0.0);
    assert_eq!(send(OLD_SECRET, &ended(2, "a")), 200);
    assert_eq!(count("offhook_secret_used_total", &[r#"secret_index="1""#]), 1.0);
    assert_eq!(count("offhook_secret_used_total", &[r#"secret_index="0""#]), 1.0);

    // A handler near the vendor's timeout of 100 ms, and one that is cut off there.
    let before = count("offhook_handler_seconds_sum", &[]);
    assert_eq!(send(SECRET, &ended(3, "slow")), 200);
    assert!(count("offhook_handler_seconds_sum", &[]) - before > 0.5 * count("offhook_answers_within_seconds", &[]));
    assert_eq!(count("offhook_answers_within_seconds", &[]), 0.1);
    let mut hasty = connect(server);
    hasty.write_all(&request(SECRET, &ended(4, "endless"))).unwrap();
    eventually("offhook_secret_used_total", endpoint, &[r#"secret_index="0""#], 3.0);
    std::thread::sleep(Duration::from_millis(50));
    drop(hasty);
    eventually("offhook_handled_total", endpoint, &[r#"outcome="unanswered""#, r#"code="cancelled""#], 1.0);

    // Failures, and what the store answers.
    assert_eq!(send(SECRET, &ended(5, "fails")), 500);
    assert_eq!(count("offhook_handled_total", &[r#"outcome="retry""#, r#"code="failed""#]), 1.0);
    assert_eq!(send(SECRET, &ended(1, "a")), 200);
    assert_eq!(count("offhook_handled_total", &[r#"outcome="acknowledged""#, r#"code="duplicate""#]), 1.0);
    assert_eq!(count("offhook_handled_total", &[r#"outcome="acknowledged""#, r#"code="handled""#]), 3.0);
    // The one that was cancelled ran, and the duplicate did not.
    assert_eq!(count("offhook_handler_seconds_count", &[]), 5.0);
    assert_eq!(count("offhook_store_seconds_count", &[]), 5.0);

    // Drift: the event is a label only if the vendor documents it.
    let drift = r#"{"event":"call.ended","id":"evt_6","data":{"call":{"callId":{},"duration":[]}}}"#;
    let undecodable = r#"{"event":"call.ended","id":"evt_7","data":[]}"#;
    let undocumented = r#"{"event":"evil.label","id":{},"data":{}}"#;
    for body in [drift, undecodable, undocumented] {
        assert_eq!(send(SECRET, body), 200, "{body}");
    }
    assert_eq!(count("offhook_drift_total", &[r#"event="call.ended""#]), 2.0);
    assert_eq!(count("offhook_drift_total", &[r#"event="unknown""#]), 1.0);

    // Sizes: of every body that was read, so not of the one without a signature.
    assert_eq!(count("offhook_body_bytes_count", &[]), 11.0);
    assert!(count("offhook_body_bytes_sum", &[]) > 600.0);
}

#[test]
fn every_alert_has_its_numbers_in_both_frameworks() {
    recorder();
    for (endpoint, serve) in [("axum", axum_at as fn(App) -> SocketAddr), ("actix-web", actix_at)] {
        provoke(serve(app(endpoint, 0)), endpoint);

        // A clock that is ahead by 400 s, and one that is behind by 200 s.
        let (ahead, behind) = (format!("{endpoint}-ahead"), format!("{endpoint}-behind"));
        let server = serve(app(&ahead, 400));
        assert_eq!(exchange(server, &request(SECRET, &ended(1, "a"))).status, 401);
        assert_eq!(value("offhook_deliveries_total", &ahead, &[r#"code="timestamp_too_old""#]), 1.0);
        let age = value("offhook_signed_age_seconds_sum", &ahead, &[]);
        assert!((390.0..=400.0).contains(&age), "{age}");
        let server = serve(app(&behind, -200));
        assert_eq!(exchange(server, &request(SECRET, &ended(1, "a"))).status, 200);
        let age = value("offhook_signed_age_seconds_sum", &behind, &[]);
        assert!((-210.0..=-200.0).contains(&age), "{age}");
        assert_eq!(value("offhook_signed_age_seconds_count", &behind, &[]), 1.0);

        // A store that remembers for less than the minute by which the clock is ahead.
        let stale = format!("{endpoint}-stale");
        let settings = StoreSettings::new().danger_with_short_retention(Duration::from_secs(1));
        let app = App { store: Arc::new(MemoryStore::new().with_settings(settings)), ..app(&stale, 60) };
        assert_eq!(exchange(serve(app), &request(SECRET, &ended(1, "a"))).status, 401);
        let refused = [r#"outcome="refused""#, r#"code="stale""#];
        assert_eq!(value("offhook_handled_total", &stale, &refused), 1.0);
    }
    let all = recorder().render();
    assert!(!all.contains("evil"), "{all}");
    assert!(all.contains("# HELP offhook_deliveries_total Requests that a verifier accepted or refused"), "{all}");

    inbox::provoke("documented");
    every_name_in_the_rules_and_the_guide_is_a_metric(&recorder().render());
}

fn every_name_in_the_rules_and_the_guide_is_a_metric(all: &str) {
    let rules = std::fs::read_to_string(crate_root().join("docs/alerts.yml")).unwrap();
    let guide = std::fs::read_to_string(crate_root().join("docs/guide/observability.md")).unwrap();
    assert!(guide.contains(&rules), "the guide shows the rules as they are");
    let mut named = Vec::new();
    for text in [&rules, &guide] {
        for (at, _) in text.match_indices("offhook_") {
            named.push(text[at..].split(|char: char| !char.is_ascii_alphanumeric() && char != '_').next().unwrap());
        }
    }
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let family = name.trim_end_matches("_sum").trim_end_matches("_count");
        assert!(all.contains(&format!("# TYPE {family} ")), "no metric is named {name}");
    }
    for family in all.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(guide.contains(&format!("| `{family}` |")), "the guide does not list {family}");
    }
}
