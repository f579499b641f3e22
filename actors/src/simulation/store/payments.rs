//! Reads of payments, keys and history; claims of those that are due.

use async_trait::async_trait;
use payment_schema::ids::{MerchantId, PaymentId, Version};
use payment_schema::ledger::{LedgerEntry, Side};
use payment_schema::payment::{DueKind, Payment};
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;

use super::tables::Tables;
use super::{Need, SimStore};
use crate::ports::StoreError;
use crate::ports::journal_store::KeyRecord;
use crate::ports::payment_store::{PaymentFilter, PaymentStore};

#[async_trait]
impl PaymentStore for SimStore {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.read(self.database_of(id.slot()), "payment", |tables| tables.payments.get(&id).cloned()).await
    }

    async fn payment_with_entries(
        &self,
        id: PaymentId,
    ) -> Result<Option<(Payment, Vec<LedgerEntry>)>, StoreError> {
        self.read(self.database_of(id.slot()), "payment with entries", |tables| {
            tables.payments.get(&id).map(|payment| (payment.clone(), entries(tables, id)))
        })
        .await
    }

    async fn key(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, StoreError> {
        self.read(self.database_of(merchant_id.slot()), "key", |tables| {
            tables.keys.get(&(merchant_id.clone(), key.clone())).cloned()
        })
        .await
    }

    async fn ledger_entries(&self, id: PaymentId) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read(self.database_of(id.slot()), "ledger entries", |tables| entries(tables, id)).await
    }

    async fn history(&self, id: PaymentId) -> Result<Vec<Transition>, StoreError> {
        self.read(self.database_of(id.slot()), "history", |tables| {
            let rows = tables.transitions.range((id, Version::NONE)..=(id, Version(u64::MAX)));
            rows.map(|(_, row)| row.transition.clone()).collect()
        })
        .await
    }

    async fn list(&self, filter: &PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, StoreError> {
        let most = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        self.read(self.database_of(filter.merchant_id.slot()), "list", |tables| {
            let mine = tables.payments.values().rev().filter(|payment| matches(payment, filter));
            mine.take(most).map(|payment| (payment.clone(), entries(tables, payment.id))).collect()
        })
        .await
    }

    async fn claim_due(
        &self,
        kinds: &[DueKind],
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let kinds = kinds.to_vec();
        let away = (0..self.databases.count()).filter(|database| self.is_out(Need::One(*database)));
        let (away, databases) = (away.collect::<Vec<_>>(), self.databases.clone());
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.write(Need::Any, "claim due", move |tables| {
            let mut due: Vec<_> =
                tables.due.iter_mut().filter(|(_, due)| due.at <= now && kinds.contains(&due.kind)).collect();
            due.retain(|(id, _)| !away.contains(&databases.keeping(id.slot())));
            due.sort_by_key(|(id, due)| (due.at, **id));
            due.truncate(most);
            for (_, due) in &mut due {
                due.at = lease_until;
            }
            due.into_iter().map(|(id, _)| *id).collect()
        })
        .await
    }
}

fn entries(tables: &Tables, id: PaymentId) -> Vec<LedgerEntry> {
    let movements =
        tables.ledger.iter().filter(|row| row.side == Side::Debit && row.movement.payment_id == id);
    movements
        .map(|row| LedgerEntry {
            debit_account: row.movement.debit.clone(),
            credit_account: row.movement.credit.clone(),
            amount: row.movement.amount,
        })
        .collect()
}

fn matches(payment: &Payment, filter: &PaymentFilter) -> bool {
    payment.merchant_id == filter.merchant_id
        && filter.status.is_none_or(|status| payment.status == status)
        && filter.from.is_none_or(|from| payment.created_at >= from)
        && filter.to.is_none_or(|to| payment.created_at < to)
        && filter.below.is_none_or(|below| payment.id < below)
}
