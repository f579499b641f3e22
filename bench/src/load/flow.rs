//! One flow: a payment's life as far as asked for.
//!
//! Owns which request follows which answer. A function of answers alone: never waits, never sends.

use std::time::{Duration, Instant};

use super::habit::Habit;

/// How far a flow goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Until the payment is authorized.
    Authorize,
    /// Until it is captured.
    Capture,
    /// Until it is refunded.
    Full,
}

/// The state that a flow waits for by reading the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Authorized,
    Captured,
    Refunded,
}

/// What is wrong with a request that is meant to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// No JSON: it ends in the middle.
    Cut,
    ZeroAmount,
    UnknownCurrency,
    NoKey,
    NoMerchant,
    /// The key of an answered request with another amount.
    KeyOfAnother,
}

impl Wrong {
    /// Those that need no request before them.
    pub(crate) const ALONE: [Self; 5] =
        [Self::Cut, Self::ZeroAmount, Self::UnknownCurrency, Self::NoKey, Self::NoMerchant];

    /// What the server answers.
    pub(crate) fn expected(self) -> u16 {
        match self {
            Self::Cut | Self::ZeroAmount | Self::UnknownCurrency | Self::NoKey | Self::NoMerchant => 400,
            Self::KeyOfAnother => 422,
        }
    }
}

/// The request that is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Authorize,
    Capture,
    Refund,
    Read(Wanted),
    /// An answered authorization once more; it was answered with this status.
    Replay {
        status: u16,
    },
    Wrong(Wrong),
}

/// A flow and its next request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// Gives the merchant, the amount and the idempotency key.
    pub(crate) number: u64,
    pub(crate) aim: Aim,
    /// The stretch of the schedule it counts for.
    pub(crate) stretch: usize,
    /// When the flow was due.
    pub(crate) begun: Instant,
    /// When this request is due.
    pub(crate) due: Instant,
    pub(crate) step: Step,
    /// The payment's id, once known.
    pub(crate) payment: u64,
    /// How long until the payment is read.
    pub(crate) pause: Duration,
    /// It was not read since the last command.
    pub(crate) unread: bool,
    /// It was sent once on a connection that turned out to be closed.
    pub(crate) resent: bool,
}

/// A payment that was not there yet is read again when as long again has passed, but not later than this: work that takes
/// milliseconds is seen soon, work that takes seconds is not asked about a hundred times.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What comes after an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// Another request, due now or later.
    Ask(Job),
    /// The payment is where it was meant to go.
    Completed,
    /// The payment was declined, which is a result.
    Declined,
    /// Nothing more can come of it.
    Ended,
}

/// What an answer's body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) payment: Option<u64>,
    pub(crate) status: Option<String>,
}

impl Told {
    /// Reads a payment's JSON; of anything else nothing is told.
    pub(crate) fn read(body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            payment_id: Option<u64>,
            #[serde(borrow)]
            status: Option<&'a str>,
        }
        let fields: Option<Fields<'_>> = serde_json::from_slice(body).ok();
        fields.map_or_else(Self::default, |fields| Self {
            payment: fields.payment_id,
            status: fields.status.map(str::to_owned),
        })
    }
}

impl Job {
    /// The beginning of a flow.
    pub(crate) fn first(number: u64, aim: Aim, stretch: usize, due: Instant) -> Self {
        Self {
            number,
            aim,
            stretch,
            begun: due,
            due,
            step: Step::Authorize,
            payment: 0,
            pause: Duration::ZERO,
            unread: true,
            resent: false,
        }
    }

    /// Whether the answer's body matters: only what comes after it does.
    pub(crate) fn listens(&self) -> bool {
        match self.step {
            Step::Authorize => self.aim != Aim::Authorize,
            Step::Read(_) => true,
            Step::Capture | Step::Refund | Step::Replay { .. } | Step::Wrong(_) => false,
        }
    }

    /// What comes after an answer that arrived `now`. First reads teach the habit, and are due as it says.
    pub(crate) fn after(mut self, status: u16, told: &Told, now: Instant, habit: &mut Habit) -> Next {
        self.resent = false;
        match (self.step, status) {
            (Step::Authorize, 200 | 201) => {
                self.payment = told.payment.unwrap_or(self.payment);
                self.reached(Wanted::Authorized, now)
            }
            (Step::Authorize, 202) => {
                let Some(payment) = told.payment else { return Next::Ended };
                self.payment = payment;
                self.read_later(Wanted::Authorized, habit.pause(), now)
            }
            (Step::Authorize, 402) => Next::Declined,
            (Step::Capture, 200 | 202) => self.read_later(Wanted::Captured, habit.pause(), now),
            (Step::Refund, 200 | 202) => self.read_later(Wanted::Refunded, habit.pause(), now),
            (Step::Read(wanted), 200) => self.seen(wanted, told, now, habit),
            // A server that is busy or briefly away is asked again; its refusal was counted.
            (Step::Read(wanted), 429 | 500..=599) => self.read_again(wanted, now),
            (Step::Replay { .. } | Step::Wrong(_), _) => Next::Completed,
            (Step::Authorize | Step::Capture | Step::Refund | Step::Read(_), _) => Next::Ended,
        }
    }

    /// After a read that brought no answer.
    pub(crate) fn after_silence(self, now: Instant) -> Next {
        match self.step {
            Step::Read(wanted) => self.read_again(wanted, now),
            Step::Authorize | Step::Capture | Step::Refund | Step::Replay { .. } | Step::Wrong(_) => {
                Next::Ended
            }
        }
    }

