//! What befalls the world as a whole: deaths, pauses, outages, lost caches, clocks that jump, strangers' records.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use payment_schema::topic::Topic;
use tokio::time::sleep;

use crate::simulation::dice::{Dice, Purpose};
use crate::simulation::environment::{Environment, Part};
use crate::simulation::faults::Fault;
use crate::simulation::nodes::{Nodes, Process};
use crate::supervision::NodeView;

/// What can befall the world, and how likely it is compared with the rest.
const BLOWS: [(Fault, u64); 12] = [
    (Fault::Crash, 4),
    (Fault::Shutdown, 2),
    (Fault::ActorKill, 8),
    (Fault::ActorRestart, 3),
    (Fault::ActorPause, 3),
    (Fault::StoreOutage, 3),
    (Fault::DatabaseOutage, 3),
    (Fault::LogOutage, 3),
    (Fault::PgOutage, 3),
    (Fault::CacheFlush, 2),
    (Fault::ClockJump, 1),
    (Fault::ForeignRecord, 2),
];

/// The bad luck of one run.
pub(in crate::simulation) struct Misfortune {
    nodes: Rc<Nodes>,
    dice: RefCell<Dice>,
    /// The blows of this run, each as often as it is likely.
    blows: Vec<Fault>,
    interval: u64,
    /// The event log is away while the clients are busiest, so that records pile up in the outbox.
    log_away_at_first: Option<Duration>,
}

impl Misfortune {
    /// Draws which blows a run has; some runs have none.
    pub(in crate::simulation) fn new(nodes: Rc<Nodes>) -> Self {
        let mut dice = nodes.world().environment.dice(Purpose::Misfortune);
        let mut blows = Vec::new();
        for (blow, weight) in BLOWS {
            if dice.chance(0.5) {
                blows.extend((0..weight).map(|_| blow));
            }
        }
        let interval = *dice.pick(&[1_500, 4_000, 12_000]);
        let (is_away, long) = (dice.chance(0.4), dice.millis(2_000, 30_000));
        let log_away_at_first = is_away.then_some(long);
        Self { nodes, dice: RefCell::new(dice), blows, interval, log_away_at_first }
    }

    /// Strikes until the world is calm.
    pub(in crate::simulation) async fn run(&self) {
        join(self.first_outage(), self.strike_again_and_again()).await;
    }

    async fn first_outage(&self) {
        if let Some(long) = self.log_away_at_first {
            self.environment().set_out(Part::EventLog, true);
            sleep(long).await;
            self.environment().set_out(Part::EventLog, false);
        }
    }

    async fn strike_again_and_again(&self) {
        if self.blows.is_empty() {
            return;
        }
        while !self.environment().is_calm() {
            let pause = self.dice.borrow_mut().millis(1, self.interval);
            sleep(pause).await;
            if !self.environment().is_calm() {
                let blow = *self.dice.borrow_mut().pick(&self.blows);
                self.strike(blow).await;
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only the blows listed above befall the whole world")]
    async fn strike(&self, blow: Fault) {
        let node = self.dice.borrow_mut().below(self.nodes.count() as u64);
        let node = usize::try_from(node).expect("there are few nodes");
        match blow {
            Fault::Crash => {
                let away = self.dice.borrow_mut().millis(0, 4_000);
                self.nodes.crash(node, away).await;
            }
            Fault::Shutdown => {
                let away = self.dice.borrow_mut().millis(0, 2_000);
                self.nodes.restart(node, away).await;
            }
            Fault::StoreOutage => self.outage(Part::Store).await,
            Fault::DatabaseOutage => self.outage(Part::LastDatabase).await,
            Fault::LogOutage => self.outage(Part::EventLog).await,
            Fault::PgOutage => self.outage(Part::Gateway).await,
            Fault::CacheFlush => self.nodes.world().admission.flush(),
            Fault::ClockJump => {
                let millis = self.dice.borrow_mut().number(0, 4_000);
                let millis = i64::try_from(millis).expect("a few seconds fit") - 2_000;
                self.environment().count(Fault::ClockJump);
                self.nodes.world().clock.jump(millis);
            }
            Fault::ForeignRecord => self.write_rubbish(),
            _ => {
                if let Some(process) = self.nodes.process(node) {
                    self.drill(&process, blow).await;
                }
            }
        }
    }

    async fn outage(&self, part: Part) {
        let long = self.dice.borrow_mut().millis(100, 12_000);
        self.environment().set_out(part, true);
        sleep(long).await;
        self.environment().set_out(part, false);
    }

    fn write_rubbish(&self) {
        let mut dice = self.dice.borrow_mut();
        let topic = *dice.pick(&[Topic::Captured, Topic::Refunded]);
        let partition = u32::try_from(dice.below(u64::from(topic.partitions()))).expect("a partition number");
        let texts: [&'static [u8]; 4] = [b"{}", b"not json", b"", br#"{"paymentId":1,"eventId":7}"#];
        let payload = Bytes::from_static(dice.pick::<&'static [u8]>(&texts));
        let key = dice.chance(0.5).then(|| Bytes::from_static(b"somebody else"));
        drop(dice);
        self.nodes.world().event_log.write_foreign(topic, partition, key, payload);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only drills come here")]
    async fn drill(&self, process: &Process, blow: Fault) {
        let tree = &process.engine.tree;
        let Some(path) = tree.snapshot(None, None).and_then(|all| self.pick_path(&all.tree)) else { return };
        self.environment().note(format_args!("drill {} {path}", blow.as_str()));
        // An actor may end between being picked and being struck.
        let struck = match blow {
            Fault::ActorKill => tree.kill(&path, "drill").is_ok(),
            Fault::ActorRestart => tree.restart(&path, "drill").is_ok(),
            _ => tree.pause(&path, "drill").is_ok(),
        };
        if struck {
            self.environment().count(blow);
        }
        if struck && blow == Fault::ActorPause {
            let long = self.dice.borrow_mut().millis(50, 5_000);
            sleep(long).await;
            let _ended_meanwhile = tree.resume(&path, "drill");
        }
    }

    /// A kind first, then one of that kind: rare kinds are struck as often as the many payments.
    fn pick_path(&self, root: &NodeView) -> Option<String> {
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for child in &root.children {
            collect(child, &mut kinds);
        }
        let kinds: Vec<_> = kinds.into_values().collect();
        if kinds.is_empty() {
            return None;
        }
        let mut dice = self.dice.borrow_mut();
        let paths = dice.pick(&kinds);
        Some((*dice.pick(paths)).to_owned())
    }

    fn environment(&self) -> &Environment {
        &self.nodes.world().environment
    }
}

fn collect<'a>(node: &'a NodeView, kinds: &mut BTreeMap<&'a str, Vec<&'a str>>) {
    kinds.entry(node.kind).or_default().push(&node.path);
    for child in &node.children {
        collect(child, kinds);
    }
}

/// How long the stormy part of a run lasts at most.
pub(in crate::simulation) const LONGEST_STORM: Duration = Duration::from_secs(120);
