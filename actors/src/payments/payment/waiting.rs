//! Callers who are owed an answer.
//!
//! Owns when a waiting caller hears what. The bytes are those of the stored answer, so that a hundred callers with
//! one key hear the same.

use payment_schema::decide::{authorization_answer, cancel_answer};
use payment_schema::payment::Payment;
use payment_schema::representation::{Answer, AnswerKind, render};
use payment_schema::text::IdempotencyKey;

use super::PaymentActor;
use crate::api::{Outcome, Refusal};
use crate::payments::CommandEnd;
use crate::payments::shard::store_unavailable;
use crate::supervision::Reply;

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// The PG's answer to the authorization.
    Authorization,
    /// The end of the cancel.
    Cancel,
}

/// One waiting caller.
pub(super) struct Waiter {
    what: WaitFor,
    key: Option<IdempotencyKey>,
    replayed: bool,
    reply: Reply<CommandEnd>,
}

impl Waiter {
    pub(super) fn new(what: WaitFor, key: IdempotencyKey, replayed: bool, reply: Reply<CommandEnd>) -> Self {
        Self { what, key: Some(key), replayed, reply }
    }

    pub(super) fn for_cancel(key: Option<IdempotencyKey>, reply: Reply<CommandEnd>) -> Self {
        Self { what: WaitFor::Cancel, key, replayed: false, reply }
    }

    /// The caller has given up: its deadline is over.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_abandoned()
    }
}

/// Whether what a waiter waits for has come.
enum Arrival {
    NotYet,
    Answer(AnswerKind),
    Refused(Refusal),
}

fn arrival(what: WaitFor, payment: &Payment) -> Arrival {
    match what {
        WaitFor::Authorization => authorization_answer(payment).map_or(Arrival::NotYet, Arrival::Answer),
        WaitFor::Cancel => match cancel_answer(payment) {
            Ok(answer) => answer.map_or(Arrival::NotYet, Arrival::Answer),
            Err(rejection) => Arrival::Refused(rejection.into()),
        },
    }
}

impl PaymentActor {
    /// Answers everybody whose answer is there. `answers` were stored by the commit just made.
    pub(super) async fn answer_waiters(&mut self, payment: &Payment, answers: &[(IdempotencyKey, Answer)]) {
        for waiter in std::mem::take(&mut self.waiters) {
            match arrival(waiter.what, payment) {
                Arrival::NotYet => self.waiters.push(waiter),
                Arrival::Refused(refusal) => waiter.reply.send(CommandEnd::Refused(refusal)),
                Arrival::Answer(kind) => self.answer_waiter(waiter, kind, payment, answers).await,
            }
        }
    }

    async fn answer_waiter(
        &self,
        waiter: Waiter,
        kind: AnswerKind,
        payment: &Payment,
        answers: &[(IdempotencyKey, Answer)],
    ) {
        let Waiter { key, replayed, reply, .. } = waiter;
        let stored = key.as_ref().and_then(|key| answers.iter().find(|(stored, _)| stored == key));
        match (stored, key) {
            (Some((_, answer)), _) => {
                let outcome = Outcome { answer: answer.clone(), payment_id: self.id, replayed };
                reply.send(CommandEnd::Answered(outcome));
            }
            // Stored by an earlier commit, perhaps another node's.
            (None, Some(key)) => self.replay(payment, &key, reply).await,
            (None, None) => {
                // A cancelled payment has never moved money, so there are no movements to read.
                let answer = render(kind, payment, Vec::new());
                reply.send(CommandEnd::Answered(Outcome { answer, payment_id: self.id, replayed }));
            }
        }
    }

    /// Sends the stored answer of a key; the caller compares fingerprints.
    pub(super) async fn replay(&self, payment: &Payment, key: &IdempotencyKey, reply: Reply<CommandEnd>) {
        let end = match self.deps.ports.store.key(&payment.merchant_id, key).await {
            Ok(Some(record)) => CommandEnd::KeyTaken(record),
            Ok(None) | Err(_) => CommandEnd::Refused(store_unavailable()),
        };
        reply.send(end);
    }

    /// Somebody found this payment by a key whose answer is not stored yet.
    pub(super) async fn wait(&mut self, what: WaitFor, key: IdempotencyKey, reply: Reply<CommandEnd>) {
        let Ok(Some(payment)) = self.read().await else {
            reply.send(CommandEnd::Refused(store_unavailable()));
            return;
        };
        match arrival(what, &payment) {
            Arrival::NotYet => self.waiters.push(Waiter::new(what, key, true, reply)),
            Arrival::Answer(_) => self.replay(&payment, &key, reply).await,
            Arrival::Refused(refusal) => reply.send(CommandEnd::Refused(refusal)),
        }
    }
}
