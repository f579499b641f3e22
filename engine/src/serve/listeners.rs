//! The two listeners: binding early, so that a taken port ends the start, and serving late, when there is something
//! to answer with.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use payment_actors::engine::Engine;
use payment_http::operator::{self, OperatorState};
use payment_http::public::{self, BodyLimits, PublicState};
use payment_http::server::{self, Bound, ServerSettings, StopHandle};
use payment_http::{Audience, Authenticator, KeyRing, Reach};

use super::error::ServeError;
use super::settings;
use super::world::World;
use crate::api_keys;
use crate::config::{Config, Role};
use crate::telemetry::Metrics;

/// Addresses that are ours; clients wait in the sockets' queues until they are served.
pub(super) struct Sockets {
    /// Only of a process that takes payments.
    public: Option<Bound>,
    operator: Bound,
}

impl Sockets {
    /// Takes the addresses that may be listened on with the keys there are.
    pub(super) fn bind(config: &Config, ring: &KeyRing) -> Result<Self, ServeError> {
        let public = takes_payments(config).then(|| settings::public_listen(config));
        let operator = settings::operator_listen(config);
        public.iter().try_for_each(|public| api_keys::check(public, Audience::Merchants, ring))?;
        api_keys::check(&operator, Audience::Operators, ring)?;
        let public = public.as_ref().map(server::bind).transpose()?;
        Ok(Self { public, operator: server::bind(&operator)? })
    }

    pub(super) fn public_address(&self) -> Option<SocketAddr> {
        self.public.as_ref().map(Bound::address)
    }

    pub(super) fn operator_address(&self) -> SocketAddr {
        self.operator.address()
    }

    /// Who is let in at the payments API.
    pub(super) fn public_door(&self, ring: &Arc<KeyRing>) -> Authenticator {
        let reach = self.public.as_ref().map_or(Reach::Network, reach);
        Authenticator::new(Arc::clone(ring), Audience::Merchants, reach)
    }

    /// Who is let in at the operator API.
    fn operator_door(&self, ring: &Arc<KeyRing>) -> Authenticator {
        Authenticator::new(Arc::clone(ring), Audience::Operators, reach(&self.operator))
    }
}

fn reach(bound: &Bound) -> Reach {
    api_keys::reach(bound.address().ip())
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
        ring: &Arc<KeyRing>,
    ) -> Result<Self, ServeError> {
        let public = public_state(config, engine, metrics, world, sockets.public_door(ring));
        let public = move |app: &mut ServiceConfig| public::configure(app, &public);
        let operator = operator_state(config, engine, metrics, world, sockets.operator_door(ring));
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

fn public_state(
    config: &Config,
    engine: &Engine,
    metrics: &Arc<Metrics>,
    world: &World,
    auth: Authenticator,
) -> PublicState {
    PublicState::new(
        Arc::clone(&engine.payments),
        settings::public_limits(config),
        auth,
        Arc::clone(metrics) as _,
        Arc::clone(&world.ports.random),
    )
}

fn operator_state(
    config: &Config,
    engine: &Engine,
    metrics: &Arc<Metrics>,
    world: &World,
    auth: Authenticator,
) -> OperatorState {
    let (metrics, tree) = (Arc::clone(metrics), engine.tree.clone());
    OperatorState {
        operator: Arc::clone(&engine.operator),
        auth,
        tree: engine.tree.clone(),
        metrics: Arc::new(move || metrics.page(Some(&tree))),
        payments: Arc::clone(&engine.payments),
        random: Arc::clone(&world.ports.random),
        body: BodyLimits { max_bytes: config.operator.max_body.get(), ..BodyLimits::default() },
    }
}
