//! What a page says, before it is HTML or Markdown.

use std::collections::BTreeMap;

use super::chart::{Chart, Line};
use super::{Named, Results};
use crate::floor::FloorResult;
use crate::load::{LoadResult, Stage};

/// A table: what its columns are called, and its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// One part of a page.
pub(crate) struct Section {
    pub(crate) title: String,
    /// Sentences.
    pub(crate) words: Vec<String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) charts: Vec<Chart>,
}

/// A page.
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) sections: Vec<Section>,
}

impl Page {
    /// A page about these results.
    pub(crate) fn of(title: &str, results: &Results) -> Self {
        let mut sections = vec![overview(results)];
        sections.extend(results.floors.iter().map(floor));
        sections.extend(results.loads.iter().map(load));
        Self { title: title.to_owned(), sections }
    }
}

fn overview(results: &Results) -> Section {
    let row = |Named { name, result }: &Named<LoadResult>| {
        let errors: u64 = result.errors.values().sum();
        let authorize = result.latency_ms.get("authorize").copied().unwrap_or_default();
        let own = result.processors.get("load");
        vec![
            name.clone(),
            result.flow.clone(),
            format!("{:.0}", result.rate),
            format!("{:.1}", result.achieved),
            format!("{:.2}", authorize.p50),
            format!("{:.2}", authorize.p95),
            format!("{:.2}", authorize.p99),
            errors.to_string(),
            result.flows_completed.to_string(),
            own.map_or(String::new(), |cost| format!("{:.1}", cost.cores * 100.0)),
        ]
    };
    let loads = Table {
        head: vec![
            "result",
            "flow",
            "rate/s",
            "answered/s",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "errors",
            "flows completed",
            "load % of a core",
        ],
        rows: results.loads.iter().map(row).collect(),
    };
    let machines: Vec<String> = results
        .loads
        .iter()
        .map(|named| named.result.machine.line())
        .chain(results.floors.iter().map(|named| named.result.machine.line()))
        .collect();
    let distinct: BTreeMap<&str, ()> = machines.iter().map(|line| (line.as_str(), ())).collect();
    Section {
        title: "Overview".to_owned(),
        words: distinct.into_keys().map(str::to_owned).collect(),
        tables: (!loads.rows.is_empty()).then_some(loads).into_iter().collect(),
        charts: Vec::new(),
    }
}

fn load(Named { name, result }: &Named<LoadResult>) -> Section {
    let mut words = Vec::new();
    if !result.label.is_empty() {
        words.push(result.label.clone());
    }
    words.push(format!(
        "{}: {} at {:.0}/s for {:.1} s; {:.1}/s due and {:.1}/s answered. {} requests: {} ok, {} declined, errors {}. \
         {} of {} flows completed.",
        result.at,
        result.flow,
        result.rate,
        result.duration_s,
        result.asked,
        result.achieved,
        result.requests,
        result.ok,
        result.declined,
        counts(&result.errors),
        result.flows_completed,
        result.flows_begun,
    ));
    words.extend(result.backlog.map(|backlog| match backlog.empty_after_s {
        Some(seconds) => format!("{} events waited at the end, none {seconds:.1} s later.", backlog.at_end),
        None => format!("{} events waited at the end, and some still a minute later.", backlog.at_end),
    }));
    let tables = [latencies(result), stages(&result.stages), costs(result), verdicts(result)];
    Section {
        title: name.clone(),
        words,
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        charts: seconds(result),
    }
}

fn counts(errors: &BTreeMap<String, u64>) -> String {
    if errors.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = errors.iter().map(|(name, count)| format!("{count} of {name}")).collect();
    each.join(", ")
}

fn latencies(result: &LoadResult) -> Table {
    let completion = (result.flows_completed > 0).then_some(("completion", &result.completion_ms));
    let all = result.latency_ms.iter().map(|(name, seen)| (name.as_str(), seen)).chain(completion);
    let row = |(name, seen): (&str, &crate::load::Percentiles)| {
        let figures = [seen.p50, seen.p95, seen.p99, seen.p999, seen.max];
        std::iter::once(name.to_owned()).chain(figures.map(|figure| format!("{figure:.2}"))).collect()
    };
    Table { head: vec!["ms", "p50", "p95", "p99", "p99.9", "max"], rows: all.map(row).collect() }
}

