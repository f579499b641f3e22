//! The name of a run.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells what a run makes (idempotency keys, databases) from what every other run makes. Of letters alone: digits
/// would now and then look like a card number, which the payments API refuses in keys.
pub(crate) fn name(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    letters(since.as_micros() << 32 | u128::from(std::process::id()))
}

fn letters(mut number: u128) -> String {
    let mut name = String::new();
    while number > 0 {
        let digit = u8::try_from(number % 26).expect("a remainder is small");
        name.push(char::from(b'a' + digit));
        number /= 26;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn names_are_letters_and_differ() {
        assert_ne!(letters(1), letters(2));
        let long = letters(u128::MAX >> 20);
        assert!(long.len() < 30 && long.bytes().all(|byte| byte.is_ascii_lowercase()), "{long}");
    }
}
