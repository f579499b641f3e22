//! Background futures and timers: beside the handler, in order, gone with the incarnation.

use std::time::Duration;

use payment_actors::supervision::System;

use super::support::{Fault, Journal, Order, Script, child, handle, run, settle, start};

const SECOND: Duration = Duration::from_secs(1);

fn one(journal: &Journal) -> System {
    let a = Script::named("a", journal);
    let mut root = Script::named("root", &Journal::default());
    root.children = vec![child(move || a.spec())];
    start(root.spec())
}

#[test]
fn background_work_goes_on_while_a_message_is_handled() {
    run(async {
        let journal = Journal::default();
        let system = one(&journal);
        settle().await;
        let a = handle(&system, "root/a");
        a.tell(Order::Background(SECOND)).unwrap();
        let before = tokio::time::Instant::now();
        let slow = a.ask(|reply| Order::Work(SECOND, reply));
        let next = a.ask(|reply| Order::Work(SECOND, reply));
        assert_eq!((slow.await, next.await), (Ok(2), Ok(4)), "its output comes before what is queued");
        assert!(before.elapsed() < 2 * SECOND + Duration::from_millis(5));
        assert_eq!(journal.lines(), ["a started", "a worked", "a ticked", "a worked"]);
        system.shutdown().await;
    });
}

#[test]
fn timers_fire_in_order_and_can_be_taken_back() {
    run(async {
        let journal = Journal::default();
        let system = one(&journal);
        settle().await;
        let a = handle(&system, "root/a");
        a.tell(Order::Later(3 * SECOND)).unwrap();
        a.tell(Order::Later(SECOND)).unwrap();
        a.tell(Order::LaterButNot(2 * SECOND)).unwrap();
        for expected in [1, 1, 2] {
            tokio::time::sleep(SECOND + Duration::from_millis(2)).await;
            assert_eq!(journal.lines().iter().filter(|line| *line == "a ticked").count(), expected);
        }
        system.shutdown().await;
    });
}

#[test]
fn a_timer_fires_after_one_that_was_taken_back() {
    run(async {
        let journal = Journal::default();
        let system = one(&journal);
        settle().await;
        let a = handle(&system, "root/a");
        a.tell(Order::Later(2 * SECOND)).unwrap();
        tokio::time::sleep(SECOND).await;
        a.tell(Order::TakeBack).unwrap();
        // The moment of the timer that was taken back passes while there is none.
        tokio::time::sleep(3 * SECOND).await;
        a.tell(Order::Later(SECOND)).unwrap();
        tokio::time::sleep(SECOND + Duration::from_millis(2)).await;
        assert_eq!(journal.lines(), ["a started", "a ticked"]);
        system.shutdown().await;
    });
}

#[test]
fn timers_and_background_work_end_with_the_incarnation() {
    run(async {
        let journal = Journal::default();
        let system = one(&journal);
        settle().await;
        let a = handle(&system, "root/a");
        a.tell(Order::Later(SECOND)).unwrap();
        a.tell(Order::Background(SECOND)).unwrap();
        a.tell(Order::Fail(Fault::Panic)).unwrap();
        tokio::time::sleep(5 * SECOND).await;
        assert_eq!(journal.lines(), ["a started", "a started"]);
        system.shutdown().await;
    });
}
