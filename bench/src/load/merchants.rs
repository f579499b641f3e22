//! Who the payments are for, and the keys that speak for them.
//!
//! Owns the names of merchants and the reading of the key file. A key is never printed.

use std::path::Path;

use crate::failure::Failure;

/// One merchant.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Merchant {
    pub(crate) id: String,
    /// What the `Authorization` header says after `Bearer`.
    pub(crate) key: Option<String>,
}

/// Numbered merchants, all with the same key if there is one.
pub(crate) fn numbered(count: u32, key: Option<&str>) -> Vec<Merchant> {
    let merchant = |number| Merchant { id: format!("merchant-{number:06}"), key: key.map(str::to_owned) };
    (0..count.max(1)).map(merchant).collect()
}

/// Reads a key file: one key for every merchant, or lines of merchant and key, which then are the merchants.
///
/// # Errors
/// When it cannot be read, or mixes the two forms.
pub(crate) fn from_file(file: &Path, count: u32) -> Result<Vec<Merchant>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(Failure::because(format!("{} cannot be read", file.display())))?;
    parse(&text, count).ok_or_else(|| {
        Failure::new(format!(
            "{} is no key file; write one key alone, or lines of merchant id and key",
            file.display()
        ))
    })
}

fn parse(text: &str, count: u32) -> Option<Vec<Merchant>> {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| !words.is_empty())
        .collect();
    if let [only] = lines.as_slice()
        && let [key] = only.as_slice()
    {
        return Some(numbered(count, Some(key)));
    }
    let merchants = lines.iter().map(|words| match words.as_slice() {
        [id, key] => Some(Merchant { id: (*id).to_owned(), key: Some((*key).to_owned()) }),
        _ => None,
    });
    merchants.collect::<Option<Vec<Merchant>>>().filter(|merchants| !merchants.is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_key_file_holds_one_key_or_one_for_each_merchant() {
        let read = |text| {
            let merchants = parse(text, 2)?;
            Some(merchants.into_iter().map(|one| (one.id, one.key)).collect::<Vec<_>>())
        };
        let pair = |id: &str, key: &str| (id.to_owned(), Some(key.to_owned()));
        assert_eq!(read("k\n"), Some(vec![pair("merchant-000000", "k"), pair("merchant-000001", "k")]));
        assert_eq!(read("a ka\n\nb  kb\n"), Some(vec![pair("a", "ka"), pair("b", "kb")]));
        for text in ["", "a b c", "a ka\nkb"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
