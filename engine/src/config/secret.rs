//! Addresses that may hold a password.
//!
//! Owns the only type such an address is kept in: neither `Debug` nor `Display` nor the printed configuration
//! shows the password. Whoever needs it says so by calling [`SecretUrl::reveal`].

use std::fmt;

use reqwest::Url;
use toml::Value;

use super::setting::Setting;

/// A URL whose password is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// The whole URL, password included; for connecting, never for showing.
    #[must_use]
    pub fn reveal(&self) -> &Url {
        &self.0
    }

    /// The scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    fn masked(&self) -> String {
        let mut url = self.0.clone();
        if url.password().is_some() && url.set_password(Some("masked")).is_err() {
            return format!("{}://masked", self.0.scheme());
        }
        if url.query().is_some() {
            url.set_query(Some("masked"));
        }
        url.to_string()
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Setting for SecretUrl {
    const FORM: &'static str = "a URL, such as \"http://127.0.0.1:8090\"";

    fn from_text(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.masked()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let url = SecretUrl::from_text("mysql://pay:hunter2@db:3306/paydb?token=hunter2").expect("a url");
        let toml = url.to_toml().expect("it is set").to_string();
        for shown in [format!("{url}"), format!("{url:?}"), toml] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("mysql://pay:masked@db:3306/paydb"), "{shown}");
        }
        assert_eq!(url.reveal().password(), Some("hunter2"));
    }
}
