//! A page as Markdown. Pictures are left to HTML.

use super::page::{Page, Section, Table};

/// The page.
pub(crate) fn render(page: &Page) -> String {
    let sections: Vec<String> = page.sections.iter().map(section).collect();
    format!("# {}\n\n{}", page.title, sections.concat())
}

fn section(section: &Section) -> String {
    let words: Vec<String> = section.words.iter().map(|words| format!("{}\n\n", escaped(words))).collect();
    let tables: Vec<String> = section.tables.iter().map(table).collect();
    format!("## {}\n\n{}{}", escaped(&section.title), words.concat(), tables.concat())
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = line(table.head.iter().map(|cell| escaped(cell)).collect());
    let rule = line(
        table.head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }.to_owned()).collect(),
    );
    let rows: Vec<String> =
        table.rows.iter().map(|row| line(row.iter().map(|cell| escaped(cell)).collect())).collect();
    format!("{head}{rule}{}\n", rows.concat())
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::super::page::{Page, Section, Table};
    use super::render;

    #[test]
    fn tables_have_a_head_a_rule_and_rows() {
        let table = Table { head: vec!["a", "b"], rows: vec![vec!["x|y".to_owned(), "1".to_owned()]] };
        let section = Section {
            title: "s".to_owned(),
            words: vec!["w".to_owned()],
            tables: vec![table],
            charts: Vec::new(),
        };
        let text = render(&Page { title: "t".to_owned(), sections: vec![section] });
        assert_eq!(text, "# t\n\n## s\n\nw\n\n| a | b |\n| --- | --: |\n| x\\|y | 1 |\n\n");
    }
}
