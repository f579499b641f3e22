//! Ledger postings.

use async_trait::async_trait;
use payment_schema::ledger::Movement;
use payment_schema::time::Timestamp;

use super::SimStore;
use crate::ports::StoreError;
use crate::ports::ledger_store::{LedgerStore, PostOutcome};

#[async_trait]
impl LedgerStore for SimStore {
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError> {
        let movements = movements.to_vec();
        self.commit(
            self.need_of(movements.iter().map(|movement| movement.payment_id)),
            "post",
            move |tables| movements.iter().map(|movement| tables.post(movement, at)).collect(),
        )
        .await
    }
}
