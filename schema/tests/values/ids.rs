//! Names of things.

use payment_schema::ids::{Attempt, EventId, MerchantId, OperationNo, PaymentId, SLOTS, TraceId};
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::topic::Topic;
use proptest::prelude::*;

fn merchant(text: &str) -> MerchantId {
    MerchantId::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn merchant_ids_are_1_to_32_printable_ascii_characters() {
    for valid in ["m", "shop-1", " ", "a b", "~!@#$%^&*()", "abcdefghijklmnopqrstuvwxyz012345"] {
        assert_eq!(merchant(valid).as_str(), valid);
        assert_eq!(merchant(valid).to_string(), valid);
    }
    for invalid in ["", "abcdefghijklmnopqrstuvwxyz0123456", "käse", "가게", "a\tb", "a\n", "\u{7f}", "\0"]
    {
        assert!(MerchantId::parse(invalid).is_err(), "{invalid:?}");
        assert!(serde_json::from_value::<MerchantId>(invalid.into()).is_err(), "{invalid:?}");
    }
    assert_ne!(merchant("abc"), merchant("ABC"), "case counts");
    assert_ne!(merchant("abc"), merchant("abc "), "and so do spaces");
}

/// FNV-1a, 64 bit: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv-17#appendix-C>.
#[test]
fn a_slot_is_the_fnv_1a_hash_of_the_merchant_modulo_1024() {
    for (text, hash) in [
        ("a", 0xaf63_dc4c_8601_ec8c_u64),
        ("b", 0xaf63_df4c_8601_f1a5),
        ("c", 0xaf63_de4c_8601_eff2),
        ("fo", 0x0898_5907_b541_d342),
        ("foo", 0xdcb2_7518_fed9_d577),
        ("foob", 0xdd12_0e79_0c25_12af),
        ("fooba", 0xcac1_65af_a2fe_f40a),
        ("foobar", 0x8594_4171_f739_67e8),
    ] {
        assert_eq!(u64::from(merchant(text).slot().get()), hash % SLOTS, "{text}");
    }
    assert_eq!(SLOTS, 1024);
}

#[test]
fn payment_ids_stay_exact_in_javascript() {
    for (value, valid) in [
        (0, false),
        (1, true),
        (1023, true),
        (1 << 52, true),
        ((1 << 53) - 1, true),
        (1 << 53, false),
        (u64::MAX, false),
    ] {
        assert_eq!(PaymentId::try_from(value).is_ok(), valid, "{value}");
        assert_eq!(serde_json::from_value::<PaymentId>(value.into()).is_ok(), valid, "{value}");
    }
    for invalid in [-1, i64::MIN, i64::MAX, 0] {
        assert!(PaymentId::try_from(invalid).is_err(), "{invalid}");
    }
}

#[test]
#[should_panic(expected = "below 2^43")]
fn the_sequence_that_would_leave_the_range_is_not_used() {
    let _ = PaymentId::new(1 << 43, merchant("m").slot());
}

#[test]
fn the_last_sequence_is_in_range() {
    let id = PaymentId::new((1 << 43) - 1, merchant("m").slot());
    assert!(id.get() < 1 << 53);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_id_tells_its_slot(sequence in 1_u64..1 << 43, name in "[ -~]{1,32}") {
        let slot = merchant(&name).slot();
        let id = PaymentId::new(sequence, slot);
        prop_assert_eq!(id.slot(), slot);
        prop_assert_eq!(id.get(), sequence * SLOTS + u64::from(slot.get()));
        prop_assert_eq!(PaymentId::try_from(id.as_i64()), Ok(id));
        for topic in Topic::ALL {
            prop_assert!(topic.partition_of(id.to_string().as_bytes()) < topic.partitions());
        }
    }

    #[test]
    fn pg_keys_are_read_as_they_are_written(id in 1_u64..1 << 53, kind in 0_usize..4, no in 1_u32.., attempt in 1_u32..) {
        let key = PgKey {
            payment_id: PaymentId::try_from(id).expect("in range"),
            kind: OperationKind::ALL[kind],
            operation_no: OperationNo(no),
            attempt: Attempt(attempt),
        };
        prop_assert_eq!(PgKey::parse(&key.to_string()), Some(key));
    }

    #[test]
    fn trace_ids_are_read_as_they_are_written(value in any::<u128>()) {
        let id = TraceId::new(value);
        prop_assert_eq!(TraceId::parse(&id.to_string()), Some(id));
    }
}

#[test]
fn one_merchants_payments_spread_over_the_partitions() {
    let slot = merchant("m").slot();
    let partitions = Topic::Captured.partitions();
    let mut counts = vec![0_u32; usize::try_from(partitions).expect("few")];
    for sequence in 1..=6_000 {
        let partition = Topic::Captured.partition_of(PaymentId::new(sequence, slot).to_string().as_bytes());
        counts[usize::try_from(partition).expect("few")] += 1;
    }
    assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
}

#[test]
fn pg_keys_that_are_none() {
    for text in [
        "",
        "1",
        "1:authorize",
        "1:authorize:1",
        "1:authorize:1:1:1",
        "0:authorize:1:1",
        "x:authorize:1:1",
        "1:steal:1:1",
        "1:authorize:-1:1",
        "1:authorize:1:",
        "9007199254740992:authorize:1:1",
        " 1:authorize:1:1",
        "1:AUTHORIZE:1:1",
    ] {
        assert_eq!(PgKey::parse(text), None, "{text}");
    }
}

#[test]
fn trace_ids_are_32_lower_case_hexadecimal_digits() {
    for invalid in [
        "",
        "0af7651916cd43dd8448eb211c80319",
        "0AF7651916CD43DD8448EB211C80319C",
        "00000000000000000000000000000000",
        "+af7651916cd43dd8448eb211c80319c",
        "0af7651916cd43dd8448eb211c80319cc",
        "0af7651916cd43dd8448eb211c80319g",
    ] {
        assert_eq!(TraceId::parse(invalid), None, "{invalid}");
    }
    let id = TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("the W3C recommendation's example");
    assert_eq!(
        id.traceparent(0xb7ad_6b71_6920_3331),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    );
    assert_eq!(TraceId::new(0).to_string(), format!("{:032x}", 1));
}

#[test]
fn event_ids_follow_from_payment_and_number() {
    let id = |payment: u64, seq| EventId::of(PaymentId::try_from(payment).expect("in range"), seq);
    assert_eq!(id(1024, 1), id(1024, 1));
    assert_ne!(id(1024, 1), id(1024, 2));
    assert_ne!(id(1024, 1), id(1025, 1));
    assert_ne!(id(10, 24), id(102, 4));
    assert_eq!(id(1024, 1).0.get_version_num(), 5);
    assert_eq!(EventId::of_dead_letter("1024-2-1"), EventId::of_dead_letter("1024-2-1"));
    assert_ne!(EventId::of_dead_letter("1024-2-1"), EventId::of_dead_letter("1024-2-2"));
}
