//! API keys of a running engine: where they come from, and when there must be some.
//!
//! Owns the files of keys, the ring of live keys and the rule that a listener without keys stays on this machine. Who
//! may do what with a key is [`payment_http`]'s; how keys are kept is the store's.

mod exposure;
mod file;
mod keeper;

pub use exposure::Unprotected;
pub(crate) use exposure::{check, reach};
pub use file::KeysFileError;
pub(crate) use file::operator_secret;
pub(crate) use keeper::KeyKeeper;
