//! The operator listener's routes over a fake engine and a small real tree.

use std::sync::Arc;

use actix_web::test::{self, TestRequest};
use actix_web::{App, web};
use chrono::{DateTime, Utc};
use payment_actors::ports::clock::WallClock;
use payment_actors::supervision::{Actor, ChildSpec, Ctx, Failure, Message, Next, System, SystemConfig};
use payment_http::operator::{self, OperatorState};
use payment_http::public::BodyLimits;
use payment_http::{Audience, Authenticator, KeyRing, Reach};

use super::fake_operator::FakeOperator;
use super::fake_payments::FakePayments;
use super::{Counting, Reply, read};

struct Noon;

impl WallClock for Noon {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_769_860_800, 0).unwrap()
    }
}

/// Handles nothing; the parent starts children of the same kind.
struct Idle {
    children: usize,
}

pub(crate) enum Never {}

impl Message for Never {
    fn label(&self) -> &'static str {
        match *self {}
    }
}

impl Actor for Idle {
    type Message = Never;
    type Observed = usize;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        for number in 0..self.children {
            ctx.start_child(ChildSpec::new(format!("child/{number}"), "idle", || Self { children: 0 }));
        }
        Ok(())
    }

    async fn handle(&mut self, message: Never, _: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {}
    }

    fn observe(&self) -> usize {
        self.children
    }
}

pub(crate) struct Desk {
    pub(crate) operator: Arc<FakeOperator>,
    pub(crate) payments: Arc<FakePayments>,
    pub(crate) state: OperatorState,
    system: System,
}

impl Desk {
    /// With a root that has three children, all started.
    pub(crate) async fn open() -> Self {
        Self::open_with_keys(Arc::default(), Reach::Loopback).await
    }

    pub(crate) async fn open_with_keys(ring: Arc<KeyRing>, reach: Reach) -> Self {
        let config = SystemConfig::new(Arc::new(Counting::default()), Arc::new(Noon));
        let system = System::start(config, ChildSpec::new("root", "root", || Idle { children: 3 }));
        let operator = Arc::new(FakeOperator::default());
        let payments = Arc::new(FakePayments::default());
        let state = OperatorState {
            operator: Arc::<FakeOperator>::clone(&operator),
            auth: Authenticator::new(ring, Audience::Operators, reach),
            tree: system.tree(),
            metrics: Arc::new(|| "payment_actors_live 4\n".to_owned()),
            payments: Arc::<FakePayments>::clone(&payments),
            random: Arc::new(Counting::default()),
            body: BodyLimits::default(),
        };
        let desk = Self { operator, payments, state, system };
        desk.until(|desk| desk.state.tree.summary().alive == 4).await;
        desk
    }

    /// Lets the actors run until something has become true.
    pub(crate) async fn until(&self, is_true: impl Fn(&Self) -> bool) {
        while !is_true(self) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn generation(&self, path: &str) -> u64 {
        self.state.tree.snapshot(Some(path), Some(0)).map_or(0, |snapshot| snapshot.tree.generation)
    }

    /// Ends the tree, so that no actor outlives the test.
    pub(crate) async fn close(self) {
        self.system.shutdown().await;
        assert_eq!(self.system.live(), 0);
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Reply {
        let state = self.state.clone();
        let app = App::new().configure(move |config: &mut web::ServiceConfig| {
            operator::configure(config, &state);
        });
        let app = test::init_service(app).await;
        read(test::call_service(&app, request.to_request()).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(TestRequest::get().uri(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(super::post(path, body)).await
    }
}
