//! The commands of the tables.
//!
//! | line | meaning |
//! |---|---|
//! | `authorize 10000 USD [auto] [key=k]` | a new payment |
//! | `capture [amount] [key=k]`, `refund [amount] [reason=r] [key=k]`, `cancel [reason=r] [key=k]` | a client's command |
//! | `pg N finding…` | the PG's answer about operation N's current attempt; `N.A` names attempt A |
//! | `ask N finding…` | the same as the answer to a question |
//! | `retry N`, `age` | a delay is over; time has passed |
//! | `replay L`, `discard L` | an operator and the letter `{paymentId}-L` |
//! | `resolve N outcome [tx=t]` | an operator settles operation N |
//! | `fail N xC` | C rounds of: the PG records a failure, the delay passes, the next attempt |
//! | `time +7d` | the clock goes on |
//!
//! Findings: `approved [tx=t] [until=+3d]`, `declined CODE [final]`, `failed CODE [final]`, `mismatch`,
//! `processing`, `not-seen`, `unsent [connection|rate-limited|not-permitted]`, `lost`.

use std::time::Duration;

use payment_schema::command::{Authorize, Cancel, Capture, Command, Refund, ResolvedOutcome};
use payment_schema::currency::Currency;
use payment_schema::ids::{Attempt, OperationNo};
use payment_schema::money::Amount;
use payment_schema::payment::CaptureMode;
use payment_schema::pg::{Approval, Finding, Negative, Refusal, Report, Source};
use payment_schema::rules::Rules;
use payment_schema::text::{Metadata, Reason};
use payment_schema::time::Timestamp;

use crate::words;
use crate::world::{self, World};

