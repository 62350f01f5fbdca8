//! How good the diagnosis is: it is tried on more than 10,000 damaged deliveries whose cause
//! is known, and on the same deliveries undamaged.

use std::fmt::Write as _;

use offhook::diagnose::{Confidence, Diagnosis};
use offhook_tests::crate_root;
use offhook_tests::random::Random;

use super::corpus::{DAMAGES, Damage, Damaged, World};

/// 53 kinds of damage, 200 times each.
const ROUNDS: usize = 200;

#[derive(Default)]
struct Row {
    named_first: usize,
    by_confidence: [usize; 3],
    none: usize,
    other_first: usize,
}

#[test]
fn what_is_certain_is_never_wrong_and_the_table_is_current() {
    let mut table = String::new();
    let mut deliveries = 0;
    for damage in DAMAGES {
        let mut world = World { random: Random::seeded(damage.name, false) };
        let mut row = Row::default();
        for _ in 0..ROUNDS {
            let damaged = (damage.make)(&mut world);
            let diagnosis = damaged.explainer.explain(&damaged.request.request());
            count(&mut row, damage, &diagnosis);
            nothing_secret_is_shown(&damaged, &diagnosis);
            deliveries += 1;
        }
        let Row { named_first, by_confidence: [certain, likely, possible], none, other_first } = row;
        let cause = damage.cause.map_or("none".to_owned(), |cause| format!("`{cause}`"));
        writeln!(
            table,
            "| {} | {cause} | {named_first} | {certain} | {likely} | {possible} | {none} | {other_first} |",
            damage.name
        )
        .unwrap();
    }
    assert!(deliveries >= 10_000, "{deliveries}");
    check_page(&table, deliveries);
}

fn count(row: &mut Row, damage: &Damage, diagnosis: &Diagnosis) {
    let is_refused = diagnosis.refusal().is_some() || damage.cause == Some("content_coding");
    assert!(is_refused, "{}: the delivery is not damaged", damage.name);
    let Some(first) = diagnosis.first() else {
        row.none += 1;
        return;
    };
    for reason in diagnosis.reasons() {
        let wrong = reason.confidence() == Confidence::Certain && Some(reason.name()) != damage.cause;
        assert!(!wrong, "{}: certain and wrong: {diagnosis}", damage.name);
    }
    if Some(first.name()) == damage.cause {
        row.named_first += 1;
        row.by_confidence[first.confidence() as usize] += 1;
    } else {
        row.other_first += 1;
    }
}

/// Neither the secrets nor the tags, nor a part of the body.
fn nothing_secret_is_shown(damaged: &Damaged, diagnosis: &Diagnosis) {
    let shown = format!("{diagnosis} {diagnosis:?}");
    let mut hidden = damaged.secrets.clone();
    for request in [&damaged.request, &damaged.undamaged] {
        let values = request.headers.iter().filter(|(_, value)| value.len() > 30);
        hidden.extend(values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()));
        let parts = request.body.chunks(16).filter(|part| part.len() == 16);
        hidden.extend(parts.map(|part| String::from_utf8_lossy(part).into_owned()));
    }
    for text in &hidden {
        assert!(!shown.contains(text.trim_start_matches("whsec_")), "{text} is shown in {shown}");
    }
    let configuration = format!("{:?}", damaged.explainer);
    for secret in &damaged.secrets {
        assert!(!configuration.contains(secret.trim_start_matches("whsec_")), "{secret} is shown in {configuration}");
    }
}

/// Compares the table in the documentation, or writes it.
fn check_page(table: &str, deliveries: usize) {
    let path = crate_root().join("docs/diagnosis.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let new = format!("{before}{BEGIN}{deliveries} damaged deliveries:\n\n{HEAD}{table}{END}{after}");
    if std::env::var_os("OFFHOOK_WRITE_DIAGNOSIS").is_some() {
        std::fs::write(path, new).unwrap();
    } else {
        assert_eq!(page, new, "docs/diagnosis.md is not current; the command beside its table writes it");
    }
}

const BEGIN: &str = "<!-- the table: begin -->\n";
const END: &str = "<!-- the table: end -->";
const HEAD: &str = "| damage | cause | named first | certain | likely | possible | no known cause | another first |\n\
                    |---|---|---|---|---|---|---|---|\n";

/// An undamaged delivery is accepted, and nothing is found in it.
#[test]
fn undamaged_neighbours_have_no_cause() {
    for damage in DAMAGES {
        let mut world = World { random: Random::seeded(damage.name, true) };
        for _ in 0..ROUNDS {
            let damaged = (damage.make)(&mut world);
            // A receiver whose secret is wrong refuses every delivery.
            if damage.cause.is_some_and(|cause| cause.contains("secret")) {
                continue;
            }
            let diagnosis = damaged.explainer.explain(&damaged.undamaged.request());
            assert!(diagnosis.refusal().is_none(), "{}: {diagnosis}", damage.name);
            assert!(diagnosis.reasons().is_empty(), "{}: {diagnosis}", damage.name);
        }
    }
}

/// With a forged signature nothing can be undone, so only what the refusal itself says is certain.
#[test]
fn nothing_is_certain_about_a_forged_delivery() {
    let said_by_the_refusal = ["content_coding", "header_repeated", "time_format"];
    for damage in DAMAGES {
        let mut world = World { random: Random::seeded(damage.name, false) };
        for _ in 0..20 {
            let damaged = (damage.make)(&mut world);
            let mut request = damaged.request;
            for (name, value) in &mut request.headers {
                let name = name.to_ascii_lowercase();
                if name.ends_with("signature")
                    || ["authorization", "x-api-key", "apikey", "x-auth-token"].contains(&name.as_str())
                {
                    let place = value.len() - 10;
                    value[place] = if value[place] == b'a' { b'b' } else { b'a' };
                }
            }
            let diagnosis = damaged.explainer.explain(&request.request());
            let certain = diagnosis.first().filter(|first| first.confidence() == Confidence::Certain);
            let wrong = certain.filter(|first| !said_by_the_refusal.contains(&first.name()));
            assert!(wrong.is_none(), "{}: {diagnosis}", damage.name);
        }
    }
}

/// Every cause that the crate knows is in the corpus.
#[test]
fn every_cause_is_provoked_and_named_first() {
    let provoked: Vec<_> = DAMAGES.iter().filter_map(|damage| damage.cause).collect();
    for cause in offhook::diagnose::CAUSES {
        // `clock_ahead` stands behind `delayed`, because the request looks the same.
        assert!(cause.name == "clock_ahead" || provoked.contains(&cause.name), "{} is never provoked", cause.name);
    }
}
