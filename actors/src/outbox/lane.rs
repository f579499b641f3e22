//! One outbox lane: publishes the records of its payments, one batch at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;
use serde::Serialize;

use super::gaps::Gaps;
use super::queue::{Earlier, Offered, Queue};
use super::{OutboxSettings, Place, lane_of};
use crate::breaker::Gate;
use crate::pace::Pace;
use crate::ports::event_log::{LogError, Record};
use crate::ports::journal_store::{OutboxKey, OutboxRecord};
use crate::ports::meter::Measure;
use crate::ports::{Ports, StoreError};
use crate::supervision::{Actor, Ctx, Failure, Message, Next};

/// Publications begin this far apart under load; nobody waits for them.
const APART: Duration = Duration::from_millis(100);

const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Messages of a lane.
pub enum OutboxLaneMessage {
    /// Committed just now.
    Committed(Vec<OutboxRecord>),
    /// Look into the table.
    Sweep,
    /// A page of the table, read behind that position.
    Swept(Result<Vec<(u64, OutboxRecord)>, StoreError>),
    /// What the table still holds before a record that came after a gap.
    Earlier(PaymentId, Result<Vec<OutboxRecord>, StoreError>),
    /// Try again what failed, or was refused by the breaker.
    Retry,
    /// What was held back to make a larger batch has waited long enough.
    Paced,
    /// A publication ended; the records, each one's result, and what could not be marked.
    Ended(Vec<OutboxRecord>, Vec<Result<(), LogError>>, Vec<OutboxKey>),
}

impl Message for OutboxLaneMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Committed(_) => "committed",
            Self::Sweep => "sweep",
            Self::Swept(_) => "swept",
            Self::Earlier(..) => "earlier",
            Self::Retry => "retry",
            Self::Paced => "paced",
            Self::Ended(..) => "publication-ended",
        }
    }
}

/// What operators see of a lane.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxLaneObserved {
    held: usize,
    stuck_payments: usize,
    published_total: u64,
    failed_total: u64,
}

/// One outbox lane.
pub struct OutboxLane {
    place: Place,
    ports: Ports,
    gate: Arc<Gate>,
    settings: OutboxSettings,
    missed: Arc<AtomicBool>,
    queue: Queue,
    gaps: Gaps,
    unmarked: Vec<OutboxKey>,
    publishing: bool,
    pace: Pace,
    retry_set: bool,
    sweeping_behind: u64,
    published_total: u64,
    failed_total: u64,
}

impl OutboxLane {
    pub(super) fn new(
        place: Place,
        ports: Ports,
        gate: Arc<Gate>,
        settings: OutboxSettings,
        missed: Arc<AtomicBool>,
    ) -> Self {
        Self {
            place,
            ports,
            gate,
            pace: Pace::new(APART, settings.batch),
            settings,
            missed,
            queue: Queue::default(),
            gaps: Gaps::default(),
            unmarked: Vec::new(),
            publishing: false,
            retry_set: false,
            sweeping_behind: 0,
            published_total: 0,
            failed_total: 0,
        }
    }

    fn database(&self) -> usize {
        self.place.database(self.settings.lanes)
    }

    fn held(&self) -> usize {
        self.queue.len() + self.gaps.len()
    }

    /// Takes a record in, from wherever it comes.
    fn take_in(&mut self, record: OutboxRecord) {
        let Some(record) = self.gaps.keep(record) else {
            return;
        };
        match self.queue.offer(record, Earlier::Unknown) {
            Offered::Queued | Offered::Waiting => {}
            Offered::Published(key) => self.unmarked.push(key),
            Offered::AfterGap(record, seq) => self.gaps.open(record, seq),
        }
    }

    fn committed(&mut self, records: Vec<OutboxRecord>) {
        for record in records {
            if self.held() >= self.settings.held {
                self.missed.store(true, Ordering::Release);
                return;
            }
            self.take_in(record);
        }
    }

    fn ask_for_earlier(&mut self, ctx: &mut Ctx<Self>) {
        while let Some((id, seq)) = self.gaps.ask() {
            let ports = self.ports.clone();
            ctx.spawn(async move {
                OutboxLaneMessage::Earlier(id, ports.store.unpublished_before(id, seq).await)
            });
        }
    }

