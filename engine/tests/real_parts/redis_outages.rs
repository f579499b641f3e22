//! A Redis that dies, forgets or freezes: answers stay right, limits bind, and nobody waits for it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Merchant;
use crate::own_part::OwnPart;
use crate::place::Servers;
use crate::site::Site;

/// Authorizations per minute and merchant.
const LIMIT: usize = 30;

/// How long a request may wait for Redis; so long that waiting shows.
const PATIENCE_WITH_REDIS: Duration = Duration::from_secs(1);

/// Of a hundred requests, how many may wait for a Redis that does not answer: those that find out.
const FIND_OUT: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    Killed,
    Flushed,
    Frozen,
}

impl Outage {
    async fn begin(self, redis: &mut OwnPart) {
        match self {
            Self::Killed => redis.kill(),
            Self::Frozen => redis.signal(Signal::STOP),
            Self::Flushed => {
                let client = redis::Client::open(format!("redis://{}", redis.address)).expect("an address");
                let mut connection = client.get_multiplexed_async_connection().await.expect("redis answers");
                redis::cmd("FLUSHALL").exec_async(&mut connection).await.expect("it forgets");
            }
        }
    }

    async fn end(self, redis: &mut OwnPart) {
        match self {
            Self::Killed => redis.start_again().await,
            Self::Frozen => redis.signal(Signal::CONT),
            Self::Flushed => {}
        }
    }
}

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn no_outage_of_redis_gives_a_wrong_answer_or_an_endless_share() {
    let mut redis = OwnPart::redis().await;
    let site = Site::on(Servers { redis: redis.address.clone(), ..Servers::of_the_environment() });
    let limit = LIMIT.to_string();
    let patience = format!("{}s", PATIENCE_WITH_REDIS.as_secs());
    let settings =
        [("PAYMENT__LIMITS__AUTHORIZE", limit.as_str()), ("PAYMENT__CACHE__PATIENCE", patience.as_str())];
    let engine = site.engine(&settings);
    for outage in [Outage::Flushed, Outage::Killed, Outage::Frozen] {
        let begun = Instant::now();
        let greedy = Merchant::new(&engine, &format!("greedy-{outage:?}"));
        let careful = Merchant::new(&engine, &format!("careful-{outage:?}"));
        let told = careful.authorize("k", 1_000, json!({})).await.expect("an answer");
        let mut admitted = admitted(&greedy, 50).await;

        outage.begin(&mut redis).await;
        let mut waited = 0;
        for _ in 0..10 {
            let since = Instant::now();
            let again = careful.authorize("k", 1_000, json!({})).await.expect("an answer");
            assert_eq!((again.status, &again.bytes), (told.status, &told.bytes), "{outage:?}");
            waited += usize::from(since.elapsed() >= PATIENCE_WITH_REDIS);
        }
        for _ in 0..90 {
            let since = Instant::now();
            admitted += admitted_one(&greedy).await;
            waited += usize::from(since.elapsed() >= PATIENCE_WITH_REDIS);
        }
        assert!(waited <= FIND_OUT, "{outage:?}: {waited} of 100 requests waited");
        let other = careful.authorize("k", 1_001, json!({})).await.expect("an answer");
        assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"), "{outage:?}");

        outage.end(&mut redis).await;
        admitted += admitted_with_redis(&greedy).await;
        let came_back = usize::try_from(begun.elapsed().as_secs()).expect("a short time") * LIMIT / 60 + 1;
        assert!(admitted >= LIMIT, "{outage:?}: only {admitted} were admitted");
        assert!(admitted <= 2 * LIMIT + came_back, "{outage:?}: {admitted} were admitted");
        let again = careful.authorize("k", 1_000, json!({})).await.expect("an answer");
        assert_eq!((again.status, &again.bytes), (told.status, &told.bytes), "after {outage:?}");
    }
    let metrics = engine_metrics(&engine.operator).await;
    assert!(metrics > 0.0, "decisions without Redis are counted");
}

async fn admitted(shop: &Merchant, requests: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += admitted_one(shop).await;
    }
    admitted
}

/// Whether a new authorization is admitted; who is not hears when to come back.
async fn admitted_one(shop: &Merchant) -> usize {
    let key = uuid::Uuid::now_v7().to_string();
    let answer = shop.authorize(&key, 1_000, json!({})).await.expect("an answer");
    match answer.status {
        200 | 402 => 1,
        429 => {
            assert!(answer.retry_after, "{}", answer.json());
            0
        }
        other => panic!("{other}: {}", answer.json()),
    }
}

/// The same often enough that the engine has found its Redis again.
async fn admitted_with_redis(shop: &Merchant) -> usize {
    admitted(shop, 50).await
}

/// How often the engine decided without Redis.
async fn engine_metrics(operator: &str) -> f64 {
    let page = crate::client::Desk::at(operator).get("/metrics").await;
    let text = String::from_utf8(page.bytes).expect("metrics are text");
    let line = text.lines().find_map(|line| line.strip_prefix("rate_limiter_fallback_total "));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no such metric: {}", Value::from(text.clone())))
}
