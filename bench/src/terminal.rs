//! The program's voice: results on standard output, everything else on standard error.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's voice on the terminal")]

/// A line of a result.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// A line about work under way.
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

/// One sentence about what went wrong.
pub(crate) fn complain(sentence: &str) {
    eprintln!("payment-bench: {sentence}");
}
