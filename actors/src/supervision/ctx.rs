//! What an actor can do besides handling a message: background work, timers, children, its own handle.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::Actor;
use super::children::ChildRef;
use super::control::Command;
use super::driver;
use super::exit::ChildExit;
use super::handle::Handle;
use super::local::{Local, Mode};
use super::slot::Slot;
use super::spec::{ChildSpec, Factory};
use super::timers::TimerId;

/// The context of one incarnation. Everything started through it ends with the incarnation.
pub struct Ctx<A: Actor> {
    pub(super) slot: Arc<Slot<A>>,
    pub(super) local: Rc<Local<A>>,
    generation: u64,
}

impl<A: Actor> Ctx<A> {
    pub(super) fn new(slot: Arc<Slot<A>>, local: Rc<Local<A>>) -> Self {
        let generation = slot.node.status.lock().generation;
        Self { slot, local, generation }
    }

    /// The actor's own handle, to be given to others.
    pub fn handle(&self) -> Handle<A> {
        Handle::new(Arc::clone(&self.slot))
    }

    /// Where the actor is in the tree, `root/…`.
    pub fn path(&self) -> String {
        self.slot.node.path()
    }

    /// Which incarnation this is; 1 is the first.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Monotonic time, virtual in simulations.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// How many messages wait in the mailbox.
    pub fn queued(&self) -> usize {
        self.slot.queued()
    }

    /// Whether the actor is about to end for good: do not start work that is not owed to anybody.
    pub fn is_draining(&self) -> bool {
        self.local.mode.get() != Mode::Running
    }

    /// Runs a future beside the handler; its output comes back as a message, before those in the mailbox
    /// and never refused. An orderly end waits for it; a panic in it ends the actor.
    pub fn spawn(&mut self, work: impl Future<Output = A::Message> + 'static) {
        self.local.awaited.set(self.local.awaited.get() + 1);
        self.local.spawned.borrow_mut().push(Box::pin(async move { Some(work.await) }));
    }

    /// Runs a future that brings no message, such as an endless loop; an orderly end drops it.
    pub fn spawn_detached(&mut self, work: impl Future<Output = ()> + 'static) {
        let work = async move {
            work.await;
            None
        };
        self.local.spawned.borrow_mut().push(Box::pin(work));
    }

    /// Sends the actor a message after that time. Timers that are due together keep the order they were set in.
    pub fn after(&mut self, delay: Duration, message: A::Message) -> TimerId {
        self.local.timers.borrow_mut().set(delay, message)
    }

    /// Takes a timer back; false when its message was already delivered or it was taken back before.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        self.local.timers.borrow_mut().cancel(timer)
    }

    /// Starts a child. Children started in `started` come back with the same handles after this actor
    /// restarts; all others end with it.
    ///
    /// A child of that name that is alive is left as it is and its handle returned; one that is just ending
    /// starts again when it is done.
    ///
    /// # Panics
    /// When a living child of that name has another actor type.
    pub fn start_child<B: Actor>(&mut self, spec: ChildSpec<B>) -> Handle<B> {
        self.start_slot(spec).1
    }

    /// Like [`start_child`](Self::start_child), and tells this actor by a message each time the child exits.
    ///
    /// # Panics
    /// When a living child of that name has another actor type.
    pub fn start_watched_child<B: Actor>(
        &mut self,
        spec: ChildSpec<B>,
        on_exit: fn(ChildExit) -> A::Message,
    ) -> Handle<B> {
        let (id, handle) = self.start_slot(spec);
        self.local.watch(id, on_exit);
        handle
    }

    /// Drains and ends a child for good; false when there is none of that name.
    pub fn stop_child(&mut self, name: &str) -> bool {
        let child = self.slot.node.children.lock().get(name).cloned();
        child.is_some_and(|child| child.node().control.push(Command::End))
    }

    fn start_slot<B: Actor>(&mut self, spec: ChildSpec<B>) -> (u64, Handle<B>) {
        let known = self.slot.node.children.lock().get(&spec.name).cloned();
        if let Some(slot) = known.and_then(|child| adopt::<B>(&child, &spec)) {
            return (slot.node.id, Handle::new(slot));
        }
        let me: ChildRef = Arc::clone(&self.slot) as ChildRef;
        let mut children = self.slot.node.children.lock();
        let id = children.next_id();
        let kin = children.kin(spec.settings, &me);
        let slot: Arc<Slot<B>> = Arc::new(Slot::new(&spec.name, id, kin));
        children.insert(Arc::clone(&slot) as ChildRef);
        drop(children);
        driver::spawn(Arc::clone(&slot), spec.factory, spec.arbiter);
        (id, Handle::new(slot))
    }
}

/// Takes over a slot that has not ended: one left from the last incarnation starts again, one that is ending
/// starts again afterwards, a living one ignores it. None when it has ended.
fn adopt<B: Actor>(child: &ChildRef, spec: &ChildSpec<B>) -> Option<Arc<Slot<B>>> {
    let slot = Arc::clone(child).into_any().downcast::<Slot<B>>();
    let factory: Factory<B> = Arc::clone(&spec.factory);
    if !child.node().control.push(Command::Adopt(Box::new(factory))) {
        return None;
    }
    child.node().set_down(false);
    child.node().dormant.store(false, Ordering::Relaxed);
    Some(slot.unwrap_or_else(|_other| panic!("a child named {} of another actor type is alive", spec.name)))
}
