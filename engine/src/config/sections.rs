//! The sections and their keys. Each doc comment is what `payment-engine config --keys` and `docs/operations.md`
//! say about the key.
//!
//! Owns names, types and defaults. What must hold between keys is [`super::rules`]'s.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::secret::SecretUrl;
use super::section::section;
use super::setting::{Bytes, Percent, Properties, words};
use super::shards::ShardUrls;
use super::store_url::StoreUrl;
use super::words::{LogFormat, Roles};

section! {
    /// The process itself.
    Engine, "engine" {
        /// The directory of everything the embedded parts keep; one engine at a time has it.
        data_dir: PathBuf = "./payment-data",
        /// What this process does: api, settlement, refund, outbox, ledger, recovery, or all.
        roles: Roles = "all",
    }
}

section! {
    /// The public listener: the payments API.
    Http, "http" {
        /// Where it listens.
        listen: SocketAddr = "127.0.0.1:8080",
        /// How long a request may take until it is answered, if need be with 202.
        request_timeout: Duration = "10s",
        /// The largest request body.
        max_body: Bytes = "64KiB",
        /// Threads that serve requests; without it one for every two processors.
        workers: Option<NonZeroUsize> = "",
        /// A file of merchants' keys beside those in the store, a line `MERCHANT:SECRET` each; read at start.
        keys_file: Option<PathBuf> = "",
    }
}

section! {
    /// The operator listener: supervision tree, metrics, dead letters.
    Operator, "operator" {
        /// Where it listens.
        listen: SocketAddr = "127.0.0.1:8082",
        /// The largest request body.
        max_body: Bytes = "64KiB",
        /// A file of operators' keys beside those in the store, a line `SECRET` or `LABEL:SECRET` each; read at start.
        keys_file: Option<PathBuf> = "",
    }
}

section! {
    /// Where payments are kept.
    Store, "store" {
        /// The database, `sqlite:PATH` or `mysql://user:password@host:port/database`; without it `payment.db` in the
        /// data directory.
        url: Option<StoreUrl> = "",
        /// Several MariaDBs instead of `url`, each keeping a range of the 1,024 slots that merchants are spread over:
        /// `[{slots = "0-511", url = "mysql://…"}, …]`, or `0-511=mysql://… 512-1023=mysql://…` as text.
        shards: Option<ShardUrls> = "",
        /// Connections to a MariaDB for writing, and as many again for reading.
        connections: NonZeroU32 = "8",
        /// Whether `serve` brings the tables up to date before it starts.
        migrate: bool = "true",
    }
}

section! {
    /// Where events are published; without a bootstrap address, the event log in the store's file.
    Broker, "broker" {
        /// Kafka's bootstrap addresses, `HOST:PORT,…`; needed beside a MariaDB.
        bootstrap: Option<String> = "",
        /// Stands before the names of topics and consumer groups, so that engines can share brokers.
        topic_prefix: Option<String> = "",
        /// Further properties of librdkafka, for TLS, SASL and tuning; a table, or `name=value,…` as text.
        options: Properties = "",
        /// Configuration of topics that the engine creates, such as `retention.ms`, over its own.
        topic_options: Properties = "",
    }
}

section! {
    /// Rate limits and the fast path of idempotency; without a URL, in the process.
    Cache, "cache" {
        /// Redis, `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.
        url: Option<SecretUrl> = "",
        /// Stands before every key, so that engines can share a Redis.
        key_prefix: Option<String> = "",
        /// How long a request may wait for Redis; longer, and the process decides by itself.
        patience: Duration = "50ms",
        /// A PEM file of the authorities to trust for `rediss://`; without it the system's.
        authorities: Option<PathBuf> = "",
    }
}

section! {
    /// The payment gateway.
    Pg, "pg" {
        /// Its address; without it `serve` runs the simulator inside, beside a MariaDB only when its address is given.
        url: Option<SecretUrl> = "",
        /// A PEM file of the authorities to trust for `https://`; without it the system's.
        authorities: Option<PathBuf> = "",
        /// How long making a connection may take.
        connect_timeout: Duration = "1s",
        /// How long an authorization may take.
        authorize_timeout: Duration = "5s",
        /// How long a capture, refund or void may take.
        timeout: Duration = "10s",
        /// How long a question about an earlier request may take.
        query_timeout: Duration = "5s",
        /// Delay before the first question about an unknown outcome; doubles with each question.
        query_initial: Duration = "1s",
        /// Longest delay between questions.
        query_max: Duration = "15s",
        /// How long the PG remembers a key; past it an unknown outcome is only asked about, never sent again.
        key_memory: Duration = "24h",
        /// Calls under way at the same time, per operation.
        concurrency: NonZeroUsize = "256",
    }
}

