//! Writing to the terminal.

use std::io::Write;

use super::failure::Failure;

/// Prints a page to standard output. A reader that stops reading (`| head`) is no failure.
pub(super) fn print(page: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(page.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints one line to standard error; when that is closed there is nobody left to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "payment-engine: {line}");
}

/// A table without borders, columns two spaces apart.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}
