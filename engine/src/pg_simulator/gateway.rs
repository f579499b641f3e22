//! The gateway behind the HTTP face: takes operations in, concludes them, and tells what is known about them.
//!
//! One lock, held for one look-up or for one batch with its single write, never across an await. Replays and
//! pages of the record are read from the file outside the lock.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use parking_lot::Mutex;
use serde::Serialize;

use super::answer::{Currency, Status, TransactionId};
use super::books::Books;
use super::chance::Chance;
use super::error::{RequestError, StartError};
use super::faults::{FaultRequest, Faults, ScriptedFault};
use super::operation::{Operation, OperationKey};
use super::operations::{Intake, Operations};
use super::options::PgSimulatorOptions;
use super::record::{Entry, Record, RecordReader};
use super::request::Request;
use super::waiting::WaitingRoom;

/// Shared by all workers.
pub(super) struct Gateway {
    state: Mutex<State>,
    reader: RecordReader,
    /// Requests that a fault keeps without an answer.
    pub(super) waiting: WaitingRoom,
}

struct State {
    operations: Operations,
    /// Why no more operations are taken or concluded, once that is so.
    closed: Option<Closed>,
}

#[derive(Clone, Copy)]
enum Closed {
    Stopping,
    /// The file may lack entries that the books have; reading it anew at a restart sets that right.
    WriteFailed(io::ErrorKind),
}

/// What is known about a key.
enum Known {
    InProgress(Bytes),
    Recorded { position: u64 },
}

/// What becomes of a request at its arrival.
pub(super) enum Arrival {
    /// Its key was seen before: the final answer, or that it is in progress.
    Known(Bytes),
    /// Its key is new.
    New(Intake),
}

/// How much the gateway has done and has to do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    status: &'static str,
    recorded: u64,
    processing: usize,
    kept_back: usize,
}

/// One line of `GET /v1/record`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordLine<'a> {
    seq: u64,
    operation: Operation,
    key: OperationKey,
    payment_id: u64,
    merchant_id: &'a str,
    amount: u64,
    currency: Currency,
    result: Status,
    transaction_id: Option<TransactionId>,
    at: DateTime<Utc>,
}

impl<'a> RecordLine<'a> {
    fn of(entry: &'a Entry<'_>) -> Self {
        let answer = &entry.answer;
        Self {
            seq: entry.seq,
            operation: answer.operation,
            key: answer.key,
            payment_id: answer.payment_id,
            merchant_id: &answer.merchant_id,
            amount: answer.amount,
            currency: answer.currency,
            result: answer.status,
            transaction_id: answer.transaction_id,
            at: answer.at,
        }
    }
}

impl Gateway {
    /// Opens the record in the data directory and takes every entry into the books. Blocks on the file.
    pub(super) fn open(options: &PgSimulatorOptions) -> Result<Self, StartError> {
        let mut books = Books::new();
        let record = Record::open(&options.data_dir, |entry, position| books.post(entry, position))?;
        let reader = record.reader();
        let operations = Operations {
            books,
            record,
            faults: Faults::default(),
            chance: Chance::new(options.seed),
            pending: HashMap::new(),
            profile: options.profile,
            hold_lifetime: TimeDelta::from_std(options.hold_lifetime).unwrap_or(TimeDelta::MAX),
        };
        Ok(Self {
            state: Mutex::new(State { operations, closed: None }),
            reader,
            waiting: WaitingRoom::default(),
        })
    }

    /// Takes in a request. A key that was seen before is never run again, and no fault strikes it: what was
    /// done is told truthfully.
    pub(super) fn accept(&self, request: Request) -> Result<Arrival, RequestError> {
        let mut state = self.state.lock();
        state.ensure_open()?;
        let Some(known) = state.known(&request.key) else {
            return Ok(Arrival::New(state.operations.take_in(request, now())));
        };
        drop(state);
        self.tell(known).map(Arrival::Known)
    }

