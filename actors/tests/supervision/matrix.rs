//! Every way to fail, in every place, under every strategy and policy.

use std::time::Duration;

use payment_actors::supervision::{ActorState, AskError, ExitReason, Policy, RestartLimit, Strategy, System};

use super::support::{Fault, Journal, Order, Script, child, exists, handle, node, run, settle, start};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Panic,
    Error,
    Kill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Started,
    Handler,
    Background,
    Stopping,
}

const FAILINGS: [Failing; 3] = [Failing::Panic, Failing::Error, Failing::Kill];
const PLACES: [Place; 4] = [Place::Started, Place::Handler, Place::Background, Place::Stopping];
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
const POLICIES: [Policy; 3] = [Policy::Permanent, Policy::Transient, Policy::Temporary];

impl Failing {
    fn fault(self) -> Fault {
        match self {
            Failing::Panic => Fault::Panic,
            Failing::Error => Fault::Error,
            Failing::Kill => Fault::Hang,
        }
    }

    fn reason(self) -> ExitReason {
        match self {
            Failing::Panic => ExitReason::Panic,
            Failing::Error => ExitReason::Error,
            Failing::Kill => ExitReason::Killed,
        }
    }
}

fn expected_detail(failing: Failing, place: Place) -> &'static str {
    match (failing, place) {
        (Failing::Kill, _) => "drill",
        (Failing::Panic, Place::Started) => "in started: scripted panic in started",
        (Failing::Panic, Place::Handler) => "handling fail: scripted panic in handler",
        (Failing::Panic, Place::Background) => "in a background future: scripted panic in background",
        (Failing::Panic, Place::Stopping) => "in stopping: scripted panic in stopping",
        (Failing::Error, Place::Started) => "in started: scripted failure in started",
        // A background future has no error of its own: it fails through the message it brings.
        (Failing::Error, Place::Handler | Place::Background) => "handling fail: scripted failure in handler",
        (Failing::Error, Place::Stopping) => "in stopping: scripted failure in stopping",
    }
}

/// A root with three children, the victim in the middle.
fn start_trio(victim: Script, policy: Policy, strategy: Strategy) -> System {
    let mut root = Script::named("root", &victim.journal);
    let before = Script::named("before", &victim.journal);
    let after = Script::named("after", &victim.journal);
    root.children = vec![
        child(move || before.spec()),
        child(move || victim.spec().policy(policy)),
        child(move || after.spec()),
    ];
    start(root.spec().supervises(strategy, RestartLimit { count: 3, window: Duration::from_secs(60) }))
}

async fn fail(system: &System, victim: &Script, failing: Failing, place: Place) {
    match place {
        Place::Started => {}
        Place::Handler => {
            let victim = handle(system, "root/victim");
            victim.tell(Order::Fail(failing.fault())).expect("the victim takes orders");
        }
        Place::Background => {
            handle(system, "root/victim")
                .tell(Order::FailInBackground(failing.fault()))
                .expect("the victim takes orders");
        }
        Place::Stopping => {
            victim.in_stopping.lock().push_back(failing.fault());
            handle(system, "root/victim").tell(Order::Finish).expect("the victim takes orders");
        }
    }
    settle().await;
    if failing == Failing::Kill {
        system.tree().kill("root/victim", "drill").expect("the victim takes orders");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn check(failing: Failing, place: Place, strategy: Strategy, policy: Policy) {
    let case = format!("{failing:?} in {place:?}, {strategy:?}, {policy:?}");
    let victim = Script::named("victim", &Journal::default());
    if place == Place::Started {
        victim.in_started.lock().push_back(failing.fault());
    }
    let system = start_trio(victim.clone(), policy, strategy);
    let caller = loop {
        settle().await;
        if exists(&system, "root/victim") {
            break handle(&system, "root/victim");
        }
    };
    fail(&system, &victim, failing, place).await;

    let view = node(&system, "root/victim");
    let exit = view.last_exit.clone().unwrap_or_else(|| panic!("{case}: no exit recorded"));
    assert_eq!(exit.reason, failing.reason(), "{case}");
    assert_eq!(exit.detail, expected_detail(failing, place), "{case}");
    let restarts = policy != Policy::Temporary;
    if restarts {
        assert_eq!((view.state, view.generation), (ActorState::Running, 2), "{case}");
        assert_eq!(caller.ask(Order::Count).await, Ok(1), "{case}: a fresh state behind the old handle");
    } else {
        assert_eq!((view.state, view.generation), (ActorState::Stopped, 1), "{case}");
        assert_eq!(caller.ask(Order::Count).await, Err(AskError::Stopped), "{case}");
    }
    let generation = |path| node(&system, path).generation;
    let before = if restarts && strategy == Strategy::OneForAll { 2 } else { 1 };
    let after = if restarts && strategy != Strategy::OneForOne { 2 } else { 1 };
    assert_eq!((generation("root/before"), generation("root/after")), (before, after), "{case}");
    if before == 2 {
        let exit = node(&system, "root/before").last_exit.expect("the sibling was stopped");
        assert_eq!(exit.reason, ExitReason::RestartedByStrategy, "{case}");
    }
    assert_eq!(generation("root"), 1, "{case}: the supervisor is untouched");
    system.shutdown().await;
    assert_eq!((system.live(), system.ended().await), (0, Ok(())), "{case}");
}

#[test]
fn every_failure_is_caught_recorded_and_restarted_as_its_spec_says() {
    for failing in FAILINGS {
        for place in PLACES {
            for strategy in STRATEGIES {
                for policy in POLICIES {
                    run(check(failing, place, strategy, policy));
                }
            }
        }
    }
}

/// A normal end: who is restarted, and that an endless loop of them is bounded.
#[test]
fn a_normal_end_restarts_only_permanent_actors() {
    for policy in POLICIES {
        run(async move {
            let system =
                start_trio(Script::named("victim", &Journal::default()), policy, Strategy::OneForOne);
            settle().await;
            let victim = handle(&system, "root/victim");
            victim.tell(Order::Finish).unwrap();
            let queued = victim.ask(Order::Count);
            tokio::time::sleep(Duration::from_secs(1)).await;
            if policy == Policy::Permanent {
                assert_eq!(queued.await, Ok(1));
                assert_eq!(node(&system, "root/victim").generation, 2);
            } else {
                assert_eq!(queued.await, Err(AskError::NotDelivered));
                assert!(!exists(&system, "root/victim"));
            }
            system.shutdown().await;
        });
    }
}
