//! The result of a load, as its JSON file holds it.
//!
//! Owns the names and units of its fields, on which dashboards and reports rely.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backlog::Backlog;
use super::expect::Verdict;
use super::percentiles::Percentiles;
use super::progress::Seconds;
use super::schedule::{Schedule, Stretch};
use super::tally::{Operation, Tally};
use crate::machine::Machine;
use crate::processor::Cost;

/// Replays or wrong requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// How many were asked.
    pub(crate) requests: u64,
    /// How many were answered with the status they should be.
    pub(crate) as_expected: u64,
}

/// Authorizations that were refused for the time being (429, 503).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    /// How many.
    pub(crate) answers: u64,
    /// How many of them said when to come again.
    pub(crate) retry_after: u64,
}

/// One rate of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// Flows per second at its beginning.
    pub(crate) from: f64,
    /// Flows per second at its end.
    pub(crate) to: f64,
    pub(crate) duration_s: f64,
    /// First requests answered per second.
    pub(crate) achieved: f64,
    pub(crate) requests: u64,
    pub(crate) declined: u64,
    pub(crate) errors: u64,
    pub(crate) flows_completed: u64,
    pub(crate) late_starts: u64,
    pub(crate) authorize_ms: Percentiles,
}

/// The connections that were used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Connections {
    /// How many there may be.
    pub(crate) most: usize,
    /// How many there were at a time.
    pub(crate) peak: usize,
    /// How many were opened.
    pub(crate) opened: u64,
}

/// A whole result. What an older program did not write is nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LoadResult {
    /// When the load began, RFC 3339.
    pub(crate) at: String,
    /// What was measured, in the words of whoever did.
    pub(crate) label: String,
    /// `authorize`, `capture` or `full`.
    pub(crate) flow: String,
    /// The rate asked for, flows per second; the highest of several.
    pub(crate) rate: f64,
    /// First requests due per second over the whole load.
    pub(crate) asked: f64,
    /// First requests answered without an error, per second.
    pub(crate) achieved: f64,
    /// From the first due moment to the end of the schedule, or to the last answer to a first request if that came
    /// later.
    pub(crate) duration_s: f64,
    /// What went before and is not counted.
    pub(crate) warmup_s: f64,
    /// Every request but reads.
    pub(crate) requests: u64,
    /// Those of flows that were answered 200 to 202.
    pub(crate) ok: u64,
    /// Authorizations answered 402, which is a result.
    pub(crate) declined: u64,
    /// By status, or by why there was no answer.
    pub(crate) errors: BTreeMap<String, u64>,
    /// First requests sent more than 10 ms after they were due.
    pub(crate) late_starts: u64,
    /// From the moment a request was due to the last byte of its answer. When some authorizations were refused,
    /// `admitted` and `refused` show both kinds apart.
    pub(crate) latency_ms: BTreeMap<String, Percentiles>,
    pub(crate) flows_begun: u64,
    /// Flows whose payment was seen where it was meant to go.
    pub(crate) flows_completed: u64,
    /// Flows that were still read when the load was over.
    pub(crate) flows_unfinished: u64,
    /// From the moment a flow was due until that; reads begin 20 ms after a request and grow apart to 320 ms.
    pub(crate) completion_ms: Percentiles,
    pub(crate) reads: u64,
    /// Every status of every operation.
    pub(crate) statuses: BTreeMap<String, BTreeMap<u16, u64>>,
    pub(crate) refusals: Refusals,
    pub(crate) replays: Expected,
    pub(crate) wrong: Expected,
    /// How long after it was due each first request was sent, milliseconds: what the load itself adds to a latency,
    /// or a wait for a connection.
    pub(crate) sent_late_ms: Percentiles,
    pub(crate) connections: Connections,
    pub(crate) merchants: usize,
    /// When there were several rates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<Stage>,
    pub(crate) seconds: Seconds,
    /// Processor time and memory of this process (`load`) and of those that were watched, over the schedule.
    pub(crate) processors: BTreeMap<String, Cost>,
    /// How events were published after the end, when it was watched.
    pub(crate) backlog: Option<Backlog>,
    pub(crate) expectations: Vec<Verdict>,
    pub(crate) machine: Machine,
}

