//! Tells that the engine is ready: a file for programs, lines for people.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use payment_actors::ports::random::Random;
use serde::Serialize;

use super::error::ServeError;
use crate::config::Config;

/// Where the engine listens.
pub(super) struct Addresses {
    pub(super) public: Option<SocketAddr>,
    pub(super) operator: SocketAddr,
    pub(super) pg: Option<SocketAddr>,
    /// Whether the payments API asks for keys.
    pub(super) asks_for_keys: bool,
}

/// The ready file: `host:port` each, null when absent.
#[derive(Serialize)]
pub(crate) struct ReadyFile {
    pub(crate) public: Option<String>,
    pub(crate) operator: Option<String>,
    pub(crate) pg: Option<String>,
    pub(crate) pid: u32,
}

impl ReadyFile {
    /// Writes it whole: whoever sees the file sees all of it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), ServeError> {
        let failed = |cause| ServeError::ReadyFile { path: path.display().to_string(), cause };
        let text = serde_json::to_vec(self).expect("four plain fields are JSON");
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, text).map_err(failed)?;
        std::fs::rename(&unfinished, path).map_err(failed)
    }
}

/// Prints where everything is and writes the ready file.
pub(super) fn ready(
    addresses: &Addresses,
    config: &Config,
    ready_file: Option<&Path>,
    random: &dyn Random,
) -> Result<(), ServeError> {
    if let Some(path) = ready_file {
        let text = |address: SocketAddr| Some(address.to_string());
        let ready = ReadyFile {
            public: addresses.public.and_then(text),
            operator: text(addresses.operator),
            pg: addresses.pg.and_then(text),
            pid: std::process::id(),
        };
        ready.write(path)?;
    }
    let mut out = std::io::stdout().lock();
    // Whoever closed standard output does not want to read this.
    let _ = out.write_all(lines(addresses, config, random, out.is_terminal()).as_bytes());
    let _ = out.flush();
    Ok(())
}

fn lines(addresses: &Addresses, config: &Config, random: &dyn Random, on_terminal: bool) -> String {
    let (bold, plain) = if on_terminal { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let pg = match (addresses.pg, &config.pg.url) {
        (Some(address), _) => format!("http://{address} (simulator)"),
        (None, Some(url)) => url.to_string(),
        (None, None) => "none".to_owned(),
    };
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "  {name:<16} {value}");
    let public = addresses.public.map_or("none".to_owned(), |public| format!("http://{public}/api/payments"));
    let written = [
        line("payments API", &public),
        line("operator API", &format!("http://{}/api/admin/actors", addresses.operator)),
        line("metrics", &format!("http://{}/metrics", addresses.operator)),
        line("payment gateway", &pg),
        line("database", &config.database_shown()),
        line("events", config.broker.bootstrap.as_deref().unwrap_or("in the database")),
        line("limits", &config.cache.url.as_ref().map_or("in the process".to_owned(), ToString::to_string)),
    ];
    debug_assert!(written.iter().all(Result::is_ok), "writing to a string cannot fail");
    let authorization =
        if addresses.asks_for_keys { " -H \"Authorization: Bearer $PAYMENT_KEY\"" } else { "" };
    let curl = |public| curl(public, authorization, random);
    let try_it = addresses.public.map(|public| format!("\n{bold}try it{plain}\n  {}\n", curl(public)));
    format!("{bold}payment-engine is ready{plain}\n{text}{}", try_it.unwrap_or_default())
}

/// A command that works as printed; its key is fresh, so that it can be tried again after a restart.
fn curl(public: SocketAddr, authorization: &str, random: &dyn Random) -> String {
    let key = random.next_u64() >> 32;
    format!(
        "curl -s http://{public}/api/payments/authorize -H 'Content-Type: application/json' \
         -H 'Idempotency-Key: try-{key:08x}'{authorization} -d '{{\"merchantId\":\"shop-1\",\"amount\":1999,\"currency\":\"USD\"}}'"
    )
}
