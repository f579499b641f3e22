//! The faults a simulated run may have.
//!
//! Owns their names, how often each run has which, and the count of those that really happened. What a fault
//! does is the business of the twin that has it.

use std::collections::BTreeMap;

use super::dice::Dice;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $odds:expr;)+) => {
        /// One kind of bad luck.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)+
        }

        impl Fault {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The usual probability of one event, before the run's own luck; 0 for what is drawn by the hour.
            const fn odds(self) -> f64 {
                match self { $(Self::$name => $odds,)+ }
            }
        }
    };
}

faults! {
    /// A read or small write of the store is refused.
    StoreRefused = "store-refused", 0.02;
    /// A commit is refused; nothing was done.
    CommitFailed = "commit-failed", 0.03;
    /// A commit succeeds and its answer is lost.
    CommitAnswerLost = "commit-answer-lost", 0.03;
    /// A commit is lost, and nobody says so.
    CommitLost = "commit-lost", 0.02;
    /// A commit's connection breaks, and the commit happens later all the same.
    CommitDelayed = "commit-delayed", 0.02;
    /// The caller of a commit died; the commit happened.
    CommitOrphaned = "commit-orphaned", 0.0;
    /// The caller of a commit died; the commit never happened.
    CommitDropped = "commit-dropped", 0.0;
    /// The caller of a commit died; the commit happens later, when others already read.
    CommitLandedLate = "commit-landed-late", 0.0;
    /// Outbox records become visible at positions that a sweep may have passed: positions follow the beginnings of
    /// transactions, not their commits.
    PositionsOutOfOrder = "positions-out-of-order", 0.0;
    /// The store takes its time.
    StoreSlow = "store-slow", 0.02;
    /// The store cannot be reached for a while.
    StoreOutage = "store-outage", 0.0;
    /// One of the store's databases cannot be reached for a while.
    DatabaseOutage = "database-outage", 0.0;
    /// A publication fails; nothing was written.
    PublishFailed = "publish-failed", 0.04;
    /// A publication fails, though its records were written.
    PublishAnswerLost = "publish-answer-lost", 0.04;
    /// A record is written twice.
    RecordDuplicated = "record-duplicated", 0.04;
    /// A consumer cannot read.
    ConsumeFailed = "consume-failed", 0.03;
    /// A consumer's progress is not kept.
    OffsetLost = "offset-lost", 0.05;
    /// A consumer is given everything behind its last kept position once more.
    Redelivered = "redelivered", 0.03;
    /// Another program writes rubbish to a topic.
    ForeignRecord = "foreign-record", 0.0;
    /// The event log cannot be reached for a while.
    LogOutage = "log-outage", 0.0;
    /// No connection to the PG can be made.
    PgRefused = "pg-refused", 0.04;
    /// The PG answers 429.
    PgRateLimited = "pg-rate-limited", 0.03;
    /// The PG answers 5xx; nothing was done.
    PgServerError = "pg-server-error", 0.05;
    /// The PG answers 5xx, though it did what it was asked.
    PgServerErrorAfter = "pg-server-error-after", 0.04;
    /// The connection breaks before the PG did anything.
    PgReset = "pg-reset", 0.04;
    /// The connection breaks after the PG did what it was asked.
    PgResetAfter = "pg-reset-after", 0.04;
    /// No answer in time; nothing was done.
    PgTimeoutBefore = "pg-timeout-before", 0.03;
    /// No answer in time, though the PG did what it was asked.
    PgTimeoutAfter = "pg-timeout-after", 0.04;
    /// The request reaches the PG long after the engine gave up on it.
    PgLateArrival = "pg-late-arrival", 0.03;
    /// The answer comes late, perhaps too late.
    PgLateAnswer = "pg-late-answer", 0.04;
    /// The request reaches the PG twice.
    PgDuplicated = "pg-duplicated", 0.04;
    /// The answer cannot be read; the PG did what it was asked.
    PgMalformed = "pg-malformed", 0.04;
    /// The answer names another amount; the PG's record is right.
    PgWrongAmount = "pg-wrong-amount", 0.04;
    /// The PG answers "processing" and works on.
    PgProcessing = "pg-processing", 0.04;
    /// The PG records a failure that may be retried.
    PgFailed = "pg-failed", 0.12;
    /// The PG records a decline for good.
    PgDeclined = "pg-declined", 0.04;
    /// A question to the PG is not answered, or not readably.
    PgQueryFailed = "pg-query-failed", 0.10;
    /// The PG's answers to questions about a key confirm another amount, again and again.
    PgRecordMismatch = "pg-record-mismatch", 0.02;
    /// The PG cannot be reached for a while.
    PgOutage = "pg-outage", 0.0;
    /// The cache has forgotten an answer.
    CacheMiss = "cache-miss", 0.10;
    /// The cache does not take an answer.
    CacheLoss = "cache-loss", 0.10;
    /// The cache loses everything.
    CacheFlush = "cache-flush", 0.0;
    /// A merchant has used up its share.
    RateLimited = "rate-limited", 0.02;
    /// The wall clock jumps.
    ClockJump = "clock-jump", 0.0;
    /// A client goes away before its answer comes.
    ClientGone = "client-gone", 0.06;
    /// An actor is killed.
    ActorKill = "actor-kill", 0.0;
    /// An actor is restarted in order.
    ActorRestart = "actor-restart", 0.0;
    /// An actor's intake is paused for a while.
    ActorPause = "actor-pause", 0.0;
    /// An operator forces a breaker open for a while.
    BreakerForced = "breaker-forced", 0.0;
    /// The process dies and is started again.
    Crash = "crash", 0.0;
    /// The process is stopped in order and started again.
    Shutdown = "shutdown", 0.0;
    /// The program ended by itself after too many restarts, and was started again.
    RootFailed = "root-failed", 0.0;
}

/// How often a run has each fault. Every run is lucky in some ways and unlucky in others: a run with all faults
/// at once rarely gets deep into a payment's life.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    probabilities: BTreeMap<Fault, f64>,
}

impl FaultPlan {
    /// Draws a run's luck.
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        let mood = *dice.pick(&[0.3, 1.0, 1.0, 2.0]);
        let probabilities = Fault::ALL
            .iter()
            .map(|fault| {
                let luck = *dice.pick(&[0.0, 0.0, 0.5, 1.0, 3.0]);
                (*fault, (fault.odds() * mood * luck).min(0.5))
            })
            .collect();
        Self { probabilities }
    }

    /// No faults at all.
    #[must_use]
    pub fn none() -> Self {
        Self { probabilities: BTreeMap::new() }
    }

    /// The probability of one event.
    #[must_use]
    pub fn probability(&self, fault: Fault) -> f64 {
        self.probabilities.get(&fault).copied().unwrap_or(0.0)
    }
}

/// How often each fault really happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultCounts(BTreeMap<Fault, u64>);

impl FaultCounts {
    /// Counts one.
    pub fn hit(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// How often this one happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }

    /// How many faults happened in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (fault, count) in &other.0 {
            *self.0.entry(*fault).or_default() += count;
        }
    }

    /// The counts as a JSON object, those that happened only.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.0
            .iter()
            .map(|(fault, count)| (fault.as_str().to_owned(), serde_json::Value::from(*count)))
            .collect()
    }
}
