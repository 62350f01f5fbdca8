//! The tables and their versions. Version 1 is the first one.

use std::time::Duration;

use offhook::idempotency::StoreError;
use offhook::inbox::{Filter, PostgresInbox, SqliteInbox};
use offhook_tests::databases::Folder;

use super::common::{database, delivery};

const VERSIONS: &str = "SELECT version FROM offhook_inbox_schema ORDER BY version";

/// A test for the inbox in each database. `$new` opens one without tables.
macro_rules! schema_tests {
    ($database:ident, $inbox:ty, $new:expr) => {
        mod $database {
            use super::*;

            #[tokio::test]
            async fn migrate_records_each_version_once() {
                let folder = Folder::new();
                let inbox: $inbox = $new(&folder).await;
                let shown = format!("{:?}", inbox.clone().with_timeout(Duration::from_secs(7)));
                assert!(shown.starts_with("Inbox { dialect: ") && shown.contains("timeout: 7s"), "{shown}");
                for _ in 0..2 {
                    inbox.migrate().await.unwrap();
                    let versions: Vec<i64> = sqlx::query_scalar(VERSIONS).fetch_all(inbox.pool()).await.unwrap();
                    assert_eq!(versions, (1..=i64::try_from(<$inbox>::SCHEMA.len()).unwrap()).collect::<Vec<_>>());
                }
            }

            #[tokio::test]
            async fn tables_of_version_1_that_another_tool_has_made_keep_their_rows() {
                let folder = Folder::new();
                let inbox: $inbox = $new(&folder).await;
                for statement in <$inbox>::SCHEMA[0] {
                    sqlx::query(*statement).execute(inbox.pool()).await.unwrap();
                }
                assert_eq!(inbox.accept(&delivery("1")).await.acceptance().code(), "stored");
                inbox.migrate().await.unwrap();
                assert_eq!(inbox.accept(&delivery("1")).await.acceptance().code(), "duplicate");
                assert_eq!(inbox.list(&Filter::new()).await.unwrap().len(), 1);
            }

            #[tokio::test]
            async fn tables_of_a_newer_version_are_refused_and_left_alone() {
                let folder = Folder::new();
                let inbox: $inbox = $new(&folder).await;
                inbox.migrate().await.unwrap();
                assert_eq!(inbox.accept(&delivery("1")).await.acceptance().code(), "stored");
                sqlx::query("INSERT INTO offhook_inbox_schema VALUES (99, 0)").execute(inbox.pool()).await.unwrap();
                let error = inbox.migrate().await.unwrap_err();
                assert!(matches!(error, StoreError::NewerSchema { version: 99, .. }), "{error:?}");
                assert_eq!(error.code(), "newer_schema");
                assert!(error.to_string().starts_with("the tables have version 99, but this version"), "{error}");
                let versions: Vec<i64> = sqlx::query_scalar(VERSIONS).fetch_all(inbox.pool()).await.unwrap();
                assert_eq!(versions.last(), Some(&99));
                assert_eq!(inbox.list(&Filter::new()).await.unwrap().len(), 1);
            }
        }
    };
}

schema_tests!(in_sqlite, SqliteInbox, empty_file);
schema_tests!(in_postgres, PostgresInbox, empty_database);

async fn empty_file(folder: &Folder) -> SqliteInbox {
    SqliteInbox::open(folder.path().join("empty.db")).await.unwrap()
}

async fn empty_database(_: &Folder) -> PostgresInbox {
    PostgresInbox::connect(&database()).await.unwrap()
}
