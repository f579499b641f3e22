//! The ledger: every movement once.

use std::sync::Arc;

use payment_schema::ids::{EventId, OperationNo, PaymentId};
use payment_schema::ledger::{Account, LedgerEntry, Movement};
use payment_schema::payment::Payment;

use super::scene::{Scene, amount, merchant_id};
use crate::ports::Store;
use crate::ports::ledger_store::PostOutcome;

/// The movement of a capture.
pub(super) fn capture_of(payment: &Payment, operation_no: OperationNo, minor: u64) -> Movement {
    Movement {
        event_id: EventId::of(payment.id, u64::from(operation_no.0)),
        payment_id: payment.id,
        operation_no,
        debit: Account::merchant_receivable(&payment.merchant_id, payment.currency),
        credit: Account::cash(&payment.merchant_id, payment.currency),
        amount: amount(minor),
        currency: payment.currency,
    }
}

fn refund_of(payment: &Payment, operation_no: OperationNo, minor: u64) -> Movement {
    let capture = capture_of(payment, operation_no, minor);
    Movement { debit: capture.credit, credit: capture.debit, ..capture }
}

fn entry(movement: &Movement) -> LedgerEntry {
    LedgerEntry {
        debit_account: movement.debit.clone(),
        credit_account: movement.credit.clone(),
        amount: movement.amount,
    }
}

async fn post(scene: &Scene, movements: &[Movement]) -> Vec<PostOutcome> {
    scene.store.post(movements, scene.now()).await.expect("the ledger is posted")
}

/// However often it is told, a movement is there once; movements come oldest first.
pub async fn a_movement_is_posted_once(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let capture = capture_of(&payment, OperationNo(2), 10_000);
    let refund = refund_of(&payment, OperationNo(3), 4_000);
    assert_eq!(post(&scene, &[]).await, []);
    // Consumers see any order across topics: a refund may come before its capture.
    assert_eq!(post(&scene, std::slice::from_ref(&refund)).await, [PostOutcome::Posted]);
    assert_eq!(post(&scene, std::slice::from_ref(&capture)).await, [PostOutcome::Posted]);
    let both = [capture.clone(), refund.clone()];
    assert_eq!(post(&scene, &both).await, [PostOutcome::AlreadyPosted; 2]);
    let entries = scene.store.ledger_entries(payment.id).await.expect("the ledger is read");
    assert_eq!(entries, [entry(&refund), entry(&capture)]);
    let whole = scene.store.payment_with_entries(payment.id).await.expect("the payment is read");
    assert_eq!(whole, Some(((*payment).clone(), entries)));
}

/// Another amount, account, currency, event or operation is not the same movement.
pub async fn a_contradicting_movement_changes_nothing(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let other = scene.captured("m-1", "k-2").await;
    let posted = capture_of(&payment, OperationNo(2), 10_000);
    assert_eq!(post(&scene, std::slice::from_ref(&posted)).await, [PostOutcome::Posted]);

    let krw = payment_schema::currency::Currency::parse("KRW").expect("a known currency");
    let contradictions = [
        Movement { amount: amount(9_999), ..posted.clone() },
        Movement { debit: posted.credit.clone(), credit: posted.debit.clone(), ..posted.clone() },
        Movement { currency: krw, ..posted.clone() },
        Movement { event_id: EventId::of(payment.id, 77), ..posted.clone() },
        Movement { operation_no: OperationNo(3), ..posted.clone() },
        Movement { payment_id: other.id, ..posted.clone() },
    ];
    for movement in contradictions {
        let outcome = post(&scene, std::slice::from_ref(&movement)).await;
        assert_eq!(outcome, [PostOutcome::Contradiction], "{movement:?}");
    }
    let entries = scene.store.ledger_entries(payment.id).await.expect("the ledger is read");
    assert_eq!(entries, [entry(&posted)]);
    assert_eq!(scene.store.ledger_entries(other.id).await.expect("the ledger is read"), []);
}

/// One unknown or contradicting movement does not hold up the others of its call.
pub async fn one_call_judges_each_movement_by_itself(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let capture = capture_of(&payment, OperationNo(2), 10_000);
    let unknown_id = PaymentId::new(4_711, merchant_id("m-1").slot());
    let unknown =
        Movement { payment_id: unknown_id, event_id: EventId::of(unknown_id, 1), ..capture.clone() };
    let contradiction = Movement { amount: amount(1), ..capture.clone() };
    let refund = refund_of(&payment, OperationNo(3), 1);
    let call = [capture.clone(), unknown, capture.clone(), contradiction, refund.clone()];
    let expected = [
        PostOutcome::Posted,
        PostOutcome::UnknownPayment,
        PostOutcome::AlreadyPosted,
        PostOutcome::Contradiction,
        PostOutcome::Posted,
    ];
    assert_eq!(post(&scene, &call).await, expected);
    let entries = scene.store.ledger_entries(payment.id).await.expect("the ledger is read");
    assert_eq!(entries, [entry(&capture), entry(&refund)]);
}
