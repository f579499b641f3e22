//! What operators and sweeps see of two databases.

use std::sync::Arc;

use payment_actors::contract_tests::run;
use payment_actors::contract_tests::scene::{Scene, capture};
use payment_actors::ports::journal_store::{AppendOutcome, AuditEntry, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_schema::dead_letter::LetterStatus;
use payment_schema::operation::OperationKind;
use payment_schema::payment::DueKind;
use payment_schema::status::Status;
use payment_schema::topic::Topic;

use crate::pair::{HIGH, LOW, Pair};

#[test]
fn a_batch_for_both_is_committed_by_both() {
    run(async {
        let pair = Pair::new(true);
        let scene = Scene::new(Arc::new(pair.store.clone()));
        let mut batch = Vec::new();
        for (number, merchant) in [LOW, HIGH, LOW, HIGH].into_iter().enumerate() {
            batch.push(scene.authorization(merchant, &format!("k-{number}")).await);
        }
        // The third one's key is taken: it drops out, in its place.
        let taken = batch[0].key.clone();
        batch[2].key = taken;
        let outcomes = pair.store.append(&batch).await.expect("both commit");
        let is_committed: Vec<bool> =
            outcomes.iter().map(|outcome| *outcome == AppendOutcome::Committed).collect();
        assert_eq!(is_committed, [true, true, false, true]);
        let marks: Vec<_> = batch.iter().map(payment_actors::ports::journal_store::Append::mark).collect();
        assert_eq!(pair.store.committed(&marks).await.expect("both answer"), is_committed);
    });
}

#[test]
fn sums_and_sweeps_hold_both() {
    run(async {
        let pair = Pair::new(true);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));
        for merchant in [LOW, HIGH, HIGH] {
            for name in ["a", "b"] {
                let key = format!("{merchant}-{name}-{}", scene.now().as_micros());
                let payment = scene.authorized(merchant, &key).await;
                scene.commit(scene.step(&payment, &capture())).await;
            }
        }
        let counts = store.status_counts().await.expect("both answer");
        let of =
            |status| Status::ALL.iter().zip(&counts).find(|(known, _)| **known == status).map(|it| *it.1);
        assert_eq!(of(Status::CaptureRequested), Some(6));
        let totals = store.operation_totals(OperationKind::Capture, scene.now()).await.expect("both answer");
        assert_eq!((totals.total, totals.open, totals.delayed), (6, 6, 6));
        assert_eq!(store.backlog().await.expect("both answer").0, 12);
        for (database, records) in [(0, 4), (1, 8)] {
            let found = store.unpublished(database, 0, 100).await.expect("it answers");
            assert_eq!(found.len(), records);
            let events: Vec<_> = found.iter().map(|(_, record)| record.key()).collect();
            store.mark_published(database, &events, scene.now()).await.expect("it answers");
        }
        assert_eq!(store.backlog().await.expect("both answer"), (0, None));
        let later = scene.now().plus(std::time::Duration::from_secs(3_600));
        let mut claimed = Vec::new();
        for page in [4, 4, 4] {
            let lease = later.plus(std::time::Duration::from_secs(30));
            claimed
                .push(store.claim_due(&DueKind::ALL, later, lease, page).await.expect("both answer").len());
        }
        assert_eq!(claimed, [4, 2, 0], "a page is filled from both");
        let oldest = store.oldest_open(10).await.expect("both answer");
        assert_eq!(oldest.len(), 6);
        assert_eq!(oldest[0].slot(), oldest[1].slot(), "the first merchant's two are the oldest");
    });
}

#[test]
fn pages_go_through_both_without_gap_or_repeat() {
    run(async {
        let pair = Pair::new(true);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));
        for (number, merchant) in [LOW, HIGH, HIGH, LOW, HIGH, HIGH].into_iter().enumerate() {
            scene.dead_lettered(merchant, &format!("k-{number}")).await;
        }
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.dead_letters(Topic::SettlementDlq, Some(LetterStatus::Open), before, 2);
            let page = page.await.expect("both answer");
            let Some((last, _)) = page.last() else { break };
            before = Some(*last);
            seen.extend(page.into_iter().map(|(_, letter)| letter.id));
            // What comes meanwhile stands on top and moves nothing.
            scene.dead_lettered(HIGH, &format!("later-{}", seen.len())).await;
        }
        assert_eq!(seen.len(), 6);
        for id in &seen {
            let letter = store.dead_letter(id).await.expect("both answer");
            assert_eq!(letter.map(|letter| letter.id).as_ref(), Some(id));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6, "none came twice");
        let open = store.open_dead_letters().await.expect("both answer");
        assert_eq!(open.iter().find(|(topic, _)| *topic == Topic::SettlementDlq).map(|it| it.1), Some(9));
    });
}

#[test]
fn a_letter_is_closed_where_it_is() {
    run(async {
        let pair = Pair::new(true);
        let store = &pair.store;
        let scene = Scene::new(Arc::new(store.clone()));
        let (payment, append) = scene.dead_lettered(HIGH, "k-1").await;
        let id = append.mark().letter_id.expect("a letter was opened");
        let at = scene.now();
        let close = || store.close_dead_letter(&id, LetterStatus::Discarded, "hopeless", at);
        assert!(close().await.expect("both answer"));
        assert!(!close().await.expect("both answer"), "it is closed already");
        let entry = AuditEntry {
            id: "a-1".to_owned(),
            who: "local".to_owned(),
            what: "discard".to_owned(),
            target: payment.id.to_string(),
            reason: "hopeless".to_owned(),
            at,
            outcome: "done".to_owned(),
        };
        store.write_audit(&entry).await.expect("one takes it");
        let acts = store.audit(None, 10).await.expect("both answer");
        assert_eq!(acts.into_iter().map(|(_, act)| act).collect::<Vec<_>>(), [entry]);
    });
}
