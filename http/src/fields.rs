//! Reads named values one by one and collects everything that is wrong with them.
//!
//! Owns the rules that every name must be known and every fault is reported at once. Serves bodies (values are
//! [`Json`]) and query strings (values are text). What a single value may be is [`crate::values`]'s.

use std::collections::BTreeMap;

use payment_schema::problem::FieldError;

use crate::json::Json;
use crate::problem::Problem;

/// More faults than this are not listed: a hostile body must not make a huge answer.
const MOST_ERRORS: usize = 20;

/// A fault was noted in the [`Fields`] that returned this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted;

/// Named values of which some have been read.
pub(crate) struct Fields<V> {
    unread: BTreeMap<String, V>,
    errors: Vec<FieldError>,
}

impl Fields<Json> {
    /// The members of a body.
    pub(crate) fn of_body(body: Json) -> Result<Self, Problem> {
        match body {
            Json::Object(members) => Ok(Self { unread: members, errors: Vec::new() }),
            Json::Null | Json::Bool | Json::Integer(_) | Json::OtherNumber | Json::Text(_) | Json::Array => {
                Err(Problem::field("body", "must be a JSON object"))
            }
        }
    }
}

impl Fields<String> {
    /// The parameters of a query string; one that is given twice is a fault.
    pub(crate) fn of_query(parameters: Vec<(String, String)>) -> Self {
        let mut fields = Self { unread: BTreeMap::new(), errors: Vec::new() };
        for (name, value) in parameters {
            if fields.unread.insert(name.clone(), value).is_some() {
                fields.note(&name, "is given more than once");
            }
        }
        fields
    }
}

impl<V> Fields<V> {
    /// Notes a fault.
    pub(crate) fn note(&mut self, field: &str, message: impl Into<String>) -> Noted {
        if self.errors.len() < MOST_ERRORS {
            let field = field.chars().take(64).collect();
            self.errors.push(FieldError { field, message: message.into() });
        }
        Noted
    }

    /// The value, when it is there and `read` accepts it.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&V) -> Result<T, String>,
    ) -> Result<Option<T>, Noted> {
        let Some(value) = self.unread.remove(name) else { return Ok(None) };
        read(&value).map(Some).map_err(|message| self.note(name, message))
    }

    /// The value, which must be there and be accepted by `read`.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&V) -> Result<T, String>,
    ) -> Result<T, Noted> {
        match self.optional(name, read) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(self.note(name, "is required")),
            Err(noted) => Err(noted),
        }
    }

    /// What was made of the values, unless any of them was at fault or was never asked for.
    pub(crate) fn finish<T>(mut self, made: Result<T, Noted>) -> Result<T, Problem> {
        for name in std::mem::take(&mut self.unread).into_keys() {
            self.note(&name, "is not known here");
        }
        match made {
            Ok(value) if self.errors.is_empty() => Ok(value),
            Ok(_) | Err(Noted) => Err(Problem::validation(self.errors)),
        }
    }
}
