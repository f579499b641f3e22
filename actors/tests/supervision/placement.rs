//! Actors on several threads, in real time.

use std::sync::Arc;

use payment_actors::supervision::{AskError, System, SystemConfig};

use super::support::{Fault, Journal, Order, Script, StoppedClock, Weyl, child, handle};

#[test]
fn a_child_lives_on_its_arbiter_and_ends_with_it() {
    actix_rt::System::new().block_on(async {
        let arbiter = actix_rt::Arbiter::new();
        let place = arbiter.handle();
        let far = Script::named("far", &Journal::default());
        let mut root = Script::named("root", &far.journal);
        root.children = vec![child(move || far.spec().on(place.clone()))];
        let config = SystemConfig::new(Arc::new(Weyl::default()), Arc::new(StoppedClock));
        let system = System::start(config, root.spec());
        handle(&system, "root").ask(Order::Count).await.unwrap();
        let far = handle(&system, "root/far");
        assert_eq!(far.ask(Order::Count).await, Ok(1));
        far.tell(Order::Fail(Fault::Panic)).unwrap();
        assert_eq!(far.ask(Order::Count).await, Ok(1));

        let kept = far.ask(Order::Keep);
        far.ask(Order::Count).await.unwrap();
        arbiter.stop();
        assert_eq!(kept.await, Err(AskError::OutcomeUnknown));
        arbiter.join().unwrap();
        assert_eq!(far.ask(Order::Count).await, Err(AskError::Stopped));
        system.shutdown().await;
        assert_eq!(system.live(), 0);
    });
}
