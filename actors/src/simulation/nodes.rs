//! The processes of a simulated world: engines that crash, are stopped, give up, and are started again.
//!
//! Owns their life and death, and that a client whose process died hears nothing. Never looks into an engine.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use payment_schema::invariant::Invariant;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::faults::Fault;
use super::world::World;
use crate::engine::{Duties, Engine, EngineSettings, Surroundings};

/// An orderly stop that takes longer is a violation.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(60);

/// One running process.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) engine: Rc<Engine>,
    death: Rc<Death>,
}

/// Tells everybody who waits that a process died, in the order they came (a `watch` channel wakes them in an order
/// it draws by itself).
#[derive(Default)]
struct Death {
    happened: Cell<bool>,
    told: Notify,
}

impl Death {
    fn tell(&self) {
        self.happened.set(true);
        self.told.notify_waiters();
    }

    async fn wait(&self) {
        if !self.happened.get() {
            self.told.notified().await;
        }
    }
}

impl Process {
    /// Does something with the engine, unless the process dies first.
    pub(super) async fn until_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.death.wait() => None,
            done = work => Some(done),
        }
    }
}

/// All processes of a world.
pub(super) struct Nodes {
    world: Rc<World>,
    settings: Vec<EngineSettings>,
    slots: RefCell<Vec<Option<Process>>>,
}

impl Nodes {
    /// A process for each of these sets of duties, none of them started.
    pub(super) fn new(world: Rc<World>, settings: &EngineSettings, duties: &[Duties]) -> Rc<Self> {
        let slots = RefCell::new(duties.iter().map(|_| None).collect());
        let settings = duties.iter().map(|duties| with_duties(settings.clone(), duties)).collect();
        Rc::new(Self { world, settings, slots })
    }

    pub(super) fn count(&self) -> usize {
        self.slots.borrow().len()
    }

    /// The process of a node, while it runs.
    pub(super) fn process(&self, node: usize) -> Option<Process> {
        self.slots.borrow().get(node).cloned().flatten()
    }

    /// Every process that runs.
    pub(super) fn running(&self) -> Vec<Process> {
        self.slots.borrow().iter().flatten().cloned().collect()
    }

    /// Starts a node, again and again until it runs, and has it started again should it end by itself.
    pub(super) async fn start(self: &Rc<Self>, node: usize) {
        loop {
            let started =
                Engine::start(self.world.ports(), self.settings[node].clone(), Surroundings::default()).await;
            match started {
                Ok(engine) => {
                    let process = Process { engine: Rc::new(engine), death: Rc::default() };
                    self.world.environment.note(format_args!("node {node} runs"));
                    self.slots.borrow_mut()[node] = Some(process.clone());
                    actix_rt::spawn(Rc::clone(self).watch_over(node, process));
                    return;
                }
                Err(failure) => {
                    self.world.environment.note(format_args!("node {node} did not start: {failure}"));
                    self.world.environment.count(Fault::RootFailed);
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// A program that gives up is started again by whoever runs it.
    async fn watch_over(self: Rc<Self>, node: usize, process: Process) {
        let Some(Err(failure)) = process.until_death(process.engine.ended()).await else {
            return;
        };
        self.world.environment.note(format_args!("node {node} gave up: {failure}"));
        self.world.environment.count(Fault::RootFailed);
        if self.take(node, &process) {
            process.death.tell();
            sleep(Duration::from_secs(1)).await;
            Box::pin(self.start(node)).await;
        }
    }

    /// Removes a process from its node; false when it is no longer there.
    fn take(&self, node: usize, process: &Process) -> bool {
        let slot = &mut self.slots.borrow_mut()[node];
        let is_there = slot.as_ref().is_some_and(|current| Rc::ptr_eq(&current.engine, &process.engine));
        if is_there {
            *slot = None;
        }
        is_there
    }

    /// Kills a process and starts it again after a while.
    pub(super) async fn crash(self: &Rc<Self>, node: usize, away: Duration) {
        let Some(process) = self.process(node).filter(|process| self.take(node, process)) else {
            return;
        };
        self.world.environment.count(Fault::Crash);
        process.death.tell();
        self.world.store.set_dying(true);
        process.engine.crash().await;
        self.world.store.set_dying(false);
        sleep(away).await;
        self.start(node).await;
    }

    /// Stops a process in order and starts it again after a while.
    pub(super) async fn restart(self: &Rc<Self>, node: usize, away: Duration) {
        if self.stop(node).await {
            self.world.environment.count(Fault::Shutdown);
            sleep(away).await;
            self.start(node).await;
        }
    }

    /// Stops a process in order; false when none runs. Nobody is left alive in it.
    pub(super) async fn stop(&self, node: usize) -> bool {
        let Some(process) = self.process(node).filter(|process| self.take(node, process)) else {
            return false;
        };
        let stopped = timeout(LONGEST_SHUTDOWN, process.engine.shutdown()).await;
        let alive = process.engine.live();
        if stopped.is_err() || alive > 0 {
            let what = format!("{alive} actors are left after an orderly stop of node {node}");
            self.world.environment.violation(Invariant::I14, None, what);
            process.engine.crash().await;
        }
        // Requests of clients that were still under way end with the process.
        process.death.tell();
        true
    }

    /// Whether every node runs.
    pub(super) fn all_run(&self) -> bool {
        self.slots.borrow().iter().all(Option::is_some)
    }

    /// The world around the processes.
    pub(super) fn world(&self) -> &Rc<World> {
        &self.world
    }

    /// How long a request may take in any process.
    pub(super) fn request_deadline(&self) -> Duration {
        self.settings.iter().map(|settings| settings.request_deadline).max().unwrap_or_default()
    }
}

/// A process that does not do everything looks more often for what others have left to it.
fn with_duties(settings: EngineSettings, duties: &Duties) -> EngineSettings {
    let (recovery_sweep, outbox_sweep) = if duties.is_all() {
        (settings.recovery_sweep, settings.outbox_sweep)
    } else {
        (Duration::from_secs(1), Duration::from_millis(200))
    };
    EngineSettings { duties: duties.clone(), recovery_sweep, outbox_sweep, ..settings }
}
