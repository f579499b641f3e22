//! Lives that went right, in every way the rules know.

use payment_schema::status::Status;

use crate::books::{Books, in_both_worlds};

async fn every_ending(books: &mut Books) {
    books.captured(1).await;
    let mut refunded = books.captured(2).await;
    for part in [300, 500] {
        refunded.refund(part).await;
        refunded.approve().await;
    }
    assert_eq!(refunded.payment.status, Status::Refunded);
    let mut declined = books.ready(3).await;
    declined.refuse("DO_NOT_HONOR", false).await;
    assert_eq!(declined.payment.status, Status::AuthFailed);
    let mut cancelled = books.authorized(4).await;
    cancelled.cancel().await;
    cancelled.approve().await;
    assert_eq!(cancelled.payment.status, Status::Cancelled);
    let mut retried = books.authorized(5).await;
    retried.capture(1_000).await;
    for _ in 0..3 {
        retried.refuse("BUSY", true).await;
        retried.retry().await;
    }
    retried.hear_nothing().await;
    retried.approve().await;
    assert_eq!(retried.payment.status, Status::Captured);
    let mut unseen = books.ready(6).await;
    unseen.hear_nothing().await;
    unseen.cancel().await;
    unseen.not_seen().await;
    unseen.refuse("NO_SUCH_HOLD", true).await;
    assert_eq!(unseen.payment.status, Status::Cancelled);
    let mut superseded = books.authorized(7).await;
    superseded.capture(700).await;
    superseded.refuse("BUSY", true).await;
    superseded.cancel().await;
    superseded.approve().await;
    assert_eq!(superseded.payment.status, Status::Cancelled);
}

async fn every_letter(books: &mut Books) {
    let mut replayed = books.authorized(11).await;
    replayed.capture(900).await;
    replayed.refuse("CLOSED", false).await;
    replayed.replay().await;
    replayed.refuse("CLOSED", false).await;
    replayed.replay().await;
    replayed.approve().await;
    assert_eq!(replayed.payment.status, Status::Captured);
    let mut discarded = books.captured(12).await;
    discarded.refund(100).await;
    discarded.refuse("CLOSED", false).await;
    discarded.discard().await;
    assert_eq!(discarded.payment.status, Status::Captured);
    let mut waiting = books.authorized(13).await;
    waiting.cancel().await;
    waiting.refuse("CLOSED", false).await;
    let mut resolved = books.authorized(14).await;
    resolved.capture(1_000).await;
    resolved.hear_nothing().await;
    resolved.resolve().await;
    assert_eq!(resolved.payment.status, Status::Captured);
}

async fn lives_that_went_right_are_clean_for_ever(mut books: Books) {
    every_ending(&mut books).await;
    every_letter(&mut books).await;
    for report in [books.check().await, books.check_later().await] {
        assert!(report.is_clean(), "{:?} {:#?}", report.broken(), report.invariants);
        assert_eq!((report.payments, report.in_flight, report.vacuous), (11, 0, false));
        let seen: Vec<_> = report
            .invariants
            .iter()
            .filter(|one| one.holds.is_some() && one.checked > 0)
            .map(|one| one.id)
            .collect();
        assert_eq!(seen, ["I1", "I2", "I3", "I5", "I6", "I7", "I8", "I10", "I11"]);
    }
}

async fn what_is_young_and_unfinished_is_in_flight_and_later_forgotten(mut books: Books) {
    books.ready(1).await;
    books.stop_publishing();
    let mut capturing = books.authorized(2).await;
    capturing.capture(500).await;
    let id = capturing.id();

    let now = books.check().await;
    assert!(now.is_clean(), "{:#?}", now.invariants);
    // Two open operations; two events that wait.
    assert_eq!(now.in_flight, 4);

    let later = books.check_later().await;
    assert_eq!(later.broken(), ["I5", "I7"]);
    assert!(later.invariants[4].violations.iter().any(|violation| violation.payment_id == Some(id)));
}

async fn no_payment_shows_nothing(mut books: Books) {
    let report = books.check().await;
    assert!(report.is_clean() && report.vacuous);
    let unseen: Vec<_> =
        report.invariants.iter().filter(|one| one.holds.is_none()).map(|one| one.id).collect();
    assert_eq!(unseen, ["I4", "I9", "I12", "I13", "I14"]);
}

/// What was published twice is one event.
async fn repetitions_change_nothing(mut books: Books) {
    every_ending(&mut books).await;
    books.tamper_topics(|topics| {
        let again = topics.clone();
        topics.extend(again);
    });
    let report = books.check_later().await;
    assert!(report.is_clean(), "{:?} {:#?}", report.broken(), report.invariants);
}

/// The dossier of one payment holds everything of it and nothing of its neighbours.
async fn one_payment_is_told_from_its_neighbours(mut books: Books) {
    every_ending(&mut books).await;
    books.fill_topics().await;
    let id = books.captured(8).await.id();
    books.fill_topics().await;
    let dossier = books.look(move |evidence, pg| evidence.dossier(id, pg)).await;
    let payment = dossier.payment.expect("the payment");
    assert_eq!((payment.status.as_str(), payment.operations().len()), ("CAPTURED", 2));
    let counts =
        [dossier.transitions.len(), dossier.entries.len(), dossier.requests.len(), dossier.events.len()];
    assert_eq!(counts, [4, 2, 1, 3]);
    assert_eq!(dossier.pg.map(|record| record.len()), Some(2));
    let nobody = books.look(|evidence, pg| evidence.dossier(4_096_000, pg)).await;
    assert!(nobody.payment.is_none() && nobody.events.is_empty() && nobody.transitions.is_empty());
}

in_both_worlds! {
    lives_that_went_right_are_clean_for_ever,
    what_is_young_and_unfinished_is_in_flight_and_later_forgotten,
    no_payment_shows_nothing,
    repetitions_change_nothing,
    one_payment_is_told_from_its_neighbours,
}
