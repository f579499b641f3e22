//! I2: amounts stay within one another, in one currency.

use payment_schema::invariant::Invariant::I2;

use super::dossier::{Dossier, PaymentRow};
use super::verdicts::Verdicts;

pub(super) fn examine(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    verdicts.examined(I2);
    let id = dossier.id;
    let PaymentRow { amount, captured, refunded, .. } = *payment;
    let mut require = |holds, detail: String| verdicts.require(I2, id, holds, || detail);
    require(amount > 0, format!("the amount is {amount}"));
    require((0..=amount).contains(&captured), format!("{captured} were captured of {amount} authorized"));
    require(refunded >= 0, format!("{refunded} were refunded"));
    for operation in payment.operations() {
        let no = operation.no;
        require(operation.amount > 0, format!("operation {no} moves {}", operation.amount));
        require(operation.amount <= amount, format!("operation {no} moves {} of {amount}", operation.amount));
    }
    let open: Vec<i64> = payment
        .operations()
        .iter()
        .filter(|operation| operation.kind == "refund" && operation.is_open())
        .map(|operation| operation.amount)
        .collect();
    require(open.len() <= 1, format!("{} refunds are open at once", open.len()));
    let taken = open.iter().copied().map(i128::from).sum::<i128>() + i128::from(refunded);
    require(
        taken <= i128::from(captured),
        format!("{refunded} refunded and open refunds make {taken}, of {captured} captured"),
    );
    examine_currency(dossier, payment, verdicts);
}

fn examine_currency(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    let entries = dossier.entries.iter().map(|entry| ("a ledger entry", entry.currency.as_str()));
    let events = dossier.events.iter().map(|found| ("an event", found.event.currency.as_str()));
    let pg = dossier.pg.iter().flatten().map(|entry| ("the payment gateway", entry.currency.as_str()));
    for (whose, currency) in entries.chain(events).chain(pg) {
        verdicts.require(I2, dossier.id, currency == payment.currency, || {
            format!("{whose} has {currency} where the payment has {}", payment.currency)
        });
    }
}
