//! I3 and I8: the ledger balances, equals what was captured and refunded, and holds every movement once.

use std::collections::BTreeMap;

use payment_schema::ids::{EventId, OperationNo, PaymentId};
use payment_schema::invariant::Invariant::{I3, I8};
use payment_schema::ledger::{Account, Side};
use payment_schema::operation::OperationKind;
use payment_schema::payment::Payment;

use super::Evidence;
use crate::simulation::store::LedgerRow;

pub(super) fn audit(evidence: &Evidence<'_>) {
    let mut transactions: BTreeMap<(PaymentId, OperationNo), Vec<&LedgerRow>> = BTreeMap::new();
    let mut events: BTreeMap<(EventId, Side), u32> = BTreeMap::new();
    for row in &evidence.tables.ledger {
        transactions.entry((row.movement.payment_id, row.movement.operation_no)).or_default().push(row);
        *events.entry((row.movement.event_id, row.side)).or_default() += 1;
    }
    for ((event, side), count) in events {
        if count > 1 {
            evidence.report(I8, None, format!("event {event} was posted {count} times ({})", side.as_str()));
        }
    }
    for ((id, no), rows) in &transactions {
        check_transaction(evidence, *id, *no, rows);
    }
    for payment in evidence.tables.payments.values() {
        check_sums(evidence, payment, &transactions);
    }
}

fn check_transaction(evidence: &Evidence<'_>, id: PaymentId, no: OperationNo, rows: &[&LedgerRow]) {
    let (Some(payment), Some(kind)) = (evidence.tables.payments.get(&id), evidence.kind(id, no)) else {
        return evidence.report(I3, id, format!("operation {no} is posted, but not ours"));
    };
    let [debit, credit] = rows else {
        return evidence.report(
            I8,
            id,
            format!("operation {no} has {} ledger rows instead of 2", rows.len()),
        );
    };
    let receivable = Account::merchant_receivable(&payment.merchant_id, payment.currency);
    let cash = Account::cash(&payment.merchant_id, payment.currency);
    let accounts = match kind {
        OperationKind::Capture => Some((receivable, cash)),
        OperationKind::Refund => Some((cash, receivable)),
        OperationKind::Authorize | OperationKind::Void => None,
    };
    let balances = debit.side == Side::Debit
        && credit.side == Side::Credit
        && debit.movement == credit.movement
        && debit.movement.currency == payment.currency
        && accounts == Some((debit.movement.debit.clone(), credit.movement.credit.clone()));
    if !balances {
        evidence.report(I3, id, format!("the {} rows of operation {no} do not balance", kind.as_str()));
    }
}

fn check_sums(
    evidence: &Evidence<'_>,
    payment: &Payment,
    transactions: &BTreeMap<(PaymentId, OperationNo), Vec<&LedgerRow>>,
) {
    let sum = |kind: OperationKind| -> u64 {
        let mine = transactions.range((payment.id, OperationNo(0))..=(payment.id, OperationNo(u32::MAX)));
        mine.filter(|((id, no), _)| evidence.kind(*id, *no) == Some(kind))
            .flat_map(|(_, rows)| rows.iter().filter(|row| row.side == Side::Debit))
            .map(|row| row.movement.amount.get())
            .sum()
    };
    let sums =
        [(OperationKind::Capture, payment.captured.get()), (OperationKind::Refund, payment.refunded.get())];
    for (kind, wanted) in sums {
        let posted = sum(kind);
        if posted != wanted {
            let what = format!("{} posted: {posted}, moved: {wanted}", kind.as_str());
            evidence.report(I3, payment.id, what);
        }
    }
}
