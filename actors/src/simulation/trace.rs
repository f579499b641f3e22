//! The trace of a run: everything that happened, boiled down to one number.
//!
//! Owns the running hash (FNV-1a, 64 bit) and, when asked to, the lines themselves. Two runs of one seed must
//! end with the same hash.

use std::fmt::{self, Write};

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A running hash over lines.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; `keep` has it remember its lines.
    pub(super) fn new(keep: bool) -> Self {
        Self { hash: OFFSET, lines: keep.then(Vec::new) }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, at: u64, what: fmt::Arguments<'_>) {
        writeln!(self, "{at} {what}").expect("hashing cannot fail");
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10}.{:03} {what}", at / 1_000, at % 1_000));
        }
    }

    /// The hash of everything so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines so far; none unless they are kept.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hash = text.bytes().fold(self.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        Ok(())
    }
}
