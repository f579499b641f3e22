//! What things are called in Redis.
//!
//! The merchant stands in braces, so that a cluster keeps all of a merchant's keys in one slot
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>) and one script may use
//! them together.

use std::borrow::Cow;

use payment_actors::ports::admission::LimitedOperation;
use payment_schema::ids::MerchantId;
use payment_schema::text::IdempotencyKey;

/// Makes keys behind an operator's prefix.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// A merchant's bucket for an operation.
    pub(super) fn bucket(&self, merchant_id: &MerchantId, operation: LimitedOperation) -> String {
        [&self.prefix, "limit:{", &tag(merchant_id), "}:", operation.as_str()].concat()
    }

    /// The answer to the command that took a key.
    pub(super) fn answer(&self, merchant_id: &MerchantId, key: &IdempotencyKey) -> String {
        [&self.prefix, "answer:{", &tag(merchant_id), "}:", key.as_str()].concat()
    }

    /// A bucket that nobody owns, to see whether the script runs. No merchant's key begins like this.
    pub(super) fn probe(&self) -> String {
        format!("{}probe", self.prefix)
    }
}

/// A merchant's id may hold any printable character; a closing brace would end the tag early.
fn tag(merchant_id: &MerchantId) -> Cow<'_, str> {
    let id = merchant_id.as_str();
    if id.contains(['%', '}']) {
        Cow::Owned(id.replace('%', "%25").replace('}', "%7D"))
    } else {
        Cow::Borrowed(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a cluster hashes: between the first opening brace and the next closing one, if that is anything.
    fn hashed(key: &str) -> &str {
        let tagged = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        tagged.map(|(tag, _)| tag).filter(|tag| !tag.is_empty()).unwrap_or(key)
    }

    #[test]
    fn a_merchants_keys_share_a_slot_and_nobody_elses_name() {
        let keys = Keys::new("shop:");
        let key = IdempotencyKey::parse("k}{1").expect("a key");
        let ids = ["acme", "}", "{}", "a}b", "a%7Db", "a{b", "%"];
        let merchants = ids.map(|id| MerchantId::parse(id).expect("an id"));
        let mut tags = Vec::new();
        for merchant in &merchants {
            let bucket = keys.bucket(merchant, LimitedOperation::Capture);
            let answer = keys.answer(merchant, &key);
            assert!(bucket.starts_with("shop:") && answer.starts_with("shop:"));
            assert_ne!(hashed(&bucket), bucket, "{bucket} has a tag");
            assert_eq!(hashed(&bucket), hashed(&answer));
            tags.push(hashed(&bucket).to_owned());
        }
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), merchants.len());
    }
}
