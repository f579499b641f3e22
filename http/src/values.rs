//! How single values of requests are read.
//!
//! Owns types and wording; the limits themselves belong to [`payment_schema`]. JSON is never coerced: `"5"`, `5.0`
//! and `null` are no amounts.

use std::collections::BTreeMap;
use std::fmt::Display;

use payment_schema::ids::PaymentId;
use payment_schema::money::{Amount, InvalidAmount};
use payment_schema::payment::CaptureMode;
use payment_schema::text::Metadata;

use crate::json::Json;

/// A string of a body, read by `parse`.
pub(crate) fn text<T, E: Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&Json) -> Result<T, String> {
    move |value| match value {
        Json::Text(text) => parse(text).map_err(|error| error.to_string()),
        Json::Null => Err("must be a string; leave it out instead of null".to_owned()),
        Json::Bool | Json::Integer(_) | Json::OtherNumber | Json::Array | Json::Object(_) => {
            Err("must be a string".to_owned())
        }
    }
}

/// A parameter of a query, read by `parse`.
pub(crate) fn parameter<T, E: Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&String) -> Result<T, String> {
    move |value| parse(value).map_err(|error| error.to_string())
}

/// An amount in minor units.
pub(crate) fn amount(value: &Json) -> Result<Amount, String> {
    let number = integer(value).ok_or(InvalidAmount);
    number.and_then(Amount::try_from).map_err(|error| error.to_string())
}

/// A non-negative integer.
pub(crate) fn integer(value: &Json) -> Option<u64> {
    match value {
        Json::Integer(number) => Some(*number),
        Json::Null | Json::Bool | Json::OtherNumber | Json::Text(_) | Json::Array | Json::Object(_) => None,
    }
}

/// `manual` or `automatic`.
pub(crate) fn capture_mode(name: &str) -> Result<CaptureMode, &'static str> {
    [CaptureMode::Manual, CaptureMode::Automatic]
        .into_iter()
        .find(|mode| mode.as_str() == name)
        .ok_or("must be manual or automatic")
}

/// The merchant's notes: an object of strings.
pub(crate) fn metadata(value: &Json) -> Result<Metadata, String> {
    const SHAPE: &str = "must be an object of strings";
    let Json::Object(members) = value else { return Err(SHAPE.to_owned()) };
    let entries = members.iter().map(|(key, value)| match value {
        Json::Text(text) => Ok((key.clone(), text.clone())),
        Json::Null | Json::Bool | Json::Integer(_) | Json::OtherNumber | Json::Array | Json::Object(_) => {
            let shown: String = key.chars().take(40).collect();
            Err(format!("{SHAPE}; entry {shown:?} is none"))
        }
    });
    let entries: BTreeMap<String, String> = entries.collect::<Result<_, _>>()?;
    Metadata::parse(entries).map_err(|error| error.to_string())
}

/// A payment id as it stands in paths: decimal digits without leading zeros.
pub(crate) fn payment_id(text: &str) -> Option<PaymentId> {
    let number: u64 = text.parse().ok()?;
    // One spelling per id: `+5` and `05` parse too.
    if number.to_string() == text { PaymentId::try_from(number).ok() } else { None }
}

/// A page size.
pub(crate) fn limit(most: u32) -> impl Fn(&str) -> Result<u32, String> {
    move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| format!("must be an integer from 1 to {most}"))
    }
}
