//! One payment's life as its merchant plays it: authorize, perhaps capture, refund or cancel, with all the
//! impatience, repeats and mistakes of real clients.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use payment_schema::command::{Authorize, Cancel, Capture, Refund};
use payment_schema::currency::Currency;
use payment_schema::ids::{MerchantId, PaymentId, TraceId};
use payment_schema::money::Amount;
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::status::Status;
use payment_schema::text::{IdempotencyKey, Metadata, OrderId, Reason};
use tokio::time::sleep;

use super::requests::{Conclusion, Line};
use crate::api::Caller;
use crate::simulation::auditor::Witness;
use crate::simulation::history::{Request, Wish};

/// One life.
pub(super) struct Life {
    name: String,
    line: Line,
    steps: std::cell::Cell<u32>,
}

impl Life {
    pub(super) fn new(client: u32, number: u64, line: Line) -> Self {
        Self { name: format!("c{client}-{number}"), line, steps: std::cell::Cell::new(0) }
    }

    pub(super) async fn run(self) {
        let authorize = self.authorization();
        let racing = self.chance(0.2);
        let id = if racing {
            join(self.authorize(&authorize), self.cancel_while_ready(&authorize)).await.0
        } else {
            self.authorize(&authorize).await
        };
        let Some(id) = id else { return };
        match authorize.capture_mode {
            CaptureMode::Automatic => self.after_capture(id).await,
            CaptureMode::Manual => self.after_authorization(id, authorize.amount.get()).await,
        }
        self.look_around(id).await;
    }

    fn authorization(&self) -> Authorize {
        let mut dice = self.line.dice.borrow_mut();
        let automatic = dice.chance(0.3);
        let amount = *dice.pick(&[1_u64, 7, 100, 999, 12_345, 9_999_999_999_999]);
        let currency = *dice.pick(&["USD", "KRW", "KWD"]);
        let noted = dice.chance(0.2);
        let notes = noted.then(|| BTreeMap::from([("basket".to_owned(), self.name.clone())]));
        Authorize {
            merchant_id: self.line.merchant_id.clone(),
            amount: Amount::try_from(amount).expect("an amount in range"),
            currency: Currency::parse(currency).expect("a currency"),
            capture_mode: if automatic { CaptureMode::Automatic } else { CaptureMode::Manual },
            order_id: Some(OrderId::parse(&format!("order-{}", self.name)).expect("a short plain text")),
            metadata: Metadata::parse(notes.unwrap_or_default()).expect("short plain notes"),
        }
    }

    /// Asks for the hold, perhaps several times at once; the payment, once it is known and worth going on with.
    async fn authorize(&self, command: &Authorize) -> Option<PaymentId> {
        let request = self.request("auth", true, Wish::Authorize(command.clone()));
        let twins = if self.chance(0.3) { self.number(2, 5) } else { 1 };
        let conclusions = join(
            join_all((0..twins).map(|_| self.line.insist(&request, 8))),
            self.reuse_key(&request, command),
        )
        .await
        .0;
        let name = |conclusion: &Conclusion| match conclusion {
            Conclusion::Answered(outcome) if outcome.answer.status == 200 => Some(outcome.payment_id),
            Conclusion::Unclear(id) => *id,
            Conclusion::Answered(_) | Conclusion::Refused(_) => None,
        };
        conclusions.iter().find_map(name)
    }

    /// A client with a defect: another command under the same key.
    async fn reuse_key(&self, request: &Request, command: &Authorize) {
        if !self.chance(0.15) {
            return;
        }
        self.pause(0, 3_000).await;
        let amount = command.amount.get() % 1_000 + 1;
        let amount = Amount::try_from(amount).expect("an amount in range");
        let other = Authorize { amount, order_id: None, ..command.clone() };
        let request = Request { wish: Wish::Authorize(other), ..request.clone() };
        self.line.insist(&request, 3).await;
    }

    /// Finds the payment in the list before its authorization was answered, and cancels it.
    async fn cancel_while_ready(&self, command: &Authorize) {
        for _ in 0..6 {
            self.pause(1, 60).await;
            let mine = |payment: &Payment| payment.order_id == command.order_id;
            if let Some(payment) = self.line.list().await.into_iter().find(mine) {
                self.cancel(payment.id).await;
                return;
            }
        }
    }

    async fn after_authorization(&self, id: PaymentId, amount: u64) {
        self.pause(0, 2_000).await;
        match self.number(0, 9) {
            0 => {}
            1 | 2 => self.cancel(id).await,
            3 => {
                join(self.capture(id, amount), self.cancel(id)).await;
                self.after_capture(id).await;
            }
            _ => {
                self.capture(id, amount).await;
                self.after_capture(id).await;
            }
        }
    }

