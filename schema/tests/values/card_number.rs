//! Which texts hold a card number. The numbers are the networks' published test numbers.

use payment_schema::card_number::is_present_in;

#[test]
fn card_numbers_are_found() {
    for text in [
        "4111111111111111",
        "4222222222222",
        "4000056655665556",
        "5555555555554444",
        "2223003122003222",
        "5105105105105100",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "3056930009020004",
        "36227206271667",
        "3566002020360505",
        "6200000000000005",
        "6759649826438453",
        "5019717010103742",
        // Grouped, and among other words and numbers.
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 - 1111  1111-1111",
        "card 4111-1111 1111-1111 please",
        "4111 1111 1111 1111 12 27 123",
        "12 4111 1111 1111 1111",
        "order-77-4111111111111111",
        "x4111111111111111y",
        "karte:4111111111111111,",
        "卡4111111111111111号",
        // Nineteen digits.
        "4000000000000000006",
        // A UUID's groups without a letter in them are no UUID of anybody.
        "41111111-1111-1111-0000-000000000000",
    ] {
        assert!(is_present_in(text), "{text}");
    }
}

#[test]
fn other_texts_pass() {
    for text in [
        "",
        "-",
        "4",
        "no digits at all",
        // A wrong check digit.
        "4111111111111112",
        "order 4111111111111112",
        // No network's prefix.
        "1234567890123",
        "9999999999999999",
        "0000000000000000",
        // Too short, too long.
        "411111111111",
        "42222222222225",
        "41111111111111111111",
        // A stretch inside a longer number.
        "994111111111111111",
        "99941111111111111119",
        // Parted by something that parts no card number.
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111x1111x1111x1111",
        // Digits of other scripts.
        "４１１１１１１１１１１１１１１１",
        // Dates, phone numbers, timestamps, counters.
        "2026-01-31 12:00",
        "2026-01-31 12-00-00",
        "+82 2 1234 5678",
        "k6-1767225600000-12-345",
        "order-1767225600000000000",
        "load-17672256000000-1-2-3",
        // UUIDs, also those whose digits happen to fit.
        "550e8400-e29b-41d4-a716-446655440000",
        "a1234111-1111-1111-1111-1111abcdef12",
        "41111111-1111-1111-a000-000000000000",
    ] {
        assert!(!is_present_in(text), "{text}");
    }
}
