//! Idempotency keys: taken once, told apart exactly, with one answer for ever.

use std::sync::Arc;

use payment_schema::fingerprint::Fingerprint;
use payment_schema::representation::Answer;

use super::scene::{Scene, approved, key, merchant_id};
use crate::ports::Store;
use crate::ports::journal_store::{AppendOutcome, KeyClaim, KeyRecord};

/// Whoever comes second hears who came first; the neighbours in its batch do not notice.
pub async fn a_taken_key_drops_out_with_its_owner(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let owner = scene.authorization("m-1", "k-1").await;
    let claim = owner.key.clone().expect("an authorization takes a key");
    scene.commit(owner.clone()).await;
    let before = scene.authorization("m-1", "k-2").await;
    let loser = scene.authorization("m-1", "k-1").await;
    let behind = scene.authorization("m-1", "k-3").await;

    let record = KeyRecord {
        fingerprint: claim.fingerprint,
        payment_id: owner.payment.id,
        operation: "authorize".to_owned(),
        answer: None,
    };
    let outcomes = scene.outcomes(vec![before, loser.clone(), behind.clone()]).await;
    let expected = [AppendOutcome::Committed, AppendOutcome::KeyTaken(record), AppendOutcome::Committed];
    assert_eq!(outcomes, expected);
    let read = scene.store.payment(loser.payment.id).await.expect("the payment is read");
    assert_eq!(read, None, "nothing of the loser remains");
    let read = scene.store.payment(behind.payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*behind.payment));
}

/// A race within one batch ends like any other.
pub async fn of_two_claims_in_one_batch_the_first_wins(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let first = scene.authorization("m-1", "k-1").await;
    let second = scene.authorization("m-1", "k-1").await;
    let winner = first.payment.id;
    let outcomes = scene.outcomes(vec![first, second]).await;
    assert_eq!(outcomes[0], AppendOutcome::Committed);
    assert!(matches!(&outcomes[1], AppendOutcome::KeyTaken(record) if record.payment_id == winner));
}

/// Case, trailing spaces and merchants make different keys; so do look-alikes.
pub async fn keys_are_told_apart_byte_by_byte(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let names =
        [("m-1", "abc"), ("m-1", "ABC"), ("m-1", "abc "), ("m-1", " abc"), ("M-1", "abc"), ("m-1 ", "abc")];
    for (merchant, name) in names {
        let payment = scene.ready(merchant, name).await;
        let owner = scene.store.key(&merchant_id(merchant), &key(name)).await.expect("the key is read");
        assert_eq!(owner.map(|owner| owner.payment_id), Some(payment.id), "{merchant:?} {name:?}");
    }
}

/// An answer is stored once; a later one changes nothing, nor does one for a key that nobody took.
pub async fn the_first_answer_stays(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let ready = scene.ready("m-1", "k-1").await;
    let approval = scene.step(&ready, &approved(&ready));
    let (name, answer) = approval.answers.first().cloned().expect("an approval answers its authorization");
    let authorized = scene.commit(approval).await;
    let stored = || async {
        let owner = scene.store.key(&ready.merchant_id, &name).await.expect("the key is read");
        owner.expect("the key is taken").answer
    };
    assert_eq!(stored().await, Some(answer.clone()));

    let mut later = scene.step(&authorized, &super::scene::capture());
    let other = Answer { status: 409, body: b"other".to_vec() };
    later.answers = vec![(name.clone(), other.clone()), (key("nobody's"), other)];
    scene.commit(later).await;
    assert_eq!(stored().await, Some(answer));
    let nobodys = scene.store.key(&ready.merchant_id, &key("nobody's")).await.expect("the key is read");
    assert_eq!(nobodys, None);
}

/// A repeated command under a new key takes that key without a step, with any bytes as its answer.
pub async fn a_key_can_be_taken_alone(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let payment = scene.captured("m-1", "k-1").await;
    let claim = KeyClaim { key: key("k-again"), fingerprint: Fingerprint([7; 32]), operation: "capture" };
    let mut append = scene.only_key(&payment, claim.clone());
    let answer = Answer { status: 200, body: vec![0, 159, 146, 150, b'{', 0] };
    append.answers = vec![(claim.key.clone(), answer.clone())];
    scene.commit(append).await;

    let record = KeyRecord {
        fingerprint: claim.fingerprint,
        payment_id: payment.id,
        operation: "capture".to_owned(),
        answer: Some(answer),
    };
    let owner = scene.store.key(&payment.merchant_id, &claim.key).await.expect("the key is read");
    assert_eq!(owner.as_ref(), Some(&record));
    let again = scene.only_key(&payment, claim);
    assert_eq!(scene.outcomes(vec![again]).await, [AppendOutcome::KeyTaken(record)]);
    let read = scene.store.payment(payment.id).await.expect("the payment is read");
    assert_eq!(read.as_ref(), Some(&*payment));
}
