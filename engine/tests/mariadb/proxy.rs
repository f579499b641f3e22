//! A way to the server that can fail.
//!
//! Stands between the store and the server and does what networks and hosts do: stop answering, break, lose an
//! answer. The server itself goes on for everybody else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use payment_engine::mariadb::MariaDbOptions;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// `COM_QUERY` with the text that ends a transaction.
const COMMIT: &[u8] = b"\x03COMMIT";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Passing,
    /// Bytes are taken by nobody, as by a process that was stopped.
    Frozen,
}

#[derive(Clone)]
struct Shared {
    mode: watch::Receiver<Mode>,
    cuts: watch::Receiver<u64>,
    loses_commits: Arc<AtomicBool>,
}

/// A way that can fail.
pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    cuts: watch::Sender<u64>,
    loses_commits: Arc<AtomicBool>,
    acceptor: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A way to the server of this URL.
    pub(crate) async fn to(server: &Url) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let (mode, mode_now) = watch::channel(Mode::Passing);
        let (cuts, cuts_now) = watch::channel(0);
        let loses_commits = Arc::new(AtomicBool::new(false));
        let shared = Shared { mode: mode_now, cuts: cuts_now, loses_commits: Arc::clone(&loses_commits) };
        let target = format!(
            "{}:{}",
            server.host_str().expect("a server has a host"),
            server.port().expect("a server has a port")
        );
        let acceptor = tokio::spawn(accept(listener, target, shared));
        Self { address, mode, cuts, loses_commits, acceptor }
    }

    /// The same options by this way.
    pub(crate) fn options(&self, server: &Url) -> MariaDbOptions {
        let mut url = server.clone();
        url.set_ip_host(self.address.ip()).expect("the url has a host");
        url.set_port(Some(self.address.port())).expect("the url has a host");
        MariaDbOptions::from_url(&url).expect("the address is understood")
    }

    /// Nothing gets through any more.
    pub(crate) fn freeze(&self) {
        self.mode.send_replace(Mode::Frozen);
    }

    /// What was held up gets through.
    pub(crate) fn thaw(&self) {
        self.mode.send_replace(Mode::Passing);
    }

    /// Every connection breaks; new ones can be made.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on (or no longer) commits reach the server, and their connections break before the answer is back.
    pub(crate) fn lose_commits(&self, loses: bool) {
        self.loses_commits.store(loses, Ordering::SeqCst);
    }

    /// Nobody listens any more.
    pub(crate) async fn go_away(self) {
        self.cut();
        self.acceptor.abort();
        let ended = self.acceptor.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it listens until it is told otherwise");
    }
}

async fn accept(listener: TcpListener, target: String, shared: Shared) {
    loop {
        let mut mode = shared.mode.clone();
        if mode.wait_for(|mode| *mode == Mode::Passing).await.is_err() {
            return;
        }
        let Ok((client, _)) = listener.accept().await else { return };
        let Ok(server) = TcpStream::connect(&target).await else { continue };
        tokio::spawn(carry(client, server, shared.clone()));
    }
}

/// Carries bytes both ways until one side ends, the connection is cut or a commit's answer gets lost.
async fn carry(client: TcpStream, server: TcpStream, shared: Shared) {
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let commit_sent = Arc::new(AtomicBool::new(false));
    let mut cuts = shared.cuts.clone();
    cuts.mark_unchanged();
    tokio::select! {
        () = pump(client_in, server_out, &shared, |bytes| {
            if shared.loses_commits.load(Ordering::SeqCst) && bytes.windows(COMMIT.len()).any(|part| part == COMMIT) {
                commit_sent.store(true, Ordering::SeqCst);
            }
            true
        }) => {}
        // The server has answered by then, so it has committed.
        () = pump(server_in, client_out, &shared, |_| !commit_sent.load(Ordering::SeqCst)) => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    passes: impl Fn(&[u8]) -> bool,
) {
    let mut mode = shared.mode.clone();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if mode.wait_for(|mode| *mode == Mode::Passing).await.is_err() || !passes(&buffer[..read]) {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
