//! Workers in processes of their own: they share the work, and one that dies loses none.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use offhook::inbox::{Dialect, Filter, Inbox, PostgresInbox, SqliteInbox, State, Work};
use offhook_tests::databases::Folder;

use super::common::{Event, Notes, body, database, delivery, receive, sqlite, talkifai, until};

const STORE: &str = "OFFHOOK_WORKER_STORE";
const CALLS: usize = 500;
const EVENTS_OF_A_CALL: usize = 20;
const LEASE: Duration = Duration::from_secs(1);

/// A process of this test binary. It is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(test: &str, store: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture"]).env(STORE, store).stdout(Stdio::null());
        Process(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now() -> i64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    time.as_micros().try_into().unwrap()
}

/// Notes in a table when each event began and ended, and in which process.
#[tokio::test]
async fn process_that_works() {
    let Ok(store) = std::env::var(STORE) else { return };
    let inbox = PostgresInbox::connect(&store).await.unwrap();
    let process = i64::from(std::process::id());
    let handler = async |work: &Work<Event>| {
        let begun = now();
        tokio::task::yield_now().await;
        let insert = sqlx::query("INSERT INTO runs (call, event, process, begun, ended) VALUES ($1, $2, $3, $4, $5)");
        let insert = insert.bind(work.call_id()).bind(work.envelope().id.as_deref()).bind(process);
        insert.bind(begun).bind(now()).execute(inbox.pool()).await?;
        Ok(())
    };
    inbox.worker().vendor(talkifai(), handler).run(std::future::pending()).await;
}

/// The events of one call, in the order in which they are accepted and in which they are to
/// run: those of the earlier stage come first.
fn events_of(call: usize) -> (Vec<String>, Vec<String>) {
    let (mut accepted, mut started, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..EVENTS_OF_A_CALL {
        let (name, list) = if number % 3 == 0 { ("ended", &mut ended) } else { ("started", &mut started) };
        let id = format!("{call}:{number}");
        accepted.push(body(&id, &format!("call.{name}"), &format!("call_{call}")));
        list.push(id);
    }
    started.append(&mut ended);
    (accepted, started)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_handle_each_of_10_000_events_once_and_in_the_order_of_its_call() {
    let store = database();
    let inbox = PostgresInbox::connect(&store).await.unwrap();
    inbox.migrate().await.unwrap();
    let start = Instant::now();
    let create = "CREATE TABLE runs (call text, event text, process bigint, begun bigint, ended bigint)";
    sqlx::query(create).execute(inbox.pool()).await.unwrap();
    let calls: Vec<_> = (0..CALLS)
        .map(|call| {
            let inbox = inbox.clone();
            tokio::spawn(async move {
                let (accepted, expected) = events_of(call);
                for body in accepted {
                    assert_eq!(inbox.accept(&receive(body)).await.acceptance().code(), "stored");
                }
                (format!("call_{call}"), expected)
            })
        })
        .collect();
    let mut expected = BTreeMap::new();
    for call in calls {
        let (call, events) = call.await.unwrap();
        expected.insert(call, events);
    }

    let accepted = start.elapsed();
    let test = "inbox::processes::process_that_works";
    let processes = [Process::start(test, &store), Process::start(test, &store)];
    let mut waited = 0;
    while inbox.stats().await.unwrap().backlog() > 0 {
        waited += 1;
        assert!(waited < 1_200, "{:?}", inbox.stats().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(processes);

    let query = "SELECT call, event, process, begun, ended FROM runs ORDER BY call, begun";
    let rows: Vec<(String, String, i64, i64, i64)> = sqlx::query_as(query).fetch_all(inbox.pool()).await.unwrap();
    assert_eq!(rows.len(), CALLS * EVENTS_OF_A_CALL);
    let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut runs: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in rows.windows(2) {
        let [(call, event, .., ended), (next_call, next, _, begun, _)] = pair else { unreachable!() };
        assert!(call != next_call || ended <= begun, "{event} and {next} overlap");
    }
    for (call, event, process, ..) in rows {
        order.entry(call).or_default().push(event);
        *runs.entry(process).or_default() += 1;
    }
    assert_eq!(order, expected);
    println!("accepted after {accepted:.1?}, done after {:.1?}, by process {runs:?}", start.elapsed());
    assert_eq!(runs.len(), 2);
}

/// Claims as many events as it can, and never ends with any.
#[tokio::test]
async fn process_that_hangs() {
    async fn hang<D: Dialect>(inbox: Inbox<D>) {
        let worker = inbox.worker().with_concurrency(100).with_lease(LEASE);
        worker
            .vendor(talkifai(), async |_: &Work<Event>| std::future::pending().await)
            .run(std::future::pending())
            .await;
    }
    let Ok(store) = std::env::var(STORE) else { return };
    if store.starts_with("postgres") {
        hang(PostgresInbox::connect(&store).await.unwrap()).await;
    } else {
        hang(SqliteInbox::open(&store).await.unwrap()).await;
    }
}

async fn a_killed_process_loses_none_of_100_events<D: Dialect>(inbox: Inbox<D>, store: &str) {
    for id in 0..100 {
        assert_eq!(inbox.accept(&delivery(&id.to_string())).await.reply().status(), 200);
    }
    let process = Process::start("inbox::processes::process_that_hangs", store);
    let running = async || inbox.list(&Filter::new().state(State::Running)).await.unwrap().len();
    until(async || running().await == 100).await;
    drop(process);
    assert_eq!(running().await, 100);
    let notes = Notes::default();
    let handler = async |work: &Work<Event>| {
        notes.add(format!("{} {}", work.key(), work.attempt()));
        Ok(())
    };
    let worker = inbox.worker().with_lease(LEASE).vendor(talkifai(), handler);
    worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    let (mut notes, mut expected) = (notes.all(), Vec::new());
    // The attempts that were killed count.
    expected.extend((0..100).map(|id| format!("talkifai::call.started:{id} 2")));
    notes.sort();
    expected.sort();
    assert_eq!(notes, expected);
    let dead = inbox.list(&Filter::new().state(State::Dead)).await.unwrap();
    assert_eq!(dead, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_none_of_100_events_in_sqlite() {
    let folder = Folder::new();
    let store = folder.path().join("inbox.db");
    a_killed_process_loses_none_of_100_events(sqlite(&folder).await, store.to_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_none_of_100_events_in_postgres() {
    let store = database();
    let inbox = PostgresInbox::connect(&store).await.unwrap();
    inbox.migrate().await.unwrap();
    a_killed_process_loses_none_of_100_events(inbox, &store).await;
}
