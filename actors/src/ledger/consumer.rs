//! The ledger's consumer.

use std::time::Duration;

use bytes::Bytes;
use payment_schema::dead_letter::DeadLetter;
use payment_schema::ids::{EventId, TraceId};
use payment_schema::ledger::{Movement, Unpostable};
use payment_schema::rules::doubling;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::poison;
use crate::pace::Pace;
use crate::ports::databases::Databases;
use crate::ports::event_log::{Consumed, LogError, Position, Record, Subscription};
use crate::ports::ledger_store::PostOutcome;
use crate::ports::meter::Measure;
use crate::ports::{Ports, StoreError};
use crate::supervision::{Actor, Ctx, Failure, Handle, Message, Next, SendError};

/// The consumer group of the first database's ledger.
const GROUP: &str = "payment-ledger";
const TOPICS: [Topic; 2] = [Topic::Captured, Topic::Refunded];
const MOST_AT_ONCE: usize = 500;

/// Batches begin this far apart under load: each is a transaction and an offset kept, whatever is in it.
const APART: Duration = Duration::from_millis(50);

/// How often the brokers are asked how many records wait, while records come.
const COUNT_EVERY: Duration = Duration::from_secs(1);

const OFFER_AGAIN: Duration = Duration::from_millis(200);

type Joined = Box<dyn Subscription>;

/// How many records of each topic wait.
type Lag = Vec<(Topic, u64)>;

/// Messages of the ledger.
pub enum LedgerMessage {
    /// Join the group.
    Join,
    /// Joined, or not.
    Joined(Result<Joined, LogError>),
    /// Records came, or not.
    Fetched(Joined, Result<Vec<Consumed>, LogError>),
    /// A batch had its effect, or not: then it is posted again.
    Posted(Joined, Vec<Consumed>, Result<Vec<Topic>, String>),
    /// The offsets are kept, and so many records wait if that was asked; or they are not kept.
    Committed(Joined, Result<Option<Lag>, LogError>),
    /// No records came for a while, and nobody asked how many wait since the last ones.
    Quiet(Joined),
}

impl Message for LedgerMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Joined(_) => "joined",
            Self::Fetched(..) => "fetched",
            Self::Posted(..) => "posted",
            Self::Committed(..) => "committed",
            Self::Quiet(_) => "quiet",
        }
    }
}

/// What operators see of the ledger.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerObserved {
    joined: bool,
    records_total: u64,
    dead_letters_total: u64,
    failures_in_a_row: u32,
}

/// Which records are one ledger's.
#[derive(Clone)]
struct Share {
    database: usize,
    databases: Databases,
}

impl Share {
    fn group(&self) -> String {
        match self.database {
            0 => GROUP.to_owned(),
            other => format!("{GROUP}-{other}"),
        }
    }

    /// Whether a record is one of them; `None` for one that cannot be read.
    fn has(&self, movement: Option<&Movement>) -> bool {
        self.database == movement.map_or(0, |movement| self.databases.keeping(movement.payment_id.slot()))
    }
}

/// Posts what was captured and refunded.
pub struct Ledger {
    ports: Ports,
    share: Share,
    joined: bool,
    records_total: u64,
    dead_letters_total: u64,
    failures: u32,
    pace: Pace,
    /// When the records that wait were counted last.
    counted: Option<Instant>,
    /// Records were posted since.
    is_count_old: bool,
}

impl Ledger {
    /// A ledger for the payments of one database of the store, that has not joined its group yet. Each database has one
    /// with a group of its own, so that none waits for another; the first also sees to what cannot be read.
    #[must_use]
    pub fn new(ports: Ports, database: usize) -> Self {
        let share = Share { database, databases: ports.store.databases() };
        Self {
            ports,
            share,
            joined: false,
            records_total: 0,
            dead_letters_total: 0,
            failures: 0,
            pace: Pace::new(APART, MOST_AT_ONCE),
            counted: None,
            is_count_old: false,
        }
    }

    fn join(&self, ctx: &mut Ctx<Self>) {
        let (ports, group) = (self.ports.clone(), self.share.group());
        ctx.spawn(async move { LedgerMessage::Joined(ports.event_log.subscribe(&group, &TOPICS).await) });
    }

    /// Leaves the group and joins it anew after a while; reading goes on from the offsets that were kept.
    fn join_again(&mut self, subscription: Joined, ctx: &mut Ctx<Self>) {
        drop(subscription);
        self.joined = false;
        let delay = self.backoff();
        ctx.after(delay, LedgerMessage::Join);
    }

    fn backoff(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        doubling(Duration::from_millis(100), Duration::from_secs(5), self.failures - 1)
    }

