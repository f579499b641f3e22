//! API keys at the door: which are live, who asks, and whether they may.
//!
//! Owns the reading of `Authorization: Bearer` and the refusals (401, 403). Never reads a store: the ring is told of
//! keys by whoever keeps them, and a request is judged by what it was told last.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use parking_lot::RwLock;
use payment_schema::api_key::{ApiKey, KeyDigest, KeyScope};
use payment_schema::ids::MerchantId;
use payment_schema::problem::ProblemCode;

use crate::exchange::single;
use crate::problem::Problem;

/// Who acts while a listener asks for no keys: whoever reaches it.
const ANYONE: &str = "local";

/// Whose listener it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The payments API.
    Merchants,
    /// The operator API.
    Operators,
}

impl Audience {
    const fn of(scope: &KeyScope) -> Self {
        match scope {
            KeyScope::Merchant(_) => Self::Merchants,
            KeyScope::Operator => Self::Operators,
        }
    }
}

/// From where a listener can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// From this machine alone. Asks for keys as soon as one was ever made for it.
    Loopback,
    /// From others too. Always asks for keys.
    Network,
}

/// The live keys, shared by the listeners and by whoever learns of changes.
#[derive(Debug, Default)]
pub struct KeyRing(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    live: BTreeMap<KeyDigest, Arc<ApiKey>>,
    for_merchants: bool,
    for_operators: bool,
}

impl KeyRing {
    /// Takes in keys as they are now: live ones are accepted from here on, revoked ones refused.
    pub fn learn(&self, keys: impl IntoIterator<Item = ApiKey>) {
        let mut known = self.0.write();
        for key in keys {
            match Audience::of(&key.scope) {
                Audience::Merchants => known.for_merchants = true,
                Audience::Operators => known.for_operators = true,
            }
            if key.revoked_at.is_none() {
                known.live.insert(key.digest, Arc::new(key));
            } else {
                known.live.remove(&key.digest);
            }
        }
    }

    /// Whether somebody could use such a listener with a key.
    #[must_use]
    pub fn has_live(&self, audience: Audience) -> bool {
        self.0.read().live.values().any(|key| Audience::of(&key.scope) == audience)
    }

    /// Whether such a key was ever made. Revoking the last one must not open what it protected.
    fn was_made_for(&self, audience: Audience) -> bool {
        let known = self.0.read();
        match audience {
            Audience::Merchants => known.for_merchants,
            Audience::Operators => known.for_operators,
        }
    }

    /// The live key of a digest. The time this takes tells about digests at most, and nobody can choose a secret by
    /// its digest; so the secret needs no comparison in constant time.
    fn find(&self, digest: &KeyDigest) -> Option<Arc<ApiKey>> {
        self.0.read().live.get(digest).cloned()
    }
}

/// How callers of one listener prove who they are.
#[derive(Debug, Clone)]
pub struct Authenticator {
    ring: Arc<KeyRing>,
    audience: Audience,
    reach: Reach,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// Whoever reaches a listener that asks for no keys.
    Anyone,
    /// The holder of a live key.
    Holder(Arc<ApiKey>),
}

impl Authenticator {
    /// Judges by the ring, on a listener of this kind.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>, audience: Audience, reach: Reach) -> Self {
        Self { ring, audience, reach }
    }

    /// Whether requests need a key now.
    #[must_use]
    pub fn demands_keys(&self) -> bool {
        self.reach == Reach::Network || self.ring.was_made_for(self.audience)
    }

    /// Who sent a request with these headers: 401 when that has to be known and is not.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        if !self.demands_keys() {
            return Ok(Identity::Anyone);
        }
        let secret = bearer(headers)?;
        let key = self.ring.find(&KeyDigest::of(secret)).ok_or_else(|| {
            Problem::unauthenticated("the API key is not known here, or was revoked", Some("invalid_token"))
        })?;
        Ok(Identity::Holder(key))
    }

    /// Whether an identity that was established some time ago would be again.
    pub(crate) fn still_knows(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Anyone => !self.demands_keys(),
            Identity::Holder(key) => self.ring.find(&key.digest).is_some(),
        }
    }
}

/// The token of `Authorization: Bearer TOKEN` (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>).
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    if !headers.contains_key(AUTHORIZATION) {
        let detail = "an API key is needed: send the header Authorization: Bearer KEY";
        return Err(Problem::unauthenticated(detail, None));
    }
    let header = single(headers, AUTHORIZATION.as_str());
    let token = header.and_then(|header| header.split_once(' ')).and_then(|(scheme, token)| {
        let token = token.trim_matches(' ');
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    });
    token.ok_or_else(|| {
        let detail = "the header Authorization holds no API key: send it once, as Authorization: Bearer KEY";
        Problem::unauthenticated(detail, Some("invalid_request"))
    })
}

impl Identity {
    /// 403 unless the key is this merchant's.
    pub(crate) fn act_for(&self, merchant: &MerchantId) -> Result<(), Problem> {
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(key) => match &key.scope {
                KeyScope::Merchant(own) if own == merchant => Ok(()),
                KeyScope::Merchant(_) => forbidden("the API key belongs to another merchant than merchantId"),
                KeyScope::Operator => {
                    forbidden("the API key is an operator's; the payments API takes keys of merchants")
                }
            },
        }
    }

    /// 403 unless the key is the operators'.
    pub(crate) fn operate(&self) -> Result<(), Problem> {
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(key) => match &key.scope {
                KeyScope::Operator => Ok(()),
                KeyScope::Merchant(_) => {
                    forbidden("the API key is a merchant's; the operator API takes keys of operators")
                }
            },
        }
    }

    /// Who acts, for the audit.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Anyone => ANYONE.to_owned(),
            Self::Holder(key) => key.holder(),
        }
    }
}

fn forbidden(detail: &str) -> Result<(), Problem> {
    Err(Problem::new(ProblemCode::Forbidden, detail))
}