fn stages(stages: &[Stage]) -> Table {
    let row = |stage: &Stage| {
        vec![
            format!("{:.0} to {:.0}", stage.from, stage.to),
            format!("{:.0}", stage.duration_s),
            format!("{:.1}", stage.achieved),
            stage.errors.to_string(),
            format!("{:.2}", stage.authorize_ms.p50),
            format!("{:.2}", stage.authorize_ms.p95),
            format!("{:.2}", stage.authorize_ms.p99),
        ]
    };
    Table {
        head: vec!["rate/s", "seconds", "answered/s", "errors", "p50 ms", "p95 ms", "p99 ms"],
        rows: stages.iter().map(row).collect(),
    }
}

fn costs(result: &LoadResult) -> Table {
    let row = |(name, cost): (&String, &crate::processor::Cost)| {
        vec![
            name.clone(),
            format!("{:.1}", cost.cores * 100.0),
            format!("{:.1}", cost.us_per_request),
            format!("{:.1}", cost.rss_mib[0]),
            format!("{:.1}", cost.rss_mib[1]),
        ]
    };
    Table {
        head: vec!["process", "% of a core", "µs a request", "MiB before", "MiB after"],
        rows: result.processors.iter().map(row).collect(),
    }
}

fn verdicts(result: &LoadResult) -> Table {
    let row = |verdict: &crate::load::Verdict| {
        let seen = verdict.seen.map_or("nothing".to_owned(), |seen| format!("{seen:.2}"));
        vec![verdict.expected.clone(), seen, if verdict.holds { "yes" } else { "no" }.to_owned()]
    };
    Table { head: vec!["expected", "seen", "holds"], rows: result.expectations.iter().map(row).collect() }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a second are far below 2^53")]
fn seconds(result: &LoadResult) -> Vec<Chart> {
    let seconds = &result.seconds;
    if seconds.answered.len() < 2 {
        return Vec::new();
    }
    let answered = seconds.answered.iter().map(|count| *count as f64).collect();
    let latency = vec![
        Line { name: "p50", values: seconds.p50_ms.clone() },
        Line { name: "p99", values: seconds.p99_ms.clone() },
    ];
    vec![
        Chart { title: "answered per second", lines: vec![Line { name: "answered", values: answered }] },
        Chart { title: "latency from the due moment, ms", lines: latency },
    ]
}

fn floor(Named { name, result }: &Named<FloorResult>) -> Section {
    let mut words = Vec::new();
    if !result.label.is_empty() {
        words.push(result.label.clone());
    }
    let settings: Vec<String> =
        result.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    words.push(format!(
        "{}: floor of {}, {} rows an authorization in two transactions. {}.",
        result.at,
        result.store,
        result.rows_per_authorization,
        settings.join(", ")
    ));
    for (what, case) in
        [("One authorization a commit on one connection", result.single()), ("Best", result.best())]
    {
        words.extend(case.map(|case| format!("{what}: {:.0} authorizations a second.", case.per_second)));
    }
    let row = |case: &crate::floor::Case| {
        vec![
            case.form.name().to_owned(),
            case.batch.to_string(),
            case.connections.to_string(),
            format!("{:.0}", case.per_second),
            format!("{:.2}", case.transaction_ms.p50),
            format!("{:.2}", case.transaction_ms.p99),
        ]
    };
    let table = Table {
        head: vec!["form", "batch", "connections", "authorizations/s", "transaction p50 ms", "p99 ms"],
        rows: result.cases.iter().map(row).collect(),
    };
    Section { title: name.clone(), words, tables: vec![table], charts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::{Page, Results};
    use crate::load::sample;
    use crate::report::Named;

    #[test]
    fn a_page_tells_every_result() {
        let mut result = sample();
        result.seconds.answered = vec![98, 99];
        result.seconds.p50_ms = vec![1.0, 1.5];
        result.seconds.p99_ms = vec![3.0, 4.0];
        let results = Results { loads: vec![Named { name: "first".to_owned(), result }], floors: Vec::new() };
        let page = Page::of("A page", &results);
        let titles: Vec<&str> = page.sections.iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["Overview", "first"]);
        let section = &page.sections[1];
        assert!(section.words.iter().any(|words| words.contains("98.0/s answered")), "{:?}", section.words);
        assert_eq!(section.tables[0].rows[0], ["authorize", "1.00", "2.00", "3.00", "4.00", "5.00"]);
        assert_eq!(section.charts.len(), 2);
    }
}
