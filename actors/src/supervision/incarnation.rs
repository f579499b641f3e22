//! One life of an actor: its actix context, background futures and timers, polled inside `catch_unwind`.
//! A panic becomes an outcome; what follows from it is the driver's and the supervisor's business.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use actix::ActorContext;
use actix::dev::ContextFut;

use super::actor::Actor;
use super::cell::Cell;
use super::exit::ExitReason;
use super::local::{Activity, Local, Mode, Outcome};
use super::slot::Slot;
use super::spec::Factory;

/// Messages handled in one poll before the thread is offered to others.
const MESSAGES_PER_POLL: u32 = 64;
/// Rounds of background futures, timers and messages in one poll before the same.
const ROUNDS_PER_POLL: u32 = 32;

pub(super) struct Incarnation<A: Actor> {
    context: ContextFut<Cell<A>, actix::Context<Cell<A>>>,
    pub(super) local: Rc<Local<A>>,
}

impl<A: Actor> Incarnation<A> {
    /// Builds the actor from its factory; a panic in there is the error.
    pub(super) fn build(slot: &Arc<Slot<A>>, factory: &Factory<A>) -> Result<Self, String> {
        let actor = catch_unwind(AssertUnwindSafe(|| factory()))
            .map_err(|payload| format!("in the factory: {}", panic_message(&*payload)))?;
        let local = Rc::new(Local::new());
        let cell = Cell::new(actor, Arc::clone(slot), Rc::clone(&local));
        let context = actix::Context::new().into_future(cell);
        Ok(Self { context, local })
    }

    /// Runs what is ready; an outcome means that the incarnation is over or that `stopping` is done.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Outcome> {
        self.local.budget.set(MESSAGES_PER_POLL);
        match catch_unwind(AssertUnwindSafe(|| self.run_ready(cx))) {
            Ok(()) => self.local.outcome.borrow_mut().take(),
            Err(payload) => Some(self.panicked(&panic_message(&*payload))),
        }
    }

    fn run_ready(&mut self, cx: &mut Context<'_>) {
        for _ in 0..ROUNDS_PER_POLL {
            self.take_notices();
            self.run_background(cx);
            self.run_timers(cx);
            let _ = Pin::new(&mut self.context).poll(cx);
            if self.local.outcome.borrow().is_some() || !self.has_more() {
                return;
            }
        }
        cx.waker().wake_by_ref();
    }

    fn take_notices(&mut self) {
        for (watch, exit) in self.local.take_exits() {
            let message = watch(exit);
            self.local.note(message);
        }
    }

    fn run_background(&mut self, cx: &mut Context<'_>) {
        let mut background = self.local.background.borrow_mut();
        for task in self.local.spawned.take() {
            background.push(task);
        }
        while let Some(output) = background.poll_finished(cx) {
            if let Some(message) = output {
                self.local.awaited.set(self.local.awaited.get() - 1);
                self.local.note(message);
            }
        }
    }

    fn run_timers(&mut self, cx: &mut Context<'_>) {
        if self.local.mode.get() != Mode::Running {
            return;
        }
        while let Some(message) = self.local.timers.borrow_mut().poll_due(cx) {
            self.local.note(message);
        }
    }

    /// Whether the last round left something that no waker will announce.
    fn has_more(&self) -> bool {
        let local = &self.local;
        let unpolled = !local.spawned.borrow().is_empty();
        let unarmed = local.mode.get() == Mode::Running && local.timers.borrow().needs_alarm();
        let undelivered =
            local.takes_messages() && local.is_idle() && local.budget.get() > 0 && local.has_noted();
        unpolled || unarmed || undelivered
    }

    fn panicked(&self, message: &str) -> Outcome {
        let detail = match self.local.background.borrow().is_polling() {
            true => format!("in a background future: {message}"),
            false => self.local.describe(message),
        };
        Outcome::Crashed(ExitReason::Panic, detail)
    }

    /// Whether an orderly stop may go on: no hook runs, and when draining nothing is left to handle.
    pub(super) fn is_quiet(&self, mailbox_length: usize) -> bool {
        let local = &self.local;
        let drained = local.mode.get() != Mode::Draining || (mailbox_length == 0 && local.is_drained());
        local.is_idle() && drained
    }

    /// Takes only what the mode allows from now on; timers stop with `Running`.
    pub(super) fn set_mode(&self, mode: Mode) {
        self.local.mode.set(mode);
        self.local.timers.borrow_mut().clear();
    }

    /// Drops the actor and everything it runs, without another poll of its code; a panic of its drop code
    /// is returned.
    pub(super) fn retire(self) -> Option<String> {
        let Self { mut context, local } = self;
        local.activity.set(Activity::Idle);
        // A context that is dropped alive polls itself once more; a terminated one does not.
        context.ctx().terminate();
        catch_unwind(AssertUnwindSafe(move || {
            drop(context);
            drop(local);
        }))
        .err()
        .map(|payload| panic_message(&*payload))
    }
}

/// The text of a panic.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
