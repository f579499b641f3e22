//! `tree`: the supervision tree, once or every second.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::Value;

use super::args::Tree;
use super::failure::Failure;
use super::operator::Operator;
use super::terminal::print;
use super::tree_table;

pub(super) fn run(asked: &Tree, operator: &Operator) -> Result<(), Failure> {
    if asked.watch {
        return watch(asked, operator);
    }
    let tree = fetch(asked, operator)?;
    if asked.json { print(&format!("{tree}\n")) } else { print(&tree_table::page(&tree)) }
}

fn fetch(asked: &Tree, operator: &Operator) -> Result<Value, Failure> {
    let depth = asked.depth.map(|depth| depth.to_string());
    let mut query = Vec::new();
    query.extend(asked.path.as_deref().map(|path| ("path", path)));
    query.extend(depth.as_deref().map(|depth| ("depth", depth)));
    operator.get(&["api", "admin", "actors"], &query)
}

fn watch(asked: &Tree, operator: &Operator) -> Result<(), Failure> {
    let screen = Screen::open();
    loop {
        // An engine that restarts is waited for: that is what is being watched.
        let page = match fetch(asked, operator) {
            Ok(tree) => tree_table::page(&tree),
            Err(failure) => format!("{failure}\n"),
        };
        screen.show(&page);
        if !operator.pause(Duration::from_secs(1)) {
            return Ok(());
        }
    }
}

/// The terminal's alternate screen, left as it was found
/// (<https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>).
struct Screen {
    on_terminal: bool,
}

impl Screen {
    fn open() -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        let screen = Self { on_terminal };
        screen.control("\x1b[?1049h\x1b[?25l");
        screen
    }

    /// Overwrites line by line and clears what is left, so that nothing flickers.
    fn show(&self, page: &str) {
        let rows = if self.on_terminal { page.replace('\n', "\x1b[K\n") } else { page.to_owned() };
        self.control("\x1b[H");
        let _ = std::io::stdout().write_all(rows.as_bytes());
        self.control("\x1b[J");
        let _ = std::io::stdout().flush();
    }

    fn control(&self, sequence: &str) {
        if self.on_terminal {
            let _ = std::io::stdout().write_all(sequence.as_bytes());
            let _ = std::io::stdout().flush();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.control("\x1b[?25h\x1b[?1049l");
    }
}
