//! Measurements turned into series, and the page that Prometheus reads.
//!
//! Owns the recorder; there is no global one, so engines in one process never mix their numbers. Labels come only
//! from the program's own words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use parking_lot::Mutex;
use payment_actors::ports::meter::{Measure, Meter};
use payment_actors::supervision::{Observer, TreeView};
use payment_http::{HttpMeter, Operation};
use payment_schema::problem::ProblemCode;
use payment_schema::status::Status;

use super::catalogue::{self, Kind};
use super::lifecycle::{Step, step};
use super::process;
use super::series::{Series, single};

/// Takes measurements and renders them as Prometheus text
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
pub struct Metrics {
    handle: PrometheusHandle,
    requests: Series<Counter, 2>,
    request_duration: Series<Histogram, 1>,
    requests_in_flight: Gauge,
    rate_limited: Series<Counter, 1>,
    limiter_fallback: Counter,
    transitions: Series<Counter, 2>,
    completion: Series<Histogram, 1>,
    live: Gauge,
    /// Each shard tells only its own count.
    live_by_shard: Mutex<BTreeMap<usize, usize>>,
    restarts: Series<Counter, 1>,
    mailbox_depth: Series<Gauge, 1>,
    message_duration: Series<Histogram, 1>,
    batch_records: Histogram,
    commit_duration: Histogram,
    conflicts: Counter,
    outbox_pending: Gauge,
    outbox_age: Gauge,
    published: Series<Counter, 1>,
    breaker_state: Series<Gauge, 1>,
    breaker_calls: Series<Counter, 2>,
    pg_duration: Series<Histogram, 2>,
    settlements: Series<Counter, 1>,
    refunds: Series<Counter, 1>,
    dead_letters: Series<Counter, 1>,
    ledger_entries: Counter,
    consumer_lag: Series<Gauge, 1>,
    replays: Counter,
    invariants_broken: Series<Counter, 1>,
}

impl Metrics {
    /// Empty metrics.
    ///
    /// # Errors
    /// When the buckets of a histogram are refused; they are constants, so a test finds that out.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = Arc::new(recorder()?);
        let recorder = &recorder;
        Ok(Self {
            handle: recorder.handle(),
            requests: Series::new(recorder, catalogue::REQUESTS),
            request_duration: Series::new(recorder, catalogue::REQUEST_DURATION),
            requests_in_flight: single(recorder, catalogue::REQUESTS_IN_FLIGHT),
            rate_limited: Series::new(recorder, catalogue::RATE_LIMITED),
            limiter_fallback: single(recorder, catalogue::LIMITER_FALLBACK),
            transitions: Series::new(recorder, catalogue::TRANSITIONS),
            completion: Series::new(recorder, catalogue::COMPLETION_TIME),
            live: single(recorder, catalogue::LIVE_PAYMENTS),
            live_by_shard: Mutex::default(),
            restarts: Series::new(recorder, catalogue::RESTARTS),
            mailbox_depth: Series::new(recorder, catalogue::MAILBOX_DEPTH),
            message_duration: Series::new(recorder, catalogue::MESSAGE_DURATION),
            batch_records: single(recorder, catalogue::BATCH_RECORDS),
            commit_duration: single(recorder, catalogue::COMMIT_DURATION),
            conflicts: single(recorder, catalogue::CONFLICTS),
            outbox_pending: single(recorder, catalogue::OUTBOX_PENDING),
            outbox_age: single(recorder, catalogue::OUTBOX_AGE),
            published: Series::new(recorder, catalogue::PUBLISHED),
            breaker_state: Series::new(recorder, catalogue::BREAKER_STATE),
            breaker_calls: Series::new(recorder, catalogue::BREAKER_CALLS),
            pg_duration: Series::new(recorder, catalogue::PG_DURATION),
            settlements: Series::new(recorder, catalogue::SETTLEMENTS),
            refunds: Series::new(recorder, catalogue::REFUNDS),
            dead_letters: Series::new(recorder, catalogue::DEAD_LETTERS),
            ledger_entries: single(recorder, catalogue::LEDGER_ENTRIES),
            consumer_lag: Series::new(recorder, catalogue::CONSUMER_LAG),
            replays: single(recorder, catalogue::REPLAYS),
            invariants_broken: Series::new(recorder, catalogue::INVARIANTS_BROKEN),
        })
    }

    /// The page for Prometheus, with what the tree and the operating system know at this moment.
    #[must_use]
    pub fn page(&self, tree: Option<&TreeView>) -> String {
        for reading in tree.map(TreeView::kinds).unwrap_or_default() {
            self.mailbox_depth.with([reading.kind]).set(amount(reading.queued));
        }
        self.handle.render() + &process::page()
    }

    /// Folds raw histogram values into their buckets. They pile up in memory until this or the page does it, so it is
    /// called every few seconds whether anybody reads the page or not.
    pub fn fold(&self) {
        self.handle.run_upkeep();
    }

    /// A request was admitted without Redis.
    pub fn limiter_fell_back(&self) {
        self.limiter_fallback.increment(1);
    }

    fn transition(&self, from: Option<Status>, to: Status) {
        let before = from.map_or("", Status::as_str);
        self.transitions.with([before, to.as_str()]).increment(1);
        match step(from, to) {
            Some(Step::Settlement(outcome)) => self.settlements.with([outcome]).increment(1),
            Some(Step::Refund(outcome)) => self.refunds.with([outcome]).increment(1),
            None => {}
        }
    }

    fn live_payments(&self, shard: usize, live: usize) {
        let mut by_shard = self.live_by_shard.lock();
        by_shard.insert(shard, live);
        let sum: usize = by_shard.values().sum();
        self.live.set(amount(u64::try_from(sum).unwrap_or(u64::MAX)));
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in catalogue::ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    let recorder = builder.build_recorder();
    for metric in catalogue::ALL {
        match metric.kind {
            Kind::Counter => recorder.describe_counter(metric.name.into(), None, metric.help.into()),
            Kind::Gauge => recorder.describe_gauge(metric.name.into(), None, metric.help.into()),
            Kind::Histogram(_) => recorder.describe_histogram(metric.name.into(), None, metric.help.into()),
        }
    }
    Ok(recorder)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a double; beyond 2^53 the last digits do not matter"
)]
fn amount(number: u64) -> f64 {
    number as f64
}

