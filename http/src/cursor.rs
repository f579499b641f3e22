//! Opaque cursors of paged lists.
//!
//! Owns their text: base64url of `v1.{position}.{check}`. The check binds a cursor to the query it came from, so
//! that a changed or foreign one is refused and never answers the wrong page. It keeps no secret.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payment_schema::fingerprint::Fingerprint;
use serde::Serialize;

/// Why a text is not a cursor.
pub(crate) const INVALID: &str = "must be the nextCursor of an earlier page of the same list";

/// The cursor behind `position` in the list that `query` asks for.
pub(crate) fn encode<Q: Serialize>(position: u64, query: &Q) -> String {
    URL_SAFE_NO_PAD.encode(format!("v1.{position}.{}", check(position, query)))
}

/// The position of a cursor of the same list.
pub(crate) fn decode<Q: Serialize>(cursor: &str, query: &Q) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (position, sum) = text.strip_prefix("v1.")?.split_once('.')?;
    let position = position.parse().ok()?;
    (sum == check(position, query)).then_some(position)
}

fn check<Q: Serialize>(position: u64, query: &Q) -> String {
    let print = Fingerprint::of("cursor", None, &(position, query)).0;
    print[..8].iter().fold(String::with_capacity(16), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
