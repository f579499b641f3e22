//! Scripted faults: which there are, how they are asked for, and which one strikes an operation.
//!
//! Owns the script and its counts. What a fault looks like on the wire is in `spoiled`; what it means for the
//! record is in `gateway`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::ResponseCode;
use super::chance::Chance;
use super::error::RequestError;
use super::operation::Operation;

/// Longest scripted delay: longer than any time limit a client has, short enough to end by itself.
const MAX_DELAY_MS: u64 = 600_000;
/// How long `late-answer` keeps an answer back unless told: longer than any time limit of the engine.
const LATE_ANSWER_MS: u64 = 12_000;

/// What can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FaultKind {
    /// Recorded as `failed`, retryable.
    Failed,
    /// Recorded as `declined`, not retryable.
    Decline,
    /// Nothing done, 500.
    ServerError,
    /// Nothing done, connection closed without an answer.
    ConnectionReset,
    /// Nothing done, no answer.
    TimeoutBefore,
    /// Done, no answer.
    TimeoutAfter,
    /// Done, answered late.
    LateAnswer,
    /// Done, the answer breaks off in the middle.
    MalformedJson,
    /// Done, the answer says amount + 1.
    WrongAmount,
    /// Done once, answered twice.
    DuplicateAnswer,
}

/// What a fault means for the operation that it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// The operation never starts.
    NotDone,
    /// It ends so, whatever the rules say.
    EndsAs(ResponseCode),
    /// It is done and recorded as ever; only its answer suffers.
    SpoilsAnswer,
}

impl FaultKind {
    pub(super) const fn effect(self) -> Effect {
        match self {
            Self::Failed => Effect::EndsAs(ResponseCode::ProcessingError),
            Self::Decline => Effect::EndsAs(ResponseCode::DoNotHonor),
            Self::ServerError | Self::ConnectionReset | Self::TimeoutBefore => Effect::NotDone,
            Self::TimeoutAfter
            | Self::LateAnswer
            | Self::MalformedJson
            | Self::WrongAmount
            | Self::DuplicateAnswer => Effect::SpoilsAnswer,
        }
    }
}

/// Which operations a fault strikes: one kind, or all with `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
enum Scope {
    All,
    One(Operation),
}

impl TryFrom<String> for Scope {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match (name.as_str(), Operation::from_name(&name)) {
            ("*", _) => Ok(Self::All),
            (_, Some(operation)) => Ok(Self::One(operation)),
            (_, None) => Err("operation must be authorize, capture, refund, void or *"),
        }
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::All => "*",
            Scope::One(operation) => operation.name(),
        }
    }
}

impl Scope {
    fn covers(self, operation: Operation) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == operation,
        }
    }
}

/// The body of `POST /v1/faults`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FaultRequest {
    operation: Scope,
    fault: FaultKind,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    delay_ms: Option<u64>,
}

/// One line of the script, as `GET /v1/faults` shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScriptedFault {
    operation: Scope,
    fault: FaultKind,
    /// How many more operations it strikes; null for one that works by probability.
    remaining: Option<u64>,
    probability: Option<f64>,
    delay_ms: Option<u64>,
    /// How many operations it struck.
    hits: u64,
}

/// A fault that struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) kind: FaultKind,
    delay: Option<Duration>,
}

impl Strike {
    /// How long the answer, or the lack of one, is kept back; `unanswered` is for requests never answered.
    pub(super) fn delay(&self, unanswered: Duration) -> Duration {
        let default = match self.kind {
            FaultKind::TimeoutBefore | FaultKind::TimeoutAfter => unanswered,
            FaultKind::LateAnswer => Duration::from_millis(LATE_ANSWER_MS),
            FaultKind::Failed
            | FaultKind::Decline
            | FaultKind::ServerError
            | FaultKind::ConnectionReset
            | FaultKind::MalformedJson
            | FaultKind::WrongAmount
            | FaultKind::DuplicateAnswer => Duration::ZERO,
        };
        self.delay.unwrap_or(default)
    }
}

/// The script, in the order it was posted.
#[derive(Default)]
pub(super) struct Faults(Vec<ScriptedFault>);

impl Faults {
    /// Adds a line to the script and shows it.
    pub(super) fn add(&mut self, request: &FaultRequest) -> Result<ScriptedFault, RequestError> {
        let invalid = |message: &str| Err(RequestError::Invalid(message.to_owned()));
        match (request.count, request.probability) {
            (Some(_), Some(_)) | (None, None) => {
                return invalid("a fault takes either count or probability");
            }
            (Some(0), None) => return invalid("count must be at least 1"),
            (None, Some(probability)) if !(probability > 0.0 && probability <= 1.0) => {
                return invalid("probability must be above 0 and at most 1");
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        if request.delay_ms.is_some_and(|delay| delay > MAX_DELAY_MS) {
            return Err(RequestError::Invalid(format!("delayMs must be at most {MAX_DELAY_MS}")));
        }
        let fault = ScriptedFault {
            operation: request.operation,
            fault: request.fault,
            remaining: request.count,
            probability: request.probability,
            delay_ms: request.delay_ms,
            hits: 0,
        };
        self.0.push(fault.clone());
        Ok(fault)
    }

    /// The first line of the script that strikes this operation, counted.
    pub(super) fn strike(&mut self, operation: Operation, chance: &mut Chance) -> Option<Strike> {
        let fault = self.0.iter_mut().find(|fault| fault.strikes(operation, chance))?;
        fault.hits += 1;
        fault.remaining = fault.remaining.map(|remaining| remaining - 1);
        Some(Strike { kind: fault.fault, delay: fault.delay_ms.map(Duration::from_millis) })
    }

    pub(super) fn all(&self) -> &[ScriptedFault] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl ScriptedFault {
    fn strikes(&self, operation: Operation, chance: &mut Chance) -> bool {
        self.operation.covers(operation)
            && self.remaining.is_none_or(|remaining| remaining > 0)
            && self.probability.is_none_or(|probability| chance.happens(probability))
    }
}
