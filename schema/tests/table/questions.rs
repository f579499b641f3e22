//! Questions about a payment that its outcomes do not answer.
//!
//! | line | answer |
//! |---|---|
//! | `? operation N` | kind, amount, attempt, negatives, outcome, progress |
//! | `? request N` | the PG key and what the request names |
//! | `? money` | authorized, captured, refunded, refundable |
//! | `? refunds` | each refund as clients see it |
//! | `? due` | who looks at the payment next, and when |
//! | `? resume` | what a restart does |
//! | `? answers` | the answers to the authorization and to a cancel, as of now |
//! | `? view FIELD…` | fields of the success body |
//! | `? letters` | the id of each letter there ever was |
//! | `? event N` | the N-th event's version and topic |
//! | `? row N` | state, operation and attempt of the row with version N, and why |

use payment_schema::decide::{authorization_answer, cancel_answer, resume};
use payment_schema::ids::OperationNo;
use payment_schema::operation::{Operation, Progress};
use payment_schema::pg::{PgRequest, Target};
use payment_schema::representation::PaymentView;
use payment_schema::transition::Transition;

use crate::words;
use crate::world::World;

pub(crate) fn answer(world: &World, arguments: &[&str]) -> Result<String, String> {
    match arguments {
        ["operation", no] => Ok(tell(world, find(world, no)?)),
        ["request", no] => Ok(request(world, find(world, no)?)),
        ["money"] => Ok(money(world)),
        ["refunds"] => Ok(refunds(world)),
        ["due"] => Ok(due(world)),
        ["resume"] => {
            Ok(list(resume(&world.payment).into_iter().map(|effect| words::effect(effect, world.now))))
        }
        ["answers"] => Ok(answers(world)),
        ["view", fields @ ..] => view(world, fields),
        ["letters"] => Ok(list(
            world
                .letter_ids()
                .map(|id| id.strip_prefix(&format!("{}-", world.payment.id)).unwrap_or(id).to_owned()),
        )),
        ["event", seq] => {
            let event = world.events.iter().find(|event| event.event_seq.to_string() == *seq);
            event
                .map(|event| format!("v{} {}", event.version.0, event.kind.topic()))
                .ok_or(format!("no event {seq}"))
        }
        ["row", version] => {
            let row = world.history.iter().find(|row| row.version.0.to_string() == *version);
            row.map(tell_row).ok_or(format!("no row {version}"))
        }
        _ => Err(format!("no question {arguments:?}")),
    }
}

fn find<'a>(world: &'a World, no: &str) -> Result<&'a Operation, String> {
    let number = no.parse().map_err(|_| format!("{no} is no number"))?;
    world.payment.operation(OperationNo(number)).ok_or(format!("no operation {no}"))
}

fn tell(world: &World, operation: &Operation) -> String {
    let progress = match operation.progress {
        Progress::Attempting => "attempting".to_owned(),
        Progress::Waiting(until) => format!("waiting {}", words::from_now(until, world.now)),
        Progress::DeadLettered => "dead-lettered".to_owned(),
        Progress::Approved => "approved".to_owned(),
        Progress::Declined => "declined".to_owned(),
        Progress::GivenUp => "given-up".to_owned(),
        Progress::Superseded => "superseded".to_owned(),
    };
    format!(
        "{} {} attempt {} negatives {} {} {progress}",
        operation.kind.as_str(),
        operation.amount,
        operation.attempt,
        operation.negatives,
        operation.outcome.as_str()
    )
}

/// The key without the payment's id, and the target.
fn request(world: &World, operation: &Operation) -> String {
    let request = PgRequest::of(&world.payment, operation);
    let id = world.payment.id.to_string();
    let short = |key: String| key.strip_prefix(&id).map(str::to_owned).unwrap_or(key);
    let target = match &request.target {
        Target::None => String::new(),
        Target::Transaction(transaction) => format!(" of {transaction}"),
        Target::AuthorizationKey(key) => format!(" of key {}", short(key.to_string())),
    };
    format!("{} {} {}{target}", short(request.key.to_string()), request.amount, request.currency)
}

fn tell_row(row: &Transition) -> String {
    let reason = row.cause.reason.as_deref().unwrap_or("");
    format!("{} {}.{} {}: {reason}", row.to, row.operation_no, row.attempt, row.cause.kind.as_str())
}

fn money(world: &World) -> String {
    let payment = &world.payment;
    format!(
        "{} captured {} refunded {} refundable {}",
        payment.amount,
        payment.captured,
        payment.refunded,
        payment.refundable()
    )
}

fn refunds(world: &World) -> String {
    let view = PaymentView::new(&world.payment, Vec::new());
    let id = world.payment.id.to_string();
    list(view.refunds.iter().map(|refund| {
        let name = refund.refund_id.strip_prefix(&id).unwrap_or(&refund.refund_id);
        let reason = refund.reason.as_ref().map_or("", |reason| reason.as_str());
        format!("{name} {} {} {reason}", refund.amount, refund.status)
    }))
}

fn due(world: &World) -> String {
    world.payment.due(world.now, &world.rules).map_or("nobody".to_owned(), |due| {
        format!("{} {}", due.kind.as_str(), words::from_now(due.at, world.now))
    })
}

fn answers(world: &World) -> String {
    let authorization = authorization_answer(&world.payment).map_or("none yet".to_owned(), words::answer);
    let cancel = match cancel_answer(&world.payment) {
        Ok(kind) => kind.map_or("none yet".to_owned(), words::answer),
        Err(rejection) => format!("{} {}", rejection.code.status(), rejection.code.as_str()),
    };
    format!("authorization {authorization}, cancel {cancel}")
}

fn view(world: &World, fields: &[&str]) -> Result<String, String> {
    let view = serde_json::to_value(PaymentView::new(&world.payment, Vec::new()))
        .map_err(|error| error.to_string())?;
    let text = |field: &&str| view.get(*field).map(|value| value.to_string().trim_matches('"').to_owned());
    let values: Option<Vec<String>> = fields.iter().map(text).collect();
    values.map(|values| values.join(" ")).ok_or(format!("a field of {fields:?} is missing"))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}
