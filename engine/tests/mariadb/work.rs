//! Appends as the payments' actors would make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use payment_actors::ports::Store;
use payment_actors::ports::journal_store::{Append, AppendOutcome, KeyClaim, OutboxRecord};
use payment_schema::command::{Authorize, Command, Context, NewPayment};
use payment_schema::currency::Currency;
use payment_schema::decide::{Decision, Verdict, accept_authorization, decide};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, PaymentId, TraceId};
use payment_schema::money::Amount;
use payment_schema::operation::{Operation, OperationKind};
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::pg::{Approval, Finding, Report, Source};
use payment_schema::representation::render;
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::{IdempotencyKey, Metadata};
use payment_schema::time::Timestamp;

static TOKENS: AtomicU64 = AtomicU64::new(1 << 63);

pub(crate) fn merchant_id(text: &str) -> MerchantId {
    MerchantId::parse(text).expect("a short plain merchant id")
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("a short plain key")
}

/// A moment later than every one before, in a future that no clock has reached.
pub(crate) fn now() -> Timestamp {
    static MOMENT: AtomicU64 = AtomicU64::new(1_900_000_000_000_000);
    let micros = MOMENT.fetch_add(1_000, Ordering::Relaxed);
    Timestamp::from_micros(i64::try_from(micros).expect("a moment of this century"))
}

fn in_context<T>(decide: impl FnOnce(&Context<'_>) -> T) -> T {
    let rules = Rules::default();
    let trace_id = TraceId::new(u128::from(TOKENS.load(Ordering::Relaxed)));
    decide(&Context { rules: &rules, now: now(), jitter: Jitter(0.5), trace_id, key: None })
}

/// A new payment of the merchant's under a key.
pub(crate) fn authorization(sequence: u64, merchant: &str, key_text: &str) -> Append {
    let merchant_id = merchant_id(merchant);
    let id = PaymentId::new(sequence, merchant_id.slot());
    let command = Authorize {
        merchant_id,
        amount: Amount::try_from(10_000_u64).expect("a small positive amount"),
        currency: Currency::parse("USD").expect("a known currency"),
        capture_mode: CaptureMode::Manual,
        order_id: None,
        metadata: Metadata::parse([("note".to_owned(), "naïve \u{1f600}".to_owned())].into())
            .expect("a short note"),
    };
    let fingerprint = Fingerprint::of("authorize", None, &command);
    let key = key(key_text);
    let new = NewPayment { id, key: key.clone() };
    let decision = in_context(|context| accept_authorization(new, command, context));
    append(None, decision, Some(KeyClaim { key, fingerprint, operation: "authorize" }))
}

/// What a command does to a payment.
pub(crate) fn step(payment: &Payment, command: &Command) -> Append {
    let verdict = in_context(|context| decide(payment, command, context)).expect("the rules allow it");
    let Verdict::Commit(decision) = verdict else {
        panic!("tests ask only for what changes something");
    };
    append(Some(payment), *decision, None)
}

/// The PG approves the payment's latest operation.
pub(crate) fn approved(payment: &Payment) -> Command {
    let operation = payment.latest_operation();
    let approval = Approval { transaction_id: Some("tx-1".into()), ..Approval::default() };
    Command::PgReport {
        operation_no: operation.no,
        attempt: operation.attempt,
        report: Report { source: Source::Answer, finding: Finding::Approved(approval) },
    }
}

fn append(before: Option<&Payment>, decision: Decision, claim: Option<KeyClaim>) -> Append {
    let payment = &decision.payment;
    let changed = |operation: &&Operation| {
        operation.kind != OperationKind::Authorize
            && before.and_then(|before| before.operation(operation.no)) != Some(*operation)
    };
    let records = decision.events.iter().map(|event| OutboxRecord {
        event_id: event.event_id,
        payment_id: event.payment_id,
        event_seq: Some(event.event_seq),
        topic: event.kind.topic(),
        payload: Bytes::from(event.to_json()),
        trace_id: TraceId::new(7),
        at: event.occurred_at,
    });
    let answers = decision.answers.iter();
    Append {
        expected: decision.expected,
        token: TOKENS.fetch_add(1, Ordering::Relaxed),
        transitions: decision.transitions.clone(),
        outbox: records.collect(),
        letters: decision.letters.clone(),
        key: claim,
        answers: answers.map(|keyed| (keyed.key.clone(), render(keyed.kind, payment, Vec::new()))).collect(),
        requests: payment.operations.iter().filter(changed).cloned().collect(),
        due: payment.due(payment.updated_at, &Rules::default()),
        audit: None,
        payment: Arc::new(decision.payment),
    }
}

/// Commits appends that nothing stands against; their payments afterwards.
pub(crate) async fn commit(store: &dyn Store, batch: &[Append]) -> Vec<Arc<Payment>> {
    let outcomes = store.append(batch).await.expect("the store takes the batch");
    assert!(outcomes.iter().all(|outcome| *outcome == AppendOutcome::Committed), "{outcomes:?}");
    batch.iter().map(|append| Arc::clone(&append.payment)).collect()
}
