//! Children that are started, stopped, started again and watched.

use std::sync::Arc;
use std::time::Duration;

use payment_actors::supervision::{AskError, ExitReason, Policy, RestartLimit, Strategy, System};

use super::support::{Child, Fault, Journal, Order, Script, child, exists, handle, node, run, settle, start};

const SECOND: Duration = Duration::from_secs(1);

fn dynamic(script: &Script, policy: Policy) -> Child {
    let script = script.clone();
    child(move || script.spec().policy(policy))
}

/// root -> mid, where mid starts "fixed" in `started`.
fn start_mid(journal: &Journal) -> (System, Script) {
    let fixed = Script::named("fixed", journal);
    let mut mid = Script::named("mid", journal);
    mid.children = vec![child(move || fixed.spec())];
    let script = mid.clone();
    let mut root = Script::named("root", journal);
    root.children = vec![child(move || mid.spec())];
    (start(root.spec()), script)
}

#[test]
fn a_restarted_supervisor_takes_back_what_it_starts_again_and_ends_the_rest() {
    run(async {
        let (system, _) = start_mid(&Journal::default());
        settle().await;
        let mid = handle(&system, "root/mid");
        let fixed = handle(&system, "root/mid/fixed");
        let extra = Script::named("extra", &Journal::default());
        let extra = mid.ask(|reply| Order::Start(dynamic(&extra, Policy::Permanent), reply)).await.unwrap();
        assert_eq!(extra.ask(Order::Count).await, Ok(1));

        mid.tell(Order::Fail(Fault::Panic)).unwrap();
        settle().await;
        let waiting = fixed.ask(Order::Count);
        let lost = extra.ask(Order::Count);
        assert_eq!(waiting.await, Ok(1), "the same handle, a new incarnation");
        assert_eq!(lost.await, Err(AskError::NotDelivered));
        assert_eq!(extra.ask(Order::Count).await, Err(AskError::Stopped));
        let view = node(&system, "root/mid/fixed");
        assert_eq!((view.generation, view.restarts_in_window), (2, 0));
        assert_eq!(view.last_exit.expect("it was stopped").reason, ExitReason::SupervisorEnded);
        assert!(!exists(&system, "root/mid/extra"));
        system.shutdown().await;
    });
}

#[test]
fn a_child_is_stopped_by_name_and_its_name_is_free_again() {
    run(async {
        let journal = Journal::default();
        let (system, _) = start_mid(&journal);
        settle().await;
        let mid = handle(&system, "root/mid");
        let extra = Script::named("pool/extra", &journal);
        let spec = dynamic(&extra, Policy::Permanent);
        let first = mid.ask(|reply| Order::Start(Arc::clone(&spec), reply)).await.unwrap();
        assert_eq!(node(&system, "root/mid/pool/extra").generation, 1);
        let again = mid.ask(|reply| Order::Start(Arc::clone(&spec), reply)).await.unwrap();
        assert_eq!((first.ask(Order::Count).await, again.ask(Order::Count).await), (Ok(1), Ok(2)));

        let slow = first.ask(|reply| Order::Work(SECOND, reply));
        assert_eq!(mid.ask(|reply| Order::StopChild("pool/extra", reply)).await, Ok(true));
        assert_eq!(slow.await, Ok(3), "a stopped child finishes what it has");
        settle().await;
        assert_eq!(first.ask(Order::Count).await, Err(AskError::Stopped));
        assert_eq!(mid.ask(|reply| Order::StopChild("pool/extra", reply)).await, Ok(false));

        let third = mid.ask(|reply| Order::Start(Arc::clone(&spec), reply)).await.unwrap();
        assert_eq!(third.ask(Order::Count).await, Ok(1));
        system.shutdown().await;
    });
}

