//! One run: a storm, then calm, then judgement.
//!
//! Owns the order of things and how long the world may take to come to rest. What happens is drawn from the seed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use payment_schema::invariant::Invariant;
use payment_schema::rules::Rules;
use tokio::time::{Instant, sleep, timeout};

use super::auditor;
use super::dice::{Dice, Purpose, Seed};
use super::environment::{Environment, Violation};
use super::faults::{FaultCounts, FaultPlan};
use super::history::{Heard, History};
use super::nodes::Nodes;
use super::workload::{Client, LONGEST_STORM, Misfortune, Operator};
use super::world::World;
use crate::engine::{Duties, Duty, EngineSettings};
use crate::supervision::{NodeView, RestartLimit, TreeView};

/// After the end of faults everything rests within this time (I14).
const CONVERGENCE: Duration = Duration::from_secs(60);
/// Clients that are under way when faults end go home within this time.
const HOMEWARD: Duration = Duration::from_secs(300);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The run's seed.
    pub seed: Seed,
    /// The hash of its trace.
    pub trace_hash: u64,
    /// Faults that really happened.
    pub faults: FaultCounts,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How much was done.
    pub work: Work,
    /// The trace, when it was kept.
    pub trace: Vec<String>,
}

/// How much a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Payments begun.
    pub payments: u64,
    /// Requests of clients.
    pub requests: u64,
    /// Answers with 200.
    pub successes: u64,
    /// Answers that were recognised as repeats.
    pub replays: u64,
    /// Transitions committed.
    pub transitions: u64,
    /// Acts of operators.
    pub operator_acts: u64,
    /// Virtual time, in milliseconds.
    pub virtual_millis: u64,
}

impl Work {
    /// Adds another run's.
    pub fn add(&mut self, other: Self) {
        self.payments += other.payments;
        self.requests += other.requests;
        self.successes += other.successes;
        self.replays += other.replays;
        self.transitions += other.transitions;
        self.operator_acts += other.operator_acts;
        self.virtual_millis += other.virtual_millis;
    }
}

/// Runs a seed in a runtime of its own on the calling thread. `keep_trace` keeps the trace's lines.
///
/// # Panics
/// When the runtime cannot be built.
#[must_use]
pub fn run(seed: Seed, keep_trace: bool) -> Report {
    let runner = actix_rt::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing from the system")
    });
    runner.block_on(async move { Run::new(seed, keep_trace).play().await })
}

/// The size and shape of a run.
struct Shape {
    /// What each process does.
    nodes: Vec<Duties>,
    /// How many the store has.
    databases: usize,
    clients: u32,
    merchants: u32,
    lives: u64,
    /// How long faults go on when the clients have gone home: what is still open meets them too.
    afterglow: Duration,
    settings: EngineSettings,
}

impl Shape {
    fn draw(dice: &mut Dice) -> Self {
        let alone = !dice.chance(0.3);
        let clients = u32::try_from(dice.number(2, 6)).expect("a small number");
        let merchants = u32::try_from(dice.number(1, 3)).expect("a small number");
        let lives = dice.number(1, 4);
        let afterglow = dice.millis(0, 30_000);
        let settings = settings(dice, alone);
        let nodes = if alone { vec![Duties::all()] } else { pair(dice) };
        let databases = *dice.pick(&[1, 2]);
        Self { nodes, databases, clients, merchants, lives, afterglow, settings }
    }
}

/// Two processes: each does everything, or they share the work.
fn pair(dice: &mut Dice) -> Vec<Duties> {
    let mut front = vec![Duty::Api, Duty::Recovery];
    let mut back = vec![Duty::Settlement, Duty::Refund, Duty::Ledger];
    if dice.chance(0.5) { &mut front } else { &mut back }.push(Duty::Outbox);
    if dice.chance(0.5) {
        vec![Duties::of(front), Duties::of(back)]
    } else {
        vec![Duties::all(), Duties::all()]
    }
}

fn settings(dice: &mut Dice, alone: bool) -> EngineSettings {
    let rules = Rules {
        authorize_max_age: Duration::from_secs(*dice.pick(&[20, 300, 300])),
        hold_expiry: Duration::from_secs(*dice.pick(&[30, 604_800, 604_800])),
        ..Rules::default()
    };
    let small = |dice: &mut Dice, most| usize::try_from(dice.number(1, most)).expect("a small number");
    EngineSettings {
        rules,
        shards: small(dice, 3),
        passivate_after: dice.millis(200, 15_000),
        journal_lanes: small(dice, 3),
        journal_batch: *dice.pick(&[1, 2, 256]),
        outbox_lanes: small(dice, 3),
        outbox_batch: *dice.pick(&[1, 3, 256]),
        outbox_held: *dice.pick(&[5, 50_000]),
        outbox_retention: Duration::from_secs(*dice.pick(&[5, 86_400])),
        outbox_sweep: *dice.pick(&[Duration::from_millis(100), Duration::from_secs(10)]),
        outbox_sweep_page: *dice.pick(&[1, 1_000]),
        pg_concurrency: *dice.pick(&[1, 4, 256]),
        restart_limit: RestartLimit { count: *dice.pick(&[1, 5, 5]), window: Duration::from_secs(60) },
        alone,
        ..EngineSettings::default()
    }
}

struct Run {
    shape: Shape,
    world: Rc<World>,
    nodes: Rc<Nodes>,
    history: Rc<RefCell<History>>,
}

