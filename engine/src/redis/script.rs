//! The script that admits a request, and how commands that may run it are sent.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value, from_redis_value,
};

/// What the script says.
pub(super) enum Verdict {
    /// A token was taken; what stands under the answer's key.
    Taken(Option<Vec<u8>>),
    /// There is no token for this long.
    Empty(Duration),
}

impl Verdict {
    /// Reads the script's answer.
    pub(super) fn read(answer: Value) -> RedisResult<Self> {
        let (taken, wait, answer): (bool, u64, Option<Vec<u8>>) = from_redis_value(answer)?;
        Ok(if taken { Self::Taken(answer) } else { Self::Empty(Duration::from_micros(wait)) })
    }
}

/// The script, which Redis knows by its digest after the first call.
pub(super) struct AdmitScript(Script);

impl AdmitScript {
    pub(super) fn new() -> Self {
        Self(Script::new(include_str!("admit.lua")))
    }

    /// The command that runs it.
    pub(super) fn call(&self, bucket: &str, answer: Option<&str>, per_minute: u32) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0.get_hash())
            .arg(1 + usize::from(answer.is_some()))
            .arg(bucket)
            .arg(answer)
            .arg(per_minute);
        call
    }

    /// Sends commands, some of which may run the script: one round trip, three when Redis has not seen the script since
    /// it started. One answer for each command.
    pub(super) async fn run_all(
        &self,
        connection: &mut MultiplexedConnection,
        commands: Vec<Cmd>,
    ) -> RedisResult<Vec<Value>> {
        let first = send(connection, &commands).await?;
        if !first.iter().any(|answer| answer.as_ref().is_err_and(is_unknown_script)) {
            return first.into_iter().collect();
        }
        self.0.load_async(connection).await?;
        let refused = commands.into_iter().zip(&first);
        let again: Vec<Cmd> = refused
            .filter_map(|(command, answer)| answer.as_ref().is_err_and(is_unknown_script).then_some(command))
            .collect();
        let mut second = send(connection, &again).await?.into_iter();
        let settle = |answer: RedisResult<Value>| match answer {
            Err(error) if is_unknown_script(&error) => second.next().unwrap_or(Err(error)),
            other => other,
        };
        first.into_iter().map(settle).collect()
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

async fn send(
    connection: &mut MultiplexedConnection,
    commands: &[Cmd],
) -> RedisResult<Vec<RedisResult<Value>>> {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    pipeline.ignore_errors();
    for command in commands {
        pipeline.add_command(command.clone());
    }
    pipeline.query_async(connection).await
}
