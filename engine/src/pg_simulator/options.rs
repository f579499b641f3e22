//! How a simulator is set up: where it listens and keeps its record, and how fast and reliable it is.
//!
//! Owns the defaults and nothing else; configuration files and flags are read elsewhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// How long the operations of one kind take and how often they go wrong by themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Shortest processing time.
    pub latency_min: Duration,
    /// Longest processing time; times are spread evenly between the two.
    pub latency_max: Duration,
    /// Share (0.0–1.0) of operations that end negative although the rules would approve them: an authorize is
    /// `declined`, the others are `failed` and may be tried again.
    pub negative_rate: f64,
}

impl Behaviour {
    const fn new(min_millis: u64, max_millis: u64, negative_rate: f64) -> Self {
        Self {
            latency_min: Duration::from_millis(min_millis),
            latency_max: Duration::from_millis(max_millis),
            negative_rate,
        }
    }
}

/// The behaviour of each operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// Reserving money.
    pub authorize: Behaviour,
    /// Taking reserved money.
    pub capture: Behaviour,
    /// Giving captured money back.
    pub refund: Behaviour,
    /// Releasing reserved money.
    pub void: Behaviour,
}

impl Profile {
    /// A gateway as merchants know it: authorize 5–15 ms with 0.5 % declined; capture, refund and void 1–3 s
    /// with 5 % failed.
    pub const fn normal() -> Self {
        Self::alike(Behaviour::new(5, 15, 0.005), Behaviour::new(1_000, 3_000, 0.05))
    }

    /// A gateway that is never the bottleneck of a load test: 1–3 ms and 0.01 % for everything.
    pub const fn load_test() -> Self {
        let quick = Behaviour::new(1, 3, 0.000_1);
        Self::alike(quick, quick)
    }

    /// No delay and no accidents: only rules and scripted faults decide.
    pub const fn instant() -> Self {
        let exact = Behaviour::new(0, 0, 0.0);
        Self::alike(exact, exact)
    }

    /// [`Profile::load_test`] when `load_test` is set (`MOCK_PG_LOADTEST_MODE`), else [`Profile::normal`].
    pub const fn for_mode(load_test: bool) -> Self {
        if load_test { Self::load_test() } else { Self::normal() }
    }

    const fn alike(authorize: Behaviour, others: Behaviour) -> Self {
        Self { authorize, capture: others, refund: others, void: others }
    }
}

/// Everything [`PgSimulator::start`](super::PgSimulator::start) needs to know.
#[derive(Debug, Clone)]
pub struct PgSimulatorOptions {
    /// Where to listen; port 0 takes a free port, which the handle then names.
    pub listen: SocketAddr,
    /// Directory of the record, created when missing. One directory has one simulator at a time.
    pub data_dir: PathBuf,
    /// Latencies and accident rates.
    pub profile: Profile,
    /// Seed of latencies, accidents and fault probabilities.
    pub seed: u64,
    /// Worker threads of the server.
    pub workers: NonZeroUsize,
    /// How long an authorization holds the money; a capture after that is declined.
    pub hold_lifetime: Duration,
    /// How long a request is left without an answer by the timeout faults before its connection is cut, unless
    /// the fault says otherwise or the client leaves first.
    pub unanswered_limit: Duration,
}

impl PgSimulatorOptions {
    /// The defaults over one data directory: 127.0.0.1:8090, normal profile, one worker, seven-day holds.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8090)),
            data_dir: data_dir.into(),
            profile: Profile::normal(),
            seed: 0,
            workers: NonZeroUsize::MIN,
            hold_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            unanswered_limit: Duration::from_secs(60),
        }
    }
}
