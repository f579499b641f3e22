//! Payments that live as in the engine: decided by the rules of money, step by step.
//!
//! Owns what happens to a payment and when. Never touches a store.

use std::time::Duration;

use payment_schema::command::{Authorize, Cancel, Capture, Command, Context, NewPayment, Refund};
use payment_schema::currency::Currency;
use payment_schema::decide::{Decision, Verdict, accept_authorization, decide};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, OperationNo, PaymentId, TraceId};
use payment_schema::money::Amount;
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::pg::{Approval, Finding, Negative, Report, Source};
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::{IdempotencyKey, Metadata, Reason};
use payment_schema::time::Timestamp;

use crate::failure::Failure;

/// How a payment's life goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Course {
    /// Authorized, and the hold lasts.
    Authorized,
    /// Authorized and captured.
    Captured,
    /// Authorized, captured and refunded.
    Refunded,
    /// Authorized and cancelled.
    Cancelled,
    /// Declined.
    Declined,
}

/// A key taken by a step.
pub(crate) struct Claim {
    pub(crate) key: IdempotencyKey,
    pub(crate) fingerprint: Fingerprint,
}

/// One change that commits whole.
pub(crate) struct Step {
    pub(crate) decision: Decision,
    pub(crate) claim: Option<Claim>,
    pub(crate) trace_id: TraceId,
    pub(crate) token: u64,
}

/// A payment from its first step to its last.
pub(crate) struct Life {
    pub(crate) steps: Vec<Step>,
}

/// How long a step takes.
const STEP: Duration = Duration::from_millis(4);

/// Makes lives. Numbered, so that the same number gives the same life.
pub(crate) struct Lives {
    rules: Rules,
    merchants: Vec<MerchantId>,
    currency: Currency,
    /// Tells this run's idempotency keys from those of others.
    seed: u64,
}

/// What must not fail with values that are made here.
const VALID: &str = "values made here obey the rules";

impl Lives {
    /// Lives of payments of so many merchants.
    pub(crate) fn new(merchants: u32, run: &str) -> Self {
        let name = |number| MerchantId::parse(&format!("merchant-{number:06}")).expect(VALID);
        Self {
            rules: Rules::default(),
            merchants: (0..merchants.max(1)).map(name).collect(),
            currency: Currency::parse("USD").expect(VALID),
            seed: run.bytes().fold(0, |seed, byte| scattered(seed ^ u64::from(byte))),
        }
    }

    /// A key as merchants make them, bits that follow on nothing in the form of a UUID. Its first digit is a letter: one
    /// without any might look like a card number, which is refused.
    fn key(&self, sequence: u64) -> IdempotencyKey {
        let (high, low) = (scattered(self.seed ^ sequence), scattered(!self.seed ^ sequence));
        let text = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32 | 0xa000_0000,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        );
        IdempotencyKey::parse(&text).expect(VALID)
    }

    /// The rules they obey.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The life of the payment with this sequence number, begun at that moment.
    ///
    /// # Errors
    /// When the rules do not allow the course, which would be a fault of this program.
    pub(crate) fn of(&self, sequence: u64, begun: Timestamp, course: Course) -> Result<Life, Failure> {
        let mut story = Story::begin(self, sequence, begun);
        match course {
            Course::Declined => story.report(declined())?,
            Course::Authorized => story.report(story.approved(""))?,
            Course::Captured => story.capture()?,
            Course::Refunded => {
                story.capture()?;
                let reason = Reason::parse("load").expect(VALID);
                story.ask(&Command::Refund(Refund { amount: None, reason }))?;
                story.report(story.approved(".3"))?;
            }
            Course::Cancelled => {
                story.report(story.approved(""))?;
                let reason = Reason::parse("load").expect(VALID);
                story.ask(&Command::Cancel(Cancel { reason }))?;
                story.report(story.approved(".2"))?;
            }
        }
        Ok(Life { steps: story.steps })
    }
}

/// A life while it is told.
struct Story<'a> {
    rules: &'a Rules,
    sequence: u64,
    now: Timestamp,
    steps: Vec<Step>,
}

