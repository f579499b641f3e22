//! Says an outcome in the tables' words.
//!
//! A decision is `STATE>STATE vN` and then, as far as there is any: `!event` for each event, `letter L what`,
//! `key=answer` for each stored answer, what is to be done (`send 2`, `send-later 2`, `ask 2`, `ask-later 2`,
//! `retry 2 +250ms`), and `-> answer` for what the caller hears. A repeat is `again -> answer`, a command that finds
//! nothing to do is `nothing`, a refusal is its status and code, and the refund it names.

use payment_schema::dead_letter::LetterChange;
use payment_schema::decide::{Decision, Reply, Verdict};
use payment_schema::effect::Effect;
use payment_schema::event::{Event, EventKind, Failure};
use payment_schema::problem::Rejection;
use payment_schema::representation::AnswerKind;
use payment_schema::time::Timestamp;

pub(crate) fn verdict(verdict: &Result<Verdict, Rejection>, now: Timestamp) -> String {
    match verdict {
        Ok(Verdict::Commit(commit)) => decision(commit, now),
        Ok(Verdict::Repeat(reply)) => format!("again -> {}", said(*reply)),
        Ok(Verdict::Unchanged(effects)) => {
            join(std::iter::once("nothing".to_owned()).chain(effects.iter().map(|due| effect(*due, now))))
        }
        Err(rejection) => refusal(rejection),
    }
}

pub(crate) fn decision(decision: &Decision, now: Timestamp) -> String {
    let path: Vec<&str> = decision.transitions.iter().map(|step| step.to.as_str()).collect();
    let path = if path.is_empty() { "no step".to_owned() } else { path.join(">") };
    let state = format!("{path} v{}", decision.payment.version.0);
    let reply = (decision.reply != Reply::Nothing).then(|| format!("-> {}", said(decision.reply)));
    join(
        std::iter::once(state)
            .chain(decision.events.iter().map(|fact| event(fact, now)))
            .chain(decision.letters.iter().map(|change| letter(change, &decision.payment.id.to_string())))
            .chain(decision.answers.iter().map(|stored| format!("{}={}", stored.key, answer(stored.kind))))
            .chain(decision.effects.iter().map(|due| effect(*due, now)))
            .chain(reply),
    )
}

/// Status and code, and the refund that the detail names, if any.
fn refusal(rejection: &Rejection) -> String {
    let id = rejection.payment_id.map(|id| format!("{id}-")).unwrap_or_default();
    let named = rejection.detail.split_whitespace().find_map(|word| word.strip_prefix(&id));
    let named = named.map(|no| format!(" naming -{no}")).unwrap_or_default();
    format!("{} {}{named}", rejection.code.status(), rejection.code.as_str())
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

pub(crate) fn answer(kind: AnswerKind) -> String {
    match kind {
        AnswerKind::Authorized => "200 authorized".to_owned(),
        AnswerKind::Declined => "402 declined".to_owned(),
        AnswerKind::AuthorizationCancelled => "409 cancelled".to_owned(),
        AnswerKind::Capture => "200 capture".to_owned(),
        AnswerKind::Refund(no) => format!("200 refund {no}"),
        AnswerKind::Cancelled => "200 cancelled".to_owned(),
        AnswerKind::Pending => "202".to_owned(),
    }
}

fn said(reply: Reply) -> String {
    match reply {
        Reply::Now(kind) => answer(kind),
        Reply::WhenAuthorizationEnds => "authorization's end".to_owned(),
        Reply::WhenCancelEnds => "cancel's end".to_owned(),
        Reply::Nothing => "silence".to_owned(),
    }
}

pub(crate) fn effect(effect: Effect, now: Timestamp) -> String {
    match effect {
        Effect::Send(no) => format!("send {no}"),
        Effect::SendLater(no) => format!("send-later {no}"),
        Effect::Query(no) => format!("ask {no}"),
        Effect::QueryLater(no) => format!("ask-later {no}"),
        Effect::RetryAt(no, at) => format!("retry {no} {}", from_now(at, now)),
    }
}

/// A moment as the time from now.
pub(crate) fn from_now(at: Timestamp, now: Timestamp) -> String {
    let (sign, by) = if at >= now { ('+', at.since(now)) } else { ('-', now.since(at)) };
    let millis = by.as_millis();
    match millis {
        0 => "now".to_owned(),
        _ if millis.is_multiple_of(86_400_000) => format!("{sign}{}d", millis / 86_400_000),
        _ if millis.is_multiple_of(1_000) => format!("{sign}{}s", millis / 1_000),
        _ => format!("{sign}{millis}ms"),
    }
}

fn event(event: &Event, now: Timestamp) -> String {
    let no = event.operation_no;
    match &event.kind {
        EventKind::PaymentAuthorized { .. } => "!authorized".to_owned(),
        EventKind::PaymentCaptureRequested { capture_amount, .. } => {
            format!("!capture-requested {no} {capture_amount}")
        }
        EventKind::PaymentCaptured { captured_amount, .. } => format!("!captured {no} {captured_amount}"),
        EventKind::PaymentRefundRequested { refund_amount, .. } => {
            format!("!refund-requested {no} {refund_amount}")
        }
        EventKind::PaymentRefunded { refund_amount, refunded_total, .. } => {
            format!("!refunded {no} {refund_amount} of {refunded_total}")
        }
        EventKind::PaymentCancelled { reason } => format!("!cancelled {reason}"),
        EventKind::PaymentAuthorizationFailed(it) => format!("!authorization-failed {}", failure(it, now)),
        EventKind::PaymentCaptureFailed(it) => format!("!capture-failed {}", failure(it, now)),
        EventKind::PaymentRefundFailed(it) => format!("!refund-failed {}", failure(it, now)),
        EventKind::PaymentCancelFailed(it) => format!("!cancel-failed {}", failure(it, now)),
    }
}

fn failure(failure: &Failure, now: Timestamp) -> String {
    let next = failure.next_attempt_at.map_or("for good".to_owned(), |at| from_now(at, now));
    assert_eq!(failure.will_retry, failure.next_attempt_at.is_some());
    format!("{} {} {next}", failure.attempt, failure.reason_code)
}

fn letter(change: &LetterChange, payment: &str) -> String {
    let name = |id: &str| id.strip_prefix(payment).unwrap_or(id).trim_start_matches('-').to_owned();
    match change {
        LetterChange::Open(letter) => {
            format!("letter {} {} in {}", name(&letter.id), letter.error_type, letter.topic)
        }
        LetterChange::Close { id, status, .. } => format!("letter {} {}", name(id), status.as_str()),
    }
}
