//! Strict JSON: what serde_json accepts, less duplicate members and deep nesting.
//!
//! Owns the step from bytes to a tree. Which members there must be is [`crate::fields`]'s. Never keeps a number
//! that is not a non-negative integer: money has no other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value as far as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool,
    /// A number written without sign, fraction and exponent, below 2^64.
    Integer(u64),
    /// Any other number.
    OtherNumber,
    Text(String),
    /// No request has one; its elements were checked and dropped.
    Array,
    Object(BTreeMap<String, Json>),
}

/// Why a text did not become a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not JSON, too deep, or a member twice.
    Malformed(String),
    /// JSON, but the value at this path cannot be held: a number beyond all range or half a surrogate pair.
    OutOfRange(String),
}

/// Reads a text.
pub(crate) fn parse(bytes: &[u8], max_depth: usize) -> Result<Json, Unreadable> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Unreadable::Malformed(format!("not utf-8 at byte {}", error.valid_up_to())))?;
    let trail = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node { depth_left: max_depth, max_depth, trail: &trail };
    let parsed = value.deserialize(&mut deserializer).and_then(|json| deserializer.end().map(|()| json));
    parsed.map_err(|error| {
        // serde_json calls a number that overflows a syntax error; its grammar check tells the difference.
        let grammatical = serde_json::from_str::<IgnoredAny>(text).is_ok();
        if error.is_syntax() && grammatical {
            Unreadable::OutOfRange(trail.take().join("."))
        } else {
            Unreadable::Malformed(error.to_string())
        }
    })
}

/// A value to be read at some depth; `trail` holds the names of the members around it.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth_left: usize,
    max_depth: usize,
    trail: &'a RefCell<Vec<String>>,
}

impl Node<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let too_deep = || E::custom(format!("nested deeper than {} levels", self.max_depth));
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(too_deep)?;
        Ok(Self { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        while elements.next_element_seed(inner)?.is_some() {}
        Ok(Json::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut members = BTreeMap::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.contains_key(&name) {
                let shown: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("duplicate member {shown:?}")));
            }
            self.trail.borrow_mut().push(name.chars().take(64).collect());
            let value = entries.next_value_seed(inner)?;
            self.trail.borrow_mut().pop();
            members.insert(name, value);
        }
        Ok(Json::Object(members))
    }
}
