//! Restart limits: giving up, ending, and the way up to the root.

use std::time::Duration;

use payment_actors::supervision::{ActorState, ChildSpec, ExitReason, RestartLimit, Strategy};

use super::support::{Fault, Journal, Order, Script, Scripted, child, handle, node, run, settle, start};

fn limited(script: &Script, count: u32) -> ChildSpec<Scripted> {
    let limit = RestartLimit { count, window: Duration::from_secs(60) };
    script.spec().supervises(Strategy::OneForOne, limit)
}

/// root -> mid -> leaf, where the leaf may be restarted twice and mid once.
fn tree_of(leaf: &Script) -> ChildSpec<Scripted> {
    let (leaf, journal) = (leaf.clone(), leaf.journal.clone());
    let mut mid = Script::named("mid", &journal);
    mid.children = vec![child(move || leaf.spec())];
    let mut root = Script::named("root", &journal);
    root.children = vec![child(move || limited(&mid, 2))];
    limited(&root, 1)
}

#[test]
fn past_the_limit_the_supervisor_ends_and_is_restarted_by_its_own() {
    run(async {
        let leaf = Script::named("leaf", &Journal::default());
        leaf.in_started.lock().extend([Fault::Panic, Fault::Error, Fault::Panic]);
        let system = start(tree_of(&leaf));
        settle().await;
        let caller = handle(&system, "root/mid/leaf");
        let answer = caller.ask(Order::Count);
        assert_eq!(answer.await, Ok(1), "the message waited through four incarnations");
        let mid = node(&system, "root/mid");
        let exit = mid.last_exit.expect("mid ended");
        assert_eq!((mid.generation, exit.reason), (2, ExitReason::Escalated));
        assert_eq!(
            exit.detail,
            "gave up root/mid/leaf after 2 restarts within 60s, last exit: panic: in started: scripted panic in started"
        );
        assert_eq!(node(&system, "root/mid/leaf").generation, 4);
        assert_eq!(system.tree().summary().given_up, 0, "the new incarnation of mid took it back");
        system.shutdown().await;
    });
}

#[test]
fn at_the_root_the_system_ends_and_names_the_first_cause() {
    run(async {
        let leaf = Script::named("leaf", &Journal::default());
        leaf.in_started.lock().extend([Fault::Panic; 100]);
        let system = start(tree_of(&leaf));
        let failure = system.ended().await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "root ended: escalated: gave up root/mid after 1 restarts within 60s, last exit: escalated: \
             gave up root/mid/leaf after 2 restarts within 60s, last exit: panic: in started: \
             scripted panic in started"
        );
        settle().await;
        assert_eq!(system.live(), 0);
        assert_eq!(leaf.in_started.lock().len(), 100 - 6);
    });
}

#[test]
fn a_failing_root_ends_the_system() {
    run(async {
        let root = Script::named("root", &Journal::default());
        let system = start(root.spec());
        settle().await;
        handle(&system, "root").tell(Order::Fail(Fault::Error)).unwrap();
        let failure = system.ended().await.unwrap_err();
        assert_eq!(failure.message, "root ended: error: handling fail: scripted failure in handler");
    });
}

#[test]
fn old_restarts_leave_the_window() {
    run(async {
        let leaf = Script::named("leaf", &Journal::default());
        let system = start(tree_of(&leaf));
        settle().await;
        for round in 1..=6 {
            handle(&system, "root/mid/leaf").tell(Order::Fail(Fault::Panic)).unwrap();
            tokio::time::sleep(Duration::from_secs(40)).await;
            let view = node(&system, "root/mid/leaf");
            assert_eq!((view.generation, view.state), (round + 1, ActorState::Running));
            assert!(view.restarts_in_window <= 2);
        }
        assert_eq!(node(&system, "root/mid").generation, 1);
        system.shutdown().await;
    });
}

#[test]
fn restart_delays_grow_within_their_bounds() {
    run(async {
        let leaf = Script::named("leaf", &Journal::default());
        let spec = leaf.clone();
        let mut root = Script::named("root", &leaf.journal);
        root.children =
            vec![child(move || spec.spec().backoff(Duration::from_millis(100), Duration::from_millis(300)))];
        let system = start(limited(&root, 10));
        settle().await;
        let mut longest = Duration::ZERO;
        for _ in 0..8 {
            handle(&system, "root/leaf").tell(Order::Fail(Fault::Panic)).unwrap();
            let before = tokio::time::Instant::now();
            handle(&system, "root/leaf").ask(Order::Count).await.unwrap();
            longest = longest.max(before.elapsed());
        }
        assert!(longest > Duration::from_millis(100), "{longest:?}");
        assert!(longest <= Duration::from_millis(302), "{longest:?}");
        system.shutdown().await;
    });
}