    fn earlier(&mut self, id: PaymentId, found: Result<Vec<OutboxRecord>, StoreError>) {
        let mut waiting = self.gaps.answered(id).into_iter();
        let Ok(found) = found else {
            // The table has them all; the next sweep brings them.
            self.missed.store(true, Ordering::Release);
            return;
        };
        for record in found.into_iter().chain(waiting.next()) {
            self.queue.offer(record, Earlier::Offered);
        }
        // The others came after it; there may be a gap again.
        waiting.for_each(|record| self.take_in(record));
    }

    fn sweep(&mut self, ctx: &mut Ctx<Self>) {
        self.missed.store(false, Ordering::Release);
        self.sweeping_behind = 0;
        self.read_page(ctx);
    }

    fn read_page(&self, ctx: &mut Ctx<Self>) {
        let (ports, behind, most) = (self.ports.clone(), self.sweeping_behind, self.settings.sweep_page);
        let database = self.database();
        ctx.spawn(
            async move { OutboxLaneMessage::Swept(ports.store.unpublished(database, behind, most).await) },
        );
    }

    fn swept(&mut self, page: Result<Vec<(u64, OutboxRecord)>, StoreError>, ctx: &mut Ctx<Self>) {
        let page = page.unwrap_or_else(|error| {
            tracing::warn!(cause = %error, "outbox table not readable, looking again later");
            Vec::new()
        });
        let is_full = u32::try_from(page.len()).is_ok_and(|read| read >= self.settings.sweep_page);
        let now = Timestamp::from(self.ports.clock.now());
        for (position, record) in page {
            self.sweeping_behind = position;
            let is_old_enough = now.since(record.at) >= self.settings.grace;
            let lane = lane_of(record.payment_id, &self.place.databases, self.settings.lanes.max(1));
            if is_old_enough && lane == self.place.index {
                self.take_in(record);
            }
        }
        if is_full && self.held() < self.settings.held {
            self.read_page(ctx);
        } else {
            let soon = is_full || self.missed.load(Ordering::Acquire);
            let next =
                if soon { self.settings.sweep.min(Duration::from_secs(1)) } else { self.settings.sweep };
            ctx.after(next, OutboxLaneMessage::Sweep);
        }
    }

    fn publish_next(&mut self, ctx: &mut Ctx<Self>) {
        let nothing_to_do = self.queue.ready() == 0 && self.unmarked.is_empty();
        if self.publishing || nothing_to_do {
            return;
        }
        if let Some(left) = self.pace.left(self.queue.ready(), ctx.now()) {
            if self.pace.set_timer() {
                ctx.after(left, OutboxLaneMessage::Paced);
            }
            return;
        }
        let Some(permit) = self.gate.permit() else {
            self.retry_later(ctx);
            return;
        };
        self.publishing = true;
        let batch = self.queue.take(self.settings.batch.max(1));
        self.pace.begun(batch.len(), ctx.now());
        let unmarked = std::mem::take(&mut self.unmarked);
        let (ports, database) = (self.ports.clone(), self.database());
        ctx.spawn(async move {
            let results = publish(&ports, &batch).await;
            if !results.is_empty() && results.iter().all(Result::is_err) {
                // By the batch, what went well just before the outage would outweigh it for a minute: a batch that goes
                // well takes milliseconds, one that fails takes seconds.
                permit.failures(results.len());
            } else {
                permit.success();
            }
            let left = mark(&ports, database, &batch, &results, unmarked).await;
            OutboxLaneMessage::Ended(batch, results, left)
        });
    }

    fn retry_later(&mut self, ctx: &mut Ctx<Self>) {
        if !self.retry_set {
            self.retry_set = true;
            ctx.after(RETRY_AFTER, OutboxLaneMessage::Retry);
        }
    }

