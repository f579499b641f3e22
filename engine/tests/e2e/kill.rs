//! Death at any moment, again and again, under load.

use std::sync::Arc;
use std::time::Duration;

use crate::client::Desk;
use crate::engine::Engine;
use crate::load::{Load, Told, audit};
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    twenty_deaths_under_load_lose_and_double_nothing,
}

const DEATHS: u64 = 20;

/// As fast as they can.
const AT_ONCE: Duration = Duration::ZERO;

/// A cheap pseudo-random number, so that each death comes at another moment.
fn moment(round: u64) -> Duration {
    let drawn = round.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    Duration::from_millis(drawn % 500)
}

async fn twenty_deaths_under_load_lose_and_double_nothing(world: World) {
    let mut engine = Engine::start(world);
    let told = Arc::new(Told::default());
    for round in 0..DEATHS {
        let load = Load::start(&[&engine], &told, &round.to_string(), AT_ONCE);
        // On the way to something, however slow the machine is.
        told.until_more(3).await;
        tokio::time::sleep(moment(round)).await;
        engine.kill();
        load.stop().await;
        engine.restart();
    }
    audit(&told, &engine, &Desk::pg(&engine)).await;
}