    /// What is known about a key; none when it was never seen.
    pub(super) fn look_up(&self, key: &OperationKey) -> Result<Option<Bytes>, RequestError> {
        let known = {
            let state = self.state.lock();
            state.ensure_open()?;
            state.known(key)
        };
        known.map(|known| self.tell(known)).transpose()
    }

    fn tell(&self, known: Known) -> Result<Bytes, RequestError> {
        match known {
            Known::InProgress(answer) => Ok(answer),
            Known::Recorded { position } => {
                self.reader.entry(position, |entry| json(&entry.answer)).map_err(|reason| unreadable(&reason))
            }
        }
    }

    /// Concludes the operations whose time has come, recording all of them before any is answered.
    pub(super) fn conclude(&self, due: &[OperationKey]) {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        match state.operations.settle(due, &self.reader, now()) {
            Ok(deliveries) => {
                drop(state);
                for (client, answer) in deliveries {
                    // A client that left learns the outcome from the record.
                    let _ = client.send(answer);
                }
            }
            Err(reason) => {
                tracing::error!(%reason, "cannot write the pg record, refusing all work until a restart");
                state.closed = Some(Closed::WriteFailed(reason.kind()));
                state.operations.pending.clear();
            }
        }
    }

    /// One page of the record, after entry `after`, as JSON. Blocks on the file.
    pub(super) fn page(&self, after: u64, limit: usize) -> Result<Vec<u8>, RequestError> {
        let slice = {
            let state = self.state.lock();
            state.ensure_open()?;
            state.operations.record.slice_after(after)
        };
        let mut page = b"{\"entries\":[".to_vec();
        let mut last = None;
        let more = self
            .reader
            .entries(slice, limit, |entry| {
                if last.is_some() {
                    page.push(b',');
                }
                last = Some(entry.seq);
                page.extend_from_slice(&json(&RecordLine::of(entry)));
            })
            .map_err(|reason| unreadable(&reason))?;
        page.extend_from_slice(b"],\"next\":");
        page.extend_from_slice(&json(&last.filter(|_| more)));
        page.push(b'}');
        Ok(page)
    }

    pub(super) fn add_fault(&self, request: &FaultRequest) -> Result<ScriptedFault, RequestError> {
        self.state.lock().operations.faults.add(request)
    }

    pub(super) fn faults(&self) -> Vec<ScriptedFault> {
        self.state.lock().operations.faults.all().to_vec()
    }

    pub(super) fn clear_faults(&self) {
        self.state.lock().operations.faults.clear();
    }

    pub(super) fn health(&self) -> Result<Health, RequestError> {
        let state = self.state.lock();
        state.ensure_open()?;
        let operations = &state.operations;
        Ok(Health {
            status: "up",
            recorded: operations.record.entries(),
            processing: operations.pending.len(),
            kept_back: self.waiting.occupied(),
        })
    }

    /// Ends all work and gives the data directory free. Operations in progress are forgotten as if the process
    /// had died: their clients get no answer, and their keys may run again after a restart.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(Closed::Stopping);
        state.operations.pending.clear();
        state.operations.record.release();
    }
}

impl State {
    fn known(&self, key: &OperationKey) -> Option<Known> {
        let recorded = self.operations.books.position(key).map(|position| Known::Recorded { position });
        let in_progress = || self.operations.pending.get(key).map(|p| Known::InProgress(json(&p.progress())));
        recorded.or_else(in_progress)
    }

    fn ensure_open(&self) -> Result<(), RequestError> {
        match self.closed {
            None => Ok(()),
            Some(Closed::Stopping) => Err(RequestError::Stopping),
            Some(Closed::WriteFailed(kind)) => Err(RequestError::Storage(kind.to_string())),
        }
    }
}

/// Wall-clock time as answers carry it.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("an answer has no part that JSON cannot hold").into()
}

fn unreadable(reason: &io::Error) -> RequestError {
    RequestError::Storage(reason.to_string())
}