    fn ended(
        &mut self,
        batch: Vec<OutboxRecord>,
        results: Vec<Result<(), LogError>>,
        left: Vec<OutboxKey>,
        ctx: &mut Ctx<Self>,
    ) {
        self.publishing = false;
        let marks_failed = !left.is_empty();
        self.unmarked.extend(left);
        let all_failed = !results.is_empty() && results.iter().all(Result::is_err);
        if all_failed && batch.len() > 1 {
            self.failed_total += 1;
            tracing::warn!(records = batch.len(), "event log took nothing, trying again");
            self.queue.put_back(batch);
            self.retry_later(ctx);
            return;
        }
        for (record, result) in batch.into_iter().zip(results).rev() {
            match result {
                Ok(()) => {
                    self.published_total += 1;
                    self.ports.meter.record(Measure::Published(record.topic));
                    self.queue.published(&record);
                }
                Err(cause) => {
                    self.failed_total += 1;
                    tracing::warn!(payment_id = %record.payment_id, topic = %record.topic, %cause, "record not published");
                    self.queue.park(record);
                }
            }
        }
        if self.queue.parked() > 0 || marks_failed {
            self.retry_later(ctx);
        }
        if !marks_failed {
            self.publish_next(ctx);
        }
    }
}

impl Actor for OutboxLane {
    type Message = OutboxLaneMessage;
    type Observed = OutboxLaneObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        // Whatever an earlier incarnation held is in the table, before all that is handed over from now on.
        self.sweep(ctx);
        Ok(())
    }

    async fn handle(&mut self, message: OutboxLaneMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            OutboxLaneMessage::Committed(records) => self.committed(records),
            OutboxLaneMessage::Sweep => self.sweep(ctx),
            OutboxLaneMessage::Swept(page) => self.swept(page, ctx),
            OutboxLaneMessage::Earlier(id, found) => self.earlier(id, found),
            OutboxLaneMessage::Retry => {
                self.retry_set = false;
                self.queue.unpark();
            }
            OutboxLaneMessage::Paced => self.pace.timer_fired(),
            OutboxLaneMessage::Ended(batch, results, left) => {
                self.ended(batch, results, left, ctx);
                return Ok(Next::Continue);
            }
        }
        self.ask_for_earlier(ctx);
        if !self.retry_set {
            self.publish_next(ctx);
        }
        Ok(Next::Continue)
    }

    /// Publishes what is in memory, as far as the event log takes it; the rest is in the table.
    async fn stopping(&mut self, _ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        if self.publishing {
            // A restart does not wait for it: what became of it is not known, and nothing may overtake it.
            return Ok(());
        }
        self.queue.unpark();
        loop {
            let batch = self.queue.take(self.settings.batch.max(1));
            if batch.is_empty() {
                return Ok(());
            }
            let results = publish(&self.ports, &batch).await;
            let left = mark(&self.ports, self.database(), &batch, &results, Vec::new()).await;
            if !left.is_empty() || results.iter().any(Result::is_err) {
                return Ok(());
            }
        }
    }

    fn observe(&self) -> OutboxLaneObserved {
        OutboxLaneObserved {
            held: self.held(),
            stuck_payments: self.queue.parked(),
            published_total: self.published_total,
            failed_total: self.failed_total,
        }
    }
}

async fn publish(ports: &Ports, batch: &[OutboxRecord]) -> Vec<Result<(), LogError>> {
    let records: Vec<Record> = batch
        .iter()
        .map(|record| Record {
            topic: record.topic,
            key: Bytes::from(record.payment_id.to_string()),
            event_id: record.event_id,
            traceparent: record.trace_id.traceparent(ports.random.next_u64()),
            payload: record.payload.clone(),
        })
        .collect();
    if records.is_empty() { Vec::new() } else { ports.event_log.publish(&records).await }
}

/// Marks what was published; what could not be marked comes back, to be marked later rather than published again.
async fn mark(
    ports: &Ports,
    database: usize,
    batch: &[OutboxRecord],
    results: &[Result<(), LogError>],
    mut events: Vec<OutboxKey>,
) -> Vec<OutboxKey> {
    events.extend(
        batch.iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(record, _)| record.key()),
    );
    if events.is_empty() {
        return events;
    }
    let now = Timestamp::from(ports.clock.now());
    match ports.store.mark_published(database, &events, now).await {
        Ok(()) => Vec::new(),
        Err(cause) => {
            tracing::warn!(records = events.len(), %cause, "published records not marked yet");
            events
        }
    }
}
