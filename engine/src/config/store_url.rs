//! Which database the store is.

use std::path::PathBuf;

use toml::Value;

use super::secret::SecretUrl;
use super::setting::Setting;

/// The address of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: a file.
    Sqlite(PathBuf),
    /// `mysql://…` or `mariadb://…`: a MariaDB server; no other scheme passes the rules.
    Server(SecretUrl),
}

impl Setting for StoreUrl {
    const FORM: &'static str = "a database, such as \"sqlite:/var/lib/payments/payment.db\" or \"mysql://user:password@host:3306/paydb\"";

    fn from_text(text: &str) -> Option<Self> {
        let Some(path) = text.strip_prefix("sqlite:") else {
            return SecretUrl::from_text(text).map(Self::Server);
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        (!path.is_empty()).then(|| Self::Sqlite(PathBuf::from(path)))
    }

    fn to_toml(&self) -> Option<Value> {
        match self {
            Self::Sqlite(path) => Some(Value::String(format!("sqlite:{}", path.display()))),
            Self::Server(url) => url.to_toml(),
        }
    }
}
