//! Commands on their way to Redis, several in one round trip.
//!
//! Owns who waits for which command's answer. What comes while a round trip is under way goes with the next one: a
//! round trip costs both sides far more than a command does, wake-ups and system calls more than all the rest. Never
//! knows what a command is for.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, Value};
use tokio::sync::oneshot;

use super::link::Link;

/// Most commands of one round trip, so that it ends well within what requests wait.
const MOST: usize = 256;

/// A round trip with so many is load: then the next one waits for company.
const BUSY: usize = 3;

/// For so long. Redis answers faster than commands come, so that without the wait most would travel alone.
const COMPANY: Duration = Duration::from_millis(1);

pub(super) struct Courier {
    link: Arc<Link>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    waiting: Vec<Errand>,
    /// A task carries errands and will look here again when it is back.
    is_out: bool,
}

struct Errand {
    command: Cmd,
    reply: oneshot::Sender<Value>,
}

impl Courier {
    pub(super) fn new(link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { link, desk: Mutex::default() })
    }

    /// What Redis answers; nothing when it is down or goes down meanwhile.
    pub(super) async fn carry(self: &Arc<Self>, command: Cmd) -> Option<Value> {
        if !self.link.is_up() {
            self.link.look_for_it();
            return None;
        }
        let (reply, answer) = oneshot::channel();
        let was_out = {
            let mut desk = self.desk.lock();
            desk.waiting.push(Errand { command, reply });
            std::mem::replace(&mut desk.is_out, true)
        };
        if !was_out {
            let tour = Tour { courier: Arc::clone(self), is_over: false };
            tokio::spawn(tour.run());
        }
        answer.await.ok()
    }
}

/// Carries errands until none waits. Dropped before that, with the runtime that it ran on, it lets go of them: their
/// owners do without Redis, and the next errand begins another tour.
struct Tour {
    courier: Arc<Courier>,
    is_over: bool,
}

impl Tour {
    async fn run(mut self) {
        let mut is_busy = false;
        loop {
            if is_busy {
                tokio::time::sleep(COMPANY).await;
            }
            let Some(errands) = self.take() else { return };
            is_busy = errands.len() >= BUSY;
            let (commands, replies): (Vec<Cmd>, Vec<_>) =
                errands.into_iter().map(|errand| (errand.command, errand.reply)).unzip();
            let link = Arc::clone(&self.courier.link);
            let script = link.script();
            let answers = link.with(async |connection| script.run_all(connection, commands).await);
            // Without answers the replies are dropped, which tells their owners.
            for (reply, answer) in replies.into_iter().zip(answers.await.unwrap_or_default()) {
                // Whoever asked may have gone.
                let _sent = reply.send(answer);
            }
        }
    }

    fn take(&mut self) -> Option<Vec<Errand>> {
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

impl Drop for Tour {
    fn drop(&mut self) {
        // Over, the desk may be another tour's already.
        if !self.is_over {
            *self.courier.desk.lock() = Desk::default();
        }
    }
}
