//! One scripted actor that can fail in every hook, a journal of what happened, and a runtime in virtual time.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use payment_actors::ports::clock::WallClock;
use payment_actors::ports::random::Random;
use payment_actors::supervision::{
    Actor, ChildExit, ChildSpec, Ctx, Failure, Handle, Message, Next, NodeView, Reply, System, SystemConfig,
    TimerId,
};

/// A clock that stands still: exits differ by generation, not by time.
pub(crate) struct StoppedClock;

impl WallClock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// A Weyl sequence: evenly spread, and the same in every run.
#[derive(Default)]
pub(crate) struct Weyl(AtomicU64);

impl Random for Weyl {
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP)
    }
}

/// Runs a test in an actix system on one thread with virtual time.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a current-thread runtime can be built")
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(test)
}

/// Lets everything that is ready run; less than any time limit in these tests passes.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What happened, in order: "name hook".
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn note(&self, line: String) {
        self.0.lock().push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// How something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Panic,
    Error,
    /// Takes three seconds.
    Slow,
    /// Never returns, so that only a kill or a time limit ends it.
    Hang,
}

impl Fault {
    pub(crate) async fn happen(self, place: &str) -> Result<(), Failure> {
        match self {
            Fault::Panic => panic!("scripted panic in {place}"),
            Fault::Error => Err(Failure::new(format!("scripted failure in {place}"))),
            Fault::Slow => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Ok(())
            }
            Fault::Hang => std::future::pending().await,
        }
    }
}

/// What an actor does, shared by all its incarnations and changeable between them.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) journal: Journal,
    pub(crate) name: String,
    /// What happens in `started`, one entry for each incarnation; none left: it succeeds.
    pub(crate) in_started: Arc<Mutex<VecDeque<Fault>>>,
    /// The same for `stopping`.
    pub(crate) in_stopping: Arc<Mutex<VecDeque<Fault>>>,
    pub(crate) children: Vec<Child>,
    /// Exits of watched children, newest last.
    pub(crate) seen: Arc<Mutex<Vec<ChildExit>>>,
}

impl Script {
    pub(crate) fn named(name: &str, journal: &Journal) -> Self {
        Self { name: name.to_owned(), journal: journal.clone(), ..Self::default() }
    }

    pub(crate) fn spec(&self) -> ChildSpec<Scripted> {
        let script = self.clone();
        ChildSpec::new(self.name.clone(), "scripted", move || Scripted {
            script: script.clone(),
            handled: 0,
            latest: None,
        })
    }
}

/// A child that a scripted actor starts in `started`.
pub(crate) type Child = Arc<dyn Fn() -> ChildSpec<Scripted> + Send + Sync>;

pub(crate) fn child(make: impl Fn() -> ChildSpec<Scripted> + Send + Sync + 'static) -> Child {
    Arc::new(make)
}

pub(crate) enum Order {
    Count(Reply<u32>),
    Fail(Fault),
    FailInBackground(Fault),
    Work(Duration, Reply<u32>),
    Keep(Reply<u32>),
    Later(Duration),
    LaterButNot(Duration),
    /// Takes back the timer that the latest `Later` set.
    TakeBack,
    Start(Child, Reply<Handle<Scripted>>),
    StopChild(&'static str, Reply<bool>),
    Background(Duration),
    Finish,
    Exited(ChildExit),
    Tick,
}

impl Message for Order {
    fn label(&self) -> &'static str {
        match self {
            Order::Count(_) => "count",
            Order::Fail(_) => "fail",
            Order::FailInBackground(_) => "fail-in-background",
            Order::Work(..) => "work",
            Order::Keep(_) => "keep",
            Order::Later(_) => "later",
            Order::LaterButNot(_) => "later-but-not",
            Order::TakeBack => "take-back",
            Order::Start(..) => "start",
            Order::StopChild(..) => "stop-child",
            Order::Background(_) => "background",
            Order::Finish => "finish",
            Order::Exited(_) => "exited",
            Order::Tick => "tick",
        }
    }
}

pub(crate) struct Scripted {
    script: Script,
    handled: u32,
    latest: Option<TimerId>,
}

impl Actor for Scripted {
    type Message = Order;
    type Observed = u32;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        self.script.journal.note(format!("{} started", self.script.name));
        for child in &self.script.children {
            ctx.start_watched_child(child(), Order::Exited);
        }
        let fault = self.script.in_started.lock().pop_front();
        match fault {
            Some(fault) => fault.happen("started").await,
            None => Ok(()),
        }
    }

    async fn handle(&mut self, order: Order, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        self.handled += 1;
        match order {
            Order::Count(reply) => reply.send(self.handled),
            Order::Fail(fault) => fault.happen("handler").await?,
            Order::FailInBackground(Fault::Error) => ctx.spawn(async { Order::Fail(Fault::Error) }),
            Order::FailInBackground(fault) => ctx.spawn(async move {
                let _ = fault.happen("background").await;
                Order::Tick
            }),
            Order::Work(time, reply) => {
                tokio::time::sleep(time).await;
                self.script.journal.note(format!("{} worked", self.script.name));
                reply.send(self.handled);
            }
            Order::Keep(reply) => ctx.spawn_detached(async move {
                std::future::pending::<()>().await;
                reply.send(0);
            }),
            Order::Later(time) => self.latest = Some(ctx.after(time, Order::Tick)),
            Order::TakeBack => {
                let timer = self.latest.take().expect("a timer was set");
                assert!(ctx.cancel(timer), "it has not gone off");
            }
            Order::LaterButNot(time) => {
                let timer = ctx.after(time, Order::Tick);
                ctx.cancel(timer);
            }
            Order::Start(child, reply) => reply.send(ctx.start_watched_child(child(), Order::Exited)),
            Order::StopChild(name, reply) => reply.send(ctx.stop_child(name)),
            Order::Background(time) => ctx.spawn(async move {
                tokio::time::sleep(time).await;
                Order::Tick
            }),
            Order::Finish => return Ok(Next::Stop),
            Order::Exited(exit) => self.script.seen.lock().push(exit),
            Order::Tick => self.script.journal.note(format!("{} ticked", self.script.name)),
        }
        Ok(Next::Continue)
    }

    async fn stopping(&mut self, _ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        self.script.journal.note(format!("{} stopping", self.script.name));
        let fault = self.script.in_stopping.lock().pop_front();
        match fault {
            Some(fault) => fault.happen("stopping").await,
            None => Ok(()),
        }
    }

    fn observe(&self) -> u32 {
        self.handled
    }
}

/// A system with one scripted actor at the root.
pub(crate) fn start(root: ChildSpec<Scripted>) -> System {
    System::start(SystemConfig::new(Arc::new(Weyl::default()), Arc::new(StoppedClock)), root)
}

/// Whether something is at that path, ended actors included.
pub(crate) fn exists(system: &System, path: &str) -> bool {
    system.tree().snapshot(Some(path), Some(0)).is_some()
}

/// The node at a path, alone.
pub(crate) fn node(system: &System, path: &str) -> NodeView {
    system.tree().snapshot(Some(path), Some(0)).unwrap_or_else(|| panic!("nothing at {path}")).tree
}

pub(crate) fn handle(system: &System, path: &str) -> Handle<Scripted> {
    system.handle(path).unwrap_or_else(|| panic!("nothing at {path}"))
}
