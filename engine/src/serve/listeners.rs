//! The two listeners: binding early, so that a taken port ends the start, and serving late, when there is something
//! to answer with.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use payment_actors::engine::Engine;
use payment_http::operator::{self, OperatorState};
use payment_http::public::{self, BodyLimits, PublicState};
use payment_http::server::{self, Bound, ServerSettings, StopHandle};
use payment_http::{Audience, Authenticator, Reach};

use super::error::ServeError;
use super::settings;
use super::world::World;
use crate::config::{Config, Role};
use crate::telemetry::Metrics;

/// Addresses that are ours; clients wait in the sockets' queues until they are served.
pub(super) struct Sockets {
    /// Only of a process that takes payments.
    public: Option<Bound>,
    operator: Bound,
}

impl Sockets {
    pub(super) fn bind(config: &Config) -> Result<Self, ServeError> {
        Ok(Self {
            public: takes_payments(config)
                .then(|| server::bind(&settings::public_listen(config)))
                .transpose()?,
            operator: server::bind(&settings::operator_listen(config))?,
        })
    }

    pub(super) fn public_address(&self) -> Option<SocketAddr> {
        self.public.as_ref().map(Bound::address)
    }

    pub(super) fn operator_address(&self) -> SocketAddr {
        self.operator.address()
    }
}

fn takes_payments(config: &Config) -> bool {
    config.engine.roles.has(Role::Api)
}

/// Listeners that are served.
pub(super) struct Listeners {
    public: Option<StopHandle>,
    operator: StopHandle,
}

impl Listeners {
    pub(super) fn serve(
        sockets: Sockets,
        config: &Config,
        engine: &Engine,
        metrics: &Arc<Metrics>,
        world: &World,
    ) -> Result<Self, ServeError> {
        let public = public_state(config, engine, metrics, world);
        let public = move |app: &mut ServiceConfig| public::configure(app, &public);
        let operator = operator_state(config, engine, metrics, world);
        let operator = move |app: &mut ServiceConfig| operator::configure(app, &operator);
        Ok(Self {
            public: sockets
                .public
                .map(|bound| serve(bound, &settings::public_server(config), public))
                .transpose()?,
            operator: serve(sockets.operator, &settings::operator_server(), operator)?,
        })
    }

    /// Takes no more payments, and lets those under way be answered.
    pub(super) async fn stop_taking_payments(&self) {
        if let Some(public) = &self.public {
            public.drain().await;
        }
    }

    /// Ends the operator listener, through which the end could be watched until now.
    pub(super) async fn stop(&self) {
        self.operator.halt().await;
    }
}

fn serve<C>(bound: Bound, settings: &ServerSettings, routes: C) -> Result<StopHandle, ServeError>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let (stop, served) = server::run(bound, settings, routes).map_err(ServeError::Server)?;
    tokio::spawn(served);
    Ok(stop)
}

fn public_state(config: &Config, engine: &Engine, metrics: &Arc<Metrics>, world: &World) -> PublicState {
    PublicState::new(
        Arc::clone(&engine.payments),
        settings::public_limits(config),
        Authenticator::new(Arc::default(), Audience::Merchants, Reach::Loopback),
        Arc::clone(metrics) as _,
        Arc::clone(&world.ports.random),
    )
}

fn operator_state(config: &Config, engine: &Engine, metrics: &Arc<Metrics>, world: &World) -> OperatorState {
    let (metrics, tree) = (Arc::clone(metrics), engine.tree.clone());
    OperatorState {
        operator: Arc::clone(&engine.operator),
        auth: Authenticator::new(Arc::default(), Audience::Operators, Reach::Loopback),
        tree: engine.tree.clone(),
        metrics: Arc::new(move || metrics.page(Some(&tree))),
        payments: Arc::clone(&engine.payments),
        random: Arc::clone(&world.ports.random),
        body: BodyLimits { max_bytes: config.operator.max_body.get(), ..BodyLimits::default() },
    }
}
