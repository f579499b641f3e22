//! Payments that rest leave memory while new ones keep coming: what is live is bounded by the pace, not by the time.

use std::sync::Arc;
use std::time::Duration;

use payment_actors::api::{Caller, PaymentsApi};
use payment_actors::engine::{Engine, EngineSettings, Surroundings};
use payment_actors::ports::Ports;
use payment_actors::simulation::admission::SimAdmission;
use payment_actors::simulation::clock::SimClock;
use payment_actors::simulation::dice::Seed;
use payment_actors::simulation::environment::Environment;
use payment_actors::simulation::event_log::SimEventLog;
use payment_actors::simulation::faults::FaultPlan;
use payment_actors::simulation::gateway::SimGateway;
use payment_actors::simulation::meter::SimMeter;
use payment_actors::simulation::random::SimRandom;
use payment_actors::simulation::store::SimStore;
use payment_schema::command::Authorize;
use payment_schema::currency::Currency;
use payment_schema::ids::{MerchantId, TraceId};
use payment_schema::money::Amount;
use payment_schema::payment::CaptureMode;
use payment_schema::text::{IdempotencyKey, Metadata};
use tokio::time::{Instant, sleep_until};

const PASSIVATE_AFTER: Duration = Duration::from_secs(2);
/// Between two authorizations.
const PACE: Duration = Duration::from_millis(10);

/// A world without faults, and its meter.
fn fair_weather() -> (Ports, Arc<SimMeter>) {
    let environment = Arc::new(Environment::new(Seed(0), FaultPlan::none(), false));
    let env = || Arc::clone(&environment);
    let clock = Arc::new(SimClock::new(env()));
    let store = Arc::new(SimStore::new(env(), false, 1));
    let meter = Arc::new(SimMeter::new(env()));
    let wall = Arc::clone(&clock);
    let ports = Ports {
        event_log: Arc::new(SimEventLog::new(env(), Some(Arc::clone(&store)))),
        gateway: Arc::new(SimGateway::new(env(), wall, Arc::clone(&store))),
        admission: Arc::new(SimAdmission::new(env(), Arc::clone(&store))),
        random: Arc::new(SimRandom::new(&environment)),
        meter: Arc::clone(&meter) as _,
        store,
        clock,
    };
    (ports, meter)
}

async fn authorize(payments: Arc<dyn PaymentsApi>, number: u32) {
    let merchant_id = MerchantId::parse("m-1").expect("a short plain text");
    let caller = Caller {
        merchant_id: merchant_id.clone(),
        key: Some(IdempotencyKey::parse(&format!("k-{number}")).expect("a short plain text")),
        trace_id: TraceId::new(u128::from(number) + 1),
    };
    let command = Authorize {
        merchant_id,
        amount: Amount::try_from(100_u64).expect("an amount in range"),
        currency: Currency::parse("USD").expect("a currency"),
        capture_mode: CaptureMode::Manual,
        order_id: None,
        metadata: Metadata::default(),
    };
    // A decline is an answer as good as another; a refusal would be one payment less that lives.
    payments.authorize(caller, command).await.expect("nothing refuses it");
}

#[test]
fn payments_leave_while_others_keep_coming() {
    let runner = actix_rt::System::with_tokio_rt(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().expect("a runtime without I/O needs nothing")
    });
    runner.block_on(async {
        let (ports, meter) = fair_weather();
        let settings = EngineSettings { passivate_after: PASSIVATE_AFTER, ..EngineSettings::default() };
        let engine = Engine::start(ports, settings, Surroundings::default()).await.expect("it starts");
        let begun = Instant::now();
        let (mut most, mut all) = (0, 0);
        while begun.elapsed() < 15 * PASSIVATE_AFTER {
            actix_rt::spawn(authorize(Arc::clone(&engine.payments), all));
            all += 1;
            sleep_until(begun + PACE * all).await;
            most = most.max(meter.live_payments());
        }
        // One looked at just before its time leaves a round later.
        let within =
            usize::try_from((3 * PASSIVATE_AFTER).as_nanos() / PACE.as_nanos()).expect("it is small");
        assert!(most <= within, "{most} payments were alive together, of {all}");
        assert!(most >= within / 6, "only {most} were alive together");
        engine.shutdown().await;
    });
}
