//! Wake-up calls: a process that captures or refunds for others hears of new requests through the event log.
//!
//! Owns one subscription to the `*-requested` topics. A record is only a hint that something has become due: what
//! is due, and who takes it, the store says, so an unreadable, repeated or lost record does no harm. Never reads a
//! record's value.

use std::time::Duration;

use payment_schema::rules::doubling;
use payment_schema::topic::Topic;
use serde::Serialize;

use crate::ports::Ports;
use crate::ports::event_log::{Consumed, LogError, Position, Subscription};
use crate::recovery::{Recovery, RecoveryMessage};
use crate::supervision::{Actor, Ctx, Failure, Handle, Message, Next, SendError};

const MOST_AT_ONCE: usize = 500;
const OFFER_AGAIN: Duration = Duration::from_millis(200);

type Joined = Box<dyn Subscription>;

/// What a process listens to.
#[derive(Debug, Clone)]
pub struct WakeupSettings {
    /// The consumer group: every process that does the same work is in one, and each call wakes one of them.
    pub group: &'static str,
    /// The topics.
    pub topics: Vec<Topic>,
}

/// Messages of the wake-up calls.
pub enum WakeupsMessage {
    /// Join the group.
    Join,
    /// Joined, or not.
    Joined(Result<Joined, LogError>),
    /// Records came, or not.
    Fetched(Joined, Result<Vec<Consumed>, LogError>),
    /// Their offsets are kept, or not.
    Kept(Joined, Result<(), LogError>),
}

impl Message for WakeupsMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Joined(_) => "joined",
            Self::Fetched(..) => "fetched",
            Self::Kept(..) => "kept",
        }
    }
}

/// What operators see of the wake-up calls.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeupsObserved {
    joined: bool,
    records_total: u64,
    failures_in_a_row: u32,
}

/// Wakes recovery when something was requested elsewhere.
pub struct Wakeups {
    ports: Ports,
    recovery: Handle<Recovery>,
    settings: WakeupSettings,
    joined: bool,
    records_total: u64,
    failures: u32,
}

impl Wakeups {
    /// Calls that wake this recovery.
    #[must_use]
    pub fn new(ports: Ports, recovery: Handle<Recovery>, settings: WakeupSettings) -> Self {
        Self { ports, recovery, settings, joined: false, records_total: 0, failures: 0 }
    }

    fn join(&self, ctx: &mut Ctx<Self>) {
        let (ports, settings) = (self.ports.clone(), self.settings.clone());
        ctx.spawn(async move {
            WakeupsMessage::Joined(ports.event_log.subscribe(settings.group, &settings.topics).await)
        });
    }

    /// The sweep finds what is missed meanwhile.
    fn join_later(&mut self, cause: &LogError, ctx: &mut Ctx<Self>) {
        tracing::warn!(%cause, "wake-up calls not heard, joining again");
        self.joined = false;
        self.failures = self.failures.saturating_add(1);
        let delay = doubling(Duration::from_millis(100), Duration::from_secs(5), self.failures - 1);
        ctx.after(delay, WakeupsMessage::Join);
    }

    /// Waits for records; an orderly end does not wait for them.
    fn fetch(mut subscription: Joined, ctx: &mut Ctx<Self>) {
        let handle = ctx.handle();
        ctx.spawn_detached(async move {
            let fetched = subscription.next(MOST_AT_ONCE).await;
            deliver(&handle, WakeupsMessage::Fetched(subscription, fetched)).await;
        });
    }

    fn wake(&mut self, mut subscription: Joined, records: &[Consumed], ctx: &mut Ctx<Self>) {
        self.failures = 0;
        self.records_total += u64::try_from(records.len()).unwrap_or(u64::MAX);
        // A refused call is no loss: the next sweep looks anyway.
        let _sent = self.recovery.tell(RecoveryMessage::Nudge);
        let done: Vec<Position> = records.iter().map(|record| record.position).collect();
        ctx.spawn(async move {
            let kept = subscription.commit(&done).await;
            WakeupsMessage::Kept(subscription, kept)
        });
    }
}

/// Delivers the one message that keeps the reading going; a paused actor gets it when it is resumed.
async fn deliver(listener: &Handle<Wakeups>, mut message: WakeupsMessage) {
    while let Err(refused) = listener.offer(message) {
        match refused.error {
            SendError::Stopped => return,
            SendError::Paused | SendError::Overloaded => message = refused.message,
        }
        tokio::time::sleep(OFFER_AGAIN).await;
    }
}

impl Actor for Wakeups {
    type Message = WakeupsMessage;
    type Observed = WakeupsObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        self.join(ctx);
        Ok(())
    }

    async fn handle(&mut self, message: WakeupsMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            WakeupsMessage::Join => self.join(ctx),
            WakeupsMessage::Joined(Ok(subscription)) => {
                self.joined = true;
                Self::fetch(subscription, ctx);
            }
            WakeupsMessage::Fetched(subscription, Ok(records)) => self.wake(subscription, &records, ctx),
            WakeupsMessage::Kept(subscription, Ok(())) => Self::fetch(subscription, ctx),
            WakeupsMessage::Joined(Err(cause))
            | WakeupsMessage::Fetched(_, Err(cause))
            | WakeupsMessage::Kept(_, Err(cause)) => self.join_later(&cause, ctx),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> WakeupsObserved {
        WakeupsObserved {
            joined: self.joined,
            records_total: self.records_total,
            failures_in_a_row: self.failures,
        }
    }
}
