//! Static headers that Salpre never sends.

use super::VENDOR;
use crate::hostile::{Answer, Case, Table};
use crate::servers::SALPRE_TOKEN;
use crate::signing::hex;

const INITIATED: &str =
    r#"{"event_type":"call_initiated","timestamp_utc":1760084505,"payload":{"call_id":1,"note":"zebra-marker"}}"#;

pub fn rows() -> Vec<Case> {
    let mut table = Table::new(&VENDOR);
    static_headers(&mut table);
    table.cases
}

fn authorization(table: &mut Table, name: impl Into<String>, value: impl Into<Vec<u8>>, answer: Answer) {
    table.add_at(name, "/salpre", vec![("authorization", value.into())], INITIATED, answer);
}

fn static_headers(table: &mut Table) {
    let taken = Ok("call_initiated");
    let mismatch = Err((401, "token_mismatch"));
    let good = format!("Bearer {SALPRE_TOKEN}");
    authorization(table, "right", good.clone(), taken);
    authorization(table, "spaces around it", format!("\t {good} "), taken);
    table.add_at("missing", "/salpre", vec![], INITIATED, Err((401, "missing_header")));
    authorization(table, "empty", "", Err((401, "empty_header")));
    authorization(table, "blank", "  ", Err((401, "empty_header")));
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
        authorization(table, name, value, mismatch);
    }
    authorization(table, "look-alike letters", good.replace('e', "\u{435}"), Err((401, "header_not_ascii")));
    authorization(table, "100 KiB", "a".repeat(100 << 10), Err((401, "header_too_long")));
    let twice = vec![("authorization", good.clone().into()), ("Authorization", good.clone().into())];
    table.add_at("twice", "/salpre", twice, INITIATED, Err((401, "repeated_header")));
    table.add_at(
        "in a cookie",
        "/salpre",
        vec![("cookie", good.clone().into())],
        INITIATED,
        Err((401, "missing_header")),
    );
    let case = Case::new("in the query", "/salpre", vec![], INITIATED, Err((401, "missing_header")));
    table.cases.push(case.with_query(format!("?authorization={SALPRE_TOKEN}")));

    let key = |value: &str| ("x-api-key", value.as_bytes().to_vec());
    let token = |value: &str| ("x-token", value.as_bytes().to_vec());
    table.add_at("both of two", "/headers/salpre", vec![key("k3y-zebra"), token("t0ken-zebra")], INITIATED, taken);
    table.add_at("in another order", "/headers/salpre", vec![token("t0ken-zebra"), key("k3y-zebra")], INITIATED, taken);
    table.add_at("the old set", "/headers/salpre", vec![key("old-zebra")], INITIATED, taken);
    table.add_at("one of two", "/headers/salpre", vec![key("k3y-zebra")], INITIATED, Err((401, "missing_header")));
    table.add_at("swapped", "/headers/salpre", vec![key("t0ken-zebra"), token("k3y-zebra")], INITIATED, mismatch);
    table.add_at("one wrong", "/headers/salpre", vec![key("k3y-zebra"), token("wrong")], INITIATED, mismatch);
    table.add_at("of the old set only the name", "/headers/salpre", vec![key("wrong")], INITIATED, mismatch);
}
