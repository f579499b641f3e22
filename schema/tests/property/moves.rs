//! Draws what happens to a payment, and turns it into commands that fit the payment's present state well enough to
//! lead somewhere: operations, attempts and letters are picked among those that exist, stale ones included.

use std::time::Duration;

use payment_schema::command::{Cancel, Capture, Command, Refund, ResolvedOutcome};
use payment_schema::ids::{Attempt, OperationNo};
use payment_schema::money::Amount;
use payment_schema::operation::{Operation, Progress};
use payment_schema::pg::{Approval, Finding, NO_SUCH_HOLD, Negative, Refusal, Report, Source};
use payment_schema::text::Reason;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::world::World;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Capture {
        amount: Option<u64>,
        keyed: bool,
    },
    Refund {
        amount: Option<u64>,
        reason: &'static str,
        keyed: bool,
    },
    Cancel {
        keyed: bool,
    },
    /// The PG speaks about an operation under way.
    Answer {
        operation: Index,
        finding: Finding,
        source: Source,
    },
    /// The PG speaks about any operation and attempt.
    Stale {
        operation: Index,
        attempt: u32,
        finding: Finding,
        source: Source,
    },
    /// The delay of a waiting operation passes.
    Retry {
        operation: Index,
        in_time: bool,
    },
    CheckAge,
    Replay {
        letter: Index,
    },
    Discard {
        letter: Index,
    },
    Resolve {
        operation: Index,
        outcome: ResolvedOutcome,
        transaction: bool,
    },
    Time {
        seconds: u64,
    },
}

pub(crate) fn any_move() -> impl Strategy<Value = Move> {
    let amount = || proptest::option::of(1_u64..=60);
    let source = || select(vec![Source::Answer, Source::Query]);
    prop_oneof![
        3 => (amount(), any::<bool>()).prop_map(|(amount, keyed)| Move::Capture { amount, keyed }),
        4 => (amount(), select(vec!["broken", "late"]), any::<bool>())
            .prop_map(|(amount, reason, keyed)| Move::Refund { amount, reason, keyed }),
        1 => any::<bool>().prop_map(|keyed| Move::Cancel { keyed }),
        12 => (any::<Index>(), any_finding(), source())
            .prop_map(|(operation, finding, source)| Move::Answer { operation, finding, source }),
        2 => (any::<Index>(), 0_u32..6, any_finding(), source())
            .prop_map(|(operation, attempt, finding, source)| Move::Stale { operation, attempt, finding, source }),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(operation, in_time)| Move::Retry { operation, in_time }),
        1 => Just(Move::CheckAge),
        2 => any::<Index>().prop_map(|letter| Move::Replay { letter }),
        2 => any::<Index>().prop_map(|letter| Move::Discard { letter }),
        2 => (any::<Index>(), any_outcome(), any::<bool>())
            .prop_map(|(operation, outcome, transaction)| Move::Resolve { operation, outcome, transaction }),
        1 => select(vec![1, 30, 299, 300, 600, 86_399, 86_400, 8 * 86_400]).prop_map(|seconds| Move::Time { seconds }),
    ]
}

fn any_outcome() -> impl Strategy<Value = ResolvedOutcome> {
    select(vec![ResolvedOutcome::Approved, ResolvedOutcome::Declined, ResolvedOutcome::Failed])
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let refusals = vec![Refusal::Connection, Refusal::RateLimited, Refusal::NotPermitted];
    prop_oneof![
        6 => proptest::option::of("tx[0-9]").prop_map(|transaction| Finding::Approved(Approval {
            transaction_id: transaction.map(Into::into),
            approval_number: None,
            expires_at: None,
        })),
        5 => (any::<bool>(), select(vec!["51", "54", NO_SUCH_HOLD]), prop::bool::weighted(0.8)).prop_map(
            |(failed, code, retryable)| Finding::Negative(Negative {
                failed,
                code: code.into(),
                message: None,
                retryable,
            })
        ),
        1 => Just(Finding::Mismatch),
        1 => Just(Finding::Processing),
        2 => Just(Finding::NotSeen),
        1 => select(refusals).prop_map(Finding::Unsent),
        3 => Just(Finding::Unknown("timeout")),
    ]
}

/// The command a move comes to, and its key; `None` when it only moves the clock or finds nothing to act on.
pub(crate) fn command(world: &mut World, drawn: Move, number: usize) -> Option<(Command, Option<String>)> {
    let new_key = |keyed: bool| keyed.then(|| format!("key-{number}"));
    let amount = |amount: Option<u64>| amount.map(|amount| Amount::try_from(amount).expect("drawn as valid"));
    Some(match drawn {
        Move::Capture { amount: drawn, keyed } => {
            (Command::Capture(Capture { amount: amount(drawn) }), new_key(keyed))
        }
        Move::Refund { amount: drawn, reason: words, keyed } => {
            (Command::Refund(Refund { amount: amount(drawn), reason: reason(words) }), new_key(keyed))
        }
        Move::Cancel { keyed } => (Command::Cancel(Cancel { reason: reason("sold out") }), new_key(keyed)),
        Move::Answer { operation, finding, source } => {
            let asked = pick(world, operation, |operation| operation.progress == Progress::Attempting)?;
            (report(asked.no, asked.attempt, finding, source), None)
        }
        Move::Stale { operation, attempt, finding, source } => {
            let asked = pick(world, operation, |_| true)?;
            (report(asked.no, Attempt(attempt), finding, source), None)
        }
        Move::Retry { operation, in_time } => {
            let waiting = pick(world, operation, |operation| operation.next_attempt_at().is_some())?;
            let (no, at) = (waiting.no, waiting.next_attempt_at()?);
            if in_time && at > world.now {
                world.now = at;
            }
            (Command::RetryDue { operation_no: no }, None)
        }
        Move::CheckAge => (Command::CheckAge, None),
        Move::Replay { letter } => (
            Command::ReplayLetter { letter_id: pick_letter(world, letter)?, reason: "again".to_owned() },
            None,
        ),
        Move::Discard { letter } => (
            Command::DiscardLetter { letter_id: pick_letter(world, letter)?, reason: "enough".to_owned() },
            None,
        ),
        Move::Resolve { operation, outcome, transaction } => {
            let settled = pick(world, operation, |_| true)?.no;
            let pg_transaction_id = transaction.then(|| "seen".into());
            let reason = "seen at the pg".to_owned();
            (Command::Resolve { operation_no: settled, outcome, pg_transaction_id, reason }, None)
        }
        Move::Time { seconds } => {
            world.now = world.now.plus(Duration::from_secs(seconds));
            return None;
        }
    })
}

fn reason(words: &str) -> Reason {
    Reason::parse(words).expect("a valid reason")
}

fn report(no: OperationNo, attempt: Attempt, finding: Finding, source: Source) -> Command {
    Command::PgReport { operation_no: no, attempt, report: Report { source, finding } }
}

fn pick(world: &World, index: Index, fits: impl Fn(&&Operation) -> bool) -> Option<&Operation> {
    let fitting: Vec<&Operation> = world.payment.operations.iter().filter(fits).collect();
    (!fitting.is_empty()).then(|| *index.get(&fitting))
}

fn pick_letter(world: &World, index: Index) -> Option<String> {
    let letters: Vec<&String> = world.letter_ids().collect();
    (!letters.is_empty()).then(|| (*index.get(&letters)).clone())
}
