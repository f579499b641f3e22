//! Shares of merchants, over nodes and time.

use std::time::Duration;

use payment_actors::limiter::AdmissionLimits;
use payment_actors::ports::admission::{Admission, AdmissionCache, LimitedOperation};

use crate::parts::{LIMITS, Node, merchant, server, settings};

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn nodes_share_a_merchants_limit() {
    let settings = settings(&server());
    let one = Node::start(&settings, LIMITS).await;
    let other = Node::start(&settings, LIMITS).await;
    let (acme, umbrella) = (merchant("acme"), merchant("umbrella"));
    assert_eq!(one.admitted(&acme, 3).await, 3);
    assert_eq!(other.admitted(&acme, 5).await, 2);
    assert_eq!(one.admitted(&acme, 2).await, 0);
    // Neither another merchant nor another operation is touched.
    assert_eq!(other.admitted(&umbrella, 5).await, 5);
    let mut captures = 0;
    for _ in 0..4 {
        let admission = one.cache.admit(&acme, LimitedOperation::Capture, None).await;
        captures += usize::from(matches!(admission, Admission::Admitted(_)));
    }
    assert_eq!(captures, 3);
    assert_eq!((one.decided_alone(), other.decided_alone()), (0, 0));
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn who_is_refused_hears_when_to_come_back() {
    let settings = settings(&server());
    // One token every 100 ms.
    let limits = AdmissionLimits { authorize: 600, ..LIMITS };
    let first = Node::start(&settings, limits).await;
    let second = Node::start(&settings, limits).await;
    let acme = merchant("acme");
    first.admitted(&acme, 600).await;
    // Its own bucket is full, so it is Redis that refuses; unless the first 600 took so long that tokens came back.
    let retry_after = loop {
        match second.cache.admit(&acme, LimitedOperation::Authorize, None).await {
            Admission::Admitted(_) => {}
            Admission::Limited { retry_after } => break retry_after,
        }
    };
    assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_millis(100), "{retry_after:?}");
    tokio::time::sleep(retry_after).await;
    assert_eq!(second.admitted(&acme, 1).await, 1);
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn a_redis_that_forgets_gives_a_node_no_second_share() {
    let settings = settings(&server());
    let node = Node::start(&settings, LIMITS).await;
    let acme = merchant("acme");
    assert_eq!(node.admitted(&acme, 4).await, 4);
    forget_everything(&settings.key_prefix).await;
    assert_eq!(node.admitted(&acme, 4).await, 1);
}

/// What a flush does, for one test's keys.
async fn forget_everything(prefix: &str) {
    let client = redis::Client::open(format!("redis://{}", server())).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("redis is there");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(&mut connection).await.expect("keys");
    assert!(!keys.is_empty());
    for key in keys {
        redis::cmd("DEL").arg(key).exec_async(&mut connection).await.expect("deleted");
    }
}
