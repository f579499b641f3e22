//! The actix actor that carries one incarnation. Its mailbox is a stream over the slot's queue, and every
//! hook is a future the context waits for; nothing here decides what happens after an end.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{AsyncContext, StreamHandler};
use futures_util::stream::Stream;
use tokio::time::Instant;

use super::actor::{Actor, Failure, Message, Next};
use super::ctx::Ctx;
use super::exit::ExitReason;
use super::local::{Activity, Local, Mode, Outcome};
use super::slot::Slot;

/// The actor and its context, boxed so that a handler's future owns them by moving one pointer.
pub(super) struct Core<A: Actor> {
    actor: A,
    ctx: Ctx<A>,
}

pub(super) struct Cell<A: Actor> {
    /// Absent while a hook's future owns it.
    core: Option<Box<Core<A>>>,
}

impl<A: Actor> Cell<A> {
    pub(super) fn new(actor: A, slot: Arc<Slot<A>>, local: Rc<Local<A>>) -> Self {
        Self { core: Some(Box::new(Core { actor, ctx: Ctx::new(slot, local) })) }
    }

    fn take_core(&mut self) -> Box<Core<A>> {
        self.core.take().expect("the context delivers nothing while it waits for a hook")
    }

    /// Takes the actor back after a hook. The incarnation ends if the hook failed, or as it says.
    fn hook_done(&mut self, core: Box<Core<A>>, result: Result<Option<Outcome>, Failure>) {
        let Ctx { slot, local, .. } = &core.ctx;
        let outcome = match result {
            Ok(outcome) => {
                slot.show(core.actor.observe());
                outcome
            }
            Err(failure) => Some(Outcome::Crashed(ExitReason::Error, local.describe(failure.detail()))),
        };
        local.activity.set(Activity::Idle);
        if let Some(outcome) = outcome {
            local.end(outcome);
        }
        self.core = Some(core);
    }

    fn handled(&mut self, core: Box<Core<A>>, begun: Instant, result: Result<Next, Failure>) {
        core.ctx.slot.node.finish_message(begun);
        self.hook_done(core, result.map(|next| (next == Next::Stop).then_some(Outcome::StopRequested)));
    }

    fn run_message(&mut self, message: A::Message, context: &mut actix::Context<Self>) {
        let mut core = self.take_core();
        let label = message.label();
        core.ctx.local.activity.set(Activity::Handling(label));
        let begun = core.ctx.slot.node.begin_message(label);
        let work = async move {
            let result = core.actor.handle(message, &mut core.ctx).await;
            (core, result)
        };
        context.wait(
            wrap_future(work)
                .map(move |(core, result), cell: &mut Self, _| cell.handled(core, begun, result)),
        );
    }

    fn run_stopping(&mut self, context: &mut actix::Context<Self>) {
        let mut core = self.take_core();
        core.ctx.local.activity.set(Activity::Stopping);
        let work = async move {
            let result = core.actor.stopping(&mut core.ctx).await;
            (core, result)
        };
        context.wait(wrap_future(work).map(|(core, result), cell: &mut Self, _| {
            cell.hook_done(core, result.map(|()| Some(Outcome::Stopped)));
        }));
    }
}

impl<A: Actor> actix::Actor for Cell<A> {
    type Context = actix::Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let mut core = self.take_core();
        context.add_stream(Intake { slot: Arc::clone(&core.ctx.slot), local: Rc::clone(&core.ctx.local) });
        let work = async move {
            let result = core.actor.started(&mut core.ctx).await;
            (core, result)
        };
        context.wait(wrap_future(work).map(|(core, result), cell: &mut Self, _| {
            let slot = Arc::clone(&core.ctx.slot);
            let started = result.is_ok();
            cell.hook_done(core, result.map(|()| None));
            if started {
                slot.node.mark_running();
            }
        }));
    }
}

pub(super) enum Item<M> {
    Message(M),
    Stop,
}

impl<A: Actor> StreamHandler<Item<A::Message>> for Cell<A> {
    fn handle(&mut self, item: Item<A::Message>, context: &mut Self::Context) {
        match item {
            Item::Message(message) => self.run_message(message, context),
            Item::Stop => self.run_stopping(context),
        }
    }
}

/// What the incarnation handles next: its own messages first, then the mailbox; never finished.
struct Intake<A: Actor> {
    slot: Arc<Slot<A>>,
    local: Rc<Local<A>>,
}

impl<A: Actor> Stream for Intake<A> {
    type Item = Item<A::Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let local = &self.local;
        match local.mode.get() {
            Mode::Holding => return Poll::Pending,
            Mode::Stopping => {
                // `stopping` runs once: until it is done the mode says that nothing is taken.
                local.mode.set(Mode::Holding);
                return Poll::Ready(Some(Item::Stop));
            }
            Mode::Running | Mode::Draining => {}
        }
        let Some(budget) = local.budget.get().checked_sub(1) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        local.budget.set(budget);
        match local.take_noted() {
            Some(message) => Poll::Ready(Some(Item::Message(message))),
            None => self.slot.take(cx).map(|message| Some(Item::Message(message))),
        }
    }
}
