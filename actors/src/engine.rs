//! A whole engine: the supervision tree over one world, and its doors.
//!
//! Owns starting and ending. Whether the world is real, embedded or simulated makes no difference here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_rt::ArbiterHandle;
use tokio::sync::watch;

use crate::api::{OperatorApi, PaymentsApi};
use crate::breaker::Gates;
use crate::ports::Ports;
use crate::root::{Root, Started};
use crate::service::{OperatorService, PaymentService};
pub use crate::settings::{Duties, Duty, EngineSettings};
use crate::supervision::{Gauges, Observer, RootFailure, System, SystemConfig, TreeView};

/// A running engine.
pub struct Engine {
    system: System,
    /// The merchants' door.
    pub payments: Arc<dyn PaymentsApi>,
    /// The operators' door.
    pub operator: Arc<dyn OperatorApi>,
    /// The supervision tree.
    pub tree: TreeView,
}

/// What a process adds to the world: threads and ears.
#[derive(Default)]
pub struct Surroundings {
    /// Where shards run; none keeps everything on the caller's arbiter.
    pub arbiters: Vec<ArbiterHandle>,
    /// Hears of restarts and messages.
    pub observer: Option<Arc<dyn Observer>>,
    /// How many dead letters are open, for the tree's summary; kept by whoever counts them.
    pub dead_letters: Arc<AtomicU64>,
}

impl Engine {
    /// Starts every part, in order.
    ///
    /// # Errors
    /// When the tree ends before every part is there.
    pub async fn start(
        ports: Ports,
        settings: EngineSettings,
        surroundings: Surroundings,
    ) -> Result<Self, RootFailure> {
        let gates = Gates::new(&settings.breakers);
        let backlog = Arc::new(AtomicU64::new(0));
        let (announce, mut announced) = watch::channel(None);
        let system = System::start(
            config(&ports, &settings, &surroundings, &backlog),
            Root::spec(
                root_factory(&ports, &settings, &gates, &backlog, surroundings.arbiters, announce),
                &settings,
            ),
        );
        let started = wait_for_start(&system, &mut announced).await?;
        let deadline = settings.request_deadline;
        let pg_authorize = Arc::clone(&gates.pg_authorize);
        let payments = PaymentService::new(ports.clone(), started.shards.clone(), pg_authorize, deadline);
        let operator = OperatorService::new(ports, started.shards, gates, started.breakers);
        let tree = system.tree();
        Ok(Self { system, payments: Arc::new(payments), operator: Arc::new(operator), tree })
    }

    /// Resolves when the tree has ended: orderly, or because the root gave up.
    ///
    /// # Errors
    /// Why the root gave up.
    pub async fn ended(&self) -> Result<(), RootFailure> {
        self.system.ended().await
    }

    /// Stops intake, drains what is in flight, and stops every part in reverse order.
    pub async fn shutdown(&self) {
        self.system.shutdown().await;
    }

    /// Drops every actor at once, as the death of the process would.
    pub async fn crash(&self) {
        self.system.crash().await;
    }

    /// How many actors are alive.
    #[must_use]
    pub fn live(&self) -> usize {
        self.system.live()
    }
}

fn config(
    ports: &Ports,
    settings: &EngineSettings,
    around: &Surroundings,
    backlog: &Arc<AtomicU64>,
) -> SystemConfig {
    let mut config = SystemConfig::new(Arc::clone(&ports.random), Arc::clone(&ports.clock));
    let (backlog, dead_letters) = (Arc::clone(backlog), Arc::clone(&around.dead_letters));
    config.restart_limit = settings.restart_limit;
    config.observer = around.observer.clone();
    config.gauges = Some(Arc::new(move || Gauges {
        outbox_pending: backlog.load(Ordering::Relaxed),
        dead_letters: dead_letters.load(Ordering::Relaxed),
    }));
    config
}

fn root_factory(
    ports: &Ports,
    settings: &EngineSettings,
    gates: &Gates,
    backlog: &Arc<AtomicU64>,
    arbiters: Vec<ArbiterHandle>,
    announce: watch::Sender<Option<Started>>,
) -> impl Fn() -> Root + Send + Sync + 'static {
    let (ports, settings, gates, backlog) =
        (ports.clone(), settings.clone(), gates.clone(), Arc::clone(backlog));
    move || {
        Root::new(
            ports.clone(),
            settings.clone(),
            gates.clone(),
            Arc::clone(&backlog),
            arbiters.clone(),
            announce.clone(),
        )
    }
}

async fn wait_for_start(
    system: &System,
    announced: &mut watch::Receiver<Option<Started>>,
) -> Result<Started, RootFailure> {
    tokio::select! {
        biased;
        ended = system.ended() => {
            ended?;
            Err(RootFailure { message: "the engine was stopped while it started".to_owned() })
        }
        started = announced.wait_for(Option::is_some) => {
            let started = started.ok().and_then(|started| started.clone());
            started.ok_or_else(|| RootFailure { message: "the engine ended while it started".to_owned() })
        }
    }
}
