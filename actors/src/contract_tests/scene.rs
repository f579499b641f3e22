//! Payments for the cases: made by the real rules, so that a store sees only what the engine would write.
//!
//! Public for adapters' own tests beside the contract. Everything panics when the store does not do as asked.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payment_schema::command::{Authorize, Cancel, Capture, Command, Context, NewPayment, Refund};
use payment_schema::currency::Currency;
use payment_schema::dead_letter::LetterChange;
use payment_schema::decide::{Decision, Verdict, accept_authorization, decide};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{EventId, MerchantId, PaymentId, TraceId};
use payment_schema::money::Amount;
use payment_schema::operation::{Operation, OperationKind};
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::pg::{Approval, Finding, Negative, Report, Source};
use payment_schema::representation::render;
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::{IdempotencyKey, Metadata, Reason};
use payment_schema::time::Timestamp;

use crate::ports::Store;
use crate::ports::journal_store::{Append, AppendOutcome, KeyClaim, OutboxRecord};

/// A store and everything that a decision needs beside it.
pub struct Scene {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// The rules that decisions are made by: the defaults.
    pub rules: Rules,
    tokens: Cell<u64>,
    moment: Cell<i64>,
}

impl Scene {
    /// A scene whose time starts at a fixed moment.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        // The top bit is set: a token is any 64 bits.
        let tokens = Cell::new(1 << 63);
        Self { store, rules: Rules::default(), tokens, moment: Cell::new(1_800_000_000_000_000) }
    }

    /// The database that keeps the payments of a merchant.
    #[must_use]
    pub fn database(&self, merchant: &str) -> usize {
        self.store.databases().keeping(merchant_id(merchant).slot())
    }

    /// A moment later than every one before.
    pub fn now(&self) -> Timestamp {
        self.moment.set(self.moment.get() + 1_000);
        Timestamp::from_micros(self.moment.get())
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("cases let less than an age pass");
        self.moment.set(self.moment.get() + micros);
    }

    fn token(&self) -> u64 {
        self.tokens.set(self.tokens.get() + 1);
        self.tokens.get()
    }

    /// A new authorization of 10,000 minor units, under `key`.
    pub async fn authorization(&self, merchant: &str, key_text: &str) -> Append {
        let merchant_id = merchant_id(merchant);
        let slot = merchant_id.slot();
        let sequences = self.store.reserve_sequences(slot, 1).await.expect("sequences are reserved");
        let id = PaymentId::new(sequences.start, slot);
        self.authorization_of(id, merchant_id, key_text)
    }

    /// The same for an id of the case's own.
    pub fn authorization_of(&self, id: PaymentId, merchant_id: MerchantId, key_text: &str) -> Append {
        let command = Authorize {
            merchant_id,
            amount: amount(10_000),
            currency: Currency::parse("USD").expect("a known currency"),
            capture_mode: CaptureMode::Manual,
            order_id: None,
            metadata: Metadata::parse([("note".to_owned(), "naïve \u{1f600} \"quoted\"".to_owned())].into())
                .expect("a short note"),
        };
        let fingerprint = Fingerprint::of("authorize", None, &command);
        let key = key(key_text);
        let new = NewPayment { id, key: key.clone() };
        let decision = self.in_context(None, |context| accept_authorization(new, command, context));
        let claim = KeyClaim { key, fingerprint, operation: "authorize" };
        self.append(None, decision, Some(claim))
    }

    /// What a command of the engine's own, without a key, does to a payment.
    pub fn step(&self, payment: &Payment, command: &Command) -> Append {
        self.step_under(payment, command, None)
    }

    /// What a client's command under a key does to a payment.
    pub fn step_under(&self, payment: &Payment, command: &Command, key_text: Option<&str>) -> Append {
        let key = key_text.map(key);
        let verdict = self
            .in_context(key.as_ref(), |context| decide(payment, command, context))
            .expect("cases ask only for what the rules allow");
        let Verdict::Commit(decision) = verdict else {
            panic!("cases ask only for what changes something");
        };
        let operation = match command {
            Command::Capture(_) => "capture",
            Command::Refund(_) => "refund",
            Command::Cancel(_)
            | Command::PgReport { .. }
            | Command::RetryDue { .. }
            | Command::CheckAge
            | Command::ReplayLetter { .. }
            | Command::DiscardLetter { .. }
            | Command::Resolve { .. } => "cancel",
        };
        let fingerprint = Fingerprint::of(operation, Some(payment.id), &format!("{command:?}"));
        let claim = key.map(|key| KeyClaim { key, fingerprint, operation });
        self.append(Some(payment), *decision, claim)
    }

    /// An append that changes nothing of the payment but takes a key.
    pub fn only_key(&self, payment: &Payment, claim: KeyClaim) -> Append {
        Append {
            payment: Arc::new(payment.clone()),
            expected: payment.version,
            token: self.token(),
            transitions: Vec::new(),
            outbox: Vec::new(),
            letters: Vec::new(),
            key: Some(claim),
            answers: Vec::new(),
            requests: Vec::new(),
            due: payment.due(self.now(), &self.rules),
            audit: None,
        }
    }

    fn in_context<T>(&self, key: Option<&IdempotencyKey>, decide: impl FnOnce(&Context<'_>) -> T) -> T {
        let trace_id = TraceId::new(u128::from(self.token()));
        let context = Context { rules: &self.rules, now: self.now(), jitter: Jitter(0.5), trace_id, key };
        decide(&context)
    }

    fn append(&self, before: Option<&Payment>, decision: Decision, claim: Option<KeyClaim>) -> Append {
        let payment = &decision.payment;
        let answers = decision.answers.iter();
        let changed = |operation: &&Operation| {
            operation.kind != OperationKind::Authorize
                && before.and_then(|before| before.operation(operation.no)) != Some(*operation)
        };
        Append {
            expected: decision.expected,
            token: self.token(),
            transitions: decision.transitions.clone(),
            outbox: records(&decision),
            letters: decision.letters.clone(),
            key: claim,
            answers: answers
                .map(|keyed| (keyed.key.clone(), render(keyed.kind, payment, Vec::new())))
                .collect(),
            requests: payment.operations.iter().filter(changed).cloned().collect(),
            due: payment.due(payment.updated_at, &self.rules),
            audit: None,
            payment: Arc::new(decision.payment),
        }
    }

    /// Commits one append that nothing stands against; the payment afterwards.
    pub async fn commit(&self, append: Append) -> Arc<Payment> {
        let payment = Arc::clone(&append.payment);
        assert_eq!(self.outcomes(vec![append]).await, [AppendOutcome::Committed]);
        payment
    }

    /// What becomes of a batch.
    pub async fn outcomes(&self, batch: Vec<Append>) -> Vec<AppendOutcome> {
        self.store.append(&batch).await.expect("the store takes the batch")
    }

    /// A payment in READY.
    pub async fn ready(&self, merchant: &str, key_text: &str) -> Arc<Payment> {
        let append = self.authorization(merchant, key_text).await;
        self.commit(append).await
    }

    /// A payment in AUTHORIZED.
    pub async fn authorized(&self, merchant: &str, key_text: &str) -> Arc<Payment> {
        let ready = self.ready(merchant, key_text).await;
        self.commit(self.step(&ready, &approved(&ready))).await
    }

    /// A payment in CAPTURE_REQUESTED.
    pub async fn capturing(&self, merchant: &str, key_text: &str) -> Arc<Payment> {
        let authorized = self.authorized(merchant, key_text).await;
        self.commit(self.step(&authorized, &capture())).await
    }

    /// A payment in CAPTURED.
    pub async fn captured(&self, merchant: &str, key_text: &str) -> Arc<Payment> {
        let capturing = self.capturing(merchant, key_text).await;
        self.commit(self.step(&capturing, &approved(&capturing))).await
    }

    /// A payment in CAPTURE_FAILED whose capture is dead-lettered; the append that opened the letter.
    pub async fn dead_lettered(&self, merchant: &str, key_text: &str) -> (Arc<Payment>, Append) {
        let capturing = self.capturing(merchant, key_text).await;
        let append = self.step(&capturing, &refused_for_good(&capturing));
        (self.commit(append.clone()).await, append)
    }
}

