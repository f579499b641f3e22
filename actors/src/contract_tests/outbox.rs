//! The outbox: committed records in order, until they are published.

use std::sync::Arc;

use payment_schema::time::Timestamp;

use super::scene::{Scene, approved, capture};
use crate::ports::Store;
use crate::ports::journal_store::OutboxRecord;

async fn waiting(scene: &Scene) -> Vec<OutboxRecord> {
    let found = scene.store.unpublished(scene.database("m-1"), 0, 1_000).await.expect("the outbox is read");
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "positions rise");
    found.into_iter().map(|(_, record)| record).collect()
}

/// Records come as they were committed, page by page, and go when they are marked.
pub async fn records_wait_in_commit_order_until_they_are_published(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    assert_eq!(scene.store.backlog().await.expect("the backlog is counted"), (0, None));
    let mut expected = Vec::new();
    for name in ["k-1", "k-2"] {
        let ready = scene.ready("m-1", name).await;
        let approval = scene.step(&ready, &approved(&ready));
        expected.extend(approval.outbox.clone());
        let authorized = scene.commit(approval).await;
        let request = scene.step(&authorized, &capture());
        expected.extend(request.outbox.clone());
        scene.commit(request).await;
    }
    assert_eq!(expected.len(), 4);
    assert_eq!(waiting(&scene).await, expected);
    let backlog = scene.store.backlog().await.expect("the backlog is counted");
    assert_eq!(backlog, (4, Some(expected[0].at)));

    let page = scene.store.unpublished(scene.database("m-1"), 0, 3).await.expect("the outbox is read");
    assert_eq!(page.len(), 3);
    let behind =
        scene.store.unpublished(scene.database("m-1"), page[2].0, 3).await.expect("the outbox is read");
    assert_eq!(behind.into_iter().map(|(_, record)| record).collect::<Vec<_>>(), expected[3..]);

    let published = [expected[0].key(), expected[2].key()];
    for _ in 0..2 {
        scene
            .store
            .mark_published(scene.database("m-1"), &published, scene.now())
            .await
            .expect("the records are marked");
        assert_eq!(waiting(&scene).await, [expected[1].clone(), expected[3].clone()]);
    }
    assert_eq!(scene.store.backlog().await.expect("the backlog is counted"), (2, Some(expected[1].at)));
}

/// What a lane asks for when a payment's event came after a gap; dead letters are not among them.
pub async fn earlier_events_of_one_payment_come_lowest_first(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let (payment, _) = scene.dead_lettered("m-1", "k-1").await;
    scene.captured("m-1", "k-2").await;
    assert_eq!(payment.last_event_seq, 3, "authorized, capture requested, capture failed");
    let seqs = |records: Vec<OutboxRecord>| -> Vec<Option<u64>> {
        assert!(records.iter().all(|record| record.payment_id == payment.id));
        records.into_iter().map(|record| record.event_seq).collect()
    };
    let before = |below| scene.store.unpublished_before(payment.id, below);
    assert_eq!(seqs(before(3).await.expect("the outbox is read")), [Some(1), Some(2)]);
    assert_eq!(seqs(before(1).await.expect("the outbox is read")), []);
    scene
        .store
        .mark_published(
            scene.database("m-1"),
            &[before(2).await.expect("the outbox is read")[0].key()],
            scene.now(),
        )
        .await
        .expect("the record is marked");
    assert_eq!(seqs(before(99).await.expect("the outbox is read")), [Some(2), Some(3)]);
}

/// Only what was published long enough ago goes, never what still waits, and never more than asked for at once.
pub async fn published_records_are_pruned_by_age(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    scene.captured("m-1", "k-1").await;
    let all = waiting(&scene).await;
    let [first, second, third] = &all[..] else { panic!("three events") };
    let early = scene.now();
    scene
        .store
        .mark_published(scene.database("m-1"), &[first.key(), second.key()], early)
        .await
        .expect("marked");
    let late = scene.now();
    scene.store.mark_published(scene.database("m-1"), &[third.key()], late).await.expect("marked");

    let prune = |before: Timestamp, limit| scene.store.prune_published(before, limit);
    assert_eq!(prune(early, 10).await.expect("pruned"), 0, "not before their moment");
    assert_eq!(prune(late, 1).await.expect("pruned"), 1);
    assert_eq!(prune(late, 10).await.expect("pruned"), 1);
    assert_eq!(prune(late, 10).await.expect("pruned"), 0);

    // New records still come behind every position seen before.
    let (last, _) = scene
        .store
        .unpublished(scene.database("m-1"), 0, 1)
        .await
        .expect("read")
        .pop()
        .unwrap_or((0, third.clone()));
    scene.authorized("m-1", "k-2").await;
    assert_eq!(prune(scene.now(), 10).await.expect("pruned"), 1, "the third, and not the one that waits");
    let found = scene.store.unpublished(scene.database("m-1"), last, 10).await.expect("read");
    assert_eq!(found.len(), 1);
}
