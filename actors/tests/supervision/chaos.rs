//! Random drills and failures from a seed: whatever the order of events, every question is answered, the
//! tree comes to rest with everybody alive, and nothing stays behind.

use std::time::Duration;

use payment_actors::ports::random::Random;
use payment_actors::supervision::{ActorState, ChildSpec, Handle, Policy, RestartLimit, Strategy, System};

use super::support::{
    Child, Fault, Journal, Order, Script, Scripted, Weyl, child, exists, run, settle, start,
};

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
const FIXED: [&str; 7] = ["root/a", "root/a/x", "root/a/y", "root/a/z", "root/b", "root/b/x", "root/b/y"];
const STEPS: u64 = 400;
const ENOUGH: Duration = Duration::from_secs(60);

/// Mixed draws: a Weyl sequence alone walks through a small table in a fixed rhythm.
struct Draws(Weyl, u64);

impl Draws {
    fn below(&self, limit: u64) -> u64 {
        let mut bits = self.0.next_u64() ^ self.1;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }

    fn pick<T: Copy>(&self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).expect("an index fits")]
    }
}

fn tolerant(spec: ChildSpec<Scripted>, strategy: Strategy) -> ChildSpec<Scripted> {
    let limit = RestartLimit { count: 1_000_000, window: Duration::from_secs(1) };
    spec.supervises(strategy, limit).shutdown(Duration::from_millis(300)).mailbox(8)
}

fn branch(name: &str, leaves: &[&str], strategy: Strategy) -> Child {
    let journal = Journal::default();
    let mut script = Script::named(name, &journal);
    for leaf in leaves {
        let leaf = Script::named(leaf, &journal);
        script.children.push(child(move || tolerant(leaf.spec(), Strategy::OneForOne)));
    }
    child(move || tolerant(script.spec(), strategy))
}

/// Faults that end by themselves or by the next drill, in the handler, in background work or in the end.
fn trouble(draws: &Draws) -> Order {
    let fault = draws.pick(&[Fault::Panic, Fault::Error, Fault::Slow, Fault::Hang]);
    match draws.below(5) {
        0 | 1 => Order::Fail(fault),
        2 => Order::FailInBackground(fault),
        3 => Order::Finish,
        _ => Order::Later(Duration::from_millis(draws.below(100))),
    }
}

fn dynamic(draws: &Draws) -> Child {
    let policy = draws.pick(&[Policy::Permanent, Policy::Transient, Policy::Temporary]);
    child(move || {
        tolerant(Script::named("extra", &Journal::default()).spec().policy(policy), Strategy::OneForOne)
    })
}

fn step(system: &System, draws: &Draws, asked: &mut Vec<tokio::task::JoinHandle<()>>) {
    let path = draws.pick(&FIXED);
    let tree = system.tree();
    let Some(target) = tree.handle::<Scripted>(path) else { return };
    match draws.below(12) {
        0 | 1 => {
            let _ = tree.kill(path, "chaos");
        }
        2 => {
            let _ = tree.restart(path, "chaos");
        }
        3 => {
            let _ = tree.pause(path, "chaos");
        }
        4 => {
            let _ = tree.resume(path, "chaos");
        }
        5 => {
            let _ = target.tell(trouble(draws));
        }
        6 => {
            let _ = tree.kill("root/a/extra", "chaos");
        }
        7 | 8 => {
            let spec = dynamic(draws);
            drop(target.ask(|reply| Order::Start(spec, reply)));
        }
        9 => {
            drop(target.ask(|reply| Order::StopChild("extra", reply)));
        }
        _ => asked.push(tokio::task::spawn_local(async move {
            let _ = target.ask(Order::Count).await;
        })),
    }
}

/// Ends what hangs, as often as a mailbox can hold another order to hang, until every fixed actor answers.
async fn come_to_rest(system: &System, seed: u64) {
    for path in FIXED {
        assert!(exists(system, path), "seed {seed}: {path} is gone");
        let _ = system.tree().resume(path, "the end");
        let target: Handle<Scripted> = system.handle(path).expect("it exists");
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 40, "seed {seed}: {path} is lost");
            let answer = tokio::time::timeout(Duration::from_secs(10), target.ask(Order::Count)).await;
            if matches!(answer, Ok(Ok(_))) {
                break;
            }
            let _ = system.tree().kill(path, "the end");
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }
}

async fn one_run(seed: u64, strategy: Strategy) -> Vec<u64> {
    let draws = Draws(Weyl::default(), seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut root = Script::named("root", &Journal::default());
    root.children = vec![branch("a", &["x", "y", "z"], strategy), branch("b", &["x", "y"], strategy)];
    let system = start(tolerant(root.spec(), strategy));
    settle().await;
    let mut asked = Vec::new();
    for _ in 0..STEPS {
        step(&system, &draws, &mut asked);
        match draws.below(4) {
            0 => tokio::time::sleep(Duration::from_millis(draws.below(200))).await,
            1 => tokio::task::yield_now().await,
            _ => {}
        }
    }
    come_to_rest(&system, seed).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    for question in asked {
        let answered = tokio::time::timeout(ENOUGH, question).await;
        assert!(answered.is_ok(), "seed {seed}: a question was never answered");
    }
    let view = system.tree().snapshot(None, None).expect("the root is there");
    assert_eq!(view.tree.state, ActorState::Running);
    assert_eq!((view.summary.restarting, view.summary.backing_off), (0, 0), "seed {seed}");
    let generations = FIXED.map(|path| super::support::node(&system, path).generation).to_vec();
    let ended = tokio::time::timeout(ENOUGH, system.shutdown()).await;
    assert!(ended.is_ok(), "seed {seed}: the shutdown hangs");
    let rest = system.tree().summary();
    assert_eq!((system.live(), rest.alive, rest.queued, rest.restarting), (0, 0, 0, 0), "seed {seed}");
    assert_eq!(system.ended().await, Ok(()), "seed {seed}");
    generations
}

#[test]
fn whatever_happens_the_tree_recovers_and_ends() {
    for seed in 0..20 {
        for strategy in STRATEGIES {
            let generations = run(one_run(seed, strategy));
            assert!(generations.iter().sum::<u64>() > 50, "seed {seed} did little: {generations:?}");
            if seed == 0 {
                assert_eq!(generations, run(one_run(seed, strategy)), "the same seed, the same history");
            }
        }
    }
}
