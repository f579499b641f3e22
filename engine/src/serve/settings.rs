//! The configuration as each part wants it.

use payment_actors::breaker::{BreakerSettings, BreakersSettings};
use payment_actors::engine::{Duties, Duty, EngineSettings};
use payment_actors::limiter::AdmissionLimits;
use payment_actors::supervision::RestartLimit;
use payment_http::public::{BodyLimits, Limits};
use payment_http::server::{Listen, ServerSettings};
use payment_schema::rules::Rules;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::error::ServeError;
use crate::config::sections::LimitProfile;
use crate::config::{Config, Role, Roles};
use crate::gateway::TimeLimits;
use crate::kafka::KafkaSettings;
use crate::pg_simulator::{PgSimulatorOptions, Profile};
use crate::redis::RedisSettings;

/// The face waits this much longer than the engine, whose answer says more.
const PATIENCE_BEYOND_THE_ENGINE: Duration = Duration::from_secs(2);

/// How often a process looks for what others have left to it; the event log wakes it sooner.
const LOOK_FOR_WORK: Duration = Duration::from_secs(1);

/// How often a process publishes what others have committed.
const LOOK_FOR_RECORDS: Duration = Duration::from_millis(200);

/// How long records are left to the process that committed them, which publishes them at once.
const PUBLISHED_BY_NOW: Duration = Duration::from_secs(5);

/// The actors' settings; `alone` when no other process uses the store.
pub(super) fn engine(config: &Config, alone: bool) -> EngineSettings {
    let duties = duties(&config.engine.roles);
    let defaults = EngineSettings::default();
    let (recovery_sweep, outbox_sweep, outbox_grace) = match (alone, duties.is_all()) {
        (true, _) => (defaults.recovery_sweep, defaults.outbox_sweep, Duration::ZERO),
        (false, true) => (defaults.recovery_sweep, defaults.outbox_sweep, PUBLISHED_BY_NOW),
        (false, false) => (LOOK_FOR_WORK, LOOK_FOR_RECORDS, Duration::ZERO),
    };
    EngineSettings {
        duties,
        alone,
        recovery_sweep,
        outbox_sweep,
        outbox_grace,
        rules: rules(config),
        request_deadline: config.http.request_timeout,
        shards: shards(config),
        journal_lanes: shards(config),
        outbox_lanes: shards(config),
        passivate_after: config.payments.passivate_after,
        outbox_retention: config.outbox.retention,
        pg_concurrency: config.pg.concurrency.get(),
        pg_authorize_timeout: config.pg.authorize_timeout,
        pg_timeout: config.pg.timeout,
        breakers: breakers(config),
        restart_limit: RestartLimit {
            count: config.supervision.restart_count.get(),
            window: config.supervision.restart_window,
        },
        ..defaults
    }
}

/// How many shards the payments are spread over.
pub(super) fn shards(config: &Config) -> usize {
    threads(config.payments.shards)
}

/// As configured, or one for every two processors: database, broker and their clients' threads want the others.
fn threads(configured: Option<NonZeroUsize>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    configured.map_or_else(|| (processors() / 2).max(1), NonZeroUsize::get)
}

fn duties(roles: &Roles) -> Duties {
    let duty = |role: &Role| match role {
        Role::Api => Duty::Api,
        Role::Settlement => Duty::Settlement,
        Role::Refund => Duty::Refund,
        Role::Outbox => Duty::Outbox,
        Role::Ledger => Duty::Ledger,
        Role::Recovery => Duty::Recovery,
    };
    Duties::of(Role::ALL.iter().filter(|role| roles.has(**role)).map(duty))
}

/// Kafka, when there is one.
pub(crate) fn kafka(config: &Config) -> Option<KafkaSettings> {
    Some(KafkaSettings {
        bootstrap: config.broker.bootstrap.clone()?,
        topic_prefix: config.broker.topic_prefix.clone().unwrap_or_default(),
        options: config.broker.options.get().clone(),
        topic_options: config.broker.topic_options.get().clone(),
    })
}

/// Redis, when there is one.
pub(super) fn redis(config: &Config) -> Result<Option<RedisSettings>, ServeError> {
    let Some(url) = &config.cache.url else { return Ok(None) };
    let read = |path: &PathBuf| {
        let unreadable = |cause| ServeError::RedisAuthorities { path: path.display().to_string(), cause };
        std::fs::read(path).map_err(unreadable)
    };
    Ok(Some(RedisSettings {
        key_prefix: config.cache.key_prefix.clone().unwrap_or_default(),
        patience: config.cache.patience,
        authorities: config.cache.authorities.as_ref().map(read).transpose()?,
        ..RedisSettings::new(url.reveal().clone())
    }))
}

