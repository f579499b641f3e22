//! Which currencies a payment may use.

use payment_schema::currency::{Currency, InvalidCurrency};

/// Every code of three capital letters there can be.
fn codes() -> impl Iterator<Item = String> {
    let letters = || 'A'..='Z';
    letters().flat_map(move |one| {
        letters().flat_map(move |two| letters().map(move |three| [one, two, three].iter().collect()))
    })
}

#[test]
fn every_currency_with_a_minor_unit_is_accepted_and_no_other_code() {
    let mut accepted = 0;
    for code in codes() {
        let exponent = iso_currency::Currency::from_code(&code).and_then(iso_currency::Currency::exponent);
        match (Currency::parse(&code), exponent) {
            (Ok(currency), Some(exponent)) => {
                assert_eq!((currency.code(), currency.exponent()), (code.as_str(), exponent));
                accepted += 1;
            }
            (Err(InvalidCurrency), None) => {}
            (parsed, exponent) => panic!("{code}: {parsed:?} with exponent {exponent:?}"),
        }
    }
    assert!(accepted > 150, "only {accepted} currencies");
}

#[test]
fn exponents_are_those_of_iso_4217() {
    for (code, exponent) in [
        ("USD", 2),
        ("EUR", 2),
        ("KRW", 0),
        ("JPY", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("CLF", 4),
        ("ISK", 0),
        ("TND", 3),
    ] {
        let currency = Currency::parse(code).unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(currency.exponent(), exponent, "{code}");
        assert_eq!(currency.to_string(), code);
    }
}

#[test]
fn everything_else_is_refused() {
    for code in [
        "XXX",
        "XAU",
        "XAG",
        "XPT",
        "XPD",
        "XTS",
        "XDR",
        "XBA",
        "XSU",
        "XUA",
        "",
        "US",
        "USDT",
        "usd",
        "Usd",
        " USD",
        "USD ",
        "U$D",
        "ＵＳＤ",
        "840",
        "ZZZ",
        "€",
    ] {
        assert_eq!(Currency::parse(code), Err(InvalidCurrency), "{code}");
        assert!(serde_json::from_value::<Currency>(code.into()).is_err(), "{code}");
    }
}

#[test]
fn a_currency_survives_json() {
    let currency = Currency::parse("KRW").expect("a currency");
    assert_eq!(serde_json::to_string(&currency).expect("is JSON"), "\"KRW\"");
    assert_eq!(serde_json::from_str::<Currency>("\"KRW\"").expect("is read"), currency);
}
