//! Amounts and sums.

use payment_schema::money::{Amount, MAX_AMOUNT, Minor};
use proptest::prelude::*;
use serde_json::json;

fn amount(value: u64) -> Amount {
    Amount::try_from(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

#[test]
fn amounts_are_1_to_the_maximum() {
    for valid in [1, 2, 9_999_999_999_998, MAX_AMOUNT] {
        let amount = amount(valid);
        assert_eq!((amount.get(), u64::from(amount), amount.to_string()), (valid, valid, valid.to_string()));
        assert_eq!(amount.as_i64(), i64::try_from(valid).expect("small"));
    }
    for invalid in [0, MAX_AMOUNT + 1, u64::MAX] {
        assert!(Amount::try_from(invalid).is_err(), "{invalid}");
    }
    for invalid in [0, -1, i64::MIN, i64::MAX] {
        assert!(Amount::try_from(invalid).is_err(), "{invalid}");
    }
    assert_eq!(MAX_AMOUNT, 9_999_999_999_999, "clients rely on it");
}

#[test]
fn json_amounts_are_integers_in_range() {
    for invalid in [
        json!(0),
        json!(-5),
        json!(1.5),
        json!(1.0),
        json!("100"),
        json!(null),
        json!(true),
        json!([1]),
        json!(1e3),
        json!(10_000_000_000_000_u64),
    ] {
        assert!(serde_json::from_value::<Amount>(invalid.clone()).is_err(), "{invalid}");
    }
    assert_eq!(serde_json::from_value::<Amount>(json!(100)).expect("is read"), amount(100));
}

#[test]
fn zero_is_a_sum_but_no_amount() {
    assert_eq!(Minor::ZERO.as_amount(), None);
    assert_eq!(Minor::ZERO.get(), 0);
    assert_eq!(Minor::default(), Minor::ZERO);
    assert_eq!(Minor::ZERO.plus(amount(7)), Minor::from(amount(7)));
    assert!(Minor::try_from(-1_i64).is_err());
    assert_eq!(Minor::try_from(0_i64), Ok(Minor::ZERO));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_add_and_take_away(one in 1..=MAX_AMOUNT, other in 1..=MAX_AMOUNT) {
        let sum = Minor::ZERO.plus(amount(one)).plus(amount(other));
        prop_assert_eq!(sum.get(), one + other);
        prop_assert_eq!(sum.minus(Minor::from(amount(other))), Some(Minor::from(amount(one))));
        let rest = Minor::from(amount(one)).minus(Minor::from(amount(other)));
        prop_assert_eq!(rest.map(Minor::get), one.checked_sub(other));
        prop_assert_eq!(Minor::try_from(sum.as_i64()), Ok(sum));
    }
}
