//! Recognises card numbers in free text, so that they can be refused before they are stored anywhere.
//!
//! Owns one question: does this text hold something that looks like a primary account number? Never stores or
//! logs what it looked at.
//!
//! A run counts when it has 13–19 digits after spaces and dashes are taken out, starts with the prefix of a card
//! network (ISO/IEC 7812 issuer ranges) and ends in a valid Luhn digit (ISO/IEC 7812-1 annex B).

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// Whether `text` holds a card-like number.
#[must_use]
pub fn is_present_in(text: &str) -> bool {
    let mut run = Vec::new();
    for character in text.chars() {
        match character.to_digit(10) {
            Some(digit) => run.push(u8::try_from(digit).expect("a decimal digit fits")),
            None if character == ' ' || character == '-' => {}
            None => {
                if run_holds_card(&run) {
                    return true;
                }
                run.clear();
            }
        }
    }
    run_holds_card(&run)
}

/// A card number may be hidden inside a longer run of digits, so every window is looked at.
fn run_holds_card(digits: &[u8]) -> bool {
    (SHORTEST..=LONGEST.min(digits.len())).any(|length| digits.windows(length).any(is_card))
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

#[cfg(test)]
mod tests {
    use super::is_present_in;

    #[test]
    fn finds_card_numbers_and_lets_other_numbers_pass() {
        for (text, found) in [
            ("4111111111111111", true),
            ("card 4111-1111 1111-1111 please", true),
            ("378282246310005", true),
            ("5555555555554444", true),
            ("6011111111111117", true),
            ("3530111333300000", true),
            ("order 4111111111111112", false),
            ("1234567890123", false),
            ("", false),
            ("2026-01-31 12:00", false),
            ("9999999999999999", false),
        ] {
            assert_eq!(is_present_in(text), found, "{text}");
        }
    }
}