fn rules(config: &Config) -> Rules {
    Rules {
        max_tries: config.retry.max_tries.get(),
        retry_base: config.retry.base,
        retry_max: config.retry.max,
        authorize_max_age: config.payments.authorize_max_age,
        hold_expiry: config.payments.hold_expiry,
        key_memory: config.pg.key_memory,
        query_initial: config.pg.query_initial,
        query_max: config.pg.query_max,
        lease: config.payments.lease,
        refund_twin_window: config.payments.refund_twin_window,
    }
}

fn breakers(config: &Config) -> BreakersSettings {
    let pg = |name| breaker(config, name, BreakerSettings::pg());
    let event_log = breaker(config, "kafka-publisher", BreakerSettings::event_log());
    BreakersSettings {
        // One share decides for both: a publisher that is slow is as bad as one that fails.
        event_log: BreakerSettings { slow_call_rate: event_log.failure_rate, ..event_log },
        pg_authorize: pg("pg-authorize"),
        pg_capture: pg("pg-capture"),
        pg_refund: pg("pg-refund"),
        pg_void: pg("pg-void"),
    }
}

fn breaker(config: &Config, name: &str, defaults: BreakerSettings) -> BreakerSettings {
    let Some(given) = config.breakers.get(name) else {
        return defaults;
    };
    BreakerSettings {
        failure_rate: given.failure_rate.get(),
        slow_call: given.slow_call.or(defaults.slow_call),
        minimum_calls: given.minimum_calls.map_or(defaults.minimum_calls, std::num::NonZero::get),
        open: given.open.unwrap_or(defaults.open),
        probes: given.probes.map_or(defaults.probes, std::num::NonZero::get),
        ..defaults
    }
}

/// Rate limits, in the process and in Redis.
pub(super) fn admission(config: &Config) -> AdmissionLimits {
    let (authorize, capture, refund) = match config.limits.profile {
        LimitProfile::Development => (1_000, 1_000, 500),
        LimitProfile::Loadtest => (30_000, 30_000, 15_000),
        LimitProfile::Production => (70_000, 70_000, 35_000),
    };
    let own = |given: Option<std::num::NonZeroU32>, profile| given.map_or(profile, std::num::NonZero::get);
    AdmissionLimits {
        authorize: own(config.limits.authorize, authorize),
        capture: own(config.limits.capture, capture),
        refund: own(config.limits.refund, refund),
        answers_ttl: config.idempotency.cache_ttl,
    }
}

/// Time limits of calls to the payment gateway.
pub(super) fn gateway(config: &Config) -> TimeLimits {
    TimeLimits {
        connect: config.pg.connect_timeout,
        authorize: config.pg.authorize_timeout,
        others: config.pg.timeout,
        query: config.pg.query_timeout,
    }
}

/// The PG simulator's options.
pub(crate) fn simulator(config: &Config, seed: u64) -> PgSimulatorOptions {
    PgSimulatorOptions {
        listen: config.simulator.listen,
        profile: Profile::for_mode(config.simulator.loadtest_mode),
        hold_lifetime: config.simulator.hold_expiry,
        seed,
        ..PgSimulatorOptions::new(config.simulator_dir())
    }
}

/// Where the payments API listens.
pub(super) fn public_listen(config: &Config) -> Listen {
    Listen { address: config.http.listen, flag: "--listen", setting: "http.listen" }
}

/// Where the operator API listens.
pub(super) fn operator_listen(config: &Config) -> Listen {
    Listen { address: config.operator.listen, flag: "--operator-listen", setting: "operator.listen" }
}

/// What the payments API lets in.
pub(super) fn public_limits(config: &Config) -> Limits {
    Limits {
        body: BodyLimits { max_bytes: config.http.max_body.get(), ..BodyLimits::default() },
        patience: config.http.request_timeout + PATIENCE_BEYOND_THE_ENGINE,
        ..Limits::default()
    }
}

/// How the payments API is served.
pub(super) fn public_server(config: &Config) -> ServerSettings {
    ServerSettings { workers: threads(config.http.workers), ..ServerSettings::default() }
}

/// How the operator API is served: few ask, and nobody waits for them.
pub(super) fn operator_server() -> ServerSettings {
    ServerSettings {
        workers: 1,
        drain: Duration::from_secs(1),
        max_connections: 256,
        ..ServerSettings::default()
    }
}
