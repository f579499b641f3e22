//! Moments.

use std::time::Duration;

use payment_schema::time::Timestamp;
use proptest::prelude::*;

fn parse(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn moments_are_written_in_utc_with_microseconds() {
    for (micros, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_767_225_600_000_000, "2026-01-01T00:00:00.000000Z"),
        (1_709_164_800_123_456, "2024-02-29T00:00:00.123456Z"),
    ] {
        assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        assert_eq!(parse(text).as_micros(), micros);
    }
}

#[test]
fn moments_are_read_in_any_offset() {
    let noon = parse("2026-01-31T12:00:00Z");
    for text in [
        "2026-01-31T21:00:00+09:00",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T07:00:00-05:00",
        "2026-01-31t12:00:00z",
    ] {
        assert_eq!(parse(text), noon, "{text}");
    }
    assert_eq!(parse("2026-01-31T12:00:00.1234567Z").as_micros() - noon.as_micros(), 123_456);
    for text in [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "12:00:00Z",
        "2026-02-30T12:00:00Z",
        "yesterday",
        "1769860800",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
}

#[test]
fn time_never_runs_backwards_or_over() {
    let now = parse("2026-01-31T12:00:00Z");
    assert_eq!(now.since(now.plus(Duration::from_secs(5))), Duration::ZERO);
    assert_eq!(now.plus(Duration::from_secs(5)).since(now), Duration::from_secs(5));
    assert_eq!(now.plus(Duration::MAX).as_micros(), i64::MAX);
    assert_eq!(Timestamp::from_micros(i64::MIN).since(Timestamp::from_micros(i64::MAX)), Duration::ZERO);
    assert!(!Timestamp::from_micros(i64::MAX).to_string().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// From the year 0 to the year 9999, all that RFC 3339 can write.
    #[test]
    fn moments_survive_text_and_json(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
        let moment = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        let json = serde_json::to_string(&moment).expect("is JSON");
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("is read"), moment);
    }
}
