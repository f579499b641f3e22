//! What happens to the server's process, under load: no success is lost, no failure is a lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{Append, AppendOutcome, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::MariaDbStore;
use rustix::process::Signal;
use tokio::time::{Instant, timeout};

use crate::own_server::OwnServer;
use crate::server::run;
use crate::work::authorization;

/// No call takes longer, whatever the server does.
const SECONDS: Duration = Duration::from_secs(12);

/// What was asked for, and what its writer heard.
type Heard = (Append, Result<AppendOutcome, StoreError>);

/// Writers that go on until they are told to stop.
struct Load {
    store: MariaDbStore,
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
    writers: Vec<tokio::task::JoinHandle<Vec<Heard>>>,
}

impl Load {
    fn on(store: &MariaDbStore) -> Self {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writers = (0..4).map(|writer| {
            let (store, stop, committed) = (store.clone(), Arc::clone(&stop), Arc::clone(&committed));
            tokio::spawn(async move {
                let mut results = Vec::new();
                for sequence in (writer + 1..).step_by(4) {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let append = authorization(sequence, &format!("m-{writer}"), &format!("k-{sequence}"));
                    let batch = std::slice::from_ref(&append);
                    let outcome = timeout(SECONDS, store.append(batch)).await.expect("it ends by itself");
                    committed.fetch_add(u64::from(outcome.is_ok()), Ordering::SeqCst);
                    results.push((append, outcome.map(|mut outcomes| outcomes.remove(0))));
                }
                results
            })
        });
        let writers = writers.collect();
        Self { store: store.clone(), stop, committed, writers }
    }

    /// Returns when so many more were committed.
    async fn until_committed(&self, more: u64) {
        let wanted = self.committed.load(Ordering::SeqCst) + more;
        while self.committed.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops the writers and compares what they heard with what is there; says how many heard of failures.
    async fn judge(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let mut failures = 0;
        for writer in self.writers {
            for (append, outcome) in writer.await.expect("a writer does not panic") {
                let there =
                    self.store.payment(append.payment.id).await.expect("the server answers").is_some();
                let found = self.store.committed(&[append.mark()]).await.expect("the server answers");
                assert_eq!(found, [there]);
                failures += usize::from(outcome.is_err());
                match outcome {
                    Ok(AppendOutcome::Committed) => assert!(there, "a success was lost"),
                    Err(StoreError::Unavailable(why)) => assert!(!there, "it was committed after all: {why}"),
                    Err(StoreError::OutcomeUnknown(_)) => {}
                    other => panic!("nothing else can happen: {other:?}"),
                }
            }
        }
        failures
    }
}

#[tokio::test]
#[ignore = "starts a MariaDB of its own: needs mariadbd, run with --include-ignored"]
async fn a_server_that_dies_under_load_loses_no_success() {
    let mut server = OwnServer::start(&[]).await;
    let store = MariaDbStore::connect(server.options("paydb")).await.expect("a new database");
    let load = Load::on(&store);
    for _ in 0..3 {
        load.until_committed(50).await;
        server.crash().await;
    }
    load.until_committed(50).await;
    load.judge().await;
}

#[tokio::test]
#[ignore = "starts a MariaDB of its own: needs mariadbd, run with --include-ignored"]
async fn a_server_that_is_stopped_under_load_loses_no_success() {
    let server = OwnServer::start(&[]).await;
    let store = MariaDbStore::connect(server.options("paydb")).await.expect("a new database");
    let load = Load::on(&store);
    load.until_committed(50).await;
    server.signal(Signal::STOP);
    let begun = Instant::now();
    let ping = timeout(SECONDS, store.ping()).await.expect("it ends by itself");
    assert!(matches!(ping, Err(StoreError::Unavailable(_))), "{ping:?}");
    // Longer than every time limit of the store.
    tokio::time::sleep_until(begun + SECONDS).await;
    server.signal(Signal::CONT);
    load.until_committed(50).await;
    assert!(load.judge().await >= 4, "each writer heard of it");
}

#[tokio::test]
#[ignore = "starts a MariaDB of its own: needs mariadbd, run with --include-ignored"]
async fn a_commit_that_is_held_back_is_no_success() {
    let server = OwnServer::start(&[]).await;
    let store = MariaDbStore::connect(server.options("paydb")).await.expect("a new database");
    let mut backup = server.connect().await;
    run(&mut backup, "BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT").await;
    let batch = [authorization(1, "m-1", "k-1")];
    let outcome = timeout(SECONDS, store.append(&batch)).await.expect("it ends by itself");
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    assert_eq!(store.payment(batch[0].payment.id).await.expect("it is read"), None);
    run(&mut backup, "BACKUP STAGE END").await;
    let found = store.committed(&[batch[0].mark()]).await.expect("the server answers");
    let read = store.payment(batch[0].payment.id).await.expect("it is read");
    assert_eq!(found, [read.is_some()]);
}
