//! Dead letters and the audit.

use std::sync::Arc;

use payment_schema::command::Command;
use payment_schema::dead_letter::{DeadLetter, LetterChange, LetterStatus};
use payment_schema::topic::Topic;
use serde_json::json;

use super::scene::Scene;
use crate::ports::Store;
use crate::ports::journal_store::{Append, AuditEntry};

fn opened(append: &Append) -> DeadLetter {
    let letter = append.letters.iter().find_map(|change| match change {
        LetterChange::Open(letter) => Some(letter.clone()),
        LetterChange::Close { .. } => None,
    });
    letter.expect("the append opens a letter")
}

async fn open_in(scene: &Scene, topic: Topic) -> u64 {
    let counts = scene.store.open_dead_letters().await.expect("letters are counted");
    counts.into_iter().filter(|(counted, _)| *counted == topic).map(|(_, count)| count).sum()
}

/// An operation's letter commits with its payment's step, and so does its end.
pub async fn letters_open_and_close_with_their_payment(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let (payment, append) = scene.dead_lettered("m-1", "k-1").await;
    let letter = opened(&append);
    let read = scene.store.dead_letter(&letter.id).await.expect("the letter is read");
    assert_eq!(read.as_ref(), Some(&letter));
    assert_eq!(open_in(&scene, Topic::SettlementDlq).await, 1);
    assert_eq!(open_in(&scene, Topic::RefundDlq).await, 0);

    let replay = Command::ReplayLetter { letter_id: letter.id.clone(), reason: "pg is back".to_owned() };
    let replay = scene.step(&payment, &replay);
    let Some(LetterChange::Close { status, reason, at, .. }) = replay.letters.first().cloned() else {
        panic!("a replay closes the letter");
    };
    scene.commit(replay).await;
    let closed = DeadLetter { status, closed_reason: Some(reason), closed_at: Some(at), ..letter };
    let read = scene.store.dead_letter(&closed.id).await.expect("the letter is read");
    assert_eq!(read.as_ref(), Some(&closed));
    assert_eq!(open_in(&scene, Topic::SettlementDlq).await, 0);
    assert_eq!(scene.store.dead_letter("no such letter").await.expect("the store answers"), None);
}

fn of_record(scene: &Scene, offset: u64) -> DeadLetter {
    DeadLetter {
        id: format!("payment.captured-3-{offset}"),
        topic: Topic::PaymentDlq,
        payment_id: None,
        operation: None,
        error_type: "MALFORMED_RECORD".to_owned(),
        status: LetterStatus::Open,
        body: json!({"originalTopic": "payment.captured", "offset": offset, "payload": "4pyT", "text": "✓ \"q\""}),
        created_at: scene.now(),
        closed_at: None,
        closed_reason: None,
    }
}

/// A record that is read again is not dead-lettered again, nor is a closed letter opened by it.
pub async fn letters_of_records_are_kept_and_closed_once(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let letters = [of_record(&scene, 4), of_record(&scene, 5)];
    scene.store.put_dead_letters(&letters).await.expect("the letters are kept");
    scene.store.put_dead_letters(&letters[..1]).await.expect("the letters are kept");
    assert_eq!(open_in(&scene, Topic::PaymentDlq).await, 2);

    let at = scene.now();
    let close = |status, reason| scene.store.close_dead_letter(&letters[0].id, status, reason, at);
    assert!(close(LetterStatus::Replayed, "fixed").await.expect("the letter is closed"));
    assert!(!close(LetterStatus::Discarded, "again").await.expect("the store answers"));
    let missing = scene.store.close_dead_letter("no such letter", LetterStatus::Replayed, "?", at).await;
    assert!(!missing.expect("the store answers"));

    scene.store.put_dead_letters(&letters).await.expect("the letters are kept");
    let read = scene.store.dead_letter(&letters[0].id).await.expect("the letter is read");
    let closed = DeadLetter {
        status: LetterStatus::Replayed,
        closed_at: Some(at),
        closed_reason: Some("fixed".to_owned()),
        ..letters[0].clone()
    };
    assert_eq!(read, Some(closed));
    assert_eq!(open_in(&scene, Topic::PaymentDlq).await, 1);
}

/// Pages go from the newest down, by topic and status.
pub async fn letters_are_paged_newest_first(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let letters: Vec<DeadLetter> = (1..=4).map(|offset| of_record(&scene, offset)).collect();
    scene.store.put_dead_letters(&letters).await.expect("the letters are kept");
    scene.dead_lettered("m-1", "k-1").await;
    let closed = &letters[2];
    let at = scene.now();
    scene.store.close_dead_letter(&closed.id, LetterStatus::Replayed, "fixed", at).await.expect("closed");

    let page = |status, before, limit| scene.store.dead_letters(Topic::PaymentDlq, status, before, limit);
    let ids =
        |page: &[(u64, DeadLetter)]| page.iter().map(|(_, letter)| letter.id.clone()).collect::<Vec<_>>();
    let all = page(None, None, 10).await.expect("the page is read");
    assert_eq!(ids(&all), [3, 2, 1, 0].map(|index| letters[index].id.clone()));
    let below = page(None, Some(all[1].0), 1).await.expect("the page is read");
    assert_eq!(ids(&below), [letters[1].id.clone()]);
    let open = page(Some(LetterStatus::Open), None, 10).await.expect("the page is read");
    assert_eq!(ids(&open), [3, 1, 0].map(|index| letters[index].id.clone()));
    let other = scene.store.dead_letters(Topic::RefundDlq, None, None, 10).await.expect("the page is read");
    assert_eq!(ids(&other), Vec::<String>::new());
}

fn act(scene: &Scene, id: &str) -> AuditEntry {
    AuditEntry {
        id: id.to_owned(),
        who: "alice".to_owned(),
        what: "replay".to_owned(),
        target: "settlement.dlq/1-2-1".to_owned(),
        reason: "the pg is back".to_owned(),
        at: scene.now(),
        outcome: "accepted".to_owned(),
    }
}

/// An act commits with the change it caused, or by itself; told twice, it is kept once.
pub async fn acts_are_kept_once_and_paged_newest_first(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let (payment, append) = scene.dead_lettered("m-1", "k-1").await;
    let [first, second, third] = ["a-1", "a-2", "a-3"].map(|id| act(&scene, id));
    let letter_id = opened(&append).id;
    let mut replay = scene.step(&payment, &Command::ReplayLetter { letter_id, reason: first.reason.clone() });
    replay.audit = Some(first.clone());
    scene.commit(replay).await;
    for entry in [&second, &third, &third] {
        scene.store.write_audit(entry).await.expect("the act is kept");
    }

    let page = scene.store.audit(None, 10).await.expect("the audit is read");
    let acts: Vec<AuditEntry> = page.iter().map(|(_, entry)| entry.clone()).collect();
    assert_eq!(acts, [third, second.clone(), first]);
    let below = scene.store.audit(Some(page[0].0), 1).await.expect("the audit is read");
    assert_eq!(below.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), [second]);
}
