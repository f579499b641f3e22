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
//! | `evidence`, `merge`, `scratch` | reads the sources once, in order, and puts dossiers together |
//! | `pg_record` | reads the payment gateway's record |
//! | `verdicts`, `report` | collects violations; the result |
//! | `pg` | I1, I10 |
//! | `amounts` | I2 |
//! | `ledger` | I3, I8 |
//! | `attended` | I5 |
//! | `history` | I6 |
//! | `events` | I7 |
//! | `letters` | I11 |

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
mod report;
mod scratch;
mod verdicts;

use payment_schema::time::Timestamp;

pub use evidence::{Evidence, EvidenceError};
pub use pg_record::{PgRecord, PgRecordError};
pub use report::{InvariantReport, Report, Violation};

use dossier::Dossier;
use verdicts::Verdicts;

/// How old something unfinished may be before it counts as forgotten.
const FRESH: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Decides every invariant that can be seen from here.
///
/// # Errors
/// When a source cannot be read.
pub fn run(evidence: &Evidence, pg: &PgRecord, now: Timestamp) -> Result<Report, EvidenceError> {
    let mut verdicts = Verdicts::new(now);
    let record = evidence.scan(pg, |dossier| examine(evidence, dossier, &mut verdicts))?;
    if let Err(unseen) = record {
        verdicts.cannot_see_the_pg(unseen.to_string());
    }
    Ok(verdicts.into_report())
}

fn examine(evidence: &Evidence, dossier: &Dossier, verdicts: &mut Verdicts) -> Result<(), EvidenceError> {
    pg::examine(dossier, &|asked| evidence.knows_by_now(asked), verdicts)?;
    let Some(payment) = &dossier.payment else {
        return Ok(());
    };
    verdicts.saw_a_payment();
    amounts::examine(dossier, payment, verdicts);
    ledger::examine(dossier, payment, verdicts);
    attended::examine(dossier, payment, verdicts);
    history::examine(dossier, payment, verdicts);
    events::examine(dossier, payment, verdicts);
    letters::examine(dossier, payment, verdicts);
    Ok(())
}
