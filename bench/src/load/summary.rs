//! The readable summary of a load.

use std::collections::BTreeMap;

use super::outcome::LoadResult;
use crate::terminal::{complain, say};

/// Says it, and what was missed on standard error.
pub(crate) fn print(result: &LoadResult) {
    lines(result).iter().for_each(|line| say(line));
    for verdict in result.expectations.iter().filter(|verdict| !verdict.holds) {
        let seen =
            verdict.seen.map_or("nothing of it was seen".to_owned(), |seen| format!("{seen:.2} was seen"));
        complain(&format!("{} does not hold: {seen}", verdict.expected));
    }
}

fn lines(result: &LoadResult) -> Vec<String> {
    let errors: u64 = result.errors.values().sum();
    let mut lines = vec![
        format!(
            "{} at {:.0}/s for {:.1} s: {:.1}/s due, {:.1}/s answered",
            result.flow, result.rate, result.duration_s, result.asked, result.achieved
        ),
        format!(
            "requests {}: ok {}, declined {}, errors {errors}{}; reads {}",
            result.requests,
            result.ok,
            result.declined,
            named(&result.errors),
            result.reads
        ),
    ];
    for (what, expected) in [("replays", result.replays), ("wrong requests", result.wrong)] {
        if expected.requests > 0 {
            lines.push(format!("{what} {}: {} as expected", expected.requests, expected.as_expected));
        }
    }
    if result.refusals.answers > 0 {
        let refusals = result.refusals;
        lines
            .push(format!("refused {}, {} of them with Retry-After", refusals.answers, refusals.retry_after));
    }
    lines.push(format!(
        "flows begun {}, completed {}, unfinished {}",
        result.flows_begun, result.flows_completed, result.flows_unfinished
    ));
    for (operation, seen) in &result.latency_ms {
        let statuses = result.statuses.get(operation).map(statuses).unwrap_or_default();
        lines.push(format!("{operation:<10} {}  {statuses}", seen.line()));
    }
    if result.flows_completed > 0 {
        lines.push(format!("{:<10} {}", "completion", result.completion_ms.line()));
    }
    lines.push(format!(
        "{:<10} {}  late starts {}",
        "sent late",
        result.sent_late_ms.line(),
        result.late_starts
    ));
    lines.extend(stages(result));
    lines.extend(costs(result));
    lines.extend(result.backlog.map(|backlog| match backlog.empty_after_s {
        Some(seconds) => format!("backlog {} at the end, empty after {seconds:.1} s", backlog.at_end),
        None => format!("backlog {} at the end, not empty after a minute", backlog.at_end),
    }));
    lines.push(result.machine.line());
    for verdict in result.expectations.iter().filter(|verdict| verdict.holds) {
        lines.push(format!("{} holds: {:.2}", verdict.expected, verdict.seen.unwrap_or_default()));
    }
    lines
}

fn named(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    format!(" ({})", each.join(", "))
}

fn statuses(counts: &BTreeMap<u16, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    each.join(", ")
}

fn stages(result: &LoadResult) -> impl Iterator<Item = String> {
    result.stages.iter().map(|stage| {
        let rate = if (stage.from - stage.to).abs() < f64::EPSILON {
            format!("{:.0}/s", stage.from)
        } else {
            format!("{:.0}/s to {:.0}/s", stage.from, stage.to)
        };
        format!(
            "{rate:<10} {:.1}/s answered, errors {}, {}",
            stage.achieved,
            stage.errors,
            stage.authorize_ms.line()
        )
    })
}

fn costs(result: &LoadResult) -> impl Iterator<Item = String> {
    result.processors.iter().map(|(name, cost)| {
        format!(
            "{name:<10} {:.1} % of a core, {:.1} µs a request, {:.1} to {:.1} MiB resident",
            cost.cores * 100.0,
            cost.us_per_request,
            cost.rss_mib[0],
            cost.rss_mib[1]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::outcome::tests::sample;
    use super::lines;

    #[test]
    fn the_summary_tells_what_matters() {
        let text = lines(&sample()).join("\n");
        for part in [
            "authorize at 100/s for 10.0 s: 100.0/s due, 98.0/s answered",
            "requests 1000: ok 980, declined 5, errors 15 (503: 15); reads 0",
            "flows begun 950, completed 900, unfinished 0",
            "authorize  p50 1.00  p95 2.00  p99 3.00  p99.9 4.00  max 5.00 ms",
            "backlog 7 at the end, empty after 3.0 s",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
