//! The example servers, run with each store that OFFHOOK_STORE can name.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use offhook::{Clock as _, SystemClock};

use super::common::{SECRET, body, sign};
use super::http::send;
use offhook_tests::databases::{Folder, PgServer, RedisServer, free_port};
use offhook_tests::examples::build;

const EXAMPLES: [&str; 2] = ["axum", "actix"];

fn start(example: &str, store: Option<&str>) -> Child {
    let mut command = Command::new(build(example));
    command.env_remove("OFFHOOK_STORE").envs(store.map(|store| ("OFFHOOK_STORE", store)));
    command.env_remove("TRUEDY_WEBHOOK_SECRET").env_remove("SALPRE_WEBHOOK_TOKEN");
    command.envs([("TALKIFAI_WEBHOOK_SECRET", SECRET), ("PORT", "0")]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends signed deliveries one after the other, and returns what the lines say.
fn lines(example: &str, store: Option<&str>, ids: &[&str]) -> Vec<String> {
    let mut server = start(example, store);
    let mut notes = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
    let url = notes.find_map(|line| Some(line.strip_prefix("listening on http://")?.to_owned())).expect("it listens");
    let address: SocketAddr = url.parse().unwrap();
    for id in ids {
        // By the clock of the example, which is the system's, the event would be stale.
        let body = body(id).replace("2026-01-15T10:30:00Z", &SystemClock.now().to_rfc3339());
        let mut signed = sign(&body);
        signed.push(("content-type", "application/json".to_owned()));
        assert_eq!(send(address, "/webhooks/talkifai", &signed, &body).0, 200);
    }
    server.kill().unwrap();
    let output = server.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        format!("{} {}", line["dedupe_key"].as_str().unwrap(), line["delivery"].as_str().unwrap())
    };
    stdout.lines().map(line).collect()
}

#[test]
fn each_event_is_fresh_once_with_every_store() {
    let (postgres, redis, folder) = (PgServer::start(&[]), RedisServer::start(&[]), Folder::new());
    let sqlite = format!("sqlite:{}", folder.path().join("offhook.db").display());
    let (postgres_url, redis_url) = (postgres.url(), redis.url());
    for store in [None, Some("memory"), Some(sqlite.as_str()), Some(postgres_url.as_str()), Some(redis_url.as_str())] {
        let durable = !matches!(store, None | Some("memory"));
        for (at, example) in EXAMPLES.into_iter().enumerate() {
            let printed = lines(example, store, &["1", example, example, "1"]);
            // The second server finds the records of the first one, except with the memory store.
            let one = if durable && at > 0 { "duplicate" } else { "fresh" };
            let expected = [
                format!("call.started:1 {one}"),
                format!("call.started:{example} fresh"),
                format!("call.started:{example} duplicate"),
                "call.started:1 duplicate".to_owned(),
            ];
            assert_eq!(printed, expected, "{example} with {store:?}");
        }
    }
}

#[test]
fn an_invalid_or_unreachable_store_stops_the_server_with_a_message() {
    let port = free_port();
    let unreachable = format!("127.0.0.1:{port}/0");
    for (store, message) in [
        ("", "OFFHOOK_STORE must be memory, sqlite:FILE, postgres://… or redis://…"),
        ("mysql://u:hunter2@localhost/", "OFFHOOK_STORE must be memory, "),
        ("memory:hunter2", "OFFHOOK_STORE must be memory, "),
        ("sqlite:", "OFFHOOK_STORE must be memory, "),
        ("sqlite:/nonexistent/hunter2", "unable to open database file"),
        (&format!("postgres://u:hunter2@{unreachable}"), "Connection refused"),
        (&format!("redis://u:hunter2@{unreachable}"), "Connection refused"),
        ("postgres://u:hunter2@localhost:port/", "the store is unavailable"),
    ] {
        for example in EXAMPLES {
            let mut server = start(example, Some(store));
            let mut stderr = String::new();
            server.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            assert_eq!(server.wait().unwrap().code(), Some(1), "{example} with {store}");
            assert!(stderr.contains("OFFHOOK_STORE") && stderr.contains(message), "{example} with {store}: {stderr}");
            assert!(!stderr.contains("hunter2") && !stderr.contains("listening"), "{example} with {store}: {stderr}");
        }
    }
}
