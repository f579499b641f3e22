//! What operators read and write.

use async_trait::async_trait;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::PaymentId;
use payment_schema::operation::{OperationKind, Progress};
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use super::tables::Tables;
use super::{Need, SimStore};
use crate::ports::StoreError;
use crate::ports::journal_store::AuditEntry;
use crate::ports::operator_store::{OperationTotals, OperatorStore};

#[async_trait]
impl OperatorStore for SimStore {
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(Need::All, "dead letters", |tables| {
            let wanted = |(position, letter): &&(u64, DeadLetter)| {
                letter.topic == topic
                    && status.is_none_or(|status| letter.status == status)
                    && before.is_none_or(|before| *position < before)
            };
            let mut letters: Vec<_> = tables.letters.values().filter(wanted).cloned().collect();
            letters.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
            letters.truncate(most);
            letters
        })
        .await
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        self.read(Need::All, "dead letter", |tables| tables.letters.get(id).map(|(_, letter)| letter.clone()))
            .await
    }

    async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let letters = letters.to_vec();
        self.write(
            self.need_of(letters.iter().filter_map(|letter| letter.payment_id)),
            "put dead letters",
            move |tables| {
                for letter in &letters {
                    tables.put_letter(letter);
                }
            },
        )
        .await
    }

    async fn close_dead_letter(
        &self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.write(Need::All, "close dead letter", move |tables| {
            tables.close_letter(&id, status, &reason, at)
        })
        .await
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, StoreError> {
        self.read(Need::All, "open dead letters", |tables| {
            let open = |topic: Topic| {
                let mine = |(_, letter): &&(u64, DeadLetter)| {
                    letter.topic == topic && letter.status == LetterStatus::Open
                };
                tables.letters.values().filter(mine).count() as u64
            };
            let topics = Topic::ALL.into_iter().filter(|topic| topic.is_dead_letter());
            topics.map(|topic| (topic, open(topic))).collect()
        })
        .await
    }

    async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.write(Need::Any, "audit", move |tables| {
            if tables.audit.iter().all(|known| known.id != entry.id) {
                tables.audit.push(entry);
            }
        })
        .await
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(Need::All, "read audit", |tables| {
            let numbered = (1..=tables.audit.len() as u64).rev().zip(tables.audit.iter().rev());
            let behind = numbered.filter(|(position, _)| before.is_none_or(|before| *position < before));
            behind.take(most).map(|(position, entry)| (position, entry.clone())).collect()
        })
        .await
    }

    async fn operation_totals(
        &self,
        kind: OperationKind,
        delayed_before: Timestamp,
    ) -> Result<OperationTotals, StoreError> {
        self.read(Need::All, "totals", |tables| totals(tables, kind, delayed_before)).await
    }

    async fn status_counts(&self) -> Result<Vec<u64>, StoreError> {
        self.read(Need::All, "status counts", |tables| {
            let count = |status| tables.payments.values().filter(|it| it.status == status).count() as u64;
            Status::ALL.into_iter().map(count).collect()
        })
        .await
    }

    async fn oldest_open(&self, limit: u32) -> Result<Vec<PaymentId>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(Need::All, "oldest open", |tables| {
            let open = tables.payments.values().filter(|payment| payment.open_operations().next().is_some());
            let mut ids: Vec<_> = open.map(|payment| (payment.updated_at, payment.id)).collect();
            ids.sort_unstable();
            ids.into_iter().take(most).map(|(_, id)| id).collect()
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(Need::Any, "ping", |_| ()).await
    }
}

fn totals(tables: &Tables, kind: OperationKind, delayed_before: Timestamp) -> OperationTotals {
    let mut totals = OperationTotals::default();
    for request in tables.requests.values().filter(|request| request.kind == kind) {
        totals.total += 1;
        match request.progress {
            Progress::Approved => totals.approved += 1,
            Progress::Attempting | Progress::Waiting(_) => totals.open += 1,
            Progress::DeadLettered => totals.dead_lettered += 1,
            Progress::GivenUp | Progress::Superseded | Progress::Declined => totals.given_up += 1,
        }
        if request.is_open() && request.requested_at < delayed_before {
            totals.delayed += 1;
        }
    }
    totals
}
