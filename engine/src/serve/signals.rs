//! SIGTERM and Ctrl-C.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::ServeError;

/// The signals that end the engine.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, ServeError> {
        let hear = |kind| signal(kind).map_err(ServeError::Signals);
        Ok(Self { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    /// Waits for one, and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// From now on a signal ends the process, whatever is still under way: as safe as a crash, which is what the
    /// engine is built for.
    pub(crate) fn end_at_once_on_the_next(mut self) {
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "ending at once");
            die();
        });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that ends without a shutdown, because it was asked to"
)]
fn die() {
    std::process::exit(1);
}
