//! Operations in progress: what is taken in, what forces its outcome, and how it is settled into the record.
//!
//! Lives in memory only, behind the gateway's lock. The operations of a process that died were never seen, and
//! may run again under their keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::answer::{Answer, ApprovalNumber, HoldId, ResponseCode, Status, TransactionId};
use super::books::Books;
use super::chance::Chance;
use super::faults::{Effect, Faults, Strike};
use super::operation::{Operation, OperationKey};
use super::options::{Behaviour, Profile};
use super::record::{Entry, Record, RecordReader};
use super::request::{Request, Subject};

/// What the gateway's lock protects.
pub(super) struct Operations {
    pub(super) books: Books,
    pub(super) record: Record,
    pub(super) faults: Faults,
    pub(super) chance: Chance,
    pub(super) pending: HashMap<OperationKey, Pending>,
    pub(super) profile: Profile,
    pub(super) hold_lifetime: TimeDelta,
}

/// An operation that was taken in and not settled yet.
pub(super) struct Pending {
    request: Request,
    arrived: DateTime<Utc>,
    forced: Forced,
    client: oneshot::Sender<Bytes>,
}

/// What overrides the rules for one operation.
enum Forced {
    Nothing,
    /// A fault was scripted: the outcome is this one even where the rules would say another.
    Script(ResponseCode),
    /// The profile's share of accidents: only what the rules would approve meets with one.
    Accident(ResponseCode),
}

/// What becomes of a request whose key was never seen.
pub(super) enum Intake {
    /// A fault keeps it from being done at all.
    Refused(Strike),
    /// It was taken in: settle it after `latency`, then treat the answer as the strike says.
    Accepted { latency: Duration, answer: oneshot::Receiver<Bytes>, strike: Option<Strike> },
}

/// An answer on its way to the client that waits for it.
pub(super) type Delivery = (oneshot::Sender<Bytes>, Bytes);

impl Operations {
    pub(super) fn take_in(&mut self, request: Request, arrived: DateTime<Utc>) -> Intake {
        let operation = request.key.operation;
        let behaviour = behaviour(&self.profile, operation);
        let strike = self.faults.strike(operation, &mut self.chance);
        // Drawn whether used or not, so that a script leaves the later draws of a seed where they were.
        let latency = self.chance.latency(behaviour);
        let accident = self.chance.happens(behaviour.negative_rate);
        let forced = match strike.map(|strike| (strike, strike.kind.effect())) {
            Some((strike, Effect::NotDone)) => return Intake::Refused(strike),
            Some((_, Effect::EndsAs(code))) => Forced::Script(code),
            Some((_, Effect::SpoilsAnswer)) | None if accident => Forced::Accident(accident_of(operation)),
            Some((_, Effect::SpoilsAnswer)) | None => Forced::Nothing,
        };
        let (client, answer) = oneshot::channel();
        self.pending.insert(request.key, Pending { request, arrived, forced, client });
        Intake::Accepted { latency, answer, strike }
    }

    /// Decides and records every operation in `due` that is still pending, in that order, with one write; one
    /// more before a void by key, which must find an authorization of the same batch in the file.
    pub(super) fn settle(
        &mut self,
        due: &[OperationKey],
        reader: &RecordReader,
        now: DateTime<Utc>,
    ) -> io::Result<Vec<Delivery>> {
        let mut deliveries = Vec::with_capacity(due.len());
        for key in due {
            if let Some(pending) = self.pending.remove(key) {
                let answer = self.settle_one(&pending, reader, now)?;
                deliveries.push((pending.client, answer));
            }
        }
        self.record.flush()?;
        Ok(deliveries)
    }

    fn settle_one(
        &mut self,
        pending: &Pending,
        reader: &RecordReader,
        now: DateTime<Utc>,
    ) -> io::Result<Bytes> {
        let request = &pending.request;
        let hold = self.resolve(&request.subject, reader)?;
        let ruled = self.books.judge(request, hold, now.timestamp_millis());
        let code = match pending.forced {
            Forced::Script(code) => code,
            Forced::Accident(accident) if ruled == ResponseCode::Approved => accident,
            Forced::Accident(_) | Forced::Nothing => ruled,
        };
        let entry = self.entry(request, code, hold, now);
        let (position, answer) = self.record.append(&entry);
        self.books.post(&entry, position);
        Ok(answer)
    }

    /// The hold that a request is about; none when it is about a new one, or about none that exists.
    fn resolve(&mut self, subject: &Subject, reader: &RecordReader) -> io::Result<Option<HoldId>> {
        match subject {
            Subject::NewHold => Ok(None),
            Subject::Hold(hold) => Ok(*hold),
            Subject::Authorization(key) => match self.books.position(key) {
                None => Ok(None),
                Some(position) => {
                    // The authorization may stand in this very batch, and entries are read from the file.
                    self.record.flush()?;
                    reader.entry(position, |entry| entry.answer.transaction_id.map(|id| id.hold))
                }
            },
        }
    }

    fn entry<'a>(
        &self,
        request: &'a Request,
        code: ResponseCode,
        hold: Option<HoldId>,
        now: DateTime<Utc>,
    ) -> Entry<'a> {
        let seq = self.record.next_seq();
        let mut answer = answer(request, code, now);
        if code == ResponseCode::Approved {
            let authorize = request.key.operation == Operation::Authorize;
            answer.transaction_id = match hold {
                Some(hold) => Some(TransactionId { hold, entry: Some(seq) }),
                None => Some(TransactionId { hold: self.books.next_hold(), entry: None }),
            };
            answer.approval_number = Some(ApprovalNumber(seq));
            answer.expires_at = now.checked_add_signed(self.hold_lifetime).filter(|_| authorize);
        }
        let authorization_key = match request.subject {
            Subject::Authorization(key) => Some(key),
            Subject::NewHold | Subject::Hold(_) => None,
        };
        Entry { seq, answer, authorization_key }
    }
}

impl Pending {
    /// What is answered about it until it is settled.
    pub(super) fn progress(&self) -> Answer<'_> {
        answer(&self.request, ResponseCode::Processing, self.arrived)
    }
}

fn answer(request: &Request, code: ResponseCode, at: DateTime<Utc>) -> Answer<'_> {
    let status = code.status();
    Answer {
        key: request.key,
        operation: request.key.operation,
        payment_id: request.key.payment_id,
        merchant_id: Cow::Borrowed(&request.merchant_id),
        status,
        amount: request.amount,
        currency: request.currency,
        transaction_id: None,
        approval_number: None,
        response_code: code,
        response_message: Cow::Borrowed(code.message()),
        retryable: status == Status::Failed,
        expires_at: None,
        at,
    }
}

const fn behaviour(profile: &Profile, operation: Operation) -> &Behaviour {
    match operation {
        Operation::Authorize => &profile.authorize,
        Operation::Capture => &profile.capture,
        Operation::Refund => &profile.refund,
        Operation::Void => &profile.void,
    }
}

/// How an operation goes wrong by itself: issuers decline, processing fails.
const fn accident_of(operation: Operation) -> ResponseCode {
    match operation {
        Operation::Authorize => ResponseCode::InsufficientFunds,
        Operation::Capture | Operation::Refund | Operation::Void => ResponseCode::ProcessingError,
    }
}
