//! Looking up what became of an append whose answer was lost.

use std::sync::Arc;

use payment_schema::dead_letter::LetterChange;
use payment_schema::fingerprint::Fingerprint;

use super::scene::{Scene, cancel, capture, key};
use crate::ports::Store;
use crate::ports::journal_store::{Append, AppendOutcome, KeyClaim};

async fn found(scene: &Scene, appends: &[&Append]) -> Vec<bool> {
    let marks: Vec<_> = appends.iter().map(|append| append.mark()).collect();
    scene.store.committed(&marks).await.expect("the store is asked")
}

/// The same version by another writer is not one's own commit.
pub async fn a_commit_is_found_by_its_token(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.authorized("m-1", "k-1").await;
    let winner = scene.step(&payment, &capture());
    let loser = scene.step(&payment, &cancel());
    let never_sent = scene.authorization("m-1", "k-2").await;
    assert_eq!(winner.payment.version, loser.payment.version, "both make the same version");
    assert_eq!(found(&scene, &[&winner, &loser]).await, [false, false]);

    let moved = scene.commit(winner.clone()).await;
    assert_eq!(found(&scene, &[&winner, &loser, &never_sent]).await, [true, false, false]);
    scene.commit(scene.step(&moved, &super::scene::approved(&moved))).await;
    assert_eq!(found(&scene, &[&winner]).await, [true], "later steps do not hide it");
}

/// Without a step, the key tells; a key of somebody else's does not.
pub async fn a_taken_key_is_found_by_its_append(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let claim =
        |name: &str| KeyClaim { key: key(name), fingerprint: Fingerprint([1; 32]), operation: "capture" };
    let append = scene.only_key(&payment, claim("k-2"));
    let other = scene.only_key(&payment, claim("k-3"));
    assert_eq!(found(&scene, &[&append, &other]).await, [false, false]);
    scene.commit(append.clone()).await;
    assert_eq!(found(&scene, &[&append, &other]).await, [true, false]);

    let newcomer = scene.authorization("m-1", "k-2").await;
    let outcomes = scene.outcomes(vec![newcomer.clone()]).await;
    assert!(matches!(outcomes[..], [AppendOutcome::KeyTaken(_)]));
    assert_eq!(found(&scene, &[&newcomer]).await, [false], "its key is another append's");
}

/// A contradicting answer to a closed operation writes a letter and no step.
pub async fn a_letter_without_a_step_is_found(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let contradiction = scene.step(&payment, &super::scene::refused(&payment));
    assert!(contradiction.transitions.is_empty(), "a late answer changes no state");
    assert!(matches!(contradiction.letters[..], [LetterChange::Open(_)]));
    assert_eq!(found(&scene, &[&contradiction]).await, [false]);
    let noted = scene.commit(contradiction.clone()).await;
    assert_eq!(found(&scene, &[&contradiction]).await, [true]);
    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*noted), "the operation's letter count is kept");
}
