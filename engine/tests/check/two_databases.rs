//! Payments spread over two databases.

use payment_engine::check::EvidenceError;

use crate::books::Books;
use crate::corrupt::{assert_blamed, assert_only_blamed, eventful};

#[tokio::test]
#[ignore = "needs MariaDB and Kafka: set PAYMENT_DB_HOST and KAFKA_BOOTSTRAP_SERVERS, run with --include-ignored"]
async fn both_are_looked_at() {
    let mut books = Books::real(2).await;
    let mut ids = Vec::new();
    for sequence in 1..=6 {
        ids.push(eventful(&mut books, sequence).await);
    }
    let report = books.check_later().await;
    assert!(report.is_clean() && report.payments == 6, "{:#?}", report.invariants);

    for id in &ids[2..4] {
        books.tamper(&format!("UPDATE payment SET version = version + 1 WHERE payment_id = {id}")).await;
    }
    let report = books.check_later().await;
    for id in &ids[2..4] {
        assert_blamed(&report, "I6", *id, "the history ends", "a version too high");
    }
    assert_only_blamed(&report, &ids[2..4]);
}

#[tokio::test]
#[ignore = "needs MariaDB and Kafka: set PAYMENT_DB_HOST and KAFKA_BOOTSTRAP_SERVERS, run with --include-ignored"]
async fn a_payment_in_both_is_refused() {
    let mut books = Books::real(2).await;
    let id = eventful(&mut books, 1).await;
    let copy = format!(
        "INSERT IGNORE INTO payment VALUES ({id}, 'm', 1, 'USD', 'READY', 1, 0, 0, 0, 0, NULL, 'x', NULL, NULL, 1, 1, '{{}}')"
    );
    books.tamper(&copy).await;
    let refused = books
        .look(move |evidence, pg| match evidence.dossier(id, pg) {
            Err(EvidenceError::TwoHomes(found)) => Ok(found),
            other => panic!("{other:?}"),
        })
        .await;
    assert_eq!(u64::try_from(refused), Ok(id));
}
