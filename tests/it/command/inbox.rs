use offhook::idempotency::HandlerError;
use offhook::inbox::{Dialect, Inbox, Work};
use offhook_tests::databases::Folder;
use serde_json::Value;

use super::{Run, command, json, run};
use crate::inbox::common::{Event, body, database, delivery, receive, sqlite, talkifai, until};

/// Runs `offhook inbox` with this store.
fn inbox(store: &str, arguments: &[&str]) -> Run {
    let mut command = command(&[&["inbox"], arguments].concat());
    command.env("OFFHOOK_STORE", store);
    run(command, b"")
}

fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Fills an inbox: one event is done, one is dead and one waits.
async fn fill<D: Dialect>(inbox: &Inbox<D>) {
    for id in ["done", "dead"] {
        assert_eq!(inbox.accept(&delivery(id)).await.acceptance().code(), "stored");
    }
    let handler = async |work: &Work<Event>| match work.call_id() {
        Some("call_done") => Ok(()),
        _ => Err::<(), HandlerError>("the \x1b[31mapp is away".into()),
    };
    let worker = inbox.worker().with_attempts(1).vendor(talkifai(), handler);
    let settled = until(async || {
        let stats = inbox.stats().await.unwrap();
        (stats.backlog(), stats.dead()) == (0, 1)
    });
    worker.run(settled).await;
    assert_eq!(inbox.accept(&receive(body("late", "call.ended", "call_late"))).await.acceptance().code(), "stored");
}

/// Tries every action. All arguments are the same for both databases.
fn operate(store: &str) {
    let stats = json(&inbox(store, &["stats", "--json"]));
    assert_eq!((&stats["vendor"], &stats["waiting"], &stats["dead"]), (&"talkifai".into(), &1.into(), &1.into()));
    let shown = inbox(store, &["stats"]);
    assert!(shown.code == 0 && shown.stdout.lines().count() == 2, "{shown:?}");

    let listed = lines(&inbox(store, &["list", "--json"]));
    let states: Vec<_> = listed.iter().map(|entry| entry["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "dead", "waiting"]);
    for (arguments, count) in [
        (&["--state", "dead"][..], 1),
        (&["--vendor", "talkifai", "--limit", "2"], 2),
        (&["--event", "call.ended"], 1),
        (&["--call", "call_done", "--from", "2020-01-01T00:00:00Z"], 1),
        (&["--before", "0"], 0),
        (&["--endpoint", "other"], 0),
    ] {
        assert_eq!(lines(&inbox(store, &[&["list", "--json"], arguments].concat())).len(), count, "{arguments:?}");
    }
    let (dead, waiting) = (listed[1]["id"].to_string(), listed[2]["id"].to_string());

    let shown = inbox(store, &["show", &dead]);
    assert!(shown.stdout.contains("\nerror     the \\u{1b}[31mapp is away\n"), "{shown:?}");
    assert!(shown.stdout.ends_with(&format!("\n\n{}\n", body("dead", "call.started", "call_dead"))), "{shown:?}");
    let shown = json(&inbox(store, &["show", &waiting, "--json"]));
    assert_eq!(shown["body"].as_str().unwrap(), body("late", "call.ended", "call_late"));
    let missing = inbox(store, &["show", "999"]);
    assert_eq!((missing.code, missing.stderr.as_str()), (1, "error: the inbox has no event 999\n"));

    let retried = inbox(store, &["retry", &dead, "999"]);
    assert_eq!((retried.code, retried.stdout), (1, format!("{dead}: runs now\n999: is neither dead nor waiting\n")));
    assert_eq!(inbox(store, &["retry-all", "--state", "dead"]).stdout, "events that run now: 0\n");
    let refused = inbox(store, &["replay"]);
    assert!(refused.code == 2 && refused.stderr.contains("say --all"), "{refused:?}");
    assert_eq!(inbox(store, &["replay", "--all"]).stdout, "events that are handled again: 1\n");
    let too_short = inbox(store, &["prune", "--done-days", "0"]);
    assert!(too_short.code == 2 && too_short.stderr.contains("--done-days: "), "{too_short:?}");
    assert_eq!(inbox(store, &["prune"]).stdout, "deleted: 0 done, 0 dead\n");
    assert_eq!(json(&inbox(store, &["erase", "call_late", "--json"]))["events"], 1);
    assert_eq!(lines(&inbox(store, &["list", "--json"])).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_and_changes_an_inbox_in_sqlite() {
    let folder = Folder::new();
    fill(&sqlite(&folder).await).await;
    operate(&format!("sqlite:{}", folder.path().join("inbox.db").display()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_and_changes_an_inbox_in_postgresql() {
    let address = database();
    let inbox = offhook::inbox::PostgresInbox::connect(&address).await.unwrap();
    inbox.migrate().await.unwrap();
    fill(&inbox).await;
    operate(&address);
}

#[test]
fn a_store_that_cannot_be_used_is_not_repeated() {
    let folder = Folder::new();
    let missing = folder.path().join("missing.db");
    for (store, code) in [
        ("", 2),
        ("redis://user:S3cretMarker@127.0.0.1:1/", 2),
        ("postgres://user:S3cretMarker@127.0.0.1:1/x", 1),
        (&format!("sqlite:{}", missing.display()), 2),
    ] {
        let refused = inbox(store, &["stats"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{refused:?}");
        assert!(refused.stderr.starts_with("error: ") && !refused.stderr.contains("S3cret"), "{refused:?}");
    }
    assert!(!missing.exists());
    let help = inbox("postgres://user:S3cretMarker@127.0.0.1:1/x", &["--help"]);
    assert!(help.code == 0 && !help.stdout.contains("S3cret"), "{help:?}");
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let unmigrated = inbox(&format!("sqlite:{}", empty.display()), &["stats"]);
    assert!(unmigrated.code == 1 && unmigrated.stderr.contains("migrate"), "{unmigrated:?}");
}