    fn seen(self, wanted: Wanted, told: &Told, now: Instant, habit: &mut Habit) -> Next {
        let arrived = match wanted {
            Wanted::Authorized => "AUTHORIZED",
            Wanted::Captured => "CAPTURED",
            Wanted::Refunded => "REFUNDED",
        };
        if self.unread {
            habit.learn(told.status.as_deref() == Some(arrived));
        }
        match told.status.as_deref() {
            Some(status) if status == arrived => self.reached(wanted, now),
            Some("AUTH_FAILED") => Next::Declined,
            // Nothing leads on from here. A failed try is followed by the next one, so it is waited for.
            Some("CANCELLED" | "REFUNDED") | None => Next::Ended,
            Some(_) => self.read_again(wanted, now),
        }
    }

    fn reached(mut self, state: Wanted, now: Instant) -> Next {
        self.due = now;
        self.step = match (state, self.aim) {
            (Wanted::Authorized, Aim::Authorize)
            | (Wanted::Captured, Aim::Authorize | Aim::Capture)
            | (Wanted::Refunded, _) => return Next::Completed,
            (Wanted::Authorized, Aim::Capture | Aim::Full) => Step::Capture,
            (Wanted::Captured, Aim::Full) => Step::Refund,
        };
        if self.payment == 0 { Next::Ended } else { Next::Ask(self) }
    }

    fn read_later(mut self, wanted: Wanted, pause: Duration, now: Instant) -> Next {
        self.unread = true;
        self.pause = pause;
        self.read_after_pause(wanted, now)
    }

    fn read_again(mut self, wanted: Wanted, now: Instant) -> Next {
        if !std::mem::replace(&mut self.unread, false) {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.read_after_pause(wanted, now)
    }

    fn read_after_pause(mut self, wanted: Wanted, now: Instant) -> Next {
        self.step = Step::Read(wanted);
        self.due = now + self.pause;
        Next::Ask(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Aim, Habit, Job, Next, Step, Told, Wanted};

    /// Answers in turn, written `status` or `status:STATE`, and the way the flow took.
    fn walk(aim: Aim, answers: &str) -> String {
        let now = Instant::now();
        let mut job = Job::first(1, aim, 0, now);
        let mut way = Vec::new();
        for answer in answers.split(' ') {
            let (code, state) = answer.split_once(':').unwrap_or((answer, ""));
            let told = Told { payment: Some(7), status: (!state.is_empty()).then(|| state.to_owned()) };
            match job.after(code.parse().expect("a status"), &told, now, &mut Habit::default()) {
                Next::Ask(next) => job = next,
                Next::Completed => way.push("completed"),
                Next::Declined => way.push("declined"),
                Next::Ended => way.push("ended"),
            }
            if way.is_empty() {
                continue;
            }
            break;
        }
        way.push(match job.step {
            Step::Authorize => "authorize",
            Step::Capture => "capture",
            Step::Refund => "refund",
            Step::Read(Wanted::Authorized) => "read until authorized",
            Step::Read(Wanted::Captured) => "read until captured",
            Step::Read(Wanted::Refunded) => "read until refunded",
            Step::Replay { .. } => "replay",
            Step::Wrong(_) => "wrong",
        });
        way.join(" after ")
    }

    #[test]
    fn flows_go_as_far_as_asked() {
        for (aim, answers, wanted) in [
            (Aim::Authorize, "200", "completed after authorize"),
            (Aim::Authorize, "202 200:READY", "read until authorized"),
            (Aim::Authorize, "202 200:AUTHORIZED", "completed after read until authorized"),
            (Aim::Authorize, "402", "declined after authorize"),
            (Aim::Authorize, "202 200:AUTH_FAILED", "declined after read until authorized"),
            (Aim::Authorize, "503", "ended after authorize"),
            (Aim::Capture, "200", "capture"),
            (Aim::Capture, "200 200 200:CAPTURE_REQUESTED", "read until captured"),
            (
                Aim::Capture,
                "200 200 200:CAPTURE_FAILED 503 200:CAPTURED",
                "completed after read until captured",
            ),
            (Aim::Capture, "200 409", "ended after capture"),
            (Aim::Full, "200 200 200:CAPTURED", "refund"),
            (Aim::Full, "200 200 200:CAPTURED 200 200:REFUND_REQUESTED", "read until refunded"),
            (Aim::Full, "200 200 200:CAPTURED 200 200:REFUNDED", "completed after read until refunded"),
            (Aim::Full, "200 200 200:CANCELLED", "ended after read until captured"),
            (Aim::Full, "200 200 404", "ended after read until captured"),
        ] {
            assert_eq!(walk(aim, answers), wanted, "{aim:?} {answers}");
        }
    }

    #[test]
    fn pauses_between_reads_grow_and_are_bounded() {
        let now = Instant::now();
        let mut job = Job { step: Step::Capture, payment: 7, ..Job::first(1, Aim::Capture, 0, now) };
        let mut pauses = Vec::new();
        let mut habit = Habit::default();
        for _ in 0..11 {
            let told = Told { payment: None, status: Some("CAPTURE_REQUESTED".to_owned()) };
            let Next::Ask(next) = job.after(200, &told, now, &mut habit) else { panic!("the flow goes on") };
            pauses.push((next.due - now).as_millis());
            job = next;
        }
        assert_eq!(pauses, [20, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_000]);
    }

    #[test]
    fn a_payments_json_tells_its_id_and_state() {
        let told = Told::read(br#"{"paymentId":2049,"status":"AUTHORIZED","amount":5}"#);
        assert_eq!(told, Told { payment: Some(2_049), status: Some("AUTHORIZED".to_owned()) });
        assert_eq!(Told::read(br#"{"status":404,"code":"NOT_FOUND"}"#), Told::default());
        assert_eq!(Told::read(b"<html>"), Told::default());
    }
}
