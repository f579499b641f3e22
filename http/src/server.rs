//! Listeners: binding, limits on connections, and stopping.
//!
//! Owns how a socket is opened and served. Which routes it serves is the `configure` function's; prints nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};

/// Where to listen, and how a user changes that.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address; port 0 picks a free one.
    pub address: SocketAddr,
    /// The flag that sets it, such as `--listen`.
    pub flag: &'static str,
    /// The setting that sets it, such as `http.listen`.
    pub setting: &'static str,
}

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    listen: Listen,
    cause: io::Error,
}

impl std::fmt::Display for BindError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "causes without advice of their own are shown as they are"
    )]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Listen { address, flag, setting } = &self.listen;
        let (port, host) = (address.port(), address.ip());
        write!(f, "cannot listen on {address}: ")?;
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => write!(f, "port {port} is taken by another program; stop it")?,
            io::ErrorKind::PermissionDenied => write!(f, "port {port} is not allowed for this user")?,
            io::ErrorKind::AddrNotAvailable => write!(f, "this machine has no address {host}")?,
            _ => write!(f, "{}", self.cause)?,
        }
        write!(f, ", or choose another address with {flag} (setting {setting})")
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// An address that is ours; clients queue until [`run`] serves it.
#[derive(Debug)]
pub struct Bound {
    socket: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// The address, with the real port where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// How connections are served.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long the head of a request may take to arrive; then 408.
    pub head_timeout: Duration,
    /// How long a closing connection may take.
    pub disconnect_timeout: Duration,
    /// How long a graceful stop waits for requests, in whole seconds.
    pub drain: Duration,
    /// Connections per worker; more wait in the socket's queue.
    pub max_connections: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            workers: 2,
            keep_alive: Duration::from_secs(75),
            head_timeout: Duration::from_secs(5),
            disconnect_timeout: Duration::from_secs(1),
            drain: Duration::from_secs(15),
            max_connections: 25_000,
        }
    }
}

/// Connections that may wait to be accepted. The kernel drops those beyond it, and their clients try again after a second; of the
/// 128 that the standard library asks for, a burst of clients would find too few. Linux gives 4,096 at most unless told
/// otherwise (`net.core.somaxconn`, <https://man7.org/linux/man-pages/man2/listen.2.html>).
const BACKLOG: i32 = 4_096;

/// Takes an address.
///
/// # Errors
/// When it is taken, not allowed or not this machine's; the error says what to change.
pub fn bind(listen: &Listen) -> Result<Bound, BindError> {
    let failed = |cause| BindError { listen: listen.clone(), cause };
    let socket = TcpListener::bind(listen.address).map_err(failed)?;
    rustix::net::listen(&socket, BACKLOG).map_err(|error| failed(error.into()))?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Bound { socket, address })
}

/// Stops a server from anywhere.
#[derive(Debug, Clone)]
pub struct StopHandle(ServerHandle);

impl StopHandle {
    /// Stops accepting, lets requests under way finish (at most the drain time) and ends the workers.
    pub async fn drain(&self) {
        self.0.stop(true).await;
    }

    /// Ends the workers at once; requests under way are cut off.
    pub async fn halt(&self) {
        self.0.stop(false).await;
    }
}

/// Serves an address with the routes that `configure` adds, once per worker. The returned future ends when the
/// server has stopped; it must be polled.
///
/// # Errors
/// When the socket cannot be handed to the workers.
pub fn run<C>(bound: Bound, settings: &ServerSettings, configure: C) -> io::Result<(StopHandle, Server)>
where
    C: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .workers(settings.workers.max(1))
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.head_timeout)
        .client_disconnect_timeout(settings.disconnect_timeout)
        .shutdown_timeout(settings.drain.as_secs())
        .max_connections(settings.max_connections)
        .disable_signals()
        .listen(bound.socket)?
        .run();
    Ok((StopHandle(server.handle()), server))
}
