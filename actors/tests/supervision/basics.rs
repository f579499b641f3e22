//! Messages, answers, and what a caller sees when things go wrong.

use std::time::Duration;

use payment_actors::supervision::{ActorState, AskError, ExitReason, SendError};

use super::support::{Fault, Journal, Order, Script, child, handle, node, run, settle, start};

const SOON: Duration = Duration::from_secs(1);

fn root_with(child_script: Script) -> Script {
    let mut root = Script::named("root", &child_script.journal);
    root.children = vec![child(move || child_script.spec().mailbox(2))];
    root
}

#[test]
fn a_handle_survives_a_restart_and_memory_does_not() {
    run(async {
        let system = start(root_with(Script::named("a", &Journal::default())).spec());
        settle().await;
        let a = handle(&system, "root/a");
        assert_eq!(a.ask(Order::Count).await, Ok(1));
        assert_eq!(a.ask(Order::Count).await, Ok(2));
        a.tell(Order::Fail(Fault::Panic)).unwrap();
        assert_eq!(a.ask(Order::Count).await, Ok(1), "a new incarnation starts from the factory");
        let view = node(&system, "root/a");
        assert_eq!((view.generation, view.restarts_total, view.restarts_in_window), (2, 1, 1));
        let exit = view.last_exit.unwrap();
        assert_eq!(exit.reason, ExitReason::Panic);
        assert_eq!(exit.detail, "handling fail: scripted panic in handler");
        system.shutdown().await;
        assert_eq!(system.live(), 0);
        assert_eq!(system.ended().await, Ok(()));
    });
}

#[test]
fn callers_are_told_what_became_of_their_message() {
    run(async {
        let system = start(root_with(Script::named("a", &Journal::default())).spec());
        settle().await;
        let a = handle(&system, "root/a");

        a.tell(Order::Fail(Fault::Hang)).unwrap();
        settle().await;
        let first = a.ask(Order::Count);
        let second = a.ask(Order::Count);
        assert_eq!(a.ask(Order::Count).await, Err(AskError::Overloaded));
        assert_eq!(a.tell(Order::Tick), Err(SendError::Overloaded));
        assert_eq!(node(&system, "root/a").state, ActorState::Busy);

        system.tree().kill("root/a", "it hangs").unwrap();
        assert_eq!(
            (first.await, second.await),
            (Ok(1), Ok(2)),
            "queued messages wait for the next incarnation"
        );

        let kept = a.ask(Order::Keep);
        settle().await;
        system.tree().kill("root/a", "again").unwrap();
        assert_eq!(kept.await, Err(AskError::OutcomeUnknown));

        system.tree().pause("root/a", "maintenance").unwrap();
        assert_eq!(a.ask(Order::Count).await, Err(AskError::Paused));
        system.tree().resume("root/a", "done").unwrap();
        assert_eq!(a.ask(Order::Count).await, Ok(1));

        a.tell(Order::Fail(Fault::Hang)).unwrap();
        settle().await;
        let never = a.ask(Order::Count);
        system.shutdown().await;
        assert_eq!(never.await, Err(AskError::NotDelivered));
        assert_eq!(a.ask(Order::Count).await, Err(AskError::Stopped));
        tokio::time::sleep(SOON).await;
        assert_eq!(system.live(), 0);
    });
}
