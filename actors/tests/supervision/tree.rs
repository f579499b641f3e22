//! The tree as operators see and steer it.

use std::sync::Arc;
use std::time::Duration;

use payment_actors::supervision::{ActorState, DrillError, Gauges, Policy, System, SystemConfig};

use super::support::{
    Fault, Journal, Order, Script, StoppedClock, Weyl, child, handle, node, run, settle, start,
};

fn start_pool(count: usize) -> System {
    let mut root = Script::named("root", &Journal::default());
    root.children = (0..count)
        .map(|number| {
            let member = Script::named(&format!("member-{number:03}"), &Journal::default());
            child(move || member.spec())
        })
        .collect();
    start(root.spec())
}

#[test]
fn a_node_has_every_field_of_the_contract() {
    run(async {
        let mut config = SystemConfig::new(Arc::new(Weyl::default()), Arc::new(StoppedClock));
        config.gauges = Some(Arc::new(|| Gauges { outbox_pending: 3, dead_letters: 4 }));
        let system = System::start(config, Script::named("root", &Journal::default()).spec());
        settle().await;
        let snapshot = system.tree().snapshot(None, None).expect("the root is there");
        let json = serde_json::to_value(&snapshot).unwrap();
        for field in [
            "path",
            "kind",
            "state",
            "strategy",
            "restartLimit",
            "policy",
            "mailboxLength",
            "mailboxCapacity",
            "oldestMessageAgeMs",
            "messagesTotal",
            "messagesPerSecond",
            "handlerP99Micros",
            "current",
            "restartsInWindow",
            "restartsTotal",
            "generation",
            "lastExit",
            "uptimeMs",
            "observed",
            "childrenTotal",
            "children",
        ] {
            assert!(json["tree"].get(field).is_some(), "{field}");
        }
        let expected = serde_json::json!({
            "alive": 1, "restarting": 0, "backingOff": 0, "givenUp": 0, "queued": 0, "restartsTotal": 0,
            "outboxPending": 3, "deadLetters": 4,
        });
        assert_eq!(json["summary"], expected);
        assert_eq!(json["takenAt"], "1970-01-01T00:00:00Z");
        system.shutdown().await;
    });
}

#[test]
fn figures_follow_what_the_actor_does() {
    run(async {
        let system = start_pool(1);
        settle().await;
        let member = handle(&system, "root/member-000");
        for _ in 0..9 {
            member.ask(|reply| Order::Work(Duration::from_millis(10), reply)).await.unwrap();
        }
        member.tell(Order::Fail(Fault::Hang)).unwrap();
        member.tell(Order::Tick).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let view = node(&system, "root/member-000");
        assert_eq!((view.messages_total, view.mailbox_length, view.observed), (9, 1, 9.into()));
        assert_eq!(view.oldest_message_age_ms.map(|age| age / 1000), Some(2));
        let current = view.current.expect("it handles a message");
        assert_eq!((view.state, current.message, current.elapsed_ms / 1000), (ActorState::Busy, "fail", 2));
        let p99 = view.handler_p99_micros.expect("it handled messages");
        assert!((10_000..=16_384).contains(&p99), "{p99}");
        assert!(view.messages_per_second > 1.0);
        assert_eq!(system.tree().summary().queued, 1);
        system.crash().await;
        assert_eq!(system.tree().summary().queued, 0);
    });
}

#[test]
fn children_in_need_of_attention_come_first_and_at_most_two_hundred() {
    run(async {
        let system = start_pool(250);
        settle().await;
        handle(&system, "root/member-240").tell(Order::Fail(Fault::Hang)).unwrap();
        let queue = handle(&system, "root/member-230");
        let _working = queue.ask(|reply| Order::Work(Duration::from_millis(1_700), reply));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        queue.tell(Order::Tick).unwrap();
        handle(&system, "root/member-220").tell(Order::Fail(Fault::Panic)).unwrap();
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let tree = system.tree().snapshot(None, Some(1)).expect("the root is there").tree;
        let names: Vec<_> = tree.children.iter().take(4).map(|child| &child.path[5..]).collect();
        assert_eq!(names, ["member-220", "member-230", "member-240", "member-000"]);
        assert_eq!((tree.children_total, tree.children.len()), (250, 200));
        let named = system.tree().snapshot(Some("root"), Some(1)).expect("the root is there").tree;
        assert_eq!(named.children.len(), 250);
        system.crash().await;
    });
}

#[test]
fn drills_refuse_the_root_and_unknown_paths() {
    run(async {
        let system = start_pool(1);
        settle().await;
        let tree = system.tree();
        for (path, expected) in [
            ("root", DrillError::Root),
            ("root/nobody", DrillError::UnknownPath),
            ("member-000", DrillError::UnknownPath),
            ("root/member-000/deeper", DrillError::UnknownPath),
            ("", DrillError::UnknownPath),
        ] {
            assert_eq!(tree.kill(path, "drill"), Err(expected), "{path}");
            assert_eq!(tree.restart(path, "drill"), Err(expected), "{path}");
            assert_eq!(tree.pause(path, "drill"), Err(expected), "{path}");
            assert_eq!(tree.resume(path, "drill"), Err(expected), "{path}");
            assert!(path == "root" || tree.snapshot(Some(path), None).is_none(), "{path}");
        }
        system.shutdown().await;
    });
}

#[test]
fn an_actor_that_ended_badly_stays_visible_and_a_pause_outlives_a_restart() {
    run(async {
        let member = Script::named("member", &Journal::default());
        let spec = member.clone();
        let mut root = Script::named("root", &member.journal);
        root.children = vec![child(move || spec.spec().policy(Policy::Temporary)), {
            let other = Script::named("other", &member.journal);
            child(move || other.spec())
        }];
        let system = start(root.spec());
        settle().await;
        handle(&system, "root/member").tell(Order::Fail(Fault::Error)).unwrap();
        system.tree().pause("root/other", "maintenance").unwrap();
        system.tree().kill("root/other", "drill").unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(node(&system, "root/member").state, ActorState::Stopped);
        assert_eq!(system.tree().kill("root/member", "drill"), Err(DrillError::UnknownPath));
        let other = node(&system, "root/other");
        assert_eq!((other.paused, other.generation, other.exits.len()), (true, 2, 1));
        let exits: Vec<_> = system.tree().kinds().iter().map(|kind| (kind.alive, kind.restarts)).collect();
        assert_eq!(exits, [(2, 1)]);
        system.shutdown().await;
    });
}
