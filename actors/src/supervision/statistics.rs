//! Small counters behind the tree and the metrics: message rate, handler latency, and counts per kind.
//! They are made for millions of actors, so they are coarse and allocate only for those that handle much.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Half the span over which messages per second are averaged.
const RATE_SPAN: Duration = Duration::from_secs(5);
/// Two buckets per power of two: bucket edges are at most 50 % apart, up to 268 s.
const BUCKETS: usize = 56;
/// Samples kept without a histogram; as many as there is room for where the pointer to one would be.
const FEW: usize = 14;
/// After so many samples all counts are halved, so that old ones fade.
const SAMPLES_BEFORE_FADING: u32 = 4096;

/// Messages per second over the last five to ten seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    current: u32,
    previous: u32,
}

impl Rate {
    pub(super) fn record(&mut self, now: Instant) {
        self.turn(now);
        self.current = self.current.saturating_add(1);
    }

    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.turn(now);
        let elapsed = self.since.map_or(Duration::ZERO, |since| now - since).as_secs_f64();
        let span = RATE_SPAN.as_secs_f64();
        let kept = f64::from(self.previous) * (1.0 - elapsed / span);
        (kept + f64::from(self.current)) / span
    }

    fn turn(&mut self, now: Instant) {
        let Some(since) = self.since else {
            self.since = Some(now);
            return;
        };
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= 2 * RATE_SPAN {
            *self = Self { since: Some(now), current: 0, previous: 0 };
        } else if elapsed >= RATE_SPAN {
            *self = Self { since: Some(since + RATE_SPAN), current: 0, previous: self.current };
        }
    }
}

/// Handler times in microseconds, as numbers of logarithmic buckets.
#[derive(Debug)]
pub(super) enum Latency {
    /// One after the other: most actors handle a few messages and then rest for long.
    Few { samples: u8, buckets: [u8; FEW] },
    /// How many in each bucket.
    Many(Box<Histogram>),
}

impl Default for Latency {
    fn default() -> Self {
        Self::Few { samples: 0, buckets: [0; FEW] }
    }
}

impl Latency {
    pub(super) fn record(&mut self, took: Duration) {
        let bucket = bucket(took);
        match self {
            Self::Many(histogram) => histogram.record(bucket),
            Self::Few { samples, buckets } => {
                if let Some(place) = buckets.get_mut(usize::from(*samples)) {
                    *place = u8::try_from(bucket).expect("there are fewer buckets");
                    *samples += 1;
                } else {
                    let mut histogram = Box::new(Histogram::new());
                    buckets.iter().for_each(|earlier| histogram.record(usize::from(*earlier)));
                    histogram.record(bucket);
                    *self = Self::Many(histogram);
                }
            }
        }
    }

    /// The 99th percentile as the upper edge of its bucket, in microseconds; nothing before the first.
    pub(super) fn p99_micros(&self) -> Option<u64> {
        match self {
            Self::Few { samples, buckets } => {
                buckets[..usize::from(*samples)].iter().max().map(|most| upper_edge(usize::from(*most)))
            }
            Self::Many(histogram) => Some(histogram.p99_micros()),
        }
    }
}

/// Counts per bucket.
#[derive(Debug)]
pub(super) struct Histogram {
    counts: [u16; BUCKETS],
    samples: u32,
}

impl Histogram {
    fn new() -> Self {
        Self { counts: [0; BUCKETS], samples: 0 }
    }

    fn record(&mut self, bucket: usize) {
        if self.samples >= SAMPLES_BEFORE_FADING {
            for count in &mut self.counts {
                *count /= 2;
            }
            self.samples = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
        self.counts[bucket] += 1;
        self.samples += 1;
    }

    fn p99_micros(&self) -> u64 {
        let target = self.samples - self.samples / 100;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u32::from(*count);
            if seen >= target && seen > 0 {
                return upper_edge(index);
            }
        }
        0
    }
}

fn bucket(took: Duration) -> usize {
    let micros = took.as_micros().max(1);
    let power = micros.ilog2();
    let half = if power == 0 { 0 } else { (micros >> (power - 1)) & 1 };
    let index = usize::try_from(u128::from(power) * 2 + half).unwrap_or(BUCKETS);
    index.min(BUCKETS - 1)
}

fn upper_edge(index: usize) -> u64 {
    let base = 1_u64 << (index / 2);
    if index.is_multiple_of(2) { base + base / 2 } else { base * 2 }
}

/// Counts over all actors of one kind.
#[derive(Debug)]
pub(super) struct KindCounts {
    pub(super) kind: &'static str,
    pub(super) alive: AtomicU64,
    pub(super) restarting: AtomicU64,
    pub(super) backing_off: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) restarts: AtomicU64,
}

impl KindCounts {
    pub(super) fn new(kind: &'static str) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            kind,
            alive: zero(),
            restarting: zero(),
            backing_off: zero(),
            given_up: zero(),
            queued: zero(),
            restarts: zero(),
        }
    }
}

/// Reads a statistic; no other memory depends on it.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