type Words<'a> = &'a [&'a str];

pub(crate) fn authorize(arguments: Words<'_>) -> Result<(World, String), String> {
    let [amount, currency, options @ ..] = arguments else {
        return Err("authorize AMOUNT CURRENCY".to_owned());
    };
    let command = Authorize {
        merchant_id: world::merchant(),
        amount: parse_amount(amount)?,
        currency: Currency::parse(currency).map_err(|error| error.to_string())?,
        capture_mode: if options.contains(&"auto") { CaptureMode::Automatic } else { CaptureMode::Manual },
        order_id: None,
        metadata: Metadata::default(),
    };
    let key = option(options, "key").unwrap_or("k1");
    let (world, decision) = World::begin(command, key, Rules::default());
    let outcome = words::decision(&decision, world.now);
    Ok((world, outcome))
}

pub(crate) fn time(world: &mut World, arguments: Words<'_>) -> Result<(), String> {
    let [by] = arguments else { return Err("time +DURATION".to_owned()) };
    world.now = parse_moment(by, world.now)?;
    Ok(())
}

pub(crate) fn rule(world: &mut World, arguments: Words<'_>) -> Result<(), String> {
    match option(arguments, "max-tries") {
        Some(tries) => world.rules.max_tries = parse(tries)?,
        None => return Err("rule max-tries=N".to_owned()),
    }
    Ok(())
}

pub(crate) fn fail(world: &mut World, arguments: Words<'_>) -> Result<String, String> {
    let [no, rounds] = arguments else { return Err("fail N xC".to_owned()) };
    let mut outcome = String::new();
    for _ in 0..parse::<u32>(rounds.trim_start_matches('x'))? {
        command(world, "pg", &[no, "failed", "51"])?;
        world.now = world.now.plus(world.rules.retry_max);
        outcome = command(world, "retry", &[no])?;
    }
    Ok(outcome)
}

pub(crate) fn command(world: &mut World, verb: &str, arguments: Words<'_>) -> Result<String, String> {
    let command = match verb {
        "capture" => Command::Capture(Capture { amount: amount_in(arguments)? }),
        "refund" => {
            Command::Refund(Refund { amount: amount_in(arguments)?, reason: reason(arguments, "return")? })
        }
        "cancel" => Command::Cancel(Cancel { reason: reason(arguments, "sold-out")? }),
        "pg" => report(world, arguments, Source::Answer)?,
        "ask" => report(world, arguments, Source::Query)?,
        "retry" => Command::RetryDue { operation_no: first(arguments)? },
        "age" => Command::CheckAge,
        "replay" => {
            Command::ReplayLetter { letter_id: letter(world, arguments)?, reason: "fixed".to_owned() }
        }
        "discard" => {
            Command::DiscardLetter { letter_id: letter(world, arguments)?, reason: "hopeless".to_owned() }
        }
        "resolve" => resolve(arguments)?,
        _ => return Err(format!("no command {verb}")),
    };
    let verdict = world.apply(&command, option(arguments, "key"));
    Ok(words::verdict(&verdict, world.now))
}

fn report(world: &World, arguments: Words<'_>, source: Source) -> Result<Command, String> {
    let [target, finding @ ..] = arguments else { return Err("pg N FINDING".to_owned()) };
    let (no, attempt) = match target.split_once('.') {
        Some((no, attempt)) => (OperationNo(parse(no)?), Attempt(parse(attempt)?)),
        None => {
            let no = OperationNo(parse(target)?);
            (no, world.payment.operation(no).map_or(Attempt::FIRST, |operation| operation.attempt))
        }
    };
    let finding = parse_finding(finding, world.now)?;
    Ok(Command::PgReport { operation_no: no, attempt, report: Report { source, finding } })
}

fn parse_finding(words: Words<'_>, now: Timestamp) -> Result<Finding, String> {
    let (kind, details) = words.split_first().ok_or("a finding is missing")?;
    Ok(match *kind {
        "approved" => Finding::Approved(Approval {
            transaction_id: Some(option(details, "tx").unwrap_or("tx").into()),
            approval_number: Some("A1".into()),
            expires_at: option(details, "until").map(|until| parse_moment(until, now)).transpose()?,
        }),
        "declined" | "failed" => Finding::Negative(Negative {
            failed: *kind == "failed",
            code: (*details.first().ok_or("a negative has a code")?).into(),
            message: None,
            retryable: !details.contains(&"final"),
        }),
        "mismatch" => Finding::Mismatch,
        "processing" => Finding::Processing,
        "not-seen" => Finding::NotSeen,
        "unsent" => Finding::Unsent(match details.first() {
            None | Some(&"not-permitted") => Refusal::NotPermitted,
            Some(&"connection") => Refusal::Connection,
            Some(&"rate-limited") => Refusal::RateLimited,
            Some(other) => return Err(format!("no refusal {other}")),
        }),
        "lost" => Finding::Unknown("timeout"),
        other => return Err(format!("no finding {other}")),
    })
}

fn resolve(arguments: Words<'_>) -> Result<Command, String> {
    let [no, outcome, options @ ..] = arguments else { return Err("resolve N OUTCOME".to_owned()) };
    let outcome = match *outcome {
        "approved" => ResolvedOutcome::Approved,
        "declined" => ResolvedOutcome::Declined,
        "failed" => ResolvedOutcome::Failed,
        other => return Err(format!("no outcome {other}")),
    };
    Ok(Command::Resolve {
        operation_no: OperationNo(parse(no)?),
        outcome,
        pg_transaction_id: option(options, "tx").map(Into::into),
        reason: "seen in the pg's console".to_owned(),
    })
}

fn letter(world: &World, arguments: Words<'_>) -> Result<String, String> {
    let name = arguments.first().ok_or("a letter is missing")?;
    Ok(format!("{}-{name}", world.payment.id))
}

/// The value of `name=value` among the words.
fn option<'a>(words: Words<'a>, name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn amount_in(arguments: Words<'_>) -> Result<Option<Amount>, String> {
    let is_number = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_digit());
    arguments.iter().find(is_number).map(|amount| parse_amount(amount)).transpose()
}

fn parse_amount(text: &str) -> Result<Amount, String> {
    Amount::try_from(parse::<u64>(text)?).map_err(|error| error.to_string())
}

fn reason(arguments: Words<'_>, default: &str) -> Result<Reason, String> {
    Reason::parse(option(arguments, "reason").unwrap_or(default)).map_err(|error| error.to_string())
}

fn first(arguments: Words<'_>) -> Result<OperationNo, String> {
    Ok(OperationNo(parse(arguments.first().ok_or("an operation is missing")?)?))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// `+90s`, `+5m`, `+25h` or `+7d` from now; `-1s` for a moment before.
fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let unit = text.chars().last().ok_or("a duration is missing")?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        other => return Err(format!("no unit {other}")),
    };
    let count: u64 = parse(text.trim_start_matches(['+', '-']).trim_end_matches(unit))?;
    let by = Duration::from_secs(count * seconds);
    let micros = i64::try_from(by.as_micros()).map_err(|error| error.to_string())?;
    Ok(if text.starts_with('-') { Timestamp::from_micros(now.as_micros() - micros) } else { now.plus(by) })
}
