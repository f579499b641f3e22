//! One simulated world: the twins of all ports around one environment, and what lasts between crashes.

use std::sync::Arc;

use super::admission::SimAdmission;
use super::clock::SimClock;
use super::environment::Environment;
use super::event_log::SimEventLog;
use super::gateway::SimGateway;
use super::meter::SimMeter;
use super::random::SimRandom;
use super::store::SimStore;
use crate::ports::Ports;

/// Everything outside the engine. It survives the engine's crashes.
pub(super) struct World {
    pub(super) environment: Arc<Environment>,
    pub(super) clock: Arc<SimClock>,
    pub(super) store: Arc<SimStore>,
    pub(super) event_log: Arc<SimEventLog>,
    pub(super) gateway: Arc<SimGateway>,
    pub(super) admission: Arc<SimAdmission>,
    pub(super) meter: Arc<SimMeter>,
    random: Arc<SimRandom>,
}

impl World {
    /// An empty world. `networked`: the store is another machine's, or `databases` of them.
    pub(super) fn new(environment: Arc<Environment>, networked: bool, databases: usize) -> Self {
        let env = || Arc::clone(&environment);
        let clock = Arc::new(SimClock::new(env()));
        let store = Arc::new(SimStore::new(env(), networked, databases));
        let wall = Arc::clone(&clock);
        Self {
            event_log: Arc::new(SimEventLog::new(env(), Some(Arc::clone(&store)))),
            gateway: Arc::new(SimGateway::new(env(), wall, Arc::clone(&store))),
            admission: Arc::new(SimAdmission::new(env(), Arc::clone(&store))),
            meter: Arc::new(SimMeter::new(env())),
            random: Arc::new(SimRandom::new(&environment)),
            environment,
            clock,
            store,
        }
    }

    /// The world as an engine sees it.
    pub(super) fn ports(&self) -> Ports {
        let (store, event_log) = (Arc::clone(&self.store), Arc::clone(&self.event_log));
        let (admission, gateway) = (Arc::clone(&self.admission), Arc::clone(&self.gateway));
        let (clock, random, meter) =
            (Arc::clone(&self.clock), Arc::clone(&self.random), Arc::clone(&self.meter));
        Ports { store, event_log, admission, gateway, clock, random, meter }
    }
}
