//! Sums for operators.

use std::sync::Arc;
use std::time::Duration;

use payment_schema::command::Command;
use payment_schema::operation::OperationKind;
use payment_schema::status::Status;

use super::scene::{Scene, approved, cancel, refund, refused, refused_for_good};
use crate::ports::Store;
use crate::ports::operator_store::OperationTotals;

/// Each operation is in one column of its kind.
pub async fn operations_are_counted_by_how_far_they_came(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let captured = scene.captured("m-1", "k-1").await;
    let capturing = scene.capturing("m-1", "k-2").await;
    scene.commit(scene.step(&capturing, &refused(&capturing))).await;
    scene.dead_lettered("m-2", "k-1").await;
    let (given_up, append) = scene.dead_lettered("m-2", "k-2").await;
    let letter_id = append.mark().letter_id.expect("a letter was opened");
    let discard = Command::DiscardLetter { letter_id, reason: "hopeless".to_owned() };
    scene.commit(scene.step(&given_up, &discard)).await;
    scene.commit(scene.step(&captured, &refund(1_000))).await;
    let voiding = scene.authorized("m-1", "k-3").await;
    let voiding = scene.commit(scene.step(&voiding, &cancel())).await;
    scene.commit(scene.step(&voiding, &approved(&voiding))).await;
    scene.pass(Duration::from_secs(60));
    let moment = scene.now();
    scene.capturing("m-3", "k-1").await;

    let totals = |kind| scene.store.operation_totals(kind, moment);
    let captures =
        OperationTotals { total: 5, approved: 1, open: 2, dead_lettered: 1, given_up: 1, delayed: 2 };
    assert_eq!(totals(OperationKind::Capture).await.expect("totals are read"), captures);
    let refunds = OperationTotals { total: 1, open: 1, delayed: 1, ..OperationTotals::default() };
    assert_eq!(totals(OperationKind::Refund).await.expect("totals are read"), refunds);
    let voids = OperationTotals { total: 1, approved: 1, ..OperationTotals::default() };
    assert_eq!(totals(OperationKind::Void).await.expect("totals are read"), voids);
}

/// One count for each state, in the order of `Status::ALL`.
pub async fn payments_are_counted_by_state(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let none = scene.store.status_counts().await.expect("payments are counted");
    assert_eq!(none, vec![0; Status::ALL.len()]);
    scene.ready("m-1", "k-1").await;
    scene.ready("m-2", "k-1").await;
    scene.captured("m-1", "k-2").await;
    let declined = scene.ready("m-1", "k-3").await;
    scene.commit(scene.step(&declined, &refused_for_good(&declined))).await;

    let counts = scene.store.status_counts().await.expect("payments are counted");
    for (status, count) in Status::ALL.into_iter().zip(counts) {
        let expected = match status {
            Status::Ready => 2,
            Status::Captured | Status::AuthFailed => 1,
            Status::Authorized
            | Status::CaptureRequested
            | Status::CaptureFailed
            | Status::RefundRequested
            | Status::Refunded
            | Status::PartialRefunded
            | Status::RefundFailed
            | Status::Cancelled => 0,
        };
        assert_eq!(count, expected, "{status}");
    }
}

/// What nobody has touched for longest stands on top; what rests is not there.
pub async fn the_longest_untouched_open_payments_come_first(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let touched_again = scene.capturing("m-1", "k-1").await;
    let untouched = scene.ready("m-1", "k-2").await;
    scene.captured("m-1", "k-3").await;
    let (dead_lettered, _) = scene.dead_lettered("m-1", "k-4").await;
    scene.commit(scene.step(&touched_again, &refused(&touched_again))).await;
    let oldest = |limit| scene.store.oldest_open(limit);
    let expected = [untouched.id, dead_lettered.id, touched_again.id];
    assert_eq!(oldest(10).await.expect("open payments are read"), expected);
    assert_eq!(oldest(2).await.expect("open payments are read"), expected[..2]);
}
