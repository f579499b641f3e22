//! Decides from the outside whether the invariants hold: reads the store's raw tables, the topics and the payment
//! gateway's own record, and compares.
//!
//! Owns the rules of `docs/invariants.md` as an auditor sees them. Shares no rule with the engine: what may follow
//! what is written down here once more, so that a mistake there shows here. Never writes anything but a scratch
//! file of its own.
//!
//! | file | what it holds |
//! |---|---|
//! | `dossier` | everything known about one payment |
//! | `evidence` | the sources of either world, read once, in order |
//! | `servers` | copies the store's tables out of MariaDB |
//! | `topics`, `records` | reads the topics; what a record says and what is wrong with it |
//! | `pg_record` | reads the payment gateway's record |
//! | `scratch`, `merge` | put dossiers together |
//! | `progress` | says how far a long reading came |
//! | `verdicts`, `report` | collects violations; the result |
//! | `pg` | I1, I10 |
//! | `amounts` | I2 |
//! | `ledger` | I3, I8 |
//! | `attended` | I5 |
//! | `history` | I6 |
//! | `events`, `strays` | I7 |
//! | `letters` | I11 |
//!
//! The rules know dossiers only, not the world that they come from.

mod amounts;
mod attended;
pub mod dossier;
mod events;
mod evidence;
mod history;
mod ledger;
mod letters;
mod merge;
mod pg;
mod pg_record;
mod progress;
mod records;
mod report;
mod scratch;
mod servers;
mod strays;
mod topics;
mod verdicts;

use payment_schema::invariant::Invariant;
use payment_schema::time::Timestamp;

pub use evidence::{Evidence, EvidenceError, World};
pub use pg_record::{PgRecord, PgRecordError};
pub use report::{InvariantReport, Report, Violation};

use dossier::Dossier;
use evidence::{AskPresent, Exhibit};
use verdicts::Verdicts;

/// How old something unfinished may be before it counts as forgotten.
const FRESH: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Decides every invariant that can be seen from here. Blocks, so it is not for async code.
///
/// # Errors
/// When a source cannot be read.
pub fn run(evidence: &Evidence, pg: &PgRecord, now: Timestamp) -> Result<Report, EvidenceError> {
    let mut verdicts = Verdicts::new(now);
    let unseen = evidence.scan(pg, |exhibit| match exhibit {
        Exhibit::Payment(dossier) => examine(evidence, dossier, &mut verdicts),
        Exhibit::Record(stray) => {
            strays::examine(None, stray, &mut verdicts);
            Ok(())
        }
    })?;
    if let Err(why) = unseen.pg {
        verdicts.cannot_decide(&[Invariant::I1, Invariant::I10], &why.to_string());
    }
    if !unseen.shortened.is_empty() {
        let topics = unseen.shortened.join(", ");
        let why = format!("the first records of {topics} are gone; keep them with retention.ms=-1");
        verdicts.cannot_decide(&[Invariant::I7, Invariant::I8], &why);
    }
    Ok(verdicts.into_report())
}

fn examine(evidence: &Evidence, dossier: &Dossier, verdicts: &mut Verdicts) -> Result<(), EvidenceError> {
    let present: AskPresent<'_> = &|id| evidence.present(id);
    pg::examine(dossier, present, verdicts)?;
    for stray in &dossier.strays {
        strays::examine(Some(dossier.id), stray, verdicts);
    }
    let Some(payment) = &dossier.payment else {
        history::examine_orphans(dossier, verdicts);
        return strays::examine_of_unknown_payment(dossier, present, verdicts);
    };
    verdicts.saw_a_payment();
    amounts::examine(dossier, payment, verdicts);
    ledger::examine(dossier, payment, verdicts);
    attended::examine(dossier, payment, verdicts);
    history::examine(dossier, payment, verdicts);
    events::examine(dossier, payment, present, verdicts)?;
    letters::examine(dossier, payment, verdicts);
    Ok(())
}
