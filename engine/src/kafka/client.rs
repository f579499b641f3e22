//! What librdkafka has to say, as log lines.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// Passes librdkafka's log on. It calls from threads of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ClientLog;

impl ClientContext for ClientLog {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, detail: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, detail, "kafka client warns");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", facility, detail, "kafka client says");
            }
        }
    }

    // The same errors come as log lines and as results of calls.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", cause = %error, reason, "kafka client reports an error");
    }
}
