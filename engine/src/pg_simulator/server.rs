//! Start and stop: binds the address, opens the record, runs the HTTP server on its own workers.
//!
//! The simulator shares no thread with whoever starts it, so it can live inside the engine's process as well as
//! alone. It never outlives its handle.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use tokio::sync::watch;

use super::desk::Desk;
use super::error::StartError;
use super::gateway::Gateway;
use super::options::PgSimulatorOptions;
use super::routes::{self, WorkerContext};

/// Connections that carry no request are closed after this; clients with a pool keep theirs shorter.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The payment-gateway simulator.
#[derive(Debug)]
pub struct PgSimulator;

/// A running simulator. Dropping it stops the simulator too, without waiting.
#[derive(Debug)]
pub struct PgSimulatorHandle {
    address: SocketAddr,
    running: Option<Running>,
}

struct Running {
    gateway: Arc<Gateway>,
    server: ServerHandle,
    stop: watch::Sender<bool>,
}

impl PgSimulator {
    /// Starts a simulator; once this returns, it answers at [`PgSimulatorHandle::address`]. Must be called
    /// within a tokio runtime (an actix `System` is one).
    ///
    /// # Errors
    ///
    /// When the address is taken, the data directory is in use or unusable, or the record is damaged; each
    /// error says what to do about it.
    pub async fn start(options: PgSimulatorOptions) -> Result<PgSimulatorHandle, StartError> {
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let gateway = Arc::new(open(options.clone()).await?);
        let (stop, stopped) = watch::channel(false);
        let server = serve(&options, listener, &gateway, stopped)?;
        tracing::info!(%address, data_dir = %options.data_dir.display(), "pg simulator listens");
        Ok(PgSimulatorHandle { address, running: Some(Running { gateway, server, stop }) })
    }
}

/// Reading back a long record takes a while and must not hold up the caller's runtime.
async fn open(options: PgSimulatorOptions) -> Result<Gateway, StartError> {
    tokio::task::spawn_blocking(move || Gateway::open(&options))
        .await
        .unwrap_or_else(|stopped| Err(StartError::Server { source: stopped.into() }))
}

fn serve(
    options: &PgSimulatorOptions,
    listener: TcpListener,
    gateway: &Arc<Gateway>,
    stop: watch::Receiver<bool>,
) -> Result<ServerHandle, StartError> {
    let gateway = Arc::clone(gateway);
    let unanswered_limit = options.unanswered_limit;
    let app = move || {
        let desk = Desk::open(Arc::clone(&gateway), stop.clone());
        let (gateway, stop) = (Arc::clone(&gateway), stop.clone());
        let context = WorkerContext { gateway, desk, stop, unanswered_limit };
        App::new().configure(|config| routes::configure(config, context))
    };
    let server = HttpServer::new(app)
        .workers(options.workers.get())
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        // A client that hangs up must not keep its unanswered request, and the simulator's memory, occupied.
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)
        .map_err(|source| StartError::Server { source })?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

impl PgSimulatorHandle {
    /// The address it listens on, with the port that was picked when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops at once: operations in progress are forgotten as if the process had died, requests that wait are
    /// cut, and the data directory is free for another simulator when this returns.
    pub async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
    }
}

impl Running {
    /// The orders are given by the call itself; the future only waits until they are carried out.
    fn end(self) -> impl Future<Output = ()> {
        self.stop.send_replace(true);
        self.gateway.close();
        self.server.stop(false)
    }
}

impl Drop for PgSimulatorHandle {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running.end());
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}
