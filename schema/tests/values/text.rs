//! Texts that clients send.

use std::collections::BTreeMap;

use payment_schema::text::{IdempotencyKey, InvalidText, Metadata, OrderId, Reason};

fn times(text: &str, count: usize) -> String {
    text.repeat(count)
}

#[test]
fn keys_are_1_to_64_printable_ascii_characters() {
    for valid in
        ["k", " ", "a b", "~", "order-42/refund#1", &times("x", 64), "550e8400-e29b-41d4-a716-446655440000"]
    {
        let key = IdempotencyKey::parse(valid).unwrap_or_else(|error| panic!("{valid}: {error}"));
        assert_eq!((key.as_str(), key.to_string().as_str()), (valid, valid));
    }
    for (invalid, why) in [
        (String::new(), InvalidText::Length { min: 1, max: 64 }),
        (times("x", 65), InvalidText::Length { min: 1, max: 64 }),
        (times("x", 1_000_000), InvalidText::Length { min: 1, max: 64 }),
        ("ключ".to_owned(), InvalidText::NotPrintableAscii),
        ("a\u{0}".to_owned(), InvalidText::NotPrintableAscii),
        ("a\nb".to_owned(), InvalidText::NotPrintableAscii),
        ("a\u{7f}".to_owned(), InvalidText::NotPrintableAscii),
        ("4111111111111111".to_owned(), InvalidText::CardNumber),
        ("4111-1111-1111-1111".to_owned(), InvalidText::CardNumber),
    ] {
        assert_eq!(IdempotencyKey::parse(&invalid), Err(why), "{invalid:.70}");
        assert!(serde_json::from_value::<IdempotencyKey>(invalid.into()).is_err());
    }
}

#[test]
fn keys_differ_in_case_and_spaces() {
    let key = |text: &str| IdempotencyKey::parse(text).expect("a valid key");
    assert_ne!(key("abc"), key("ABC"));
    assert_ne!(key("abc"), key("abc "));
}

/// Lengths count characters, not bytes.
#[test]
fn order_ids_and_reasons_hold_any_script_but_no_control_characters() {
    for valid in ["1", "주문-42", "🎁", &times("가", 64), &times("\u{1F469}\u{200D}", 32)] {
        assert_eq!(OrderId::parse(valid).map(String::from), Ok(valid.to_owned()));
        assert_eq!(Reason::parse(valid).map(String::from), Ok(valid.to_owned()));
    }
    assert_eq!(OrderId::parse(&times("가", 65)), Err(InvalidText::Length { min: 1, max: 64 }));
    assert!(Reason::parse(&times("가", 128)).is_ok());
    assert_eq!(Reason::parse(&times("가", 129)), Err(InvalidText::Length { min: 1, max: 128 }));
    for control in ["\0", "\n", "a\tb", "\u{1b}[31m", "\u{85}", "\u{7f}"] {
        assert_eq!(OrderId::parse(control), Err(InvalidText::ControlCharacter), "{control:?}");
        assert_eq!(Reason::parse(control), Err(InvalidText::ControlCharacter), "{control:?}");
    }
    for text in ["", "wrong card 4111 1111 1111 1111"] {
        assert!(OrderId::parse(text).is_err() && Reason::parse(text).is_err(), "{text}");
    }
}

fn metadata(entries: &[(&str, &str)]) -> Result<Metadata, InvalidText> {
    Metadata::parse(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn metadata_has_20_entries_of_40_and_500_characters() {
    let entries = |count: usize| (0..count).map(|number| (format!("key{number}"), String::new())).collect();
    assert!(Metadata::parse(BTreeMap::new()).is_ok_and(|metadata| metadata.is_empty()));
    assert!(Metadata::parse(entries(20)).is_ok_and(|metadata| metadata.entries().len() == 20));
    assert_eq!(Metadata::parse(entries(21)), Err(InvalidText::TooManyEntries(20)));

    assert!(metadata(&[(&times("k", 40), &times("값", 500))]).is_ok());
    assert!(metadata(&[("color", "line one\nline two")]).is_ok());
    for (key, value) in [
        ("", "x"),
        (times("k", 41).as_str(), "x"),
        ("k", times("v", 501).as_str()),
        ("a\nb", "x"),
        ("k", "4111111111111111"),
        ("4111111111111111", "x"),
    ] {
        assert!(
            matches!(metadata(&[("fine", "fine"), (key, value)]), Err(InvalidText::Entry { .. })),
            "{key:?}: {value:.20}"
        );
    }
}

#[test]
fn a_refused_entry_is_named_without_its_value() {
    let error = metadata(&[("pan", "4111111111111111")]).expect_err("holds a card number").to_string();
    assert_eq!(error, "entry \"pan\" must not contain a card number");
    let error = metadata(&[("4111111111111111", "x")]).expect_err("the key is a card number").to_string();
    assert_eq!(error, "entry \"…\" must not contain a card number");
    let error = metadata(&[(&times("k", 90), "x")]).expect_err("the key is too long").to_string();
    assert!(error.contains(&times("k", 40)) && !error.contains(&times("k", 41)), "{error}");
}

#[test]
fn metadata_survives_json() {
    let metadata = metadata(&[("color", "grün"), ("size", "")]).expect("valid");
    let json = serde_json::to_string(&metadata).expect("is JSON");
    assert_eq!(json, r#"{"color":"grün","size":""}"#);
    assert_eq!(serde_json::from_str::<Metadata>(&json).expect("is read"), metadata);
}
