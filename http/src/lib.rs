//! placeholder head, replaced as the crate grows.