impl<'a> Story<'a> {
    fn begin(lives: &'a Lives, sequence: u64, begun: Timestamp) -> Self {
        let place = usize::try_from(sequence % lives.merchants.len() as u64).expect("a remainder is small");
        let merchant_id = lives.merchants[place].clone();
        let id = PaymentId::new(sequence, merchant_id.slot());
        let key = lives.key(sequence);
        let command = Authorize {
            merchant_id,
            amount: Amount::try_from(1_000 + sequence % 9_000).expect(VALID),
            currency: lives.currency,
            capture_mode: CaptureMode::Manual,
            order_id: None,
            metadata: Metadata::default(),
        };
        let fingerprint = Fingerprint::of("authorize", None, &command);
        let mut story = Self { rules: &lives.rules, sequence, now: begun, steps: Vec::with_capacity(6) };
        let context = story.context(0);
        let decision = accept_authorization(NewPayment { id, key: key.clone() }, command, &context);
        story.keep(decision, Some(Claim { key, fingerprint }));
        story
    }

    fn capture(&mut self) -> Result<(), Failure> {
        self.report(self.approved(""))?;
        self.ask(&Command::Capture(Capture { amount: None }))?;
        self.report(self.approved(".2"))
    }

    /// The gateway's answer about the latest operation.
    fn report(&mut self, finding: Finding) -> Result<(), Failure> {
        let operation = self.payment().latest_operation();
        let (operation_no, attempt): (OperationNo, _) = (operation.no, operation.attempt);
        self.ask(&Command::PgReport {
            operation_no,
            attempt,
            report: Report { source: Source::Answer, finding },
        })
    }

    fn ask(&mut self, command: &Command) -> Result<(), Failure> {
        self.now = self.now.plus(STEP);
        let step = self.steps.len() as u64;
        match decide(self.payment(), command, &self.context(step)) {
            Ok(Verdict::Commit(decision)) => {
                self.keep(*decision, None);
                Ok(())
            }
            Ok(Verdict::Repeat(_) | Verdict::Unchanged(_)) => {
                Err(Failure::new("a step of a payment changed nothing"))
            }
            Err(rejection) => {
                Err(Failure::new(format!("a step of a payment was refused: {}", rejection.detail)))
            }
        }
    }

    fn keep(&mut self, decision: Decision, claim: Option<Claim>) {
        let step = self.steps.len() as u64;
        let trace_id = self.context(step).trace_id;
        self.steps.push(Step { decision, claim, trace_id, token: scattered(self.sequence * 8 + step) });
    }

    fn context(&self, step: u64) -> Context<'a> {
        let trace = u128::from(scattered(self.sequence)) << 64 | u128::from(scattered(!self.sequence ^ step));
        Context {
            rules: self.rules,
            now: self.now,
            jitter: Jitter(0.5),
            trace_id: TraceId::new(trace),
            key: None,
        }
    }

    fn payment(&self) -> &Payment {
        &self.steps.last().expect("a life begins with its first step").decision.payment
    }

    /// The gateway's approval of an operation, with identifiers of the simulator's form.
    fn approved(&self, operation: &str) -> Finding {
        let sequence = self.sequence;
        let authorizes = operation.is_empty();
        Finding::Approved(Approval {
            transaction_id: Some(format!("txn-{sequence:012}{operation}").into()),
            approval_number: authorizes.then(|| format!("{sequence:010}").into()),
            expires_at: authorizes.then(|| self.now.plus(self.rules.hold_expiry)),
        })
    }
}

fn declined() -> Finding {
    Finding::Negative(Negative {
        failed: false,
        code: "DO_NOT_HONOR".into(),
        message: None,
        retryable: false,
    })
}

/// Numbers that look random and are not: SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use payment_schema::status::Status;
    use payment_schema::time::Timestamp;

    use super::{Course, Lives};

    #[test]
    fn every_course_ends_where_it_should() {
        let lives = Lives::new(10, "run");
        for (course, status, steps, events) in [
            (Course::Authorized, Status::Authorized, 2, 1),
            (Course::Captured, Status::Captured, 4, 3),
            (Course::Refunded, Status::Refunded, 6, 5),
            (Course::Cancelled, Status::Cancelled, 4, 2),
            (Course::Declined, Status::AuthFailed, 2, 1),
        ] {
            let life = lives.of(77, Timestamp::from_micros(1_700_000_000_000_000), course).expect("a life");
            let payment = &life.steps.last().expect("steps").decision.payment;
            assert_eq!(payment.status, status, "{course:?}");
            assert_eq!(life.steps.len(), steps, "{course:?}");
            assert_eq!(payment.last_event_seq, events, "{course:?}");
            assert_eq!(payment.id.get() / 1_024, 77);
        }
    }

    #[test]
    fn no_key_is_made_of_digits_alone() {
        let lives = Lives::new(10, "run");
        for sequence in 0..1_000 {
            assert!(lives.key(sequence).as_str().starts_with(|first: char| first.is_ascii_alphabetic()));
        }
    }
}
