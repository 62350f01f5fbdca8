//! Runs the table of hostile deliveries through the core, axum and actix-web, and
//! reads every log line of it. A binary of its own, since it counts those lines.

mod cases;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::cases::{MARKER, cases};
use offhook::{Event, Verifier};
use offhook_tests::client::{exchange, sized};

use offhook_tests::servers::{
    SALPRE_TOKEN, TALKIFAI_SECRET, TRUEDY_OLD_SECRET, TRUEDY_SECRET, aged_talkifai, both, early_truedy, headers_salpre,
    rotated_truedy, salpre, talkifai, truedy,
};

#[test]
fn the_core_and_both_frameworks_give_the_same_answers() {
    let lines = Lines::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).init();
    let servers = both();
    let cases = cases();
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    eprintln!("{} cases of {} names, three ways each", cases.len(), names.len());
    assert!(cases.len() > 500, "{} cases", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let headers: Vec<_> = case.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let expected = case.answer.map(str::to_owned).map_err(|(status, code)| (status, code.to_owned()));
        let answer = core(case.path, &headers, &case.body);
        if answer != expected {
            failures.push(format!("core: {}: {answer:?} instead of {expected:?}", case.name));
        }
        let taken = if case.path.ends_with("truedy") { 204 } else { 200 };
        for server in &servers {
            let request = sized(&format!("{}{}", case.path, case.query), &headers, &case.body);
            let answer = exchange(server.address, &request);
            let status = expected.as_ref().map_or_else(|(status, _)| *status, |_| taken);
            let log = server.log.take();
            let logged = vec![expected.clone().map_err(|(_, code)| code)];
            if (answer.status, &answer.body[..]) != (status, b"") || log != logged {
                failures.push(format!(
                    "{}: {}: {answer:?} and {log:?} instead of {status}, nothing and {logged:?}",
                    server.name, case.name
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));

    let lines = lines.take();
    let ours = lines.lines().filter(|line| line.contains(" offhook: ")).count();
    assert_eq!(ours, cases.len() * 3, "one event per delivery");
    let mut secrets: BTreeSet<String> = [
        MARKER,
        SALPRE_TOKEN,
        TALKIFAI_SECRET,
        TRUEDY_OLD_SECRET,
        TRUEDY_SECRET,
        "k3y-zebra",
        "t0ken-zebra",
        "old-zebra",
    ]
    .map(str::to_owned)
    .into();
    for (_, value) in cases.iter().flat_map(|case| &case.headers) {
        // Shorter ones are timestamps and words.
        if value.len() >= 30 && value.is_ascii() {
            secrets.insert(String::from_utf8(value.clone()).unwrap());
        }
    }
    for line in lines.lines() {
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "{secret} in the log line {line}");
        }
    }
    assert!(
        lines.contains(r#"vendor="truedy" endpoint="" code="accepted" event="call.started" secret_index=0 age_s="#),
        "{lines}"
    );
    assert!(lines.contains("secret_index=1"));
    assert!(lines.contains(r#"vendor="talkifai" endpoint="" code="malformed_signature""#));
}

/// The answer of the core, called directly, on the same route.
fn core(path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Result<String, (u16, String)> {
    fn receive<V: Verifier>(verifier: &V, headers: &[(&str, &[u8])], body: &[u8]) -> Result<String, (u16, String)> {
        match verifier.receive(&headers, body.to_vec()) {
            Ok(delivery) => Ok(delivery.event().name().to_owned()),
            Err(error) => Err((error.status(), error.code().to_owned())),
        }
    }
    match path {
        "/truedy" => receive(&truedy(), headers, body),
        "/rotated/truedy" => receive(&rotated_truedy(), headers, body),
        "/early/truedy" => receive(&early_truedy(), headers, body),
        "/talkifai" => receive(&talkifai(), headers, body),
        "/aged/talkifai" => receive(&aged_talkifai(), headers, body),
        "/salpre" => receive(&salpre(), headers, body),
        "/headers/salpre" => receive(&headers_salpre(), headers, body),
        other => panic!("no such route: {other}"),
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
