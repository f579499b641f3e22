//! Random sequences of commands, reports and clock steps: no decision panics, and every law of `tests/support/` holds
//! after each. `moves.rs` draws the sequences.

#[path = "../support/edges.rs"]
mod edges;
#[path = "../support/laws.rs"]
mod laws;
#[path = "../support/schemas.rs"]
mod schemas;
#[path = "../support/world.rs"]
mod world;

mod moves;

use std::collections::BTreeSet;

use payment_schema::command::Authorize;
use payment_schema::currency::Currency;
use payment_schema::decide::{Verdict, resume};
use payment_schema::money::Amount;
use payment_schema::payment::CaptureMode;
use payment_schema::problem::Rejection;
use payment_schema::rules::Rules;
use payment_schema::status::Status;
use payment_schema::text::Metadata;
use payment_schema::topic::Topic;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::moves::Move;
use crate::world::World;

fn begin(amount: u64, is_automatic: bool) -> World {
    let command = Authorize {
        merchant_id: world::merchant(),
        amount: Amount::try_from(amount).expect("drawn from the valid range"),
        currency: Currency::parse("USD").expect("a currency"),
        capture_mode: if is_automatic { CaptureMode::Automatic } else { CaptureMode::Manual },
        order_id: None,
        metadata: Metadata::default(),
    };
    World::begin(command, "k1", Rules { max_tries: 3, ..Rules::default() }).0
}

/// A payment and what happens to it.
fn lives() -> impl Strategy<Value = (u64, bool, Vec<Move>)> {
    (1_u64..=50, any::<bool>(), vec(moves::any_move(), 0..60))
}

fn live((amount, is_automatic, moves): (u64, bool, Vec<Move>), mut seen: impl FnMut(&World)) {
    let mut world = begin(amount, is_automatic);
    for (number, drawn) in moves.into_iter().enumerate() {
        let Some((command, key)) = moves::command(&mut world, drawn, number) else { continue };
        let before = world.payment.clone();
        let verdict = world.apply(&command, key.as_deref());
        if !matches!(verdict, Ok(Verdict::Commit(_))) {
            assert_eq!(world.payment, before, "only a commit changes a payment");
        }
        laws::check_effects(&world.payment, &resume(&world.payment));
        seen(&world);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_for_every_life(life in lives()) {
        live(life, |_| ());
    }

    /// Whatever came before, a command without a key has the effect of once when it comes twice: a client that
    /// repeats itself, an operator who clicks again, a timer or an answer that arrives again.
    #[test]
    fn twice_has_the_effect_of_once(life in lives(), last in moves::any_move()) {
        let mut world = begin(life.0, life.1);
        for (number, drawn) in life.2.into_iter().enumerate() {
            if let Some((command, key)) = moves::command(&mut world, drawn, number) {
                let _ = world.apply(&command, key.as_deref());
            }
        }
        let Some((command, _)) = moves::command(&mut world, last, usize::MAX) else { return Ok(()) };
        let first = world.apply(&command, None);
        let second = world.apply(&command, None);
        let changed = |verdict: &Result<Verdict, Rejection>| matches!(verdict, Ok(Verdict::Commit(_)));
        prop_assert!(!(changed(&first) && changed(&second)), "{:?}: {:?}", command, second);
    }
}

/// Random lives that never leave READY would prove nothing: they reach every edge and every topic.
#[test]
fn the_lives_reach_everything() {
    let mut runner = TestRunner::deterministic();
    let lives = lives();
    let (mut edges, mut topics) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..2_000 {
        let life = lives.new_tree(&mut runner).expect("lives are never refused").current();
        live(life, |world| {
            edges.extend(world.history.iter().filter_map(|row| Some((row.from?, row.to))));
            topics.extend(world.events.iter().map(|event| event.kind.topic()));
        });
    }
    let missing: Vec<(Status, Status)> =
        edges::CHANGES.into_iter().filter(|edge| !edges.contains(edge)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    let silent: Vec<Topic> =
        Topic::ALL.into_iter().filter(|topic| !topic.is_dead_letter() && !topics.contains(topic)).collect();
    assert!(silent.is_empty(), "never told: {silent:?}");
}
