//! Keys out of files, such as the secrets of a container: one key per line.
//!
//! Owns the form of the lines: `MERCHANT:SECRET` for the payments API; `SECRET` or `LABEL:SECRET` for the operator API,
//! so that a file with one line is what Prometheus and other programs take for a token. Files are read once, at
//! start. No message repeats a line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use payment_schema::api_key::{ApiKey, KeyScope, KeySecret};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;

use crate::config::Config;

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysFileError {
    /// It cannot be read.
    #[error("the file of keys {} cannot be read: {cause}; check {setting}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What names it.
        setting: &'static str,
        /// Why.
        cause: std::io::Error,
    },
    /// It has no line with a key.
    #[error("the file of keys {} ({setting}) is empty; write one key on each line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What names it.
        setting: &'static str,
    },
    /// A line is not a key.
    #[error("line {line} of the file of keys {} ({setting}) is not usable: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// What names it.
        setting: &'static str,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, without what it says.
        problem: String,
    },
}

/// A key and its secret.
type Line = (KeyScope, Option<KeyLabel>, KeySecret);

const MERCHANTS: &str = "http.keys_file";
const OPERATORS: &str = "operator.keys_file";

/// The keys of the configured files.
pub(super) fn read(config: &Config, now: Timestamp) -> Result<Vec<ApiKey>, KeysFileError> {
    let mut keys = Vec::new();
    if let Some(path) = &config.http.keys_file {
        keys.extend(lines(path, MERCHANTS, merchant)?);
    }
    if let Some(path) = &config.operator.keys_file {
        keys.extend(lines(path, OPERATORS, operator)?);
    }
    let made = |(scope, label, secret): Line| ApiKey {
        scope,
        label,
        digest: secret.digest(),
        created_at: now,
        revoked_at: None,
    };
    Ok(keys.into_iter().map(made).collect())
}

/// The first secret of a file of operators' keys, to send; `setting` is what names the file.
pub(crate) fn operator_secret(path: &Path, setting: &'static str) -> Result<KeySecret, KeysFileError> {
    let mut lines = lines(path, setting, operator)?;
    let (_, _, secret) = lines.swap_remove(0);
    Ok(secret)
}

/// Every line as `parse` reads it; at least one.
fn lines(
    path: &Path,
    setting: &'static str,
    parse: fn(&str) -> Result<Line, String>,
) -> Result<Vec<Line>, KeysFileError> {
    let path = path.to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) => return Err(KeysFileError::Unreadable { path, setting, cause }),
    };
    let (mut keys, mut seen) = (Vec::new(), BTreeSet::new());
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let parsed = parse(text).and_then(|key| {
            let new = seen.insert(key.2.digest());
            if new { Ok(key) } else { Err("its secret stands on an earlier line too".to_owned()) }
        });
        match parsed {
            Ok(key) => keys.push(key),
            Err(problem) => return Err(KeysFileError::Line { path, setting, line, problem }),
        }
    }
    if keys.is_empty() { Err(KeysFileError::Empty { path, setting }) } else { Ok(keys) }
}

/// A merchant's id may hold colons, a secret holds none.
fn merchant(line: &str) -> Result<Line, String> {
    let (merchant, rest) = line.rsplit_once(':').ok_or("it must be MERCHANT:SECRET")?;
    let merchant = MerchantId::parse(merchant).map_err(|error| format!("the merchant id {error}"))?;
    Ok((KeyScope::Merchant(merchant), None, secret(rest)?))
}

fn operator(line: &str) -> Result<Line, String> {
    let (label, rest) = line.rsplit_once(':').map_or((None, line), |(label, rest)| (Some(label), rest));
    let label = label.map(KeyLabel::parse).transpose().map_err(|error| format!("the label {error}"))?;
    Ok((KeyScope::Operator, label, secret(rest)?))
}

fn secret(text: &str) -> Result<KeySecret, String> {
    KeySecret::parse(text.trim()).map_err(|error| format!("the secret {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read_text(text: &str, parse: fn(&str) -> Result<Line, String>) -> Result<Vec<Line>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        lines(file.path(), "x.keys_file", parse).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_a_key() {
        let scopes = |text: &str, parse| -> Vec<String> {
            let lines = read_text(text, parse).unwrap();
            lines.iter().map(|(scope, label, _)| format!("{scope} {label:?}")).collect()
        };
        let other = SECRET.to_uppercase();
        let text = format!("shop 1:{SECRET}\r\n\nurn:shop:2:{other}\n");
        assert_eq!(scopes(&text, merchant), ["merchant shop 1 None", "merchant urn:shop:2 None"]);
        let [plain, labelled] = [format!("{SECRET}\n"), format!("alice:{SECRET}")];
        assert_eq!(scopes(&plain, operator), ["operators None"]);
        assert!(scopes(&labelled, operator)[0].contains("alice"));
        assert_eq!(read_text(&labelled, operator).unwrap()[0].2.reveal(), SECRET);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let long = "x".repeat(33);
        let twice = format!("a:{SECRET}\nb:{SECRET}");
        for (text, words) in [
            (String::new(), ["x.keys_file", "is empty"]),
            (SECRET.to_owned(), ["line 1", "MERCHANT:SECRET"]),
            (format!("\nshop:{}", &SECRET[1..]), ["line 2", "32 to 256 characters"]),
            (format!("shop:{SECRET} x"), ["line 1", "32 to 256 characters"]),
            (format!("{long}:{SECRET}"), ["line 1", "merchant id must have 1 to 32"]),
            (twice, ["line 2", "earlier line"]),
        ] {
            let message = read_text(&text, merchant).unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
            assert!(!message.contains(&SECRET[1..]), "{message}");
        }
    }
}
