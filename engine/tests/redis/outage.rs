//! A Redis that is away, freezes, and comes back.

use std::time::Duration;

use payment_actors::limiter::AdmissionLimits;
use payment_actors::ports::admission::AdmissionCache;
use payment_engine::redis::{RedisAdmission, RedisSetupError};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::parts::{LIMITS, Node, answer, merchant, server, settings};
use crate::proxy::{Proxy, Way};

/// Many requests, so that waiting for each would show.
const MANY: usize = 1_000;
const PLENTY: AdmissionLimits = AdmissionLimits { authorize: 1_000_000, ..LIMITS };

#[tokio::test]
async fn without_redis_the_process_decides_and_nobody_waits() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed_at = closed.local_addr().expect("it has an address");
    drop(closed);
    for address in [closed_at, silent.local_addr().expect("it has an address")] {
        let node = Node::start(&settings(&address.to_string()), LIMITS).await;
        let acme = merchant("acme");
        node.remember(&acme, "k", &answer("{}")).await;
        let since = Instant::now();
        assert_eq!(node.known(&acme, "k").await, Some(answer("{}")));
        assert_eq!(node.admitted(&acme, MANY).await, 4);
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        // Those refused by the process need no Redis.
        assert_eq!(node.decided_alone(), 5);
        assert!(node.cache.maintain().await.fallback);
    }
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn an_outage_is_bridged_and_ends_by_itself() {
    for outage in [Way::Cut, Way::Frozen] {
        let proxy = Proxy::start(server()).await;
        let mut settings = settings(&proxy.address.to_string());
        settings.patience = Duration::from_millis(500);
        let node = Node::start(&settings, PLENTY).await;
        let acme = merchant("acme");
        node.until_fallback_is(false).await;
        node.remember(&acme, "before", &answer("before")).await;
        assert_eq!(node.known(&acme, "before").await, Some(answer("before")));

        proxy.set(outage);
        let since = Instant::now();
        assert_eq!(node.admitted(&acme, MANY).await, MANY);
        // The first request waits, all others do not.
        assert!(since.elapsed() < Duration::from_millis(500 + 1_500), "{outage:?} {:?}", since.elapsed());
        node.until_fallback_is(true).await;
        assert!(node.decided_alone() > 0);
        node.remember(&acme, "during", &answer("during")).await;
        assert_eq!(node.known(&acme, "during").await, Some(answer("during")));
        // What cannot be looked up is not known, which is never wrong.
        assert_eq!(node.known(&acme, "before").await, None);

        proxy.set(Way::Open);
        node.until_fallback_is(false).await;
        let alone = node.decided_alone();
        assert_eq!(node.known(&acme, "before").await, Some(answer("before")));
        assert_eq!(node.known(&acme, "during").await, Some(answer("during")));
        assert_eq!(node.decided_alone(), alone);
    }
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn an_outage_gives_nobody_a_second_share() {
    let proxy = Proxy::start(server()).await;
    let node = Node::start(&settings(&proxy.address.to_string()), LIMITS).await;
    let acme = merchant("acme");
    let mut admitted = node.admitted(&acme, 3).await;
    proxy.set(Way::Cut);
    admitted += node.admitted(&acme, 10).await;
    proxy.set(Way::Open);
    node.until_fallback_is(false).await;
    admitted += node.admitted(&acme, 10).await;
    assert_eq!(admitted, 5);
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused() {
    let mut wrong = settings("127.0.0.1:1");
    wrong.url = "http://127.0.0.1:1".parse().expect("a url");
    let refused = RedisAdmission::connect(&wrong, LIMITS, || {}).await.err();
    assert!(matches!(refused, Some(RedisSetupError::Refused(_))), "{refused:?}");

    let mut wrong = settings("127.0.0.1:1");
    wrong.key_prefix = "{shop}".to_owned();
    let refused = RedisAdmission::connect(&wrong, LIMITS, || {}).await.err();
    assert_eq!(refused, Some(RedisSetupError::Prefix("{shop}".to_owned())));
}
