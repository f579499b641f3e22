//! API keys: how a secret looks, what is kept of it, and that it is not printed.

use payment_schema::api_key::{ApiKey, KeyDigest, KeyId, KeyScope, KeySecret};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;

fn merchant() -> KeyScope {
    KeyScope::Merchant(MerchantId::parse("shop-1").expect("a merchant id"))
}

#[test]
fn a_secret_tells_what_it_opens_and_carries_all_of_its_entropy() {
    let mut entropy = [0xab; 32];
    let secret = KeySecret::made_of(&merchant(), &entropy);
    assert_eq!(secret.reveal(), format!("pk_{}", "ab".repeat(32)));
    assert!(KeySecret::made_of(&KeyScope::Operator, &entropy).reveal().starts_with("ok_"));
    assert_eq!(
        KeySecret::parse(secret.reveal()).as_ref(),
        Ok(&secret),
        "it can be sent and written to a file"
    );
    entropy[31] ^= 1;
    assert_ne!(KeySecret::made_of(&merchant(), &entropy), secret);
}

#[test]
fn only_what_can_be_sent_as_a_token_and_not_be_guessed_is_a_secret() {
    let long = "a".repeat(257);
    let cases = [
        ("0123456789abcdef0123456789abcdef", true),
        ("AZaz09-._~+/==AZaz09-._~+/==AZaz", true),
        (&long[..256], true),
        (&long, false),
        ("0123456789abcdef0123456789abcde", false),
        ("0123456789abcdef 123456789abcdef", false),
        ("0123456789abcdef:123456789abcdef", false),
        ("0123456789abcdef\u{e9}123456789abcdef", false),
        ("", false),
    ];
    for (text, fits) in cases {
        assert_eq!(KeySecret::parse(text).is_ok(), fits, "{text}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    let secret = KeySecret::made_of(&merchant(), &[7; 32]);
    assert_eq!(format!("{secret:?}"), "KeySecret(hidden)");
}

#[test]
fn what_is_kept_is_the_sha_256_and_the_id_is_its_beginning() {
    // FIPS 180-2, appendix B.1.
    let digest = KeyDigest::of("abc");
    let id = KeyId::from(&digest);
    assert_eq!(id.as_str(), "ba7816bf8f01cfea");
    assert_eq!(KeyId::parse("ba7816bf8f01cfea"), Some(id));
    for text in ["", "ba7816bf8f01cfe", "BA7816BF8F01CFEA", "ba7816bf8f01cfeag", "ba7816bf8f01cfeg"] {
        assert_eq!(KeyId::parse(text), None, "{text}");
    }
}

#[test]
fn a_holder_is_named_by_label_and_id() {
    let key = |label: Option<&str>| ApiKey {
        scope: KeyScope::Operator,
        label: label.map(|label| KeyLabel::parse(label).expect("a label")),
        digest: KeyDigest::of("abc"),
        created_at: Timestamp::from_micros(0),
        revoked_at: None,
    };
    assert_eq!(key(None).holder(), "key ba7816bf8f01cfea");
    assert_eq!(key(Some("alice")).holder(), "alice (key ba7816bf8f01cfea)");
    assert_eq!([merchant().to_string(), KeyScope::Operator.to_string()], ["merchant shop-1", "operators"]);
}
