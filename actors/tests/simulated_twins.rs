//! The simulated store and event log keep the contracts that every adapter keeps: what the simulation shows of the
//! engine holds only as far as its twins behave like the real thing.

use std::sync::Arc;

use payment_actors::ports::Store;
use payment_actors::ports::event_log::EventLog;
use payment_actors::simulation::dice::Seed;
use payment_actors::simulation::environment::Environment;
use payment_actors::simulation::event_log::SimEventLog;
use payment_actors::simulation::faults::FaultPlan;
use payment_actors::simulation::store::SimStore;

fn fair_weather() -> Arc<Environment> {
    Arc::new(Environment::new(Seed(0), FaultPlan::none(), false))
}

mod store {
    use super::*;

    async fn fresh() -> (Arc<dyn Store>, ()) {
        (Arc::new(SimStore::new(fair_weather(), false, 1)), ())
    }

    payment_actors::store_contract!(fresh);
}

mod event_log {
    use super::*;

    async fn fresh() -> (Arc<dyn EventLog>, ()) {
        (Arc::new(SimEventLog::new(fair_weather(), None)), ())
    }

    payment_actors::event_log_contract!(fresh);
}