/// How long a tally's answers took to come: as long as was asked, or longer.
fn measured(tally: &Tally, begun: Duration, length: Duration) -> Duration {
    tally.last_answer.saturating_sub(begun).max(length)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
fn per_second(count: u64, over: Duration) -> f64 {
    count as f64 / over.as_secs_f64().max(f64::EPSILON)
}

impl LoadResult {
    /// What the tallies of a schedule say. What they do not know is filled in by the caller.
    pub(crate) fn of(schedule: &Schedule, tallies: &[Tally]) -> Self {
        let mut all = Tally::default();
        let counted = schedule.0.iter().zip(tallies).filter(|(stretch, _)| stretch.counted);
        counted.for_each(|(_, tally)| all.add(tally));
        let warmup = schedule.warmup();
        let length = schedule.length() - warmup;
        let took = measured(&all, warmup, length);
        let expected = |operation: Operation| Expected {
            requests: all.latency.get(&operation).map_or(0, super::tally::Latency::count),
            as_expected: all.as_expected.get(&operation).copied().unwrap_or(0),
        };
        let first = [Operation::Authorize, Operation::Replay, Operation::Wrong];
        let asked: u64 = first.into_iter().map(|operation| expected(operation).requests).sum();
        let named = |operation: &Operation| operation.name().to_owned();
        Self {
            rate: schedule.peak(),
            asked: per_second(asked, length),
            achieved: per_second(all.first_answers, took),
            duration_s: took.as_secs_f64(),
            warmup_s: warmup.as_secs_f64(),
            requests: all.requests,
            ok: all.ok,
            declined: all.declined,
            errors: all.errors.clone(),
            late_starts: all.late_starts,
            latency_ms: latencies(&all),
            refusals: Refusals { answers: all.refused.count(), retry_after: all.retry_after },
            flows_begun: all.flows_begun,
            flows_completed: all.flows_completed,
            flows_unfinished: all.flows_unfinished,
            completion_ms: Percentiles::of(&all.completion),
            reads: all.reads,
            statuses: all.statuses.iter().map(|(of, seen)| (named(of), seen.clone())).collect(),
            replays: expected(Operation::Replay),
            wrong: expected(Operation::Wrong),
            sent_late_ms: Percentiles::of(&all.sent_late),
            stages: stages(schedule, tallies),
            ..Self::default()
        }
    }

    /// First requests, which is what cost is shared among.
    pub(crate) fn first_requests(&self) -> u64 {
        self.flows_begun + self.replays.requests + self.wrong.requests
    }
}

/// By operation; authorizations once more by whether they were let in, when some were not.
fn latencies(all: &Tally) -> BTreeMap<String, Percentiles> {
    let refusal =
        (all.refused.count() > 0).then_some([("admitted", &all.admitted), ("refused", &all.refused)]);
    let operations = all.latency.iter().map(|(operation, seen)| (operation.name(), seen));
    let named = operations.chain(refusal.into_iter().flatten());
    named.map(|(name, seen)| (name.to_owned(), Percentiles::of(seen))).collect()
}

/// Each counted stretch by itself, when there are several.
fn stages(schedule: &Schedule, tallies: &[Tally]) -> Vec<Stage> {
    let mut begun = Duration::ZERO;
    let mut stages = Vec::new();
    for (stretch, tally) in schedule.0.iter().zip(tallies) {
        if stretch.counted {
            stages.push(stage(*stretch, tally, begun));
        }
        begun += stretch.length;
    }
    if stages.len() > 1 { stages } else { Vec::new() }
}

fn stage(stretch: Stretch, tally: &Tally, begun: Duration) -> Stage {
    let took = measured(tally, begun, stretch.length);
    Stage {
        from: stretch.from,
        to: stretch.to,
        duration_s: stretch.length.as_secs_f64(),
        achieved: per_second(tally.first_answers, took),
        requests: tally.requests,
        declined: tally.declined,
        errors: tally.errors(),
        flows_completed: tally.flows_completed,
        late_starts: tally.late_starts,
        authorize_ms: tally.latency.get(&Operation::Authorize).map(Percentiles::of).unwrap_or_default(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::super::flow::Step;
    use super::super::percentiles::Percentiles;
    use super::super::schedule::{Schedule, Stretch};
    use super::super::tally::Tally;
    use super::{Backlog, LoadResult};

    /// A result with round numbers.
    pub(crate) fn sample() -> LoadResult {
        let authorize = Percentiles { p50: 1.0, p95: 2.0, p99: 3.0, p999: 4.0, max: 5.0 };
        LoadResult {
            label: "sample".to_owned(),
            flow: "authorize".to_owned(),
            rate: 100.0,
            asked: 100.0,
            achieved: 98.0,
            duration_s: 10.0,
            requests: 1_000,
            ok: 980,
            declined: 5,
            errors: [("503".to_owned(), 15)].into(),
            latency_ms: [("authorize".to_owned(), authorize)].into(),
            flows_begun: 950,
            flows_completed: 900,
            completion_ms: Percentiles { p50: 10.0, p95: 20.0, p99: 30.0, p999: 40.0, max: 50.0 },
            backlog: Some(Backlog { at_end: 7, empty_after_s: Some(3.0) }),
            ..LoadResult::default()
        }
    }

    #[test]
    fn the_warm_up_does_not_count_and_stages_stand_alone() {
        let warmup = Stretch { counted: false, ..Stretch::constant(10.0, Duration::from_secs(1)) };
        let schedule = Schedule(vec![
            warmup,
            Stretch::constant(2.0, Duration::from_secs(2)),
            Stretch::constant(4.0, Duration::from_secs(2)),
        ]);
        let tally = |statuses: &[u16], until: u64| {
            let mut tally = Tally::default();
            for status in statuses {
                tally.answered(Step::Authorize, *status, true, Duration::from_millis(1));
                tally.first_answered(Step::Authorize, *status, Duration::from_secs(until));
            }
            tally
        };
        let tallies = [tally(&[200; 9], 1), tally(&[200, 402, 200, 503], 3), tally(&[200; 8], 9)];
        let result = LoadResult::of(&schedule, &tallies);
        assert_eq!((result.requests, result.ok, result.declined), (12, 10, 1));
        assert_eq!(result.errors, [("503".to_owned(), 1)].into());
        assert_eq!((result.refusals.answers, result.refusals.retry_after), (1, 1));
        assert_eq!(result.latency_ms.keys().collect::<Vec<_>>(), ["admitted", "authorize", "refused"]);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(result.rate, 4.0) && close(result.asked, 3.0), "{result:?}");
        // The last answer came 9 s after the beginning, of which 1 s was warm-up.
        assert!(close(result.duration_s, 8.0) && close(result.achieved, 11.0 / 8.0), "{result:?}");
        let achieved: Vec<f64> = result.stages.iter().map(|stage| stage.achieved).collect();
        assert!(close(achieved[0], 1.5) && close(achieved[1], 8.0 / 6.0), "{achieved:?}");
    }

    #[test]
    fn results_of_older_programs_can_be_read() {
        let json = r#"{"kind": "load", "flow": "full", "rate": 5.0, "errors": {"429": 2}}"#;
        let result: LoadResult = serde_json::from_str(json).expect("a result");
        assert_eq!((result.flow.as_str(), result.errors.get("429")), ("full", Some(&2)));
        let written = serde_json::to_string(&sample()).expect("a result is JSON");
        assert_eq!(serde_json::from_str::<LoadResult>(&written).expect("a result"), sample());
    }

    #[test]
    fn the_fields_that_others_rely_on_are_there() {
        let json = serde_json::to_value(sample()).expect("a result is JSON");
        for name in [
            "flow",
            "rate",
            "achieved",
            "duration_s",
            "requests",
            "ok",
            "declined",
            "errors",
            "late_starts",
            "latency_ms",
            "flows_completed",
            "completion_ms",
        ] {
            assert!(json.get(name).is_some(), "{name}");
        }
        for name in ["p50", "p95", "p99", "p999", "max"] {
            assert!(json["latency_ms"]["authorize"].get(name).is_some(), "{name}");
            assert!(json["completion_ms"].get(name).is_some(), "{name}");
        }
    }
}
