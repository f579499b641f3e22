//! How many events wait to be published, asked of a running engine.
//!
//! Owns the reading of the metric `outbox_pending` after a load has ended.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::response::{self, Body};
use super::target::Target;
use crate::failure::Failure;

/// What is asked for, in the Prometheus text format.
const METRIC: &str = "outbox_pending";

const PAUSE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// How the backlog went away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Backlog {
    /// Events waiting when the load had ended.
    pub(crate) at_end: u64,
    /// Seconds from then until none waited; null when some did for a minute.
    pub(crate) empty_after_s: Option<f64>,
}

/// Waits until no event waits, or for a minute.
///
/// # Errors
/// When the operator listener does not answer with metrics.
#[expect(clippy::disallowed_methods, reason = "nothing else runs on this thread once the load has ended")]
pub(crate) fn watch(metrics: &Target) -> Result<Backlog, Failure> {
    let begun = Instant::now();
    let at_end = pending(metrics)?;
    let mut left = at_end;
    while left > 0 && begun.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE);
        left = pending(metrics)?;
    }
    let empty_after_s = (left == 0).then(|| begun.elapsed().as_secs_f64());
    Ok(Backlog { at_end, empty_after_s })
}

fn pending(metrics: &Target) -> Result<u64, Failure> {
    let text = get(metrics)?;
    read_metric(&text).ok_or_else(|| {
        Failure::new(format!(
            "http://{}{} does not tell {METRIC}; give the engine's metrics, such as http://127.0.0.1:8082/metrics",
            metrics.host, metrics.base
        ))
    })
}

fn get(metrics: &Target) -> Result<String, Failure> {
    let failed = || format!("http://{}{} does not answer", metrics.host, metrics.base);
    let mut stream =
        TcpStream::connect_timeout(&metrics.address, ANSWER_PATIENCE).map_err(Failure::because(failed()))?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE)).map_err(Failure::because(failed()))?;
    let request =
        format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", metrics.base, metrics.host);
    stream.write_all(request.as_bytes()).map_err(Failure::because(failed()))?;
    let mut input = Vec::new();
    stream.read_to_end(&mut input).map_err(Failure::because(failed()))?;
    let answer = response::read(&input, true).ok().flatten().filter(|answer| answer.status == 200);
    let answer = answer.ok_or_else(|| Failure::new(failed()))?;
    let body = match answer.body {
        Body::At(range) => input[range].to_vec(),
        Body::Joined(joined) => joined,
    };
    String::from_utf8(body).map_err(Failure::because(failed()))
}

/// The sum over all labels; nothing when the metric is not there.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, written as a float")]
fn read_metric(text: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(METRIC));
    let values: Vec<f64> = lines
        .filter(|rest| rest.starts_with([' ', '{']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() as u64)
}

#[cfg(test)]
mod tests {
    use super::read_metric;

    #[test]
    fn the_metric_is_summed_over_its_labels() {
        let text = "# TYPE outbox_pending gauge\noutbox_pending{lane=\"0\"} 3\noutbox_pending{lane=\"1\"} 4\n\
                    outbox_pending_other 100\n";
        assert_eq!(read_metric(text), Some(7));
        assert_eq!(read_metric("outbox_pending 0\n"), Some(0));
        assert_eq!(read_metric("up 1\n"), None);
    }
}