impl Meter for Metrics {
    fn record(&self, measure: Measure) {
        match measure {
            Measure::Transition { from, to } => self.transition(from, to),
            Measure::Completed { operation, took } => self.completion.with([operation.as_str()]).record(took),
            Measure::LivePayments { shard, live } => self.live_payments(shard, live),
            Measure::JournalBatch { records, took } => {
                self.batch_records.record(amount(u64::try_from(records).unwrap_or(u64::MAX)));
                self.commit_duration.record(took);
            }
            Measure::JournalConflict => self.conflicts.increment(1),
            Measure::OutboxBacklog { pending, oldest } => {
                self.outbox_pending.set(amount(pending));
                self.outbox_age.set(oldest.as_secs_f64());
            }
            Measure::Published(topic) => self.published.with([topic.as_str()]).increment(1),
            Measure::BreakerState { name, code } => self.breaker_state.with([name]).set(f64::from(code)),
            Measure::BreakerCall { name, outcome } => self.breaker_calls.with([name, outcome]).increment(1),
            Measure::PgRequest { operation, outcome, took } => {
                self.pg_duration.with([operation.as_str(), outcome]).record(took);
            }
            Measure::DeadLetter(topic) => self.dead_letters.with([topic.as_str()]).increment(1),
            Measure::LedgerEntries(rows) => self.ledger_entries.increment(rows),
            Measure::ConsumerLag { topic, records } => {
                self.consumer_lag.with([topic.as_str()]).set(amount(records));
            }
            Measure::IdempotentReplay => self.replays.increment(1),
            Measure::InvariantBroken(invariant) => self.invariants_broken.with([invariant.id()]).increment(1),
        }
    }
}

impl HttpMeter for Metrics {
    fn request_finished(&self, operation: Operation, outcome: &'static str, took: Duration) {
        self.requests.with([operation.as_str(), outcome]).increment(1);
        self.request_duration.with([operation.as_str()]).record(took);
        if outcome == ProblemCode::RateLimitExceeded.as_str() {
            self.rate_limited.with([operation.as_str()]).increment(1);
        }
    }

    fn requests_in_flight(&self, now: usize) {
        self.requests_in_flight.set(amount(u64::try_from(now).unwrap_or(u64::MAX)));
    }
}

impl Observer for Metrics {
    fn restarted(&self, kind: &'static str) {
        self.restarts.with([kind]).increment(1);
    }

    fn handled(&self, kind: &'static str, took: Duration) {
        self.message_duration.with([kind]).record(took);
    }
}
