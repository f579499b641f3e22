//! Everything about the actors that an operator may configure.
//!
//! Owns the defaults. Reading files and environment is the engine's.

use std::collections::BTreeSet;
use std::time::Duration;

use payment_schema::payment::DueKind;
use payment_schema::rules::Rules;

use crate::breaker::BreakersSettings;
use crate::supervision::RestartLimit;

/// One thing a process does. The processes of one store must do all of them together; any of them may be done by
/// several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Takes commands and authorizes.
    Api,
    /// Captures at the PG.
    Settlement,
    /// Refunds and voids at the PG.
    Refund,
    /// Publishes.
    Outbox,
    /// Posts double entries.
    Ledger,
    /// Takes up authorizations and holds that everybody forgot.
    Recovery,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 6] =
        [Self::Api, Self::Settlement, Self::Refund, Self::Outbox, Self::Ledger, Self::Recovery];
}

/// What a process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties(BTreeSet<Duty>);

impl Duties {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::of(Duty::ALL)
    }

    /// These.
    #[must_use]
    pub fn of(duties: impl IntoIterator<Item = Duty>) -> Self {
        Self(duties.into_iter().collect())
    }

    /// Whether the process does everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.len() == Duty::ALL.len()
    }

    /// Whether the process does this.
    #[must_use]
    pub fn has(&self, duty: Duty) -> bool {
        self.0.contains(&duty)
    }

    /// Which due payments the process looks after: none whose PG calls it does not make.
    #[must_use]
    pub fn due_kinds(&self) -> Vec<DueKind> {
        let looks_after = |kind: &DueKind| match kind {
            DueKind::Authorization | DueKind::Expiry => self.has(Duty::Recovery),
            DueKind::Settlement => self.has(Duty::Settlement),
            DueKind::Refund => self.has(Duty::Refund),
        };
        DueKind::ALL.into_iter().filter(looks_after).collect()
    }
}

/// Settings of a whole engine.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The numbers behind the money rules.
    pub rules: Rules,
    /// How long a client waits for the PG before it hears 202.
    pub request_deadline: Duration,
    /// How many shards the payments are spread over.
    pub shards: usize,
    /// An idle payment's actor ends after this long.
    pub passivate_after: Duration,
    /// How many journal lanes commit at the same time.
    pub journal_lanes: usize,
    /// Most appends in one commit.
    pub journal_batch: usize,
    /// How many outbox lanes publish at the same time.
    pub outbox_lanes: usize,
    /// Most records in one publication.
    pub outbox_batch: usize,
    /// Most records that an outbox lane keeps in memory.
    pub outbox_held: usize,
    /// How long published outbox rows are kept.
    pub outbox_retention: Duration,
    /// How often the outbox looks for records that were left behind.
    pub outbox_sweep: Duration,
    /// Most outbox records read at once.
    pub outbox_sweep_page: u32,
    /// Records younger than this are left to the process that committed them.
    pub outbox_grace: Duration,
    /// Most PG calls of one operation at a time.
    pub pg_concurrency: usize,
    /// Time limit of an authorization at the PG.
    pub pg_authorize_timeout: Duration,
    /// Time limit of the other calls to the PG.
    pub pg_timeout: Duration,
    /// The breakers.
    pub breakers: BreakersSettings,
    /// How often a child may be restarted before its supervisor gives up.
    pub restart_limit: RestartLimit,
    /// How often recovery looks for payments that everybody forgot.
    pub recovery_sweep: Duration,
    /// What this process does.
    pub duties: Duties,
    /// Nobody else uses the store, so at start everything open is taken up at once, leases or not.
    pub alone: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            request_deadline: Duration::from_secs(10),
            shards: 2,
            passivate_after: Duration::from_secs(10),
            journal_lanes: 2,
            journal_batch: 256,
            outbox_lanes: 2,
            outbox_batch: 512,
            outbox_held: 50_000,
            outbox_retention: Duration::from_secs(24 * 60 * 60),
            outbox_sweep: Duration::from_secs(10),
            outbox_sweep_page: 1_000,
            outbox_grace: Duration::ZERO,
            pg_concurrency: 256,
            pg_authorize_timeout: Duration::from_secs(5),
            pg_timeout: Duration::from_secs(10),
            breakers: BreakersSettings::default(),
            restart_limit: RestartLimit { count: 5, window: Duration::from_secs(60) },
            recovery_sweep: Duration::from_secs(10),
            duties: Duties::all(),
            alone: true,
        }
    }
}
