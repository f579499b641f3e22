//! The script that admits a request.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

/// What the script says.
pub(super) enum Verdict {
    /// A token was taken; what stands under the answer's key.
    Taken(Option<Vec<u8>>),
    /// There is no token for this long.
    Empty(Duration),
}

/// The script, which Redis knows by its digest after the first call.
pub(super) struct AdmitScript(Script);

impl AdmitScript {
    pub(super) fn new() -> Self {
        Self(Script::new(include_str!("admit.lua")))
    }

    /// Runs it: one round trip, three when Redis has not seen the script since it started.
    pub(super) async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        bucket: &str,
        answer: Option<&str>,
        per_minute: u32,
    ) -> RedisResult<Verdict> {
        let mut call = self.0.key(bucket);
        if let Some(answer) = answer {
            call.key(answer);
        }
        call.arg(per_minute);
        let (taken, wait, answer): (bool, u64, Option<Vec<u8>>) = call.invoke_async(connection).await?;
        Ok(if taken { Verdict::Taken(answer) } else { Verdict::Empty(Duration::from_micros(wait)) })
    }
}