    async fn capture(&self, id: PaymentId, authorized: u64) {
        if self.chance(0.1) {
            // A client with a defect: the authorization's key for the capture as well.
            let wish = Wish::Capture(id, Capture { amount: None });
            let key = IdempotencyKey::parse(&format!("{}-auth-0", self.name)).expect("a short plain text");
            let request = Request { key: Some(key), ..self.request("capture", true, wish) };
            self.line.insist(&request, 2).await;
        }
        if self.chance(0.1) {
            let wish = Wish::Capture(id, Capture { amount: Amount::try_from(authorized + 1).ok() });
            self.line.insist(&self.request("capture-too-much", self.chance(0.5), wish), 2).await;
        }
        let part = self.chance(0.4).then(|| self.number(1, authorized));
        let command = Capture { amount: part.and_then(|part| Amount::try_from(part).ok()) };
        let keyed = self.chance(0.5);
        let request = self.request("capture", keyed, Wish::Capture(id, command));
        let twins = if self.chance(0.3) { 2 } else { 1 };
        join_all((0..twins).map(|_| self.line.insist(&request, 6))).await;
        if self.chance(0.2) {
            self.line.insist(&request, 3).await;
        }
        if self.chance(0.1) {
            let wish = Wish::Capture(id, Capture { amount: Amount::try_from(authorized / 2 + 1).ok() });
            self.line.insist(&self.request("capture-other", self.chance(0.5), wish), 2).await;
        }
    }

    /// Waits for the money, perhaps losing patience in CAPTURE_FAILED, and gives some of it back.
    async fn after_capture(&self, id: PaymentId) {
        for _ in 0..12 {
            self.pause(200, 4_000).await;
            let Some(payment) = self.read(id).await else { continue };
            match payment.status {
                Status::CaptureFailed if self.chance(0.15) => {
                    self.cancel(id).await;
                    return;
                }
                Status::Captured | Status::PartialRefunded => return self.refund_some(id, &payment).await,
                Status::AuthFailed | Status::Cancelled | Status::Refunded => return,
                Status::Ready
                | Status::Authorized
                | Status::CaptureRequested
                | Status::CaptureFailed
                | Status::RefundRequested
                | Status::RefundFailed => {}
            }
        }
    }

    async fn refund_some(&self, id: PaymentId, payment: &Payment) {
        for round in 0..self.number(0, 3) {
            let captured = payment.captured.get();
            let part = self.chance(0.7).then(|| self.number(1, captured / 2 + 1));
            let reason = Reason::parse(&format!("return {round}")).expect("a short plain text");
            let command = Refund { amount: part.and_then(|part| Amount::try_from(part).ok()), reason };
            let request = self.request("refund", self.chance(0.5), Wish::Refund(id, command));
            let twins = if self.chance(0.3) { 2 } else { 1 };
            join_all((0..twins).map(|_| self.line.insist(&request, 6))).await;
            if self.chance(0.2) {
                self.line.insist(&request, 3).await;
            }
            self.pause(0, 6_000).await;
        }
    }

    async fn cancel(&self, id: PaymentId) {
        let reason = Reason::parse("changed my mind").expect("a short plain text");
        let request = self.request("cancel", self.chance(0.5), Wish::Cancel(id, Cancel { reason }));
        let twins = if self.chance(0.3) { 2 } else { 1 };
        join_all((0..twins).map(|_| self.line.insist(&request, 5))).await;
    }

    /// Reads what there is to read; also somebody else's payments, which must not be there.
    async fn look_around(&self, id: PaymentId) {
        let witness = Witness::new(self.line.nodes.world());
        if let Some(history) = self.line.read_history(id).await {
            witness.history(id, &history);
        }
        if self.chance(0.2)
            && let Some(process) = self.line.nodes.process(0)
        {
            let stranger = MerchantId::parse("stranger").expect("a short plain name");
            let api = &process.engine.payments;
            let read = process.until_death(api.payment(&stranger, id)).await;
            let trace_id = TraceId::new(1);
            let caller = Caller { merchant_id: stranger, key: None, trace_id };
            let reason = Reason::parse("not mine").expect("a short plain text");
            let cancelled = process.until_death(api.cancel(caller, id, Cancel { reason })).await;
            if matches!(read, Some(Ok(_))) || matches!(cancelled, Some(Ok(_))) {
                witness.foreign_access(id);
            }
        }
    }

    async fn read(&self, id: PaymentId) -> Option<Payment> {
        let before = self.line.nodes.world().store.inspect(|tables| tables.version(id));
        let (payment, _) = self.line.read(id).await?;
        let witness = Witness::new(self.line.nodes.world());
        witness.read(&self.line.merchant_id, &payment);
        witness.not_older(&payment, before);
        Some(payment)
    }

    fn request(&self, step: &str, keyed: bool, wish: Wish) -> Request {
        let number = self.steps.replace(self.steps.get() + 1);
        let key =
            IdempotencyKey::parse(&format!("{}-{step}-{number}", self.name)).expect("a short plain text");
        Request { merchant_id: self.line.merchant_id.clone(), key: keyed.then_some(key), wish }
    }

    fn chance(&self, probability: f64) -> bool {
        self.line.dice.borrow_mut().chance(probability)
    }

    fn number(&self, from: u64, to: u64) -> u64 {
        self.line.dice.borrow_mut().number(from, to)
    }

    async fn pause(&self, from: u64, to: u64) {
        let pause = self.line.dice.borrow_mut().millis(from, to);
        sleep(pause).await;
    }
}
