//! What an actor costs: bytes per idle actor, and microseconds per question on one thread and between two.
//!
//! `cargo run --release -p payment-actors --example supervision_cost [actors]`, Linux only.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use payment_actors::ports::clock::WallClock;
use payment_actors::ports::random::Random;
use payment_actors::supervision::{
    Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Policy, Reply, System, SystemConfig,
};

struct Now;

impl WallClock for Now {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

struct Zero;

impl Random for Zero {
    fn next_u64(&self) -> u64 {
        0
    }
}

enum Question {
    Count(Reply<u64>),
    StartMany(usize, Reply<()>),
    StartOn(actix_rt::ArbiterHandle, Reply<Handle<Counter>>),
}

impl Message for Question {
    fn label(&self) -> &'static str {
        match self {
            Question::Count(_) => "count",
            Question::StartMany(..) => "start-many",
            Question::StartOn(..) => "start-on",
        }
    }
}

#[derive(Default)]
struct Counter {
    handled: u64,
}

fn spec(name: String) -> ChildSpec<Counter> {
    ChildSpec::new(name, "counter", Counter::default).policy(Policy::Transient)
}

impl Actor for Counter {
    type Message = Question;
    type Observed = u64;

    async fn handle(&mut self, question: Question, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        self.handled += 1;
        match question {
            Question::Count(reply) => reply.send(self.handled),
            Question::StartMany(count, reply) => {
                for number in 0..count {
                    ctx.start_child(spec(format!("payment/{number}")));
                }
                reply.send(());
            }
            Question::StartOn(arbiter, reply) => {
                reply.send(ctx.start_child(spec("far".to_owned()).on(arbiter)));
            }
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> u64 {
        self.handled
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("statm has it");
    pages * 4096
}

async fn ask_in_turn(target: &Handle<Counter>, count: u32) -> f64 {
    let begun = Instant::now();
    for _ in 0..count {
        target.ask(Question::Count).await.expect("the actor lives");
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}

async fn measure(actors: usize) {
    let config = SystemConfig::new(Arc::new(Zero), Arc::new(Now));
    let system = System::start(config, ChildSpec::new("root", "root", Counter::default));
    let root: Handle<Counter> = system.handle("root").expect("the root was just started");
    root.ask(Question::Count).await.expect("the root lives");

    ask_in_turn(&root, 100_000).await;
    println!("ask, same thread: {:.2} us", ask_in_turn(&root, 1_000_000).await);
    let arbiter = actix_rt::Arbiter::new();
    let far = root.ask(|reply| Question::StartOn(arbiter.handle(), reply)).await.expect("the root lives");
    println!("ask, between threads: {:.1} us", ask_in_turn(&far, 20_000).await);

    let before = resident_bytes();
    let begun = Instant::now();
    root.ask(|reply| Question::StartMany(actors, reply)).await.expect("the root lives");
    while system.tree().summary().alive < actors as u64 + 2 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let idle = (resident_bytes() - before) / actors as u64;
    let micros = begun.elapsed().as_secs_f64() * 1e6 / actors as f64;
    println!("idle actor: {idle} bytes, {micros:.2} us to start ({actors} live)");

    for number in 0..actors {
        let one: Handle<Counter> =
            system.handle(&format!("root/payment/{number}")).expect("all were started");
        one.ask(Question::Count).await.expect("the actor lives");
    }
    let used = (resident_bytes() - before) / actors as u64;
    println!("after one message each: {used} bytes");
    let begun = Instant::now();
    system.tree().snapshot(None, Some(1)).expect("the root is there");
    println!("snapshot of the root with its children: {:?}", begun.elapsed());
    let begun = Instant::now();
    system.shutdown().await;
    println!("shutdown: {:?}, {} left", begun.elapsed(), system.live());
}

fn main() {
    let actors = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    actix_rt::System::new().block_on(measure(actors));
}
