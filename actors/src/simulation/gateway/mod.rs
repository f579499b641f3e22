//! The PG's twin: a [`Bank`] behind an unreliable network.
//!
//! Owns the network's faults and the adapter's time limits. Answers travel as status and body and are read by
//! the same words that the real adapter uses, so what a 502 means is not decided here. Owns also the check that
//! no call is made before its attempt is committed.

mod bank;
mod journey;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{Finding, PgRequest, Refusal, classify_answer, classify_query};
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use self::bank::{Bank, Entry, Verdict};
use self::journey::{Journey, Reply};
use super::dice::{Dice, Purpose};
use super::environment::{Environment, Part};
use super::faults::Fault;
use super::store::SimStore;
use crate::ports::clock::WallClock;
use crate::ports::gateway::PaymentGateway;

/// The adapter's limits (defaults of the real one).
const AUTHORIZE_LIMIT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);

/// What requests under way share.
struct Shared {
    environment: Arc<Environment>,
    clock: Arc<dyn WallClock>,
    bank: Mutex<Bank>,
    bank_dice: Mutex<Dice>,
    /// Keys about which every question is answered with another amount.
    misremembered: Mutex<BTreeSet<PgKey>>,
}

/// A PG in memory.
pub struct SimGateway {
    shared: Arc<Shared>,
    store: Arc<SimStore>,
    network: Mutex<Dice>,
}

impl SimGateway {
    /// A PG that has seen nothing yet. The store is only looked at to check that calls come after commits.
    #[must_use]
    pub fn new(environment: Arc<Environment>, clock: Arc<dyn WallClock>, store: Arc<SimStore>) -> Self {
        let network = Mutex::new(environment.dice(Purpose::Network));
        let bank_dice = Mutex::new(environment.dice(Purpose::Bank));
        let shared =
            Shared { environment, clock, bank: Mutex::default(), bank_dice, misremembered: Mutex::default() };
        Self { shared: Arc::new(shared), store, network }
    }

    /// Looks at the PG's own record, the oracle for money.
    pub fn inspect<T>(&self, view: impl FnOnce(&Bank) -> T) -> T {
        view(&self.shared.bank.lock())
    }

    /// Whether the PG misremembers this key.
    #[must_use]
    pub fn misremembers(&self, key: PgKey) -> bool {
        self.shared.misremembered.lock().contains(&key)
    }

    fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    fn note(&self, what: &str, request: &PgRequest, finding: &Finding) {
        self.environment().note(format_args!("pg {what} {} {finding:?}", request.key));
    }

    async fn send_and_wait(&self, request: &PgRequest) -> Finding {
        if self.environment().is_out(Part::Gateway) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Finding::Unsent(Refusal::Connection);
        }
        let journey = Journey::plan(&self.shared, &mut self.network.lock(), request);
        let (answer, waiting) = oneshot::channel();
        // A request lives on when its sender dies: the PG may do what nobody waits for any more.
        actix_rt::spawn(journey.run(Arc::clone(&self.shared), request.clone(), answer));
        let limit = if request.key.kind == OperationKind::Authorize { AUTHORIZE_LIMIT } else { LIMIT };
        match timeout(limit, waiting).await {
            Ok(Ok(Reply::Answer(status, body))) => classify_answer(request, status, &body),
            Ok(Ok(Reply::NoConnection)) => Finding::Unsent(Refusal::Connection),
            Ok(Ok(Reply::Reset) | Err(_)) => Finding::Unknown("the connection broke"),
            Err(_) => Finding::Unknown("no answer in time"),
        }
    }

    async fn ask_and_wait(&self, request: &PgRequest) -> Finding {
        let (delay, failure) = {
            let mut dice = self.network.lock();
            let delay = dice.millis(1, 20);
            let kind = dice.below(4);
            let fails = self.environment().strikes(&mut dice, Fault::PgQueryFailed);
            (delay, fails.then_some(kind))
        };
        tokio::time::sleep(delay).await;
        if self.environment().is_out(Part::Gateway) {
            return Finding::Unsent(Refusal::Connection);
        }
        match failure {
            Some(0) => {
                tokio::time::sleep(LIMIT).await;
                Finding::Unknown("no answer in time")
            }
            Some(1) => classify_query(request, 503, b""),
            Some(2) => classify_query(request, 200, b"<html>"),
            Some(_) => Finding::Unsent(Refusal::Connection),
            None => {
                let misremembered = self.misremembers(request.key);
                let (status, body) = self.shared.bank.lock().answer_about(request.key, misremembered);
                classify_query(request, status, &body)
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for SimGateway {
    async fn send(&self, request: &PgRequest) -> Finding {
        self.check_allowed(request);
        let finding = self.send_and_wait(request).await;
        self.note("send", request, &finding);
        finding
    }

    async fn query(&self, request: &PgRequest) -> Finding {
        let finding = self.ask_and_wait(request).await;
        self.note("query", request, &finding);
        finding
    }
}
