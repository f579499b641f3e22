//! A page as HTML: complete in itself, without anything to load.

use super::page::{Page, Section, Table};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;\
color:#1c1c1c;background:#fff}table{border-collapse:collapse;margin:1em 0;display:block;overflow-x:auto}\
th,td{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right;font-variant-numeric:tabular-nums}\
th:first-child,td:first-child{text-align:left}svg{width:100%;margin:.5em 0}svg text{font-size:12px}\
svg .mark{fill:#555}svg .grid{stroke:#e4e4e4}polyline{stroke-width:1.5}";

/// The page.
pub(crate) fn render(page: &Page) -> String {
    let title = escaped(&page.title);
    let sections: Vec<String> = page.sections.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{}</body>\n</html>\n",
        sections.concat()
    )
}

fn section(section: &Section) -> String {
    let words: Vec<String> =
        section.words.iter().map(|words| format!("<p>{}</p>\n", escaped(words))).collect();
    let tables: Vec<String> = section.tables.iter().map(table).collect();
    let charts: Vec<String> = section.charts.iter().map(|chart| chart.svg() + "\n").collect();
    format!("<h2>{}</h2>\n{}{}{}", escaped(&section.title), words.concat(), tables.concat(), charts.concat())
}

fn table(table: &Table) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let head = cells("th", &mut table.head.iter().copied());
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(String::as_str))))
        .collect();
    format!("<table>\n<tr>{head}</tr>\n{}</table>\n", rows.concat())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::page::{Page, Section, Table};
    use super::render;

    #[test]
    fn text_stays_text() {
        let table = Table { head: vec!["a"], rows: vec![vec!["p95<100ms".to_owned()]] };
        let section = Section {
            title: "<b>".to_owned(),
            words: vec!["x & y".to_owned()],
            tables: vec![table],
            charts: Vec::new(),
        };
        let html = render(&Page { title: "t".to_owned(), sections: vec![section] });
        for part in ["<h2>&lt;b&gt;</h2>", "<p>x &amp; y</p>", "<td>p95&lt;100ms</td>"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
