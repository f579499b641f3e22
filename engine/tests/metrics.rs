//! The metrics page: names as documented, every measurement where it belongs.

use std::time::Duration;

use payment_actors::ports::meter::{Measure, Meter};
use payment_actors::supervision::Observer;
use payment_engine::telemetry::{Metrics, catalogue};
use payment_schema::invariant::Invariant;
use payment_schema::operation::OperationKind;
use payment_schema::status::Status;
use payment_schema::topic::Topic;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A measurement, and a line it must leave on the page.
fn cases() -> Vec<(Measure, &'static str)> {
    use OperationKind::{Capture, Void};
    use Status::{Authorized, CaptureFailed, CaptureRequested, Captured, PartialRefunded, RefundRequested};
    let went = |from, to| Measure::Transition { from: Some(from), to };
    vec![
        (
            Measure::Transition { from: None, to: Status::Ready },
            "payment_transitions_total{from=\"\",to=\"READY\"} 1",
        ),
        (went(Authorized, CaptureRequested), "settlement_requests_total{outcome=\"accepted\"} 1"),
        (went(CaptureRequested, Captured), "settlement_requests_total{outcome=\"approved\"} 1"),
        (went(CaptureRequested, CaptureFailed), "settlement_requests_total{outcome=\"failed\"} 1"),
        (went(CaptureFailed, Authorized), "settlement_requests_total{outcome=\"given-up\"} 1"),
        (went(PartialRefunded, RefundRequested), "refund_requests_total{outcome=\"accepted\"} 1"),
        (
            Measure::Completed { operation: Capture, took: MILLISECOND },
            "payment_completion_seconds_count{operation=\"capture\"} 1",
        ),
        (Measure::JournalBatch { records: 3, took: MILLISECOND }, "journal_batch_records_bucket{le=\"4\"} 1"),
        (
            Measure::JournalBatch { records: 3, took: MILLISECOND },
            "journal_commit_duration_seconds_bucket{le=\"0.001\"} 2",
        ),
        (Measure::JournalConflict, "journal_conflicts_total 1"),
        (Measure::OutboxBacklog { pending: 5, oldest: MILLISECOND }, "outbox_pending 5"),
        (Measure::OutboxBacklog { pending: 5, oldest: MILLISECOND }, "outbox_oldest_age_seconds 0.001"),
        (Measure::Published(Topic::Captured), "outbox_published_total{topic=\"payment.captured\"} 1"),
        (Measure::BreakerState { name: "pg-void", code: 2 }, "circuit_breaker_state{name=\"pg-void\"} 2"),
        (
            Measure::BreakerCall { name: "pg-void", outcome: "failure" },
            "circuit_breaker_calls_total{name=\"pg-void\",outcome=\"failure\"} 1",
        ),
        (
            Measure::PgRequest { operation: Void, outcome: "unknown", took: MILLISECOND },
            "pg_request_duration_seconds_count{operation=\"void\",outcome=\"unknown\"} 1",
        ),
        (Measure::DeadLetter(Topic::RefundDlq), "dead_letters_total{topic=\"refund.dlq\"} 1"),
        (Measure::LedgerEntries(2), "ledger_entries_total 2"),
        (
            Measure::ConsumerLag { topic: Topic::Refunded, records: 4 },
            "consumer_lag_records{topic=\"payment.refunded\"} 4",
        ),
        (Measure::IdempotentReplay, "idempotent_replays_total 1"),
        (Measure::InvariantBroken(Invariant::I3), "invariants_broken_total{invariant=\"I3\"} 1"),
        (Measure::LivePayments { shard: 0, live: 2 }, "payment_actors_live 2"),
        (Measure::LivePayments { shard: 1, live: 3 }, "payment_actors_live 5"),
        (Measure::LivePayments { shard: 0, live: 1 }, "payment_actors_live 4"),
    ]
}

#[test]
fn each_measurement_leaves_its_line() {
    let metrics = Metrics::new().expect("metrics");
    for (measure, line) in cases() {
        metrics.record(measure);
        let page = metrics.page(None);
        assert!(page.lines().any(|found| found == line), "{measure:?} leaves no {line} on\n{page}");
    }
}

#[test]
fn actors_are_counted_by_kind() {
    let metrics = Metrics::new().expect("metrics");
    metrics.restarted("journal");
    metrics.handled("payment", MILLISECOND);
    metrics.fold();
    let page = metrics.page(None);
    for line in [
        "actor_restarts_total{kind=\"journal\"} 1",
        "actor_message_duration_seconds_bucket{kind=\"payment\",le=\"0.001\"} 1",
        "# TYPE payment_actors_live gauge",
        "rate_limiter_fallback_total 0",
        "# TYPE process_resident_memory_bytes gauge",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing from\n{page}");
    }
}

#[test]
fn the_document_lists_every_metric_as_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let document = std::fs::read_to_string(path).expect("docs/operations.md");
    let table = catalogue::markdown();
    assert!(document.contains(&table), "replace the table of metrics in docs/operations.md by:\n{table}");
}
