//! How a client asks: through any node, with patience or without, again and again with the same key.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use payment_schema::ids::{MerchantId, PaymentId, TraceId};
use payment_schema::invariant::Invariant;
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::Payment;
use payment_schema::problem::ProblemCode;
use payment_schema::transition::Transition;
use tokio::time::{Instant, sleep, timeout};

use crate::api::{Caller, Outcome, PaymentsApi, Refusal};
use crate::ports::payment_store::PaymentFilter;
use crate::simulation::auditor::Witness;
use crate::simulation::dice::Dice;
use crate::simulation::faults::Fault;
use crate::simulation::history::{Heard, History, Request, Wish};
use crate::simulation::nodes::Nodes;

/// A client's way to the engine.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) nodes: Rc<Nodes>,
    pub(super) history: Rc<RefCell<History>>,
    pub(super) dice: Rc<RefCell<Dice>>,
    pub(super) merchant_id: MerchantId,
}

/// What a series of attempts came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// A final answer: 200, 402, or 409 for an authorization that was cancelled.
    Answered(Outcome),
    /// A final refusal.
    Refused(Refusal),
    /// Nothing final was heard; the payment, if one was named.
    Unclear(Option<PaymentId>),
}

/// A request deadline that the engine may overrun by no more than a slow store explains.
const SLACK: Duration = Duration::from_secs(25);

impl Line {
    /// One request, once.
    pub(super) async fn once(&self, request: &Request) -> Heard {
        let (node, trace_id, patience) = {
            let mut dice = self.dice.borrow_mut();
            let node = dice.below(self.nodes.count() as u64);
            let trace_id = TraceId::new(u128::from(dice.bits()));
            let leaves = self.environment().strikes(&mut dice, Fault::ClientGone);
            let soon = dice.millis(0, 2_000);
            (usize::try_from(node).expect("there are few nodes"), trace_id, leaves.then_some(soon))
        };
        let witness = Witness::new(self.nodes.world());
        let before = witness.durable(request);
        let heard = self.ask(node, request, trace_id, patience).await;
        witness.heard(request, &heard);
        witness.judged_by_what_is_durable(request, before.as_ref(), &heard);
        self.history.borrow_mut().requests.push((request.clone(), heard.clone()));
        heard
    }

    async fn ask(
        &self,
        node: usize,
        request: &Request,
        trace_id: TraceId,
        patience: Option<Duration>,
    ) -> Heard {
        let Some(process) = self.nodes.process(node) else {
            return Heard::Nothing;
        };
        let caller = Caller { merchant_id: request.merchant_id.clone(), key: request.key.clone(), trace_id };
        let api = &*process.engine.payments;
        let begun = Instant::now();
        let answering = process.until_death(put(api, caller, request.wish.clone()));
        let limit = patience.unwrap_or(self.nodes.request_deadline() + SLACK);
        match timeout(limit, answering).await {
            Ok(Some(Ok(outcome))) => Heard::Answer(outcome),
            Ok(Some(Err(refusal))) => Heard::Refusal(refusal),
            Ok(None) => Heard::Nothing,
            Err(_) if patience.is_some() => Heard::Nothing,
            Err(_) => {
                let what = format!(
                    "{} {:?} had no answer after {:?}",
                    request.wish.as_str(),
                    request.key,
                    begun.elapsed()
                );
                self.environment().violation(Invariant::I14, None, what);
                Heard::Nothing
            }
        }
    }

    /// One request, again and again until something final is heard or the client loses interest.
    pub(super) async fn insist(&self, request: &Request, most: u64) -> Conclusion {
        let mut payment_id = None;
        for attempt in 1..=most {
            match self.once(request).await {
                Heard::Answer(outcome) if outcome.answer.status == 202 => {
                    payment_id = Some(outcome.payment_id);
                }
                Heard::Answer(outcome) => return Conclusion::Answered(outcome),
                Heard::Refusal(refusal) if is_final(&refusal) => return Conclusion::Refused(refusal),
                Heard::Refusal(_) | Heard::Nothing => {}
            }
            let pause = self.dice.borrow_mut().millis(1, 700 * attempt);
            sleep(pause).await;
        }
        Conclusion::Unclear(payment_id)
    }

    /// Reads a payment; several attempts, `None` when none succeeded or it does not exist.
    pub(super) async fn read(&self, id: PaymentId) -> Option<(Payment, Vec<LedgerEntry>)> {
        self.reading(id, |api, merchant| async move { api.payment(&merchant, id).await }).await
    }

    /// Reads a payment's history.
    pub(super) async fn read_history(&self, id: PaymentId) -> Option<Vec<Transition>> {
        self.reading(id, |api, merchant| async move { api.history(&merchant, id).await }).await
    }

    /// The newest payments of the merchant.
    pub(super) async fn list(&self) -> Vec<Payment> {
        let filter = PaymentFilter {
            merchant_id: self.merchant_id.clone(),
            status: None,
            from: None,
            to: None,
            below: None,
            limit: 10,
        };
        let Some(process) = self.any_process() else {
            return Vec::new();
        };
        let listed = process.until_death(process.engine.payments.list(filter)).await;
        let Some(Ok(payments)) = listed else {
            return Vec::new();
        };
        for (payment, _) in &payments {
            Witness::new(self.nodes.world()).read(&self.merchant_id, payment);
        }
        payments.into_iter().map(|(payment, _)| payment).collect()
    }

    async fn reading<T, F>(
        &self,
        id: PaymentId,
        ask: impl Fn(std::sync::Arc<dyn PaymentsApi>, MerchantId) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        for _ in 0..5 {
            if let Some(process) = self.any_process() {
                let api = std::sync::Arc::clone(&process.engine.payments);
                match process.until_death(ask(api, self.merchant_id.clone())).await {
                    Some(Ok(read)) => return Some(read),
                    Some(Err(refusal)) => Witness::new(self.nodes.world()).refused_read(id, &refusal),
                    None => {}
                }
            }
            let pause = self.dice.borrow_mut().millis(10, 900);
            sleep(pause).await;
        }
        None
    }

    fn any_process(&self) -> Option<crate::simulation::nodes::Process> {
        let node = self.dice.borrow_mut().below(self.nodes.count() as u64);
        self.nodes.process(usize::try_from(node).expect("there are few nodes"))
    }

    pub(super) fn environment(&self) -> &crate::simulation::environment::Environment {
        &self.nodes.world().environment
    }
}

async fn put(api: &dyn PaymentsApi, caller: Caller, wish: Wish) -> Result<Outcome, Refusal> {
    match wish {
        Wish::Authorize(command) => api.authorize(caller, command).await,
        Wish::Capture(id, command) => api.capture(caller, id, command).await,
        Wish::Refund(id, command) => api.refund(caller, id, command).await,
        Wish::Cancel(id, command) => api.cancel(caller, id, command).await,
    }
}

/// Whether asking the same again makes no sense.
fn is_final(refusal: &Refusal) -> bool {
    !matches!(
        refusal.rejection.code,
        ProblemCode::RateLimitExceeded
            | ProblemCode::RequestInProgress
            | ProblemCode::PgUnavailable
            | ProblemCode::StoreUnavailable
            | ProblemCode::Overloaded
    )
}
