//! Group commits.

use std::ops::Range;

use async_trait::async_trait;

use super::SimStore;
use crate::ports::StoreError;
use crate::ports::journal_store::{Append, AppendOutcome, CommitMark, JournalStore};

#[async_trait]
impl JournalStore for SimStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError> {
        let batch = batch.to_vec();
        self.commit("append", move |tables| batch.iter().map(|append| tables.append(append)).collect()).await
    }

    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError> {
        self.read("committed", |tables| marks.iter().map(|mark| tables.is_committed(mark)).collect()).await
    }

    async fn reserve_sequences(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.write("reserve", move |tables| tables.reserve_sequences(count)).await
    }
}
