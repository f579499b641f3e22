//! I7, seen from the topics: every record there is an event of a known payment in the form that was promised, or was
//! put aside by the ledger, which could not read it.

use payment_schema::invariant::Invariant::I7;

use super::dossier::{Dossier, EventRow, StrayRow};
use super::evidence::{AskPresent, EvidenceError};
use super::verdicts::Verdicts;

/// Topics whose consumer, the ledger, reads what records say and puts aside what it cannot read.
const READ_BY_THE_LEDGER: [&str; 2] = ["payment.captured", "payment.refunded"];

/// A record that is not as it should be.
pub(super) fn examine(payment: Option<u64>, stray: &StrayRow, verdicts: &mut Verdicts) {
    if stray.put_aside {
        return;
    }
    let ledger_may_come = stray.unreadable && READ_BY_THE_LEDGER.contains(&stray.topic.as_str());
    if ledger_may_come && verdicts.is_fresh(stray.at) {
        verdicts.saw_in_flight();
    } else {
        let StrayRow { topic, partition, offset, what, .. } = stray;
        verdicts.broken(I7, payment, format!("record {topic}-{partition}-{offset} {what}"));
    }
}

/// Events whose payment the store does not have, not even by now.
pub(super) fn examine_of_unknown_payment(
    dossier: &Dossier,
    present: AskPresent<'_>,
    verdicts: &mut Verdicts,
) -> Result<(), EvidenceError> {
    let is_put_aside = |found: &&EventRow| {
        let letter_id = format!("{}-{}-{}", found.topic, found.partition, found.offset);
        dossier.letters.iter().any(|letter| letter.id == letter_id)
    };
    let left: Vec<&EventRow> = dossier.events.iter().filter(|found| !is_put_aside(found)).collect();
    if left.is_empty() || present(dossier.id)?.is_some() {
        return Ok(());
    }
    for found in left {
        if READ_BY_THE_LEDGER.contains(&found.topic.as_str()) && verdicts.is_fresh(found.at) {
            verdicts.saw_in_flight();
        } else {
            let EventRow { topic, partition, offset, .. } = found;
            let detail =
                format!("record {topic}-{partition}-{offset} is of a payment that the store does not have");
            verdicts.broken(I7, dossier.id, detail);
        }
    }
    Ok(())
}
