//! [`EventLog`](payment_actors::ports::event_log::EventLog) on Apache Kafka, through librdkafka.
//!
//! Owns the topics' creation, one idempotent producer, and the members of consumer groups. librdkafka has threads
//! of its own for the network; what it can only do by blocking is done on tokio's blocking threads, each call
//! bounded in time, because ports are called from arbiters that have one thread for everything. Never decides
//! what a record means, and never retries on its own what a caller was told has failed.

mod client;
mod event_log;
mod history;
mod lag;
mod membership;
mod options;
mod publish;
mod readiness;
mod subscription;
mod topics;

pub use event_log::KafkaEventLog;
pub use history::{History, HistoryError};
pub use options::{KafkaSettings, KafkaSetupError};

use std::time::Duration;

use payment_actors::ports::event_log::LogError;
use rdkafka::error::KafkaError;

/// How long the brokers may take for a question (metadata, topics, offsets, commits) before it counts as unanswered.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How soon the brokers are asked again about what takes them a moment, such as a topic that was just made.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Has a blocking call into librdkafka done elsewhere. The call bounds itself; the limit here is for those that wait
/// longer than asked, such as a commit without a coordinator. What they do after that harms nobody.
async fn off_the_arbiter<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LogError> {
    let limit = ANSWER_WITHIN * 2;
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(call)).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(_)) => Err(LogError("a call into the kafka client was aborted".to_owned())),
        Err(_) => Err(LogError(format!("no answer from kafka within {} s", limit.as_secs()))),
    }
}

fn log_error(error: &KafkaError) -> LogError {
    LogError(error.to_string())
}