    /// Waits for records, under load for enough of them to be worth a batch. An orderly end does not wait for them:
    /// what is not posted yet is in the log.
    fn fetch(&mut self, mut subscription: Joined, ctx: &mut Ctx<Self>) {
        let handle = ctx.handle();
        let company = self.pace.left(0, ctx.now()).unwrap_or_default();
        let patience = if self.is_count_old { COUNT_EVERY } else { Duration::MAX };
        ctx.spawn_detached(async move {
            tokio::time::sleep(company).await;
            let fetched = timeout(patience, subscription.next(MOST_AT_ONCE)).await;
            let message = match fetched {
                Ok(fetched) => LedgerMessage::Fetched(subscription, fetched),
                Err(_) => LedgerMessage::Quiet(subscription),
            };
            deliver(&handle, message).await;
        });
    }

    fn post(&mut self, subscription: Joined, records: Vec<Consumed>, delay: Duration, ctx: &mut Ctx<Self>) {
        let (ports, share) = (self.ports.clone(), self.share.clone());
        ctx.spawn(async move {
            tokio::time::sleep(delay).await;
            let result = post(&ports, &share, &records).await;
            LedgerMessage::Posted(subscription, records, result)
        });
    }

    fn keep_offsets(&mut self, mut subscription: Joined, records: &[Consumed], ctx: &mut Ctx<Self>) {
        let done = last_positions(records);
        let now = ctx.now();
        let counts = self.counted.is_none_or(|at| now.saturating_duration_since(at) >= COUNT_EVERY);
        self.is_count_old = !counts;
        if counts {
            self.counted = Some(now);
        }
        ctx.spawn(async move {
            let kept = match subscription.commit(&done).await {
                Ok(()) if counts => subscription.lag().await.map(Some),
                Ok(()) => Ok(None),
                Err(cause) => Err(cause),
            };
            LedgerMessage::Committed(subscription, kept)
        });
    }

    fn count(&mut self, mut subscription: Joined, ctx: &mut Ctx<Self>) {
        self.counted = Some(ctx.now());
        self.is_count_old = false;
        ctx.spawn(async move {
            let counted = subscription.lag().await.map(Some);
            LedgerMessage::Committed(subscription, counted)
        });
    }
}

impl Actor for Ledger {
    type Message = LedgerMessage;
    type Observed = LedgerObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        self.join(ctx);
        Ok(())
    }

    async fn handle(&mut self, message: LedgerMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            LedgerMessage::Join => self.join(ctx),
            LedgerMessage::Joined(Ok(subscription)) => {
                self.joined = true;
                self.fetch(subscription, ctx);
            }
            LedgerMessage::Joined(Err(cause)) => {
                tracing::warn!(%cause, "ledger could not join its group, trying again");
                let delay = self.backoff();
                ctx.after(delay, LedgerMessage::Join);
            }
            LedgerMessage::Fetched(subscription, Ok(records)) => {
                // Behind a full batch there are more, which are a batch already.
                let wait_for = if records.len() < MOST_AT_ONCE { records.len() } else { 0 };
                self.pace.begun(wait_for, ctx.now());
                self.post(subscription, records, Duration::ZERO, ctx);
            }
            LedgerMessage::Fetched(subscription, Err(cause)) => {
                tracing::warn!(%cause, "ledger could not read the event log, joining again");
                self.join_again(subscription, ctx);
            }
            LedgerMessage::Posted(subscription, records, Ok(letters)) => {
                self.failures = 0;
                self.records_total += u64::try_from(records.len()).unwrap_or(u64::MAX);
                self.dead_letters_total += u64::try_from(letters.len()).unwrap_or(u64::MAX);
                letters.into_iter().for_each(|topic| self.ports.meter.record(Measure::DeadLetter(topic)));
                self.keep_offsets(subscription, &records, ctx);
            }
            LedgerMessage::Posted(subscription, records, Err(cause)) => {
                tracing::warn!(records = records.len(), cause, "ledger could not post, trying again");
                let delay = self.backoff();
                self.post(subscription, records, delay, ctx);
            }
            LedgerMessage::Committed(subscription, Err(cause)) => {
                // Offsets that are not kept would show records as waiting until the next one comes.
                tracing::warn!(%cause, "ledger offsets not kept, joining again and reading records once more");
                self.join_again(subscription, ctx);
            }
            LedgerMessage::Committed(subscription, Ok(lag)) => {
                for (topic, records) in lag.into_iter().flatten() {
                    self.ports.meter.record(Measure::ConsumerLag { topic, records });
                }
                self.fetch(subscription, ctx);
            }
            LedgerMessage::Quiet(subscription) => self.count(subscription, ctx),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> LedgerObserved {
        LedgerObserved {
            joined: self.joined,
            records_total: self.records_total,
            dead_letters_total: self.dead_letters_total,
            failures_in_a_row: self.failures,
        }
    }
}

