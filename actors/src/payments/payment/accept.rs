//! The birth of a payment: READY, with its key, in one commit.

use payment_schema::command::{Authorize, Context, NewPayment};
use payment_schema::decide::{accept_authorization, authorization_answer};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::payment::Payment;
use payment_schema::rules::Jitter;

use super::waiting::{WaitFor, Waiter};
use super::{Memory, PaymentActor};
use crate::journal::AppendFailure;
use crate::payments::CommandEnd;
use crate::payments::commit::prepare;
use crate::payments::shard::{NewAuthorization, store_unavailable};
use crate::ports::journal_store::{AppendOutcome, KeyClaim, KeyRecord};
use crate::supervision::Ctx;

impl PaymentActor {
    pub(super) async fn accept(&mut self, identity: NewPayment, new: NewAuthorization, ctx: &mut Ctx<Self>) {
        let NewAuthorization { command, key, fingerprint, trace_id, reply, birth } = new;
        self.trace_id = trace_id;
        self.memory = Memory::Absent;
        let jitter = Jitter(0.0);
        let context = Context { rules: &self.deps.rules, now: self.now(), jitter, trace_id, key: Some(&key) };
        let decision = accept_authorization(identity, command, &context);
        let claim = KeyClaim { key: key.clone(), fingerprint, operation: "authorize" };
        let ports = self.deps.ports.clone();
        let prepared =
            prepare(&ports, |kind| self.deps.lease(kind), None, &decision, Some(claim), None, trace_id).await;
        let Ok(prepared) = prepared else {
            reply.send(CommandEnd::Refused(store_unavailable()));
            return;
        };
        match self.append(prepared.append, ctx).await {
            Ok(AppendOutcome::Committed) => {
                birth.committed();
                self.waiters.push(Waiter::new(WaitFor::Authorization, key, false, reply));
                self.adopt(decision, prepared.answers, None, ctx).await;
            }
            Ok(AppendOutcome::KeyTaken(record)) => reply.send(CommandEnd::KeyTaken(record)),
            Ok(AppendOutcome::VersionConflict)
            | Err(AppendFailure::Unavailable | AppendFailure::OutcomeUnknown) => {
                reply.send(CommandEnd::Refused(store_unavailable()));
            }
        }
    }

    /// The same key again while this payment is live: the same command waits for the same answer.
    pub(super) async fn join(&mut self, new: NewAuthorization) {
        let NewAuthorization { key, fingerprint, reply, .. } = new;
        let Ok(Some(payment)) = self.read().await else {
            reply.send(CommandEnd::Refused(store_unavailable()));
            return;
        };
        let taken_by = authorization_fingerprint(&payment);
        if taken_by != fingerprint {
            let operation = "authorize".to_owned();
            let record = KeyRecord { fingerprint: taken_by, payment_id: self.id, operation, answer: None };
            reply.send(CommandEnd::KeyTaken(record));
        } else if authorization_answer(&payment).is_none() {
            self.waiters.push(Waiter::new(WaitFor::Authorization, key, true, reply));
        } else {
            self.replay(&payment, &key, reply).await;
        }
    }
}

/// The fingerprint of the command that made this payment.
pub(super) fn authorization_fingerprint(payment: &Payment) -> Fingerprint {
    let command = Authorize {
        merchant_id: payment.merchant_id.clone(),
        amount: payment.amount,
        currency: payment.currency,
        capture_mode: payment.capture_mode,
        order_id: payment.order_id.clone(),
        metadata: payment.metadata.clone(),
    };
    Fingerprint::of("authorize", None, &command)
}
