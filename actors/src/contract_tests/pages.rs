//! Lists of payments.

use std::sync::Arc;

use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::payment::Payment;
use payment_schema::status::Status;

use super::ledger::capture_of;
use super::scene::{Scene, key, merchant_id};
use crate::ports::Store;
use crate::ports::payment_store::PaymentFilter;

fn of(merchant: &str) -> PaymentFilter {
    PaymentFilter {
        merchant_id: merchant_id(merchant),
        status: None,
        from: None,
        to: None,
        below: None,
        limit: 50,
    }
}

async fn ids(scene: &Scene, filter: &PaymentFilter) -> Vec<PaymentId> {
    let page = scene.store.list(filter).await.expect("the page is read");
    page.into_iter().map(|(payment, _)| payment.id).collect()
}

/// Pages follow each other without overlap or gap.
pub async fn a_page_is_newest_first_and_goes_on_below_its_cursor(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let mut newest_first = Vec::new();
    for name in ["k-1", "k-2", "k-3", "k-4", "k-5"] {
        newest_first.insert(0, scene.ready("m-1", name).await.id);
    }
    assert_eq!(ids(&scene, &of("m-1")).await, newest_first);

    let mut seen = Vec::new();
    let mut filter = PaymentFilter { limit: 2, ..of("m-1") };
    loop {
        let page = ids(&scene, &filter).await;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        filter.below = Some(*last);
        seen.extend(page);
    }
    assert_eq!(seen, newest_first);
}

/// Filters narrow; movements come with their payments; other merchants are never seen.
pub async fn a_page_keeps_to_its_merchant_state_and_time(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let captured: Arc<Payment> = scene.captured("m-1", "k-1").await;
    let first = scene.ready("m-1", "k-2").await;
    let second = scene.ready("m-1", "k-3").await;
    scene.ready("m-2", "k-1").await;
    let movement = capture_of(&captured, OperationNo(2), 10_000);
    scene.store.post(&[movement], scene.now()).await.expect("the ledger is posted");

    let with_status = |status| PaymentFilter { status: Some(status), ..of("m-1") };
    assert_eq!(ids(&scene, &with_status(Status::Ready)).await, [second.id, first.id]);
    assert_eq!(ids(&scene, &with_status(Status::Refunded)).await, []);
    let below = PaymentFilter { below: Some(second.id), ..with_status(Status::Ready) };
    assert_eq!(ids(&scene, &below).await, [first.id]);
    let between = PaymentFilter { from: Some(first.created_at), to: Some(second.created_at), ..of("m-1") };
    assert_eq!(ids(&scene, &between).await, [first.id], "from is inclusive, to is not");
    assert_eq!(ids(&scene, &of("M-1")).await, []);

    let page = scene.store.list(&with_status(Status::Captured)).await.expect("the page is read");
    let [(payment, entries)] = &page[..] else { panic!("one payment is captured") };
    assert_eq!(payment, &*captured);
    assert_eq!(entries.len(), 1);
}

/// Nothing is nothing, not an error.
pub async fn an_unknown_payment_has_nothing(store: Arc<dyn Store>) {
    let id = PaymentId::new(4_711, merchant_id("m-1").slot());
    assert_eq!(store.payment(id).await.expect("the store answers"), None);
    assert_eq!(store.history(id).await.expect("the store answers"), []);
    assert_eq!(store.ledger_entries(id).await.expect("the store answers"), []);
    assert_eq!(store.payment_with_entries(id).await.expect("the store answers"), None);
    assert_eq!(store.key(&merchant_id("m-1"), &key("k-1")).await.expect("the store answers"), None);
    assert_eq!(store.unpublished_before(id, 9).await.expect("the store answers"), []);
    store.ping().await.expect("the store answers");
}
