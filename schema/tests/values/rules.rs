//! Defaults and delays.

use std::time::Duration;

use payment_schema::rules::{Jitter, Rules, doubling};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn defaults_are_the_documented_ones() {
    let rules = Rules::default();
    assert_eq!(rules.max_tries, 10);
    assert_eq!((rules.retry_base, rules.retry_max), (millis(500), millis(15_000)));
    assert_eq!((rules.query_initial, rules.query_max), (millis(1_000), millis(15_000)));
    assert_eq!(rules.authorize_max_age, Duration::from_secs(5 * 60));
    assert_eq!(rules.hold_expiry, Duration::from_secs(7 * 24 * 3_600));
    assert_eq!(rules.key_memory, Duration::from_secs(24 * 3_600));
    assert_eq!(rules.lease, Duration::from_secs(30));
    assert_eq!(rules.refund_twin_window, Duration::from_secs(600));
}

#[test]
fn retries_double_to_the_longest_delay() {
    let rules = Rules::default();
    for (negatives, longest) in [
        (1, 500),
        (2, 1_000),
        (3, 2_000),
        (4, 4_000),
        (5, 8_000),
        (6, 15_000),
        (10, 15_000),
        (u32::MAX, 15_000),
    ] {
        assert_eq!(rules.retry_delay(negatives, Jitter(1.0)), millis(longest), "{negatives}");
        assert_eq!(rules.retry_delay(negatives, Jitter(0.5)), millis(longest / 2), "{negatives}");
        assert_eq!(rules.retry_delay(negatives, Jitter(0.0)), Duration::ZERO, "{negatives}");
    }
    assert_eq!(rules.retry_delay(1, Jitter(7.0)), millis(500), "a share is at most all of it");
    assert_eq!(rules.retry_delay(1, Jitter(-7.0)), Duration::ZERO);
}

#[test]
fn questions_double_to_the_longest_delay() {
    let rules = Rules::default();
    for (questions, delay) in
        [(0, 1_000), (1, 2_000), (2, 4_000), (3, 8_000), (4, 15_000), (60, 15_000), (u32::MAX, 15_000)]
    {
        assert_eq!(rules.query_delay(questions), millis(delay), "{questions}");
    }
    assert_eq!(doubling(Duration::ZERO, millis(1), 5), Duration::ZERO);
    assert_eq!(doubling(Duration::MAX, Duration::MAX, 5), Duration::MAX);
}
