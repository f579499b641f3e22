//! What a section of the configuration is, and how one is declared.
//!
//! Owns the `section!` macro: one declaration gives the struct, its defaults, its documentation for operators and
//! its place in the printed configuration, so that the four cannot drift apart.

use toml::Value;

use super::ConfigError;
use super::layers::Layers;
use super::setting::Setting;

/// One key as operators read about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The section, such as `http`; `breakers.NAME` for a section that exists once per breaker.
    pub section: &'static str,
    /// The key within the section.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The default as text; empty when there is none.
    pub default: &'static str,
}

/// A named group of keys.
pub trait Section: Sized {
    /// Its keys, in the order they are declared.
    const KEYS: &'static [Key];

    /// Reads the section's keys under this name.
    ///
    /// # Errors
    /// When a key has a value that is not allowed.
    fn read(name: &str, layers: &Layers) -> Result<Self, ConfigError>;

    /// Each key's value; `None` when it is not set.
    fn values(&self) -> Vec<(&'static str, Option<Value>)>;
}

/// Reads one key: the topmost layer that has it, else the default.
pub(super) fn read_key<T: Setting>(
    layers: &Layers,
    section: &str,
    name: &str,
    default: &str,
) -> Result<T, ConfigError> {
    let key = format!("{section}.{name}");
    if let Some(given) = layers.get(&key) {
        return given.read().ok_or_else(|| ConfigError::not_allowed::<T>(&key, given));
    }
    Ok(T::from_text(default).expect("every declared default is allowed, as a test asserts"))
}

/// Declares a section: a struct whose fields are keys, each with its type, default (as text) and documentation.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident, $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl $crate::config::section::Section for $name {
            const KEYS: &'static [$crate::config::section::Key] = &[
                $( $crate::config::section::Key {
                    section: $section,
                    name: stringify!($field),
                    about: concat!($($doc),+),
                    default: $default,
                }, )+
            ];

            fn read(
                name: &str,
                layers: &$crate::config::layers::Layers,
            ) -> Result<Self, $crate::config::ConfigError> {
                Ok(Self {
                    $( $field: $crate::config::section::read_key(layers, name, stringify!($field), $default)?, )+
                })
            }

            fn values(&self) -> Vec<(&'static str, Option<toml::Value>)> {
                vec![
                    $( (stringify!($field), $crate::config::setting::Setting::to_toml(&self.$field)), )+
                ]
            }
        }
    };
}

pub(crate) use section;
