//! What the example prints at each step, and how it ends.

use super::server::{Event, Line, Server, until};
use offhook_tests::databases::{Folder, PgServer};

fn sqlite(folder: &Folder) -> String {
    format!("sqlite:{}", folder.path().join("inbox.db").display())
}

/// The lines of one event. The worker may be faster than the line that says `accepted`, so
/// those of the door come first here.
fn of_event(lines: &[Line], event: &Event) -> Vec<(String, u64)> {
    let (door, handler): (Vec<_>, Vec<_>) =
        lines.iter().filter(|line| line.key == event.key).partition(|line| line.attempt == 0 && line.what != "dead");
    door.into_iter().chain(handler).map(|line| (line.what.clone(), line.attempt)).collect()
}

fn expected(steps: &[(&str, u64)]) -> Vec<(String, u64)> {
    steps.iter().map(|(what, attempt)| ((*what).to_owned(), *attempt)).collect()
}

fn count(server: &Server, what: &str) -> usize {
    server.lines().iter().filter(|line| line.what == what).count()
}

fn each_step_is_a_line(store: &str) {
    for (mode, numbers) in [("handle", 0..3), ("transact", 3..6)] {
        let server = Server::start(store, 0, &[("OFFHOOK_MODE", mode), ("OFFHOOK_FAIL_FIRST", "1")]);
        let events: Vec<_> = numbers.map(Event::numbered).collect();
        for event in events.iter().chain(&events) {
            assert_eq!(event.deliver(server.address), Ok(true), "{}", event.key);
        }
        until("every event is done", || count(&server, "done") >= events.len());
        let (status, lines) = server.end("INT");
        assert!(status.success(), "{status}");
        for event in &events {
            let steps = [
                ("accepted", 0),
                ("duplicate", 0),
                ("started", 1),
                ("failed", 1),
                ("started", 2),
                ("effect", 2),
                ("done", 2),
            ];
            assert_eq!(of_event(&lines, event), expected(&steps), "{mode}: {lines:?}");
        }
    }
}

#[test]
fn each_step_is_a_line_with_sqlite() {
    let folder = Folder::new();
    each_step_is_a_line(&sqlite(&folder));
}

#[test]
fn each_step_is_a_line_with_postgres() {
    each_step_is_a_line(&PgServer::start(&["fsync=off"]).new_database());
}

#[test]
fn an_event_that_fails_every_time_is_dead() {
    let folder = Folder::new();
    let server = Server::start(&sqlite(&folder), 0, &[("OFFHOOK_FAIL_FIRST", "2"), ("OFFHOOK_ATTEMPTS", "2")]);
    let event = Event::numbered(0);
    assert_eq!(event.deliver(server.address), Ok(true));
    until("the event is dead", || count(&server, "dead") > 0);
    let (_, lines) = server.end("INT");
    let steps = [("accepted", 0), ("started", 1), ("failed", 1), ("started", 2), ("failed", 2), ("dead", 0)];
    assert_eq!(of_event(&lines, &event), expected(&steps));
}

#[test]
fn at_ctrl_c_what_runs_is_finished_and_what_waits_stays_for_the_next_process() {
    let folder = Folder::new();
    let store = sqlite(&folder);
    let slow = [("OFFHOOK_WORK_MS", "1000")];
    let server = Server::start(&store, 0, &slow);
    // The worker handles six at a time.
    let events: Vec<_> = (0..10).map(Event::numbered).collect();
    for event in &events {
        assert_eq!(event.deliver(server.address), Ok(true));
    }
    until("six events run", || count(&server, "started") >= 6);
    let (status, lines) = server.end("INT");
    assert!(status.success(), "{status}");
    let of = |lines: &[Line], what: &str| lines.iter().filter(|line| line.what == what).count();
    let first = of(&lines, "done");
    assert_eq!(of(&lines, "started"), first, "{lines:?}");
    assert!((6..10).contains(&first), "{lines:?}");

    let server = Server::start(&store, 0, &slow);
    until("the others are done", || count(&server, "done") >= events.len() - first);
    let (_, lines) = server.end("INT");
    // Nobody had begun with them, so this is their first attempt.
    assert!(lines.iter().all(|line| line.attempt == 1), "{lines:?}");
    assert_eq!(of(&lines, "done"), events.len() - first, "{lines:?}");
}
