//! The event log's twin: topics, partitions, offsets and consumer groups in memory.
//!
//! Owns publication with its faults (errors before and after writing, outages, duplicates) and the check that
//! nothing is published before it is committed. What was written survives every crash.

mod records;
mod subscription;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use payment_schema::event::SCHEMA_VERSION;
use payment_schema::ids::EventId;
use payment_schema::invariant::Invariant;
use payment_schema::topic::Topic;
use tokio::sync::Notify;
use tokio::time::sleep;

pub use self::records::{LogRecord, Moment, Records};
use self::subscription::SimSubscription;
use super::dice::{Dice, Purpose};
use super::environment::{Environment, Part};
use super::faults::Fault;
use super::store::SimStore;
use crate::ports::event_log::{EventLog, LogError, Record, Subscription};

/// What publisher and subscriptions share.
#[derive(Debug)]
struct Shared {
    environment: Arc<Environment>,
    records: Mutex<Records>,
    dice: Mutex<Dice>,
    arrival: Notify,
}

/// An event log in memory.
pub struct SimEventLog {
    shared: Arc<Shared>,
    store: Option<Arc<SimStore>>,
}

impl fmt::Debug for SimEventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl SimEventLog {
    /// An empty log. With the store whose outbox it publishes, each record is checked to be committed there.
    #[must_use]
    pub fn new(environment: Arc<Environment>, store: Option<Arc<SimStore>>) -> Self {
        let dice = Mutex::new(environment.dice(Purpose::EventLog));
        let shared = Shared { environment, records: Mutex::default(), dice, arrival: Notify::new() };
        Self { shared: Arc::new(shared), store }
    }

    /// Looks at all records, as the auditor does: without weather.
    pub fn inspect<T>(&self, view: impl FnOnce(&Records) -> T) -> T {
        view(&self.shared.records.lock())
    }

    /// Writes what some other program wrote.
    pub fn write_foreign(&self, topic: Topic, partition: u32, key: Option<Bytes>, payload: Bytes) {
        let record = LogRecord {
            key,
            event_id: None,
            traceparent: None,
            schema_version: None,
            payload,
            is_foreign: true,
        };
        self.shared.records.lock().write(topic, partition, self.shared.environment.elapsed(), record);
        self.shared.environment.count(Fault::ForeignRecord);
        self.shared.arrival.notify_waiters();
    }

    fn publish_one(&self, record: &Record, failed: &mut BTreeSet<Bytes>) -> Result<(), LogError> {
        let key = record.key.clone();
        if failed.contains(&key) {
            return Err(LogError("an earlier record of the same key failed".to_owned()));
        }
        let faults = [Fault::PublishFailed, Fault::PublishAnswerLost, Fault::RecordDuplicated];
        let environment = &self.shared.environment;
        let fault = environment.first_to_strike(&mut self.shared.dice.lock(), &faults);
        if fault == Some(Fault::PublishFailed) {
            failed.insert(key);
            return Err(LogError("simulated refusal".to_owned()));
        }
        self.write(record);
        match fault {
            Some(Fault::PublishAnswerLost) => {
                failed.insert(key);
                return Err(LogError("simulated loss of the answer".to_owned()));
            }
            Some(Fault::RecordDuplicated) => self.write(record),
            _ => {}
        }
        Ok(())
    }

    fn write(&self, record: &Record) {
        self.check_committed(record);
        self.shared.environment.note(format_args!("publish {} {}", record.topic, record.event_id));
        let partition = record.topic.partition_of(&record.key);
        let written = LogRecord {
            key: Some(record.key.clone()),
            event_id: Some(record.event_id),
            traceparent: Some(record.traceparent.clone()),
            schema_version: Some(SCHEMA_VERSION.to_owned()),
            payload: record.payload.clone(),
            is_foreign: false,
        };
        let now = self.shared.environment.elapsed();
        self.shared.records.lock().write(record.topic, partition, now, written);
    }

    /// A record may be seen by the world only when what it tells is durable.
    fn check_committed(&self, record: &Record) {
        let Some(store) = &self.store else {
            return;
        };
        let problem = store.inspect(|tables| match tables.ever_in_outbox.get(&record.event_id) {
            Some(row) => {
                let same = row.payload == record.payload
                    && row.topic == record.topic
                    && row.payment_id.to_string().as_bytes() == &*record.key;
                (!same).then_some("differs from its committed row")
            }
            None => {
                let letter = |id: &String| EventId::of_dead_letter(id) == record.event_id;
                let is_letter = record.topic.is_dead_letter() && tables.letters.keys().any(letter);
                (!is_letter).then_some("is not committed")
            }
        });
        if let Some(problem) = problem {
            let what = format!(
                "record {} published to {} under key {:?} {problem}",
                record.event_id, record.topic, record.key
            );
            self.shared.environment.violation(Invariant::I7, None, what);
        }
    }
}

#[async_trait]
impl EventLog for SimEventLog {
    async fn publish(&self, records: &[Record]) -> Vec<Result<(), LogError>> {
        let environment = &self.shared.environment;
        let (before, after) = self.shared.delays();
        sleep(before).await;
        if environment.is_out(Part::EventLog) {
            sleep(after).await;
            return records.iter().map(|_| Err(unreachable())).collect();
        }
        let mut failed = BTreeSet::new();
        let results = records.iter().map(|record| self.publish_one(record, &mut failed)).collect();
        self.shared.arrival.notify_waiters();
        sleep(after).await;
        results
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Subscription>, LogError> {
        let (before, _) = self.shared.delays();
        sleep(before).await;
        let refused = self.shared.strikes(Fault::ConsumeFailed);
        if refused || self.shared.environment.is_out(Part::EventLog) {
            return Err(unreachable());
        }
        Ok(Box::new(SimSubscription::join(Arc::clone(&self.shared), group, topics)))
    }
}

impl Shared {
    fn strikes(&self, fault: Fault) -> bool {
        self.environment.strikes(&mut self.dice.lock(), fault)
    }

    fn delays(&self) -> (std::time::Duration, std::time::Duration) {
        let mut dice = self.dice.lock();
        (dice.millis(0, 3), dice.millis(0, 2))
    }
}

fn unreachable() -> LogError {
    LogError("simulated outage".to_owned())
}
