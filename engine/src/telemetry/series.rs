//! One metric with its labelled series.
//!
//! Owns the lookup from label values to a series, which is on the hot path: after the first use of a set of values it
//! is a shared lock and a search in a small tree, without allocation.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::PrometheusRecorder;
use parking_lot::RwLock;

use super::catalogue::Metric;

const METADATA: Metadata<'static> = Metadata::new("payment_engine", Level::INFO, None);

/// A counter, gauge or histogram.
pub(super) trait Instrument: Clone {
    fn register(recorder: &PrometheusRecorder, key: &Key) -> Self;
}

impl Instrument for Counter {
    fn register(recorder: &PrometheusRecorder, key: &Key) -> Self {
        recorder.register_counter(key, &METADATA)
    }
}

impl Instrument for Gauge {
    fn register(recorder: &PrometheusRecorder, key: &Key) -> Self {
        recorder.register_gauge(key, &METADATA)
    }
}

impl Instrument for Histogram {
    fn register(recorder: &PrometheusRecorder, key: &Key) -> Self {
        recorder.register_histogram(key, &METADATA)
    }
}

/// The series of one metric by the values of its `N` labels. The values are part of the program's text, so their
/// number is bounded by it.
pub(super) struct Series<I, const N: usize> {
    metric: Metric,
    recorder: Arc<PrometheusRecorder>,
    known: RwLock<BTreeMap<[&'static str; N], I>>,
}

impl<I: Instrument, const N: usize> Series<I, N> {
    pub(super) fn new(recorder: &Arc<PrometheusRecorder>, metric: Metric) -> Self {
        assert_eq!(metric.labels.len(), N, "{} has other labels", metric.name);
        Self { metric, recorder: Arc::clone(recorder), known: RwLock::default() }
    }

    /// The series with these label values.
    pub(super) fn with(&self, values: [&'static str; N]) -> I {
        if let Some(known) = self.known.read().get(&values) {
            return known.clone();
        }
        let labels: Vec<Label> = self
            .metric
            .labels
            .iter()
            .zip(values)
            .map(|(name, value)| Label::from_static_parts(name, value))
            .collect();
        let instrument = I::register(&self.recorder, &Key::from_parts(self.metric.name, labels));
        self.known.write().insert(values, instrument.clone());
        instrument
    }
}

/// The one series of a metric without labels; it is on the page from the start.
pub(super) fn single<I: Instrument>(recorder: &Arc<PrometheusRecorder>, metric: Metric) -> I {
    Series::<I, 0>::new(recorder, metric).with([])
}
