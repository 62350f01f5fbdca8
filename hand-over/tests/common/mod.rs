//! Signed deliveries over HTTP, and what became of them.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use hand_over::client::sized;
use offhook::inbox::Stored;
use offhook::testing::Signer;
use offhook::{Clock, SystemClock, Truedy, Verifier};
use sqlx::PgPool;

pub const SECRET: &str = "whsec_hand_over";
pub const EVENTS_OF_A_CALL: usize = 6;

/// Two events of a call have one key and different payloads: they are different events.
pub fn body(call: usize, number: usize) -> String {
    let id = if number == 3 { 2 } else { number };
    format!(
        r#"{{"event":"call.ended","timestamp":"2026-01-15T10:30:00Z","data":{{"id":"evt_{call}_{id}","number":{number},"call":{{"callId":"call_{call}"}}}}}}"#
    )
}

pub fn truedy() -> Truedy {
    Truedy::new(SECRET).unwrap()
}

fn signed(body: &str) -> Vec<(&'static str, String)> {
    Signer::of(&truedy()).sign(SystemClock.now(), body)
}

/// Delivers a body, and returns whether it was acknowledged.
pub fn deliver(port: u16, body: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let signed = signed(body);
    let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let mut answer = String::new();
    // A killed receiver resets the connection.
    let _ = stream.write_all(&sized("/webhooks/truedy", &headers, body.as_bytes()));
    let _ = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 2")
}

pub async fn keys(pool: &PgPool, statement: &'static str) -> Vec<String> {
    sqlx::query_scalar(statement).fetch_all(pool).await.unwrap()
}

/// Waits until there are as many effects as events, for at most 60 s.
pub async fn wait_for_effects(pool: &PgPool, events: usize) {
    for _ in 0..600 {
        if keys(pool, EFFECTS).await.len() >= events {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub const EFFECTS: &str = "SELECT key FROM effects";
pub const RUNS: &str = "SELECT key FROM runs ORDER BY id";

/// An event that was interrupted runs again. Apart from that, the events of a call run in the
/// order in which they were sent.
pub fn assert_in_order(runs: &[String], calls: usize) {
    let sent: BTreeMap<String, (usize, usize)> = (0..calls)
        .flat_map(|call| (0..EVENTS_OF_A_CALL).map(move |number| (call, number)))
        .map(|(call, number)| {
            let body = body(call, number);
            let delivery = truedy().receive(&signed(&body), body).unwrap();
            (Stored::of(&delivery).job_key().unwrap().to_string(), (call, number))
        })
        .collect();
    assert_eq!(sent.len(), calls * EVENTS_OF_A_CALL);
    let mut runs_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for run in runs {
        let (call, number) = sent[run];
        runs_of.entry(call).or_default().push(number);
    }
    for (call, mut numbers) in runs_of {
        assert!(numbers.is_sorted(), "call {call}: {numbers:?}");
        numbers.dedup();
        assert_eq!(numbers.len(), EVENTS_OF_A_CALL, "call {call}: {numbers:?}");
    }
}