impl Run {
    fn new(seed: Seed, keep_trace: bool) -> Self {
        let mut dice = Dice::new(seed, Purpose::Plan);
        let plan = FaultPlan::draw(&mut dice);
        let shape = Shape::draw(&mut dice);
        let environment = Arc::new(Environment::new(seed, plan, keep_trace));
        let world = Rc::new(World::new(environment, !shape.settings.alone, shape.databases));
        let nodes = Nodes::new(Rc::clone(&world), &shape.settings, &shape.nodes);
        Self { shape, world, nodes, history: Rc::default() }
    }

    async fn play(self) -> Report {
        join_all((0..self.nodes.count()).map(|node| self.nodes.start(node))).await;
        let base: Vec<usize> = self.nodes.running().iter().map(|process| process.engine.live()).collect();
        let operator = Rc::new(Operator::new(Rc::clone(&self.nodes), Rc::clone(&self.history)));
        self.storm(&operator).await;
        operator.close_breakers().await;
        self.converge("the end of faults").await;
        for _ in 0..3 {
            operator.tidy_up().await;
            self.converge("the operators' work").await;
        }
        self.return_to_base(&base).await;
        join_all((0..self.nodes.count()).map(|node| self.nodes.stop(node))).await;
        auditor::audit(&self.world, &self.history.borrow());
        self.report()
    }

    /// Everybody at once, until the clients have gone home; faults end when they have, or after a while.
    async fn storm(&self, operator: &Rc<Operator>) {
        let clients = (0..self.shape.clients).map(|number| {
            let nodes = Rc::clone(&self.nodes);
            let client = Client::new(number, self.shape.merchants, nodes, Rc::clone(&self.history));
            actix_rt::spawn(client.run(self.shape.lives))
        });
        let clients = join_all(clients);
        let operating = Rc::clone(operator);
        let operating = actix_rt::spawn(async move { operating.run().await });
        let misfortune = Misfortune::new(Rc::clone(&self.nodes));
        let misfortune = actix_rt::spawn(async move { misfortune.run().await });
        tokio::pin!(clients);
        let in_time = timeout(LONGEST_STORM, &mut clients).await.is_ok();
        if in_time {
            sleep(self.shape.afterglow).await;
        }
        self.world.environment.calm_down();
        let homeward = async {
            if !in_time {
                clients.await;
            }
            let _panics_are_reported_by_the_hook = (operating.await, misfortune.await);
            while !self.nodes.all_run() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        if timeout(HOMEWARD, homeward).await.is_err() {
            self.violation(
                "clients, operators or processes are still busy long after faults ended".to_owned(),
            );
        }
    }

    /// Waits until the world rests.
    async fn converge(&self, after: &str) {
        let begun = Instant::now();
        loop {
            let unrest = auditor::unrest(&self.world);
            if unrest.is_empty() {
                self.world.environment.note(format_args!("at rest"));
                return;
            }
            if begun.elapsed() >= CONVERGENCE {
                for what in unrest {
                    self.violation(format!("{CONVERGENCE:?} after {after}: {what}"));
                }
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until nothing is left of the work: no payment actor, no queued message.
    async fn return_to_base(&self, base: &[usize]) {
        let begun = Instant::now();
        loop {
            let left = self.leftovers(base);
            if left.is_empty() {
                return;
            }
            if begun.elapsed() >= CONVERGENCE + self.shape.settings.passivate_after {
                self.violation(left.join("; "));
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    fn leftovers(&self, base: &[usize]) -> Vec<String> {
        let mut left = Vec::new();
        for (process, base) in self.nodes.running().iter().zip(base) {
            let (live, queued) = (process.engine.live(), process.engine.tree.summary().queued);
            if live != *base {
                let payments: Vec<String> = live_payments(&process.engine.tree);
                left.push(format!("{live} actors live, {base} are the base: {}", payments.join(", ")));
            }
            if queued > 0 {
                left.push(format!("{queued} messages wait in mailboxes"));
            }
        }
        left
    }

    fn violation(&self, what: String) {
        self.world.environment.violation(Invariant::I14, None, what);
    }

    fn report(&self) -> Report {
        let environment = &self.world.environment;
        let history = self.history.borrow();
        let answers = || {
            history.requests.iter().filter_map(|(_, heard)| match heard {
                Heard::Answer(outcome) => Some(outcome),
                Heard::Refusal(_) | Heard::Nothing => None,
            })
        };
        let count = |wanted: usize| wanted as u64;
        let work = Work {
            payments: count(self.world.store.inspect(|tables| tables.payments.len())),
            requests: count(history.requests.len()),
            successes: count(answers().filter(|outcome| outcome.answer.status == 200).count()),
            replays: count(answers().filter(|outcome| outcome.replayed).count()),
            transitions: count(self.world.store.inspect(|tables| tables.transitions.len())),
            operator_acts: count(history.acts.len()),
            virtual_millis: u64::try_from(environment.elapsed().as_millis()).expect("a run is short"),
        };
        Report {
            seed: environment.seed(),
            trace_hash: environment.trace_hash(),
            faults: environment.counts(),
            violations: environment.violations(),
            work,
            trace: environment.take_trace_lines(),
        }
    }
}

/// The payments that are live, with what they show of themselves.
fn live_payments(tree: &TreeView) -> Vec<String> {
    fn collect(node: &NodeView, found: &mut Vec<String>) {
        if node.kind == "payment" {
            found.push(format!("{} {:?} {}", node.path, node.state, node.observed));
        }
        node.children.iter().for_each(|child| collect(child, found));
    }
    let mut found = Vec::new();
    if let Some(all) = tree.snapshot(None, None) {
        collect(&all.tree, &mut found);
    }
    found
}
