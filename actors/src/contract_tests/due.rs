//! Payments that a sweep must look at.

use std::sync::Arc;
use std::time::Duration;

use payment_schema::ids::PaymentId;
use payment_schema::payment::DueKind;
use payment_schema::time::Timestamp;

use super::scene::{Scene, cancel, refused, refused_for_good};
use crate::ports::Store;

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn claim(scene: &Scene, kinds: &[DueKind], now: Timestamp, limit: u32) -> Vec<PaymentId> {
    let lease = now.plus(Duration::from_secs(30));
    scene.store.claim_due(kinds, now, lease, limit).await.expect("the sweep runs")
}

/// A claim is a lease: nobody else gets the payment until it ends, or until a change sets another moment.
pub async fn a_due_payment_is_claimed_once_until_its_lease_ends(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.ready("m-1", "k-1").await;
    let due = payment.due(payment.updated_at, &scene.rules).expect("READY is looked after");
    let kinds = [DueKind::Authorization];

    let just_before = Timestamp::from_micros(due.at.as_micros() - 1);
    assert_eq!(claim(&scene, &kinds, just_before, 10).await, []);
    assert_eq!(claim(&scene, &kinds, due.at, 10).await, [payment.id]);
    assert_eq!(claim(&scene, &kinds, due.at.plus(Duration::from_secs(29)), 10).await, []);
    assert_eq!(claim(&scene, &kinds, due.at.plus(Duration::from_secs(30)), 10).await, [payment.id]);

    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*payment), "a claim changes nothing of the payment");
    scene.commit(scene.step(&payment, &refused(&payment))).await;
    assert_eq!(claim(&scene, &kinds, due.at.plus(24 * HOUR), 10).await, [], "AUTH_FAILED is over");
}

/// Every sweep takes its own kinds.
pub async fn only_the_kinds_asked_for_are_claimed(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let authorizing = scene.ready("m-1", "k-1").await;
    let capturing = scene.capturing("m-1", "k-2").await;
    let authorized = scene.authorized("m-1", "k-3").await;
    let voiding = scene.authorized("m-1", "k-4").await;
    let voiding = scene.commit(scene.step(&voiding, &cancel())).await;
    scene.pass(30 * 24 * HOUR);
    let now = scene.now();

    assert_eq!(claim(&scene, &[], now, 10).await, []);
    assert_eq!(claim(&scene, &[DueKind::Settlement], now, 10).await, [capturing.id]);
    assert_eq!(claim(&scene, &[DueKind::Expiry], now, 10).await, [authorized.id]);
    let mut others = claim(&scene, &[DueKind::Authorization, DueKind::Refund], now, 10).await;
    others.sort_unstable();
    assert_eq!(others, [authorizing.id, voiding.id]);
    assert_eq!(claim(&scene, &DueKind::ALL, now, 10).await, [], "all are leased");
}

/// A limited sweep takes those that have waited longest.
pub async fn the_longest_due_come_first(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let mut waiting = Vec::new();
    for name in ["k-1", "k-2", "k-3", "k-4", "k-5"] {
        waiting.push(scene.ready("m-1", name).await.id);
    }
    scene.pass(HOUR);
    let now = scene.now();
    assert_eq!(claim(&scene, &DueKind::ALL, now, 2).await, waiting[..2]);
    assert_eq!(claim(&scene, &DueKind::ALL, now, 2).await, waiting[2..4]);
    assert_eq!(claim(&scene, &DueKind::ALL, now, 2).await, waiting[4..]);
    assert_eq!(claim(&scene, &DueKind::ALL, now, 2).await, []);
}

/// What waits for its merchant, or is over, is nobody's to sweep.
pub async fn a_payment_that_rests_is_not_due(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    scene.captured("m-1", "k-1").await;
    let declined = scene.ready("m-1", "k-2").await;
    scene.commit(scene.step(&declined, &refused_for_good(&declined))).await;
    scene.pass(30 * 24 * HOUR);
    let now = scene.now();
    assert_eq!(claim(&scene, &DueKind::ALL, now, 10).await, []);
}
