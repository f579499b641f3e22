//! One database is away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use payment_actors::contract_tests::run;
use payment_actors::contract_tests::scene::Scene;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{AppendOutcome, AuditEntry, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::operation::OperationKind;
use payment_schema::payment::DueKind;
use payment_schema::topic::Topic;

use crate::pair::{HIGH, LOW, Pair};

fn high() -> PaymentId {
    PaymentId::new(1, MerchantId::parse(HIGH).expect("a short plain merchant id").slot())
}

/// Says that a database is away, and which.
fn is_named<T: std::fmt::Debug>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(why))
        if why.contains("database of slots 512-1023") && why.contains("nobody answers"))
}

#[test]
fn its_merchants_wait_and_the_others_go_on() {
    run(async {
        let pair = Pair::new(false);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));

        let payment = scene.captured(LOW, "k-1").await;
        assert_eq!(store.payment(payment.id).await.expect("it is read").as_ref(), Some(&*payment));
        let due = scene.ready(LOW, "k-2").await;
        let later = scene.now().plus(Duration::from_secs(3_600));
        for _ in 0..2 {
            // Whichever is asked first.
            let claimed = store.claim_due(&DueKind::ALL, later, later, 10).await.expect("one answers");
            assert_eq!(claimed, [due.id]);
        }
        assert_eq!(store.unpublished(0, 0, 100).await.expect("it answers").len(), 3);
        store.ping().await.expect("one answers");
        store
            .prune_published(scene.now(), 10)
            .await
            .expect_err("nothing was pruned, and one does not answer");
        let entry = AuditEntry {
            id: "a-1".to_owned(),
            who: "local".to_owned(),
            what: "kill".to_owned(),
            target: "root/outbox".to_owned(),
            reason: "drill".to_owned(),
            at: scene.now(),
            outcome: "done".to_owned(),
        };
        store.write_audit(&entry).await.expect("one takes it");

        assert!(is_named(&store.payment(high()).await));
        assert!(is_named(&store.reserve_sequences(high().slot(), 1).await));
        assert!(is_named(&store.unpublished(1, 0, 100).await));
    });
}

#[test]
fn a_view_that_cannot_be_whole_names_what_it_lacks() {
    run(async {
        let pair = Pair::new(false);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));
        let (_, append) = scene.dead_lettered(LOW, "k-1").await;
        let id = append.mark().letter_id.expect("a letter was opened");

        assert!(is_named(&store.status_counts().await));
        assert!(is_named(&store.operation_totals(OperationKind::Capture, scene.now()).await));
        assert!(is_named(&store.open_dead_letters().await));
        assert!(is_named(&store.dead_letters(Topic::SettlementDlq, None, None, 10).await));
        assert!(is_named(&store.audit(None, 10).await));
        assert!(is_named(&store.oldest_open(10).await));
        assert!(is_named(&store.backlog().await));
        assert!(is_named(&store.dead_letter("no such letter").await), "it may be there");
        let found = store.dead_letter(&id).await.expect("whoever has it has answered");
        assert_eq!(found.map(|letter| letter.id), Some(id));
    });
}

#[test]
fn a_batch_for_both_says_that_nobody_knows_about_the_whole() {
    run(async {
        let pair = Pair::new(false);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));
        let low = scene.authorization(LOW, "k-1").await;
        let merchant = MerchantId::parse(HIGH).expect("a short plain merchant id");
        let high = scene.authorization_of(high(), merchant, "k-2");
        assert!(is_named(&store.append(std::slice::from_ref(&high)).await));
        let both = store.append(&[low.clone(), high.clone()]).await;
        assert!(matches!(both, Err(StoreError::OutcomeUnknown(_))), "{both:?}");
        assert_eq!(store.committed(&[low.mark()]).await.expect("it answers"), [true]);

        // It is tried again after a moment, and then serves its merchants too.
        pair.is_there.store(true, Ordering::SeqCst);
        let come_back = async {
            loop {
                match store.append(std::slice::from_ref(&high)).await {
                    Ok(outcomes) => return outcomes,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let outcomes = tokio::time::timeout(payment_actors::contract_tests::PATIENCE, come_back).await;
        assert_eq!(outcomes.expect("it comes back"), [AppendOutcome::Committed]);
        store.status_counts().await.expect("both answer");
    });
}
