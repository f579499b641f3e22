//! Recognises card numbers in free text, so that they can be refused before they are stored anywhere.
//!
//! Owns one question: does this text hold something that looks like a primary account number? Never stores or
//! logs what it looked at.
//!
//! A card number is 13–19 digits, in one group or in groups parted by spaces and dashes, that start with the prefix
//! of a card network (ISO/IEC 7812 issuer ranges) and end in a valid Luhn digit (ISO/IEC 7812-1 annex B). It starts
//! and ends where a group does: a window inside a longer number is no card number, or every third idempotency key
//! made of a millisecond timestamp and counters would be refused. Text in the form of a UUID (RFC 9562) is none
//! either, or one random key in a thousand would be.

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// Whether `text` holds a card-like number.
#[must_use]
pub fn is_present_in(text: &str) -> bool {
    if is_uuid(text) {
        return false;
    }
    let is_part = |character: char| character.is_ascii_digit() || is_separator(character);
    text.split(|character| !is_part(character)).any(run_holds_card)
}

const fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '-')
}

/// Eight, four, four, four and twelve hexadecimal digits, at least one of them a letter.
fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.split('-').all(is_hex)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Looks at every number that neighbouring groups of digits make together.
fn run_holds_card(run: &str) -> bool {
    let groups: Vec<&str> = run.split(is_separator).filter(|group| !group.is_empty()).collect();
    (0..groups.len()).any(|first| starts_with_card(&groups[first..]))
}

fn starts_with_card(groups: &[&str]) -> bool {
    let mut digits = Vec::with_capacity(LONGEST);
    for group in groups {
        digits.extend(group.bytes().map(|byte| byte - b'0'));
        if digits.len() > LONGEST {
            return false;
        }
        if digits.len() >= SHORTEST && is_card(&digits) {
            return true;
        }
    }
    false
}

fn is_card(digits: &[u8]) -> bool {
    has_network_prefix(digits) && luhn_is_valid(digits)
}

fn has_network_prefix(digits: &[u8]) -> bool {
    let leading =
        |count: usize| digits.iter().take(count).fold(0_u32, |value, digit| value * 10 + u32::from(*digit));
    let (one, two, three, four) = (leading(1), leading(2), leading(3), leading(4));
    one == 4
        || (51..=55).contains(&two)
        || (2221..=2720).contains(&four)
        || [34, 36, 37, 38, 39, 50, 62, 65].contains(&two)
        || (56..=59).contains(&two)
        || (300..=305).contains(&three)
        || (644..=649).contains(&three)
        || (3528..=3589).contains(&four)
        || [6011, 6304, 6759, 6761, 6762, 6763].contains(&four)
        || two == 81
        || two == 22
}

fn luhn_is_valid(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| match (position % 2, u32::from(*digit)) {
            (0, value) => value,
            (_, value) if value > 4 => value * 2 - 9,
            (_, value) => value * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}
