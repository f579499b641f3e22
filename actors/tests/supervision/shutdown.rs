//! Orderly ends, ends that are not, and that nothing stays behind.

use std::time::Duration;

use payment_actors::supervision::{AskError, ChildSpec, ExitReason, System};

use super::support::{Fault, Journal, Order, Script, Scripted, child, handle, node, run, settle, start};

const SECOND: Duration = Duration::from_secs(1);

/// root -> first(inner), second, third.
fn start_tree(journal: &Journal, shape: fn(ChildSpec<Scripted>) -> ChildSpec<Scripted>) -> System {
    let inner = Script::named("inner", journal);
    let mut first = Script::named("first", journal);
    first.children = vec![child(move || inner.spec())];
    let second = Script::named("second", journal);
    let third = Script::named("third", journal);
    let mut root = Script::named("root", journal);
    root.children = vec![
        child(move || shape(first.spec())),
        child(move || shape(second.spec())),
        child(move || shape(third.spec())),
    ];
    start(root.spec())
}

#[test]
fn children_end_in_reverse_start_order_before_their_parent() {
    run(async {
        let journal = Journal::default();
        let system = start_tree(&journal, |spec| spec);
        settle().await;
        assert_eq!(
            journal.lines(),
            ["root started", "first started", "second started", "third started", "inner started"]
        );
        journal.clear();
        system.shutdown().await;
        let ends = ["third stopping", "second stopping", "inner stopping", "first stopping", "root stopping"];
        assert_eq!(journal.lines(), ends);
        assert_eq!((system.live(), system.ended().await), (0, Ok(())));
    });
}

#[test]
fn an_orderly_end_handles_what_was_accepted_and_awaits_background_work() {
    run(async {
        let journal = Journal::default();
        let system = start_tree(&journal, |spec| spec);
        settle().await;
        let second = handle(&system, "root/second");
        let working = second.ask(|reply| Order::Work(SECOND, reply));
        second.tell(Order::Background(2 * SECOND)).unwrap();
        second.tell(Order::Later(Duration::from_millis(10))).unwrap();
        let queued = second.ask(Order::Count);
        settle().await;
        journal.clear();
        let shutdown = system.shutdown();
        let late = async {
            settle().await;
            second.ask(Order::Count).await
        };
        let (_, late) = tokio::join!(shutdown, late);
        assert_eq!(late, Err(AskError::Stopped));
        assert_eq!((working.await, queued.await), (Ok(1), Ok(4)));
        let own: Vec<_> = journal.lines().into_iter().filter(|line| line.starts_with("second")).collect();
        assert_eq!(own, ["second worked", "second ticked", "second stopping"], "the timer does not fire");
    });
}

#[test]
fn an_end_that_takes_too_long_is_aborted() {
    run(async {
        let journal = Journal::default();
        let system = start_tree(&journal, |spec| spec.shutdown(2 * SECOND));
        settle().await;
        let second = handle(&system, "root/second");
        second.tell(Order::Fail(Fault::Hang)).unwrap();
        let queued = second.ask(Order::Count);
        settle().await;
        let before = tokio::time::Instant::now();
        system.shutdown().await;
        assert_eq!(before.elapsed().as_secs(), 2);
        assert_eq!(queued.await, Err(AskError::NotDelivered));
        assert!(!journal.lines().contains(&"second stopping".to_owned()));
        assert!(journal.lines().contains(&"first stopping".to_owned()));
    });
}

#[test]
fn an_operators_restart_finishes_the_message_and_aborts_a_hung_one() {
    run(async {
        let journal = Journal::default();
        let system = start_tree(&journal, |spec| spec.shutdown(2 * SECOND));
        settle().await;
        journal.clear();
        let third = handle(&system, "root/third");
        let working = third.ask(|reply| Order::Work(SECOND, reply));
        let queued = third.ask(Order::Count);
        settle().await;
        system.tree().restart("root/third", "new settings").unwrap();
        assert_eq!((working.await, queued.await), (Ok(1), Ok(1)));
        assert_eq!(journal.lines(), ["third worked", "third stopping", "third started"]);
        let view = node(&system, "root/third");
        let exit = view.last_exit.expect("it was restarted");
        assert_eq!((exit.reason, exit.detail.as_str()), (ExitReason::RestartedByOperator, "new settings"));
        assert_eq!((view.generation, view.restarts_total, view.restarts_in_window), (2, 1, 0));

        let hung = third.ask(Order::Keep);
        third.tell(Order::Fail(Fault::Hang)).unwrap();
        settle().await;
        system.tree().restart("root/third", "it hangs").unwrap();
        assert_eq!(third.ask(Order::Count).await, Ok(1));
        assert_eq!(hung.await, Err(AskError::OutcomeUnknown));
        let exit = node(&system, "root/third").last_exit.expect("it was restarted");
        assert_eq!(exit.detail, "it hangs; aborted after 2s");
        system.shutdown().await;
    });
}

#[test]
fn a_crash_of_the_system_runs_no_code() {
    run(async {
        let journal = Journal::default();
        let system = start_tree(&journal, |spec| spec);
        settle().await;
        let third = handle(&system, "root/third");
        let working = third.ask(|reply| Order::Work(SECOND, reply));
        let queued = third.ask(Order::Count);
        settle().await;
        journal.clear();
        system.crash().await;
        assert_eq!(system.live(), 0);
        assert_eq!(
            (working.await, queued.await),
            (Err(AskError::OutcomeUnknown), Err(AskError::NotDelivered))
        );
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(journal.lines(), Vec::<String>::new());
        assert_eq!(system.tree().summary().alive, 0);
    });
}

#[test]
fn two_runs_with_the_same_seed_are_identical() {
    let trace = || {
        run(async {
            let journal = Journal::default();
            let system = start_tree(&journal, |spec| spec);
            let begun = tokio::time::Instant::now();
            settle().await;
            let mut trace = Vec::new();
            for round in 0..4 {
                for path in ["root/first", "root/second", "root/third", "root/first/inner"] {
                    let target = handle(&system, path);
                    target.tell(Order::Background(Duration::from_millis(round))).unwrap();
                    target.tell(Order::Fail(Fault::Panic)).unwrap();
                    trace.push(format!("{:?} {:?}", target.ask(Order::Count).await, begun.elapsed()));
                }
            }
            system.shutdown().await;
            trace.extend(journal.lines());
            trace
        })
    };
    assert_eq!(trace(), trace());
}