#[test]
fn a_child_started_again_while_it_ends_starts_afterwards() {
    run(async {
        let (system, _) = start_mid(&Journal::default());
        settle().await;
        let mid = handle(&system, "root/mid");
        let extra = Script::named("extra", &Journal::default());
        extra.in_stopping.lock().push_back(Fault::Slow);
        let spec = dynamic(&extra, Policy::Transient);
        let first = mid.ask(|reply| Order::Start(Arc::clone(&spec), reply)).await.unwrap();
        first.tell(Order::Finish).unwrap();
        settle().await;
        assert_eq!(first.ask(Order::Count).await, Err(AskError::Stopped), "it has asked to end");
        let second = mid.ask(|reply| Order::Start(Arc::clone(&spec), reply)).await.unwrap();
        let before = tokio::time::Instant::now();
        assert_eq!(second.ask(Order::Count).await, Ok(1));
        assert!(before.elapsed() > 2 * SECOND, "never two incarnations at once");
        assert_eq!(first.ask(Order::Count).await, Ok(2));
        assert_eq!(node(&system, "root/mid/extra").generation, 2);
        system.shutdown().await;
    });
}

#[test]
fn a_parent_is_told_of_the_exits_of_children_it_watches() {
    run(async {
        let (system, script) = start_mid(&Journal::default());
        settle().await;
        let fixed = handle(&system, "root/mid/fixed");
        fixed.tell(Order::Fail(Fault::Error)).unwrap();
        tokio::time::sleep(SECOND).await;
        let mid = handle(&system, "root/mid");
        mid.ask(|reply| Order::StopChild("fixed", reply)).await.unwrap();
        tokio::time::sleep(SECOND).await;
        let seen: Vec<_> = script.seen.lock().iter().map(|exit| (exit.exit.reason, exit.restarts)).collect();
        assert_eq!(seen, [(ExitReason::Error, true), (ExitReason::Shutdown, false)]);
        assert_eq!(script.seen.lock()[0].name, "fixed");
        system.shutdown().await;
    });
}

/// root -> a, b, supervised with that strategy; b waits long before it is restarted.
fn start_pair(strategy: Strategy, b: &Script) -> System {
    let (a, b) = (Script::named("a", &b.journal), b.clone());
    let mut root = Script::named("root", &b.journal);
    root.children = vec![
        child(move || a.spec()),
        child(move || b.spec().policy(Policy::Transient).backoff(8 * SECOND, 8 * SECOND)),
    ];
    start(root.spec().supervises(strategy, RestartLimit { count: 5, window: 60 * SECOND }))
}

#[test]
fn a_sibling_that_fails_during_a_group_restart_is_restarted_after_it() {
    run(async {
        let system = start_pair(Strategy::RestForOne, &Script::named("b", &Journal::default()));
        settle().await;
        system.tree().kill("root/b", "first").unwrap();
        settle().await;
        system.tree().kill("root/a", "while b waits").unwrap();
        let (a, b) = (handle(&system, "root/a"), handle(&system, "root/b"));
        assert_eq!((a.ask(Order::Count).await, b.ask(Order::Count).await), (Ok(1), Ok(1)));
        assert_eq!(node(&system, "root/a").generation, 2);
        assert_eq!(node(&system, "root/b").generation, 3);
        system.shutdown().await;
    });
}

#[test]
fn a_group_restart_waits_for_a_member_that_was_started_again_while_it_ended() {
    run(async {
        let b = Script::named("b", &Journal::default());
        b.in_stopping.lock().push_back(Fault::Slow);
        let system = start_pair(Strategy::OneForAll, &b);
        settle().await;
        let (root, a, first) =
            (handle(&system, "root"), handle(&system, "root/a"), handle(&system, "root/b"));
        first.tell(Order::Finish).unwrap();
        settle().await;
        let spec = dynamic(&b, Policy::Transient);
        let again = root.ask(|reply| Order::Start(spec, reply)).await.unwrap();
        system.tree().kill("root/a", "while b ends").unwrap();
        settle().await;
        assert_eq!((a.ask(Order::Count).await, again.ask(Order::Count).await), (Ok(1), Ok(1)));
        assert_eq!((node(&system, "root/a").generation, node(&system, "root/b").generation), (2, 2));
        system.shutdown().await;
    });
}