/// Delivers the one message that keeps the ledger reading; a paused ledger gets it when it is resumed.
async fn deliver(ledger: &Handle<Ledger>, mut message: LedgerMessage) {
    while let Err(refused) = ledger.offer(message) {
        match refused.error {
            SendError::Stopped => return,
            SendError::Paused | SendError::Overloaded => message = refused.message,
        }
        tokio::time::sleep(OFFER_AGAIN).await;
    }
}

/// Posts a batch; says the topics of the dead letters it wrote.
async fn post(ports: &Ports, share: &Share, records: &[Consumed]) -> Result<Vec<Topic>, String> {
    let now = Timestamp::from(ports.clock.now());
    let judged: Vec<(&Consumed, Result<Movement, Unpostable>)> = records
        .iter()
        .map(|record| (record, judge(record)))
        .filter(|(_, movement)| share.has(movement.as_ref().ok()))
        .collect();
    let movements: Vec<Movement> = judged.iter().filter_map(|(_, movement)| movement.clone().ok()).collect();
    let outcomes = if movements.is_empty() {
        Vec::new()
    } else {
        ports.store.post(&movements, now).await.map_err(|error| in_words(&error))?
    };
    let posted = outcomes.iter().filter(|outcome| **outcome == PostOutcome::Posted).count();
    ports.meter.record(Measure::LedgerEntries(2 * u64::try_from(posted).unwrap_or(0)));
    let mut outcomes = outcomes.into_iter();
    let mut letters = Vec::new();
    for (record, movement) in judged {
        let error = match movement {
            Err(error) => Some(error),
            Ok(movement) => contradiction(&movement, outcomes.next().unwrap_or(PostOutcome::AlreadyPosted)),
        };
        if let Some(error) = error {
            tracing::warn!(topic = %record.position.topic, offset = record.position.offset, cause = %error, "record dead-lettered");
            letters.push((record, poison::dead_letter(record, &error, now)));
        }
    }
    put_aside(ports, &letters).await?;
    Ok(letters.iter().map(|(_, letter)| letter.topic).collect())
}

fn judge(record: &Consumed) -> Result<Movement, Unpostable> {
    poison::movement(record.position.topic, record.schema_version.as_deref(), &record.payload)
}

fn contradiction(movement: &Movement, outcome: PostOutcome) -> Option<Unpostable> {
    match outcome {
        PostOutcome::Posted | PostOutcome::AlreadyPosted => None,
        PostOutcome::Contradiction => {
            Some(Unpostable::Contradiction(movement.payment_id, movement.operation_no))
        }
        PostOutcome::UnknownPayment => Some(Unpostable::UnknownPayment(movement.payment_id)),
    }
}

/// Keeps dead letters in the table first, and then tells the topic; a repeat changes neither.
async fn put_aside(ports: &Ports, letters: &[(&Consumed, DeadLetter)]) -> Result<(), String> {
    if letters.is_empty() {
        return Ok(());
    }
    let rows: Vec<DeadLetter> = letters.iter().map(|(_, letter)| letter.clone()).collect();
    ports.store.put_dead_letters(&rows).await.map_err(|error| in_words(&error))?;
    let records: Vec<Record> = letters
        .iter()
        .map(|(record, letter)| Record {
            topic: letter.topic,
            key: record.key.clone().unwrap_or_default(),
            event_id: EventId::of_dead_letter(&letter.id),
            traceparent: traceparent(ports, record),
            payload: Bytes::from(letter.body.to_string()),
        })
        .collect();
    ports
        .event_log
        .publish(&records)
        .await
        .into_iter()
        .collect::<Result<(), LogError>>()
        .map_err(|error| error.to_string())
}

fn traceparent(ports: &Ports, record: &Consumed) -> String {
    let fresh = || TraceId::new(u128::from(ports.random.next_u64())).traceparent(ports.random.next_u64());
    record.traceparent.clone().unwrap_or_else(fresh)
}

fn in_words(error: &StoreError) -> String {
    error.to_string()
}

fn last_positions(records: &[Consumed]) -> Vec<Position> {
    let mut last = std::collections::BTreeMap::new();
    for record in records {
        let place = record.position;
        last.insert((place.topic, place.partition), place);
    }
    last.into_values().collect()
}
