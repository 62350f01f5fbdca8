//! The conformance suite finds every faulty store. Each store in this file breaks one rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offhook::idempotency::{BoxFuture, Claim, Key, Lease, LeaseToken, MemoryStore, PayloadDigest, Store, StoreError};

use super::common::{LEASE, memory, suite};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    AlwaysFresh,
    ChecksThenSets,
    NeverCompletes,
    CompletesWithAnError,
    CompletesForStrangers,
    NeverReleases,
    ReleasesCompleted,
    IgnoresTheToken,
    IgnoresTheBody,
    ConflictsForever,
    FoldsCase,
    TrimsKeys,
    NeverExtends,
    LosesCompleted,
    SameToken,
    LeasesForLonger,
    LeasesAnotherKey,
    LetsAllIn,
    WaitsTooLong,
    RefusesLateCompletion,
    NeverForgets,
    ForgetsSilently,
    KeepsCompletedOnForget,
}

struct Broken {
    store: MemoryStore,
    fault: Fault,
    claims: AtomicUsize,
}

impl Broken {
    fn inner_lease(&self, lease: &Lease) -> Lease {
        let token = if self.fault == Fault::SameToken { LeaseToken::from_bytes([0; 16]) } else { lease.token() };
        Lease::new(self.folded(lease.key()), token, lease.ttl())
    }

    fn folded(&self, key: &Key) -> Key {
        match self.fault {
            Fault::FoldsCase => Key::new("folded", "", &key.as_str().to_lowercase()),
            Fault::TrimsKeys => Key::new("folded", "", key.as_str().trim_end()),
            _ => key.clone(),
        }
    }
}

impl Store for Broken {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            self.claims.fetch_add(1, Ordering::Relaxed);
            let fresh = || Claim::Fresh(Lease::new(key.clone(), LeaseToken::unique(), LEASE));
            let folded = self.folded(key);
            let body = if self.fault == Fault::IgnoresTheBody { &PayloadDigest::of(b"") } else { body };
            if self.fault == Fault::ChecksThenSets {
                let known =
                    matches!(self.store.claim(&Key::new("", "", key.as_str()), body).await?, Claim::InFlight { .. });
                tokio::task::yield_now().await;
                return if known && !key.as_str().contains("race") {
                    self.store.claim(key, body).await
                } else {
                    let _ = self.store.claim(key, body).await?;
                    Ok(fresh())
                };
            }
            Ok(match (self.fault, self.store.claim(&folded, body).await?) {
                (Fault::AlwaysFresh, _) => fresh(),
                (Fault::ConflictsForever, Claim::Conflict { .. }) => Claim::Conflict { retry_after: None },
                (Fault::WaitsTooLong, Claim::InFlight { retry_after }) => {
                    Claim::InFlight { retry_after: retry_after * 60 }
                }
                (Fault::SameToken, Claim::Fresh(lease)) => {
                    Claim::Fresh(Lease::new(key.clone(), LeaseToken::from_bytes([0; 16]), lease.ttl()))
                }
                (Fault::LeasesForLonger, Claim::Fresh(lease)) => {
                    Claim::Fresh(Lease::new(key.clone(), lease.token(), lease.ttl() * 2))
                }
                (Fault::LeasesAnotherKey, Claim::Fresh(lease)) => {
                    Claim::Fresh(Lease::new(Key::new("another", "", key.as_str()), lease.token(), lease.ttl()))
                }
                (Fault::LetsAllIn, Claim::InFlight { .. }) if key.as_str().contains("race") => fresh(),
                (Fault::LosesCompleted, Claim::Done) => fresh(),
                (_, Claim::Fresh(lease)) => Claim::Fresh(Lease::new(key.clone(), lease.token(), lease.ttl())),
                (_, other) => other,
            })
        })
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match self.fault {
                Fault::NeverCompletes => Ok(()),
                Fault::IgnoresTheToken => self.store.complete(lease).await.or(Ok(())),
                Fault::CompletesWithAnError => {
                    self.store.complete(lease).await?;
                    Err(StoreError::unavailable("it is done"))
                }
                Fault::CompletesForStrangers if lease.key().as_str().contains("stranger") => {
                    self.store.complete(lease).await.or(Ok(()))
                }
                Fault::RefusesLateCompletion => match self.store.claim(lease.key(), &PayloadDigest::of(b"a")).await? {
                    Claim::Fresh(_) => Err(StoreError::LeaseLost),
                    _ => self.store.complete(lease).await,
                },
                _ => self.store.complete(&self.inner_lease(lease)).await,
            }
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match self.fault {
                Fault::NeverReleases => Ok(()),
                Fault::ReleasesCompleted => self.store.release(lease).await.or(Ok(())),
                _ => self.store.release(&self.inner_lease(lease)).await,
            }
        })
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match self.fault {
                Fault::NeverExtends => Ok(()),
                _ => self.store.extend(&self.inner_lease(lease)).await,
            }
        })
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            match self.fault {
                Fault::NeverForgets => Ok(true),
                Fault::ForgetsSilently => self.store.forget(key).await.map(|_| false),
                Fault::KeepsCompletedOnForget => match self.store.claim(key, &PayloadDigest::of(b"a")).await? {
                    Claim::InFlight { .. } => self.store.forget(key).await,
                    Claim::Fresh(lease) => self.store.release(&lease).await.map(|()| false),
                    _ => Ok(true),
                },
                _ => self.store.forget(&self.folded(key)).await,
            }
        })
    }
}

#[tokio::test]
async fn the_suite_finds_every_fault() {
    let faults = [
        (Fault::AlwaysFresh, "of two claims"),
        (Fault::ChecksThenSets, "a completed key"),
        (Fault::NeverCompletes, "a completed key"),
        (Fault::CompletesWithAnError, "a completed key"),
        (Fault::CompletesForStrangers, "a token that is not"),
        (Fault::NeverReleases, "a completed key"),
        (Fault::ReleasesCompleted, "a completed key"),
        (Fault::IgnoresTheToken, "a released key"),
        (Fault::IgnoresTheBody, "another body"),
        (Fault::ConflictsForever, "another body"),
        (Fault::FoldsCase, "keys differ"),
        (Fault::TrimsKeys, "keys differ"),
        (Fault::NeverExtends, "a completed key"),
        (Fault::LosesCompleted, "a completed key"),
        (Fault::SameToken, "a completed key"),
        (Fault::LeasesForLonger, "of two claims"),
        (Fault::LeasesAnotherKey, "of two claims"),
        (Fault::LetsAllIn, "of many claims"),
        (Fault::WaitsTooLong, "of two claims"),
        (Fault::RefusesLateCompletion, "a released key"),
        (Fault::NeverForgets, "a forgotten key"),
        (Fault::ForgetsSilently, "a forgotten key"),
        (Fault::KeepsCompletedOnForget, "a forgotten key"),
    ];
    for (fault, rule) in faults {
        let store = Broken { store: memory(), fault, claims: AtomicUsize::new(0) };
        let violation = suite().run(&store).await.expect_err(&format!("{fault:?} passes"));
        assert!(violation.rule.starts_with(rule), "{fault:?}: {violation}");
        assert!(store.claims.load(Ordering::Relaxed) > 0);
    }
}

#[tokio::test]
async fn a_correct_store_passes_also_as_a_trait_object() {
    let store: Arc<dyn Store> = Arc::new(Broken { store: memory(), fault: Fault::None, claims: AtomicUsize::new(0) });
    suite().run(&store).await.unwrap();
    suite().run(&*store).await.unwrap();
    suite().run(&memory()).await.unwrap();
}
