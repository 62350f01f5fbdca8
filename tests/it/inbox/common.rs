//! An inbox in each database, deliveries, and a worker that runs until a condition holds.

use std::sync::Mutex;
use std::time::Duration;

use offhook::inbox::{PostgresInbox, SqliteInbox};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, FixedClock, SystemClock, TalkifAi, Verifier, talkifai};
use offhook_tests::databases::{Folder, PgServer};

pub type Event = talkifai::Event;

pub const SECRET: &str = "talkifai_inbox_test_secret";

/// When the events of these tests happen, in seconds since 1970, by the clock of their verifier.
pub const NOW: i64 = 1_768_473_000;

pub fn talkifai() -> TalkifAi {
    TalkifAi::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW))
}

pub fn body(id: &str, name: &str, call: &str) -> String {
    format!(r#"{{"id":"{id}","type":"{name}","created":"2026-01-15T10:30:00Z","data":{{"callId":"{call}"}}}}"#)
}

pub fn receive(body: String) -> Delivery<Event> {
    receive_by(&talkifai(), body)
}

/// An event of a call of its own, at this verifier's endpoint.
pub fn receive_for(verifier: &TalkifAi, id: &str) -> Delivery<Event> {
    receive_by(verifier, body(id, "call.started", &format!("call_{id}")))
}

pub fn receive_by(verifier: &TalkifAi, body: String) -> Delivery<Event> {
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), &body);
    verifier.receive(&headers, body).unwrap()
}

/// An event of a call of its own.
pub fn delivery(id: &str) -> Delivery<Event> {
    receive_for(&talkifai(), id)
}

pub async fn sqlite(folder: &Folder) -> SqliteInbox {
    let inbox = SqliteInbox::open(folder.path().join("inbox.db")).await.unwrap();
    inbox.migrate().await.unwrap();
    inbox.migrate().await.unwrap();
    inbox
}

pub async fn postgres() -> PostgresInbox {
    let inbox = PostgresInbox::connect(&database()).await.unwrap();
    let (one, two) = tokio::join!(inbox.migrate(), inbox.migrate());
    one.unwrap();
    two.unwrap();
    inbox
}

/// An empty database on a server that stops with the test's thread.
pub fn database() -> String {
    thread_local! {
        static SERVER: PgServer = PgServer::start(&["fsync=off"]);
    }
    SERVER.with(PgServer::new_database)
}

/// Waits until the condition holds, for at most 20 s.
pub async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within 20 s");
}

/// What handlers note.
#[derive(Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Runs a test on both databases.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let folder = offhook_tests::databases::Folder::new();
                super::$test($crate::inbox::common::sqlite(&folder).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::inbox::common::postgres().await).await;
            })*
        }
    };
}
