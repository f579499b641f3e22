//! Appends: whole or not at all, fenced by version, independent of their neighbours.

use std::collections::BTreeSet;
use std::sync::Arc;

use payment_schema::ids::PaymentId;
use payment_schema::status::Status;

use super::scene::{Scene, approved, cancel, capture, key, merchant_id, refund};
use crate::ports::Store;
use crate::ports::journal_store::AppendOutcome;

/// Everything an authorization wrote is read as it was given.
pub async fn a_new_payment_reads_back_whole(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let append = scene.authorization("m-1", "k-1").await;
    let claim = append.key.clone().expect("an authorization takes a key");
    let payment = scene.commit(append.clone()).await;

    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*payment));
    assert_eq!(scene.store.history(payment.id).await.expect("the history is read"), append.transitions);
    let owner = scene.store.key(&payment.merchant_id, &claim.key).await.expect("the key is read");
    let owner = owner.expect("the key is taken");
    assert_eq!((owner.fingerprint, owner.payment_id), (claim.fingerprint, payment.id));
    assert_eq!((owner.operation.as_str(), owner.answer), ("authorize", None));
}

/// A payment's life, step by step, with its history in order.
pub async fn every_step_of_a_payment_reads_back(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let mut payment = scene.captured("m-1", "k-1").await;
    for command in [refund(4_000), refund(6_000)] {
        payment = scene.commit(scene.step(&payment, &command)).await;
        payment = scene.commit(scene.step(&payment, &approved(&payment))).await;
        let read = scene.store.payment(payment.id).await.expect("the payment is read");
        assert_eq!(read.as_ref(), Some(&*payment));
    }
    let history = scene.store.history(payment.id).await.expect("the history is read");
    let versions: Vec<u64> = history.iter().map(|transition| transition.version.0).collect();
    assert_eq!(versions, (1..=payment.version.0).collect::<Vec<_>>());
    let states: Vec<Status> = history.iter().map(|transition| transition.to).collect();
    let expected = [
        Status::Ready,
        Status::Authorized,
        Status::CaptureRequested,
        Status::Captured,
        Status::RefundRequested,
        Status::PartialRefunded,
        Status::RefundRequested,
        Status::Refunded,
    ];
    assert_eq!(states, expected);
    assert!(history.windows(2).all(|pair| pair[1].from == Some(pair[0].to)));
}

/// The fence: of two changes decided on one version, only the first is there afterwards.
pub async fn of_two_changes_of_one_version_the_second_drops_out(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.authorized("m-1", "k-1").await;
    let first = scene.step_under(&payment, &capture(), Some("k-capture"));
    let second = scene.step_under(&payment, &cancel(), Some("k-cancel"));
    let moved = scene.commit(first).await;

    assert_eq!(scene.outcomes(vec![second]).await, [AppendOutcome::VersionConflict]);
    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*moved));
    let history = scene.store.history(payment.id).await.expect("the history is read");
    assert_eq!(history.len() as u64, moved.version.0);
    let key = scene.store.key(&payment.merchant_id, &key("k-cancel")).await.expect("the key is read");
    assert_eq!(key, None, "nothing of the second change remains");
}

/// A new payment never replaces one.
pub async fn a_new_payment_with_a_used_id_drops_out(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.ready("m-1", "k-1").await;
    let other = scene.authorization_of(payment.id, merchant_id("m-1"), "k-2");
    assert_eq!(scene.outcomes(vec![other]).await, [AppendOutcome::VersionConflict]);
    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*payment));
    let key = scene.store.key(&payment.merchant_id, &key("k-2")).await.expect("the key is read");
    assert_eq!(key, None, "nothing of the second payment remains");
}

/// A change needs its payment.
pub async fn a_change_of_an_unknown_payment_drops_out(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let unwritten = scene.authorization("m-1", "k-1").await;
    let change = scene.step(&unwritten.payment, &approved(&unwritten.payment));
    assert_eq!(scene.outcomes(vec![change]).await, [AppendOutcome::VersionConflict]);
    let read = scene.store.payment(unwritten.payment.id).await.expect("the payment is read");
    assert_eq!(read, None);
}

/// Neighbours of a conflicting append are committed with the batch.
pub async fn a_conflict_in_the_middle_of_a_batch_drops_out_alone(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let before = scene.authorized("m-1", "k-1").await;
    let stale = scene.step(&before, &cancel());
    let moved = scene.commit(scene.step(&before, &capture())).await;
    let first = scene.authorization("m-1", "k-2").await;
    let last = scene.authorization("m-2", "k-1").await;

    let outcomes = scene.outcomes(vec![first.clone(), stale, last.clone()]).await;
    assert_eq!(
        outcomes,
        [AppendOutcome::Committed, AppendOutcome::VersionConflict, AppendOutcome::Committed]
    );
    for payment in [&first.payment, &moved, &last.payment] {
        let read = scene.store.payment(payment.id).await.expect("the payment is read");
        assert_eq!(read.as_ref(), Some(&**payment));
    }
}

/// Nothing to do is done.
pub async fn an_empty_batch_is_committed(store: Arc<dyn Store>) {
    assert_eq!(store.append(&[]).await.expect("nothing can go wrong"), []);
    assert_eq!(store.committed(&[]).await.expect("nothing can go wrong"), Vec::<bool>::new());
}

/// However many ask at the same time, each number is given once, and none makes an impossible payment id.
pub async fn sequences_are_never_given_twice(store: Arc<dyn Store>) {
    let slot = merchant_id("m-1").slot();
    let blocks =
        futures_util::future::join_all([1, 1_000, 7, 50].map(|count| store.reserve_sequences(slot, count)));
    let mut given = BTreeSet::new();
    for (block, count) in blocks.await.into_iter().zip([1, 1_000, 7, 50]) {
        let block = block.expect("a block is reserved");
        assert_eq!(block.end - block.start, count);
        for sequence in block {
            assert!(given.insert(sequence), "{sequence} was given twice");
            let id = PaymentId::new(sequence, slot);
            assert_eq!(PaymentId::try_from(id.get()), Ok(id));
        }
    }
}
