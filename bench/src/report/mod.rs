//! One page out of results: HTML with pictures, and Markdown.
//!
//! Owns what is shown of a result. Measures nothing and invents nothing: every figure comes from a result file.

mod chart;
mod html;
mod markdown;
mod page;
mod pairs;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::report::{PairsOptions, ReportOptions};
use crate::failure::Failure;
use crate::floor::FloorResult;
use crate::load::LoadResult;
use crate::terminal;
use page::Page;

/// A result with the name of its file.
pub(crate) struct Named<T> {
    pub(crate) name: String,
    pub(crate) result: T,
}

/// All results of a page.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) loads: Vec<Named<LoadResult>>,
    pub(crate) floors: Vec<Named<FloorResult>>,
}

/// Writes the page.
///
/// # Errors
/// When a file is no result, or cannot be read or written.
pub(crate) fn run(options: &ReportOptions) -> Result<(), Failure> {
    let mut results = Results::default();
    for file in &options.results {
        read(file, &mut results)?;
    }
    let page = Page::of(&options.title, &results);
    let (html, markdown) = (html::render(&page), markdown::render(&page));
    match (&options.html, &options.markdown) {
        (None, None) => terminal::say(&markdown),
        (to_html, to_markdown) => {
            write(to_html.as_deref(), &html)?;
            write(to_markdown.as_deref(), &markdown)?;
        }
    }
    Ok(())
}

/// Says how pairs of results differ.
///
/// # Errors
/// When a file is no result of a load, or there are not as many of one kind as of the other.
pub(crate) fn compare(options: &PairsOptions) -> Result<(), Failure> {
    let load = |file: &PathBuf| {
        let mut results = Results::default();
        read(file, &mut results)?;
        let first = results.loads.pop().map(|named| named.result);
        first.ok_or_else(|| Failure::new(format!("{} is no result of a load", file.display())))
    };
    let before = options.before.iter().map(load).collect::<Result<Vec<_>, Failure>>()?;
    let after = options.after.iter().map(load).collect::<Result<Vec<_>, Failure>>()?;
    pairs::lines(&before, &after)?.iter().for_each(|line| terminal::say(line));
    Ok(())
}

fn read(file: &Path, results: &mut Results) -> Result<(), Failure> {
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let text = std::fs::read_to_string(file)
        .map_err(Failure::because(format!("{} cannot be read", file.display())))?;
    let unreadable = || format!("{} is no result of payment-bench", file.display());
    let value: Value = serde_json::from_str(&text).map_err(Failure::because(unreadable()))?;
    match value["kind"].as_str() {
        Some("load") => {
            let result = serde_json::from_value(value).map_err(Failure::because(unreadable()))?;
            results.loads.push(Named { name, result });
        }
        Some("floor") => {
            let result = serde_json::from_value(value).map_err(Failure::because(unreadable()))?;
            results.floors.push(Named { name, result });
        }
        // Medians and ratios of loads, made by a script, which say all there is to say.
        Some("flat-cost") => {}
        Some(_) | None => return Err(Failure::new(unreadable())),
    }
    Ok(())
}

fn write(file: Option<&Path>, text: &str) -> Result<(), Failure> {
    file.map_or(Ok(()), |file| {
        std::fs::write(file, text).map_err(Failure::because(format!("{} cannot be written", file.display())))
    })
}
