//! Remembered answers.

use std::time::Duration;

use payment_actors::contract_tests::PATIENCE;
use payment_actors::limiter::AdmissionLimits;
use tokio::time::Instant;

use crate::parts::{LIMITS, Node, answer, merchant, server, settings};

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn an_answer_is_known_to_every_node_and_to_its_merchant_only() {
    let settings = settings(&server());
    let one = Node::start(&settings, LIMITS).await;
    let other = Node::start(&settings, LIMITS).await;
    let (acme, umbrella) = (merchant("acme"), merchant("umbrella"));
    assert_eq!(other.known(&acme, "k").await, None);
    one.remember(&acme, "k", &answer("{}")).await;
    assert_eq!(other.known(&acme, "k").await, Some(answer("{}")));
    assert_eq!(other.known(&acme, "K").await, None);
    assert_eq!(other.known(&umbrella, "k").await, None);
    // Binary and large bodies stay as they are.
    let large = answer(&"\u{2713}\0".repeat(20_000));
    one.remember(&umbrella, "large", &large).await;
    assert_eq!(other.known(&umbrella, "large").await, Some(large));
    assert_eq!((one.decided_alone(), other.decided_alone()), (0, 0));
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn an_answer_is_forgotten_after_its_time() {
    let limits = AdmissionLimits { authorize: 1_000_000, answers_ttl: Duration::from_millis(300), ..LIMITS };
    let node = Node::start(&settings(&server()), limits).await;
    let acme = merchant("acme");
    node.remember(&acme, "k", &answer("{}")).await;
    let until = Instant::now() + PATIENCE;
    while node.known(&acme, "k").await.is_some() {
        assert!(Instant::now() < until, "it is forgotten");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(node.decided_alone(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn what_somebody_else_wrote_there_is_no_answer() {
    let settings = settings(&server());
    let node = Node::start(&settings, LIMITS).await;
    let client = redis::Client::open(format!("redis://{}", server())).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("redis is there");
    let name = format!("{}answer:{{acme}}:k", settings.key_prefix);
    let mut set = redis::cmd("SET");
    set.arg(name).arg("hello").arg("PX").arg(60_000);
    set.exec_async(&mut connection).await.expect("written");
    assert_eq!(node.known(&merchant("acme"), "k").await, None);
    assert_eq!(node.decided_alone(), 0);
}
