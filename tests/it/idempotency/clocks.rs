//! Stores on hosts whose clock is an hour off, or is changed while a process runs.
//!
//! Each test starts itself again as such a process, under libfaketime.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offhook::idempotency::{
    Claim, Key, Lease, MemoryStore, PostgresStore, RedisStore, SqliteStore, Store, StoreSettings,
};

use super::common::digest;
use offhook_tests::databases::{CLOCK_FILE, Folder, HINT, PgServer, RedisServer, wrong_clock};

const LEASE: Duration = Duration::from_secs(60);
const BRIEF: Duration = Duration::from_millis(200);
const HOUR: u64 = 3_600;

/// The variable with the address of the store. It is set only in the process with the wrong clock.
const STORE: &str = "OFFHOOK_CLOCK_STORE";

async fn open(address: &str, lease: Duration) -> Arc<dyn Store> {
    let settings = StoreSettings::new().with_lease(lease).unwrap();
    match address.split(':').next().unwrap() {
        "redis" => Arc::new(RedisStore::connect(address).await.unwrap().with_settings(settings)),
        "postgres" => Arc::new(PostgresStore::connect(address).await.unwrap().with_settings(settings)),
        _ => Arc::new(SqliteStore::open(address).await.unwrap().with_settings(settings)),
    }
}

fn key(name: &str) -> Key {
    Key::new("clock", "", name)
}

async fn fresh(store: &dyn Store, name: &str) -> Lease {
    match store.claim(&key(name), &digest()).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{name}: {other:?}"),
    }
}

async fn held(store: &dyn Store, name: &str) {
    match store.claim(&key(name), &digest()).await.unwrap() {
        Claim::InFlight { retry_after } if retry_after > LEASE / 2 && retry_after <= LEASE => {}
        other => panic!("{name}: {other:?}"),
    }
}

async fn done(store: &dyn Store, name: &str) {
    assert_eq!(store.claim(&key(name), &digest()).await.unwrap(), Claim::Done, "{name}");
}

/// Leaves one key claimed, one completed, and one whose lease has ended. Returns the ended lease.
async fn leave(address: &str, side: &str) -> Lease {
    let store = open(address, LEASE).await;
    fresh(&*store, &format!("held {side}")).await;
    store.complete(&fresh(&*store, &format!("done {side}")).await).await.unwrap();
    let ended = fresh(&*open(address, BRIEF).await, &format!("ended {side}")).await;
    tokio::time::sleep(BRIEF * 2).await;
    ended
}

/// Asserts that the keys are in the state in which `leave` left them.
async fn find(address: &str, side: &str) {
    let store = open(address, LEASE).await;
    held(&*store, &format!("held {side}")).await;
    done(&*store, &format!("done {side}")).await;
    fresh(&*store, &format!("ended {side}")).await;
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Runs the test again in a process whose clock is off by `offset` seconds.
async fn under(offset: &str, test: &str, address: &str) {
    let (test, address, offset) = (test.to_owned(), address.to_owned(), offset.to_owned());
    let run = move || {
        let folder = Folder::new();
        let clock = folder.path().join("clock");
        std::fs::write(&clock, &offset).unwrap();
        let before = now();
        let output = Command::new(std::env::current_exe().unwrap())
            .args([&test, "--exact", "--nocapture"])
            .env(STORE, &address)
            .envs(wrong_clock(&clock))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{address}, {offset}: {printed}{errors}");
        let theirs: u64 = printed
            .lines()
            .find_map(|line| line.strip_prefix("now ")?.parse().ok())
            .expect("the test printed its time");
        let off = i64::try_from(theirs).unwrap() - i64::try_from(before).unwrap();
        assert!((off - offset.parse::<i64>().unwrap()).abs() < 60, "off by {off}; or libfaketime {HINT}");
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_whose_clocks_differ_by_an_hour_agree() {
    if let Ok(address) = std::env::var(STORE) {
        println!("\nnow {}", now());
        find(&address, "right").await;
        leave(&address, "wrong").await;
        return;
    }
    let (postgres, redis) = (PgServer::start(&[]), RedisServer::start(&[]));
    for offset in ["+3600", "-3600"] {
        let database = postgres.new_database();
        PostgresStore::connect(&database).await.unwrap().migrate().await.unwrap();
        redis.cli(&["FLUSHALL"]);
        for address in [database, redis.url()] {
            let ended = leave(&address, "right").await;
            under(offset, "idempotency::clocks::hosts_whose_clocks_differ_by_an_hour_agree", &address).await;
            find(&address, "wrong").await;
            // The host with the wrong clock has claimed the key in the meantime.
            let late = open(&address, LEASE).await.complete(&ended).await;
            assert_eq!(late.unwrap_err().code(), "lease_lost", "{address}");
        }
    }
}

/// Changes the clock of this process.
fn set_clock(offset: &str) {
    let before = now();
    std::fs::write(std::env::var(CLOCK_FILE).unwrap(), offset).unwrap();
    assert!(now().abs_diff(before) > HOUR - 60, "the clock did not move");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_change_in_a_running_process_has_no_effect() {
    if let Ok(address) = std::env::var(STORE) {
        println!("\nnow {}", now());
        let settings = StoreSettings::new();
        let (long, short): (Arc<dyn Store>, Arc<dyn Store>) = if address == "memory" {
            (
                Arc::new(MemoryStore::new()),
                Arc::new(MemoryStore::new().with_settings(settings.with_lease(BRIEF).unwrap())),
            )
        } else {
            (open(&address, LEASE).await, open(&address, BRIEF).await)
        };
        for offset in ["+3600", "+0", "-3600"] {
            let name = |what: &str| format!("{what} {offset}");
            let lease = fresh(&*long, &name("held")).await;
            long.complete(&fresh(&*long, &name("done")).await).await.unwrap();
            fresh(&*short, &name("ended")).await;
            set_clock(offset);
            held(&*long, &name("held")).await;
            done(&*long, &name("done")).await;
            long.extend(&lease).await.unwrap();
            held(&*long, &name("held")).await;
            long.complete(&lease).await.unwrap();
            done(&*long, &name("held")).await;
            tokio::time::sleep(BRIEF * 2).await;
            fresh(&*short, &name("ended")).await;
        }
        return;
    }
    let (postgres, redis, folder) = (PgServer::start(&[]), RedisServer::start(&[]), Folder::new());
    PostgresStore::connect(&postgres.url()).await.unwrap().migrate().await.unwrap();
    let file = folder.path().join("offhook.db").to_str().unwrap().to_owned();
    SqliteStore::open(&file).await.unwrap().migrate().await.unwrap();
    for address in ["memory".to_owned(), file, postgres.url(), redis.url()] {
        under("+0", "idempotency::clocks::a_clock_change_in_a_running_process_has_no_effect", &address).await;
    }
}