section! {
    /// Further tries after the PG recorded a decline or failure.
    Retry, "retry" {
        /// Tries before the operation is dead-lettered, the first included.
        max_tries: NonZeroU32 = "10",
        /// Delay before the second try; doubles with each try, with full jitter.
        base: Duration = "500ms",
        /// Longest delay between tries.
        max: Duration = "15s",
    }
}

section! {
    /// Ages that end something.
    Payments, "payments" {
        /// A payment without the PG's answer is cancelled after this long.
        authorize_max_age: Duration = "5m",
        /// How long a hold lasts when the PG does not say.
        hold_expiry: Duration = "7d",
        /// A payment's actor leaves memory after this long without a message, or twice that.
        passivate_after: Duration = "10s",
        /// Shards that payments are spread over, each with a lane of the journal; without it one for every two
        /// processors. Several have a thread each, one shares the thread of the other actors.
        shards: Option<NonZeroUsize> = "",
        /// How long an attempt under way is left alone by sweeps.
        lease: Duration = "30s",
        /// A refund without key that equals one accepted this recently is taken for the same.
        refund_twin_window: Duration = "10m",
    }
}

words! {
    /// Limits that come with a purpose.
    LimitProfile, "development, loadtest or production" {
        /// 1,000, 1,000 and 500 per minute.
        Development = "development",
        /// 30,000, 30,000 and 15,000 per minute.
        Loadtest = "loadtest",
        /// 70,000, 70,000 and 35,000 per minute.
        Production = "production",
    }
}

section! {
    /// Requests per merchant and minute; a token bucket whose capacity is the minute's number.
    Limits, "limits" {
        /// Limits for a purpose: development 1000/1000/500, loadtest 30000/30000/15000, production 70000/70000/35000.
        profile: LimitProfile = "development",
        /// Authorizations, instead of the profile's number.
        authorize: Option<NonZeroU32> = "",
        /// Captures, instead of the profile's number.
        capture: Option<NonZeroU32> = "",
        /// Refunds and cancels, instead of the profile's number.
        refund: Option<NonZeroU32> = "",
    }
}

section! {
    /// A circuit breaker: `kafka-publisher`, `pg-authorize`, `pg-capture`, `pg-refund` or `pg-void`.
    Breaker, "breakers.NAME" {
        /// Opens at this share of failed calls; slow calls count as failed.
        failure_rate: Percent = "50",
        /// A call that takes longer is slow; without it 80 % of the operation's time limit, 2s for kafka-publisher.
        slow_call: Option<Duration> = "",
        /// Calls before the shares are looked at; without it 10, 5 for kafka-publisher.
        minimum_calls: Option<NonZeroU32> = "",
        /// How long it stays open before it permits probes; without it 15s, 30s for kafka-publisher.
        open: Option<Duration> = "",
        /// Probes that decide whether it closes; without it 5, 3 for kafka-publisher.
        probes: Option<NonZeroU32> = "",
    }
}

section! {
    /// When a supervisor gives up.
    Supervision, "supervision" {
        /// Restarts of one child within the window before its supervisor ends too.
        restart_count: NonZeroU32 = "5",
        /// The window.
        restart_window: Duration = "1m",
    }
}

section! {
    /// Committed events on their way out.
    Outbox, "outbox" {
        /// How long published rows are kept.
        retention: Duration = "24h",
    }
}

section! {
    /// The fast path of idempotency; the store keeps keys as long as their payments.
    Idempotency, "idempotency" {
        /// How long an answer is remembered outside the store.
        cache_ttl: Duration = "10m",
    }
}

section! {
    /// Logs.
    Telemetry, "telemetry" {
        /// What is logged: a level, or directives such as `info,payment_actors=debug`.
        log: String = "info,actix_server=warn,rusqlite_migration=warn",
        /// `text` for people, `json` for machines, `auto` for text on a terminal and JSON elsewhere.
        log_format: LogFormat = "auto",
    }
}

section! {
    /// The PG simulator, inside `serve` or alone.
    Simulator, "simulator" {
        /// Where it listens.
        listen: SocketAddr = "127.0.0.1:8090",
        /// Answers within 1–3 ms and almost never fails.
        loadtest_mode: bool = "false",
        /// How long a hold lasts.
        hold_expiry: Duration = "7d",
    }
}
