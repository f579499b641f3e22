//! How two engines differ, measured in turn on one machine.
//!
//! Owns the arithmetic of pairs. A machine that others use too is never as fast twice, so each figure is compared with
//! the one measured just beside it, and the spread of those ratios says how far to believe them.

use crate::failure::Failure;
use crate::load::{LoadResult, Percentiles};

/// What is compared: its name, its value, and whether more of it is better.
type Figure = (&'static str, fn(&LoadResult) -> Option<f64>, bool);

const FIGURES: [Figure; 8] = [
    ("answered/s", |result| Some(result.achieved), true),
    ("p50 ms", |result| authorize(result).map(|seen| seen.p50), false),
    ("p95 ms", |result| authorize(result).map(|seen| seen.p95), false),
    ("p99 ms", |result| authorize(result).map(|seen| seen.p99), false),
    ("completion p95 ms", |result| (result.flows_completed > 0).then_some(result.completion_ms.p95), false),
    ("engine µs a request", |result| Some(result.processors.get("engine")?.us_per_request), false),
    ("engine MiB", |result| Some(result.processors.get("engine")?.rss_mib[1]), false),
    ("errors", |result| Some(errors(result)), false),
];

fn authorize(result: &LoadResult) -> Option<&Percentiles> {
    result.latency_ms.get("authorize")
}

#[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
fn errors(result: &LoadResult) -> f64 {
    result.errors.values().sum::<u64>() as f64
}

/// The least, the middle and the most of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { least, median, most })
    }

    fn line(self) -> String {
        format!("{:>10.2} {:>10.2} {:>10.2}", self.least, self.median, self.most)
    }
}

/// What to say of the pairs.
pub(super) fn lines(before: &[LoadResult], after: &[LoadResult]) -> Result<Vec<String>, Failure> {
    if before.is_empty() || before.len() != after.len() {
        return Err(Failure::new(
            "pairs need as many results from before as from after, at least one of each",
        ));
    }
    let mut lines = vec![
        format!("{} pairs; least, median and most of each", before.len()),
        format!("{:<20} {:^32}   {:^32}   {:^32}", "", "before", "after", "after / before, pair by pair"),
    ];
    for (name, figure, more_is_better) in FIGURES {
        let pairs: Vec<(f64, f64)> = before
            .iter()
            .zip(after)
            .filter_map(|(before, after)| Some((figure(before)?, figure(after)?)))
            .collect();
        let sides =
            Spread::of(pairs.iter().map(|pair| pair.0)).zip(Spread::of(pairs.iter().map(|pair| pair.1)));
        let Some((was, is)) = sides else { continue };
        let ratios = Spread::of(pairs.iter().filter(|pair| pair.0 > 0.0).map(|pair| pair.1 / pair.0));
        let ratio = ratios.map_or_else(|| format!("{:>32}", "-"), Spread::line);
        let verdict = ratios.map_or("", |ratios| verdict(pairs.len(), ratios, more_is_better));
        lines.push(format!("{name:<20} {}   {}   {ratio}   {verdict}", was.line(), is.line()));
    }
    Ok(lines)
}

/// With fewer pairs, all agree by chance too often: five pairs of the same engine do once in sixteen times.
const TELLING: usize = 5;

/// What all pairs agree on.
fn verdict(pairs: usize, ratios: Spread, more_is_better: bool) -> &'static str {
    if pairs < TELLING {
        return "too few pairs to tell";
    }
    match (ratios.least > 1.0, ratios.most < 1.0) {
        (true, _) if more_is_better => "better in every pair",
        (_, true) if !more_is_better => "better in every pair",
        (true, _) | (_, true) => "worse in every pair",
        (false, false) => "pairs disagree",
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, lines};
    use crate::load::{LoadResult, sample};

    fn at(achieved: f64) -> LoadResult {
        LoadResult { achieved, ..sample() }
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let before = [at(100.0), at(50.0), at(80.0), at(80.0), at(80.0)];
        let after = [at(110.0), at(60.0), at(160.0), at(100.0), at(90.0)];
        let text = lines(&before, &after).expect("pairs");
        let answered = text.iter().find(|line| line.starts_with("answered/s")).expect("a line");
        let words: Vec<&str> = answered.split_whitespace().collect();
        assert_eq!(
            words,
            [
                "answered/s",
                "50.00",
                "80.00",
                "100.00",
                "60.00",
                "100.00",
                "160.00",
                "1.10",
                "1.20",
                "2.00",
                "better",
                "in",
                "every",
                "pair"
            ]
        );
        let p50 = text.iter().find(|line| line.starts_with("p50")).expect("a line");
        assert!(p50.ends_with("pairs disagree"), "{p50}");
        assert!(
            !text.iter().any(|line| line.starts_with("engine")),
            "nothing is said of what was not watched"
        );
    }

    #[test]
    fn medians_lie_in_the_middle() {
        let median = |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn halves_of_pairs_are_refused() {
        assert!(lines(&[], &[]).is_err());
        assert!(lines(&[at(1.0)], &[]).is_err());
    }
}
