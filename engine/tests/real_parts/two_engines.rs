//! Two engines that do everything, on the same parts.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use crate::client::Desk;
use crate::engine::Engine;
use crate::load::{Load, Told, audit};
use crate::site::Site;

/// Sweeps take up what another process left after two seconds, and Kafka's groups throw a silent member out after six,
/// its brokers' least.
const SOON: [(&str, &str); 2] =
    [("PAYMENT__PAYMENTS__LEASE", "2s"), ("PAYMENT__BROKER__OPTIONS", "session.timeout.ms=6000")];

/// Longer than anything that another process waits for: leases, the group's session, a statement, a delivery, and a
/// request's deadline of 10 s.
const FROZEN: Duration = Duration::from_secs(15);

fn assert_nobody_noticed(told: &Told) {
    assert_eq!(told.unanswered(), 0);
    let refusals = told.refusals();
    assert!(refusals.is_empty(), "{} refusals, such as {}", refusals.len(), refusals[0].json());
}

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn two_engines_share_the_work_and_no_client_notices() {
    let site = Site::new();
    let (one, other) = (site.engine(&SOON), site.engine(&SOON));
    let told = Arc::new(Told::default());
    let load = Load::start(&[&one, &other], &told, "a", Duration::from_millis(50));
    told.until_more(200).await;
    load.stop().await;
    assert_nobody_noticed(&told);
    let conflicts = conflicts(&one).await + conflicts(&other).await;
    assert!(conflicts > 0, "they never met, so nothing was shown");
    for engine in [&one, &other] {
        audit(&told, engine, &site.pg()).await;
    }
}

/// How often an engine found that another had been faster.
async fn conflicts(engine: &Engine) -> u64 {
    let page = Desk::operator(engine).get("/metrics").await;
    let page = String::from_utf8(page.bytes).expect("metrics are text");
    let line = page.lines().find_map(|line| line.strip_prefix("journal_conflicts_total "));
    line.map_or(0, |count| count.parse().expect("a number"))
}

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn an_engine_that_was_frozen_and_wakes_does_no_harm() {
    let site = Site::new();
    let (one, other) = (site.engine(&SOON), site.engine(&SOON));
    let told = Arc::new(Told::default());
    let both = Load::start(&[&one, &other], &told, "a", Duration::from_millis(50));
    told.until_more(100).await;

    // Whoever it was answering waits with it.
    other.signal(Signal::STOP);
    let alone = Arc::new(Told::default());
    let load = Load::start(&[&one], &alone, "b", Duration::from_millis(100));
    tokio::time::sleep(FROZEN).await;
    alone.until_more(20).await;
    other.signal(Signal::CONT);
    told.until_more(100).await;
    both.stop().await;
    load.stop().await;

    assert_nobody_noticed(&alone);
    // What the sleeper was asked may have become too old, and then says so.
    assert_eq!(told.unanswered(), 0);
    for refusal in told.refusals() {
        assert_eq!((refusal.status, refusal.retry_after), (503, true), "{}", refusal.json());
    }
    let engines: [&Engine; 2] = [&one, &other];
    for (engine, told) in engines.into_iter().zip([&told, &alone]) {
        audit(told, engine, &site.pg()).await;
    }
}
