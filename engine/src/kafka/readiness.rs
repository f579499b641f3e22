//! Whether the topics are there, asked once by whoever comes first.

use payment_actors::ports::event_log::LogError;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Keeps that the topics were found or made. Whoever waits for an attempt shares its failure, so that waiting is
/// bounded by one attempt and not by one for each who waits.
#[derive(Default)]
pub(super) struct Readiness {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_ready: bool,
    failed: Option<(Instant, LogError)>,
}

impl Readiness {
    /// Makes an attempt unless one has succeeded before.
    pub(super) async fn reached(
        &self,
        attempt: impl Future<Output = Result<(), LogError>>,
    ) -> Result<(), LogError> {
        let came = Instant::now();
        let mut state = self.state.lock().await;
        if state.is_ready {
            return Ok(());
        }
        if let Some((_, error)) = state.failed.as_ref().filter(|(ended, _)| *ended >= came) {
            return Err(error.clone());
        }
        let outcome = attempt.await;
        state.is_ready = outcome.is_ok();
        state.failed = outcome.clone().err().map(|error| (Instant::now(), error));
        outcome
    }

    /// A topic turned out to be gone; the next call makes it again.
    pub(super) async fn lost(&self) {
        self.state.lock().await.is_ready = false;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_share_one_failure_and_the_next_tries_again() {
        let readiness = Readiness::default();
        let attempts = Cell::new(0);
        let attempt = |outcome: Result<(), LogError>| {
            let attempts = &attempts;
            async move {
                attempts.set(attempts.get() + 1);
                tokio::task::yield_now().await;
                outcome
            }
        };
        let away = LogError("away".to_owned());
        let both = tokio::join!(
            readiness.reached(attempt(Err(away.clone()))),
            readiness.reached(attempt(Err(away.clone())))
        );
        assert_eq!(both, (Err(away.clone()), Err(away)));
        assert_eq!(attempts.get(), 1);
        assert_eq!(readiness.reached(attempt(Ok(()))).await, Ok(()));
        assert_eq!(readiness.reached(attempt(Ok(()))).await, Ok(()));
        assert_eq!(attempts.get(), 2);
        readiness.lost().await;
        assert_eq!(readiness.reached(attempt(Ok(()))).await, Ok(()));
        assert_eq!(attempts.get(), 3);
    }
}
