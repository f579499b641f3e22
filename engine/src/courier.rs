//! Errands to a server, several in one round trip.
//!
//! Owns who waits for which errand's answer, and when a trip begins. What comes while a trip is under way goes with the
//! next one: a round trip costs both sides far more than an errand does, wake-ups and system calls more than all the
//! rest. Never knows what an errand is.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Most errands of one trip, so that none waits long for the others'.
const MOST: usize = 256;

/// A trip with so many is load: then the next one waits for company.
const BUSY: usize = 3;

/// A trip holds up the next one for so long at most, so that one broken connection does not make everybody wait.
const LONG: Duration = Duration::from_millis(20);

/// Goes the trips.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// What is to be done.
    type Errand: Send + 'static;
    /// What came of it.
    type Answer: Send + 'static;

    /// One round trip: an answer for each errand, in their order, or none at all.
    fn carry(&self, errands: Vec<Self::Errand>) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// Takes errands and gives them to trips.
pub(crate) struct Courier<C: Carrier> {
    carrier: C,
    /// Under load a trip waits this long for company, because the server answers faster than errands come.
    company: Duration,
    desk: Mutex<Desk<C>>,
}

/// An errand and who waits for its answer.
struct Asked<C: Carrier> {
    errand: C::Errand,
    reply: oneshot::Sender<C::Answer>,
}

struct Desk<C: Carrier> {
    waiting: Vec<Asked<C>>,
    /// A round is under way and will look here again.
    is_out: bool,
}

impl<C: Carrier> Default for Desk<C> {
    fn default() -> Self {
        Self { waiting: Vec::new(), is_out: false }
    }
}

impl<C: Carrier> Courier<C> {
    pub(crate) fn new(carrier: C, company: Duration) -> Arc<Self> {
        Arc::new(Self { carrier, company, desk: Mutex::default() })
    }

    /// What came of the errand; nothing when its trip came back without answers, or the runtime that it ran on ended.
    pub(crate) async fn send(self: &Arc<Self>, errand: C::Errand) -> Option<C::Answer> {
        let (reply, answer) = oneshot::channel();
        let was_out = {
            let mut desk = self.desk.lock();
            desk.waiting.push(Asked { errand, reply });
            std::mem::replace(&mut desk.is_out, true)
        };
        if !was_out {
            let round = Round { courier: Arc::clone(self), is_over: false };
            tokio::spawn(round.run());
        }
        answer.await.ok()
    }

    async fn trip(self: Arc<Self>, asked: Vec<Asked<C>>) {
        let (errands, replies): (Vec<_>, Vec<_>) =
            asked.into_iter().map(|Asked { errand, reply }| (errand, reply)).unzip();
        // Without answers the replies are dropped, which tells their owners.
        for (reply, answer) in replies.into_iter().zip(self.carrier.carry(errands).await) {
            // Whoever asked may have gone.
            let _sent = reply.send(answer);
        }
    }
}

/// Sends off trips until no errand waits. Dropped before that, with the runtime that it ran on, it lets go of them, and
/// the next errand begins another round.
struct Round<C: Carrier> {
    courier: Arc<Courier<C>>,
    is_over: bool,
}

impl<C: Carrier> Round<C> {
    async fn run(mut self) {
        let mut is_busy = false;
        loop {
            if is_busy {
                tokio::time::sleep(self.courier.company).await;
            }
            let Some(asked) = self.take() else { return };
            is_busy = asked.len() >= BUSY;
            let trip = tokio::spawn(Arc::clone(&self.courier).trip(asked));
            // Whether it is back, takes longer or came to grief: the next one may go.
            let _back = timeout(LONG, trip).await;
        }
    }

    fn take(&mut self) -> Option<Vec<Asked<C>>> {
        let mut desk = self.courier.desk.lock();
        if desk.waiting.is_empty() {
            // In the same breath as the look, so that no errand is left behind.
            desk.is_out = false;
            self.is_over = true;
            return None;
        }
        let share = desk.waiting.len().min(MOST);
        Some(desk.waiting.drain(..share).collect())
    }
}

impl<C: Carrier> Drop for Round<C> {
    fn drop(&mut self) {
        // Over, the desk may be another round's already.
        if !self.is_over {
            *self.courier.desk.lock() = Desk::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use futures_util::future::join_all;

    use super::*;

    const COMPANY: Duration = Duration::from_millis(1);

    /// Doubles numbers; a trip takes a while, and none of those that carry a zero comes back.
    #[derive(Default)]
    struct Doubling {
        trips: AtomicUsize,
    }

    impl Carrier for Doubling {
        type Errand = u64;
        type Answer = u64;

        async fn carry(&self, errands: Vec<u64>) -> Vec<u64> {
            self.trips.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(2)).await;
            if errands.contains(&0) {
                std::future::pending::<()>().await;
            }
            errands.into_iter().map(|number| 2 * number).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_gets_its_own_answer_and_many_travel_together() {
        let courier = Courier::new(Doubling::default(), COMPANY);
        let answers = join_all((1..=600).map(|number| courier.send(number))).await;
        assert!(answers.into_iter().eq((1..=600).map(|number| Some(2 * number))));
        assert_eq!(courier.carrier.trips.load(Ordering::Relaxed), 600_usize.div_ceil(MOST));
        assert_eq!(courier.send(7).await, Some(14), "a round ends and another one begins");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trip_that_does_not_come_back_holds_up_nobody_for_long() {
        let courier = Courier::new(Doubling::default(), COMPANY);
        let lost = tokio::spawn({
            let courier = Arc::clone(&courier);
            async move { courier.send(0).await }
        });
        tokio::time::sleep(COMPANY).await;
        let answer = timeout(2 * LONG, courier.send(1)).await;
        assert_eq!(answer, Ok(Some(2)));
        assert!(!lost.is_finished());
    }

    #[test]
    fn a_runtime_that_ends_tells_those_who_wait_and_the_next_one_goes_on() {
        let courier = Courier::new(Doubling::default(), COMPANY);
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let first = runtime();
        let mut waiting = Box::pin({
            let courier = Arc::clone(&courier);
            async move { courier.send(0).await }
        });
        let entered = first.enter();
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut nobody).is_pending());
        drop(entered);
        drop(first);
        let second = runtime();
        assert_eq!(second.block_on(waiting), None);
        assert_eq!(second.block_on(courier.send(4)), Some(8));
    }
}