fn records(decision: &Decision) -> Vec<OutboxRecord> {
    let trace_id = TraceId::new(7);
    let events = decision.events.iter().map(|event| OutboxRecord {
        event_id: event.event_id,
        payment_id: event.payment_id,
        event_seq: Some(event.event_seq),
        topic: event.kind.topic(),
        payload: Bytes::from(event.to_json()),
        trace_id,
        at: event.occurred_at,
    });
    let letters = decision.letters.iter().filter_map(|change| match change {
        LetterChange::Open(letter) => Some(OutboxRecord {
            event_id: EventId::of_dead_letter(&letter.id),
            payment_id: decision.payment.id,
            event_seq: None,
            topic: letter.topic,
            payload: Bytes::from(letter.body.to_string()),
            trace_id,
            at: letter.created_at,
        }),
        LetterChange::Close { .. } => None,
    });
    events.chain(letters).collect()
}

/// An amount.
#[must_use]
pub fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).expect("a small positive amount")
}

/// A merchant.
#[must_use]
pub fn merchant_id(text: &str) -> MerchantId {
    MerchantId::parse(text).expect("a short plain merchant id")
}

/// A key.
#[must_use]
pub fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("a short plain key")
}

/// A client takes all of the money.
#[must_use]
pub fn capture() -> Command {
    Command::Capture(Capture { amount: None })
}

/// A client gives some of the money back.
#[must_use]
pub fn refund(minor: u64) -> Command {
    let reason = Reason::parse("returned").expect("a plain reason");
    Command::Refund(Refund { amount: Some(amount(minor)), reason })
}

/// A client releases the hold.
#[must_use]
pub fn cancel() -> Command {
    Command::Cancel(Cancel { reason: Reason::parse("changed my mind").expect("a plain reason") })
}

/// The PG approves the payment's latest operation.
#[must_use]
pub fn approved(payment: &Payment) -> Command {
    report(
        payment,
        Finding::Approved(Approval { transaction_id: Some("tx-1".into()), ..Approval::default() }),
    )
}

/// The PG refuses the payment's latest operation, and another try may help.
#[must_use]
pub fn refused(payment: &Payment) -> Command {
    report(payment, Finding::Negative(negative(true)))
}

/// The PG refuses the payment's latest operation, and no other try will help.
#[must_use]
pub fn refused_for_good(payment: &Payment) -> Command {
    report(payment, Finding::Negative(negative(false)))
}

fn negative(retryable: bool) -> Negative {
    Negative { failed: true, code: "SYSTEM_ERROR".into(), message: Some("try later".into()), retryable }
}

fn report(payment: &Payment, finding: Finding) -> Command {
    let operation = payment.latest_operation();
    Command::PgReport {
        operation_no: operation.no,
        attempt: operation.attempt,
        report: Report { source: Source::Answer, finding },
    }
}
