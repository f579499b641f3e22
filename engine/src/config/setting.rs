//! The values a key may have: how each is read from text and from TOML, shown, and described.
//!
//! Owns one rule per type. Never knows a key's name; [`super::ConfigError`] adds it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

/// A type that a key can have.
pub trait Setting: Sized {
    /// What is allowed, as the end of a sentence that begins with "must be".
    const FORM: &'static str;

    /// Reads it from the text of an environment variable, a flag or a default; `None` when it is not allowed.
    fn from_text(text: &str) -> Option<Self>;

    /// Reads it from the configuration file. Texts and what they stand for are the same unless a type says more.
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// The value as TOML with secrets masked; `None` when it is not set.
    fn to_toml(&self) -> Option<Value>;
}

fn number_from_toml<T: Setting>(value: &Value) -> Option<T> {
    value.as_integer().and_then(|number| T::from_text(&number.to_string()))
}

macro_rules! counted {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const FORM: &'static str = "a whole number of at least 1";

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn from_toml(value: &Value) -> Option<Self> {
                number_from_toml(value)
            }

            fn to_toml(&self) -> Option<Value> {
                i64::try_from(self.get()).ok().map(Value::Integer)
            }
        }
    )+};
}

counted!(NonZeroU32, NonZeroU64, NonZeroUsize);

impl Setting for bool {
    const FORM: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl Setting for SocketAddr {
    const FORM: &'static str = "an address with a port, such as \"127.0.0.1:8080\" (port 0 picks a free one)";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

/// Durations beyond this are taken for mistakes; sums of a few of them stay far from any overflow.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

impl Setting for Duration {
    const FORM: &'static str = "a duration above zero, such as \"500ms\", \"10s\" or \"7d\"";

    fn from_text(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero() && *duration <= LONGEST)
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(humantime::format_duration(*self).to_string()))
    }
}

impl Setting for PathBuf {
    const FORM: &'static str = "a path";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.display().to_string()))
    }
}

impl Setting for String {
    const FORM: &'static str = "a text";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

impl<T: Setting> Setting for Option<T> {
    const FORM: &'static str = T::FORM;

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::from_text(text).map(Some) }
    }

    fn from_toml(value: &Value) -> Option<Self> {
        T::from_toml(value).map(Some)
    }

    fn to_toml(&self) -> Option<Value> {
        self.as_ref().and_then(T::to_toml)
    }
}

/// A share in per cent, above 0 and up to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// The share as a number of per cent.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Setting for Percent {
    const FORM: &'static str = "a number of per cent above 0 and up to 100";

    fn from_text(text: &str) -> Option<Self> {
        let share: f64 = text.parse().ok()?;
        (share > 0.0 && share <= 100.0).then_some(Self(share))
    }

    fn from_toml(value: &Value) -> Option<Self> {
        number_from_toml(value).or_else(|| Self::from_text(&value.as_float()?.to_string()))
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::Float(self.0))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(NonZeroU32);

impl Bytes {
    const UNITS: [(&'static str, u32); 2] = [("MiB", 1024 * 1024), ("KiB", 1024)];

    /// How many.
    #[must_use]
    pub fn get(self) -> usize {
        usize::try_from(self.0.get()).expect("32 bits fit the address space this program runs in")
    }
}

impl Setting for Bytes {
    const FORM: &'static str = "a size of at least one byte, such as 65536, \"64KiB\" or \"1MiB\"";

    fn from_text(text: &str) -> Option<Self> {
        let (digits, unit) = Self::UNITS
            .into_iter()
            .find_map(|(name, bytes)| text.strip_suffix(name).map(|digits| (digits, bytes)))
            .unwrap_or((text, 1));
        let bytes = digits.trim_end().parse::<u32>().ok()?.checked_mul(unit)?;
        NonZeroU32::new(bytes).map(Self)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        number_from_toml(value).or_else(|| value.as_str().and_then(Self::from_text))
    }

    fn to_toml(&self) -> Option<Value> {
        let bytes = self.0.get();
        let unit = Self::UNITS.into_iter().find(|(_, size)| bytes.is_multiple_of(*size));
        Some(match unit {
            Some((name, size)) => Value::String(format!("{}{name}", bytes / size)),
            None => Value::Integer(bytes.into()),
        })
    }
}

/// Named properties that are handed on; some may be secrets, so their values are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// The properties by name.
    #[must_use]
    pub fn get(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Setting for Properties {
    const FORM: &'static str =
        "a table of texts, numbers and booleans, or a text such as \"linger.ms=5,compression.type=lz4\"";

    fn from_text(text: &str) -> Option<Self> {
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.trim().to_owned()))
        };
        pairs.map(read).collect::<Option<_>>().map(Self)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let Some(table) = value.as_table() else {
            return value.as_str().and_then(Self::from_text);
        };
        let mut properties = BTreeMap::new();
        read_properties("", table, &mut properties)?;
        Some(Self(properties))
    }

    fn to_toml(&self) -> Option<Value> {
        let masked = |name: &String| (name.clone(), Value::String("masked".to_owned()));
        (!self.0.is_empty()).then(|| Value::Table(self.0.keys().map(masked).collect()))
    }
}

/// A name with dots that is written without quotes arrives as tables in tables.
fn read_properties(prefix: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) -> Option<()> {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        let text = match value {
            Value::Table(inner) => {
                read_properties(&format!("{name}."), inner, into)?;
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Datetime(_) | Value::Array(_) => return None,
        };
        into.insert(name, text);
    }
    Some(())
}

/// Implements [`Setting`] for an enum of fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $form:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word's value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::config::setting::Setting for $name {
            const FORM: &'static str = $form;

            fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }

            fn to_toml(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.as_str().to_owned()))
            }
        }
    };
}

pub(crate) use words;
