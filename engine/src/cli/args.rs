//! Every command and flag.
//!
//! Owns their names and help. Values of flags are texts here: the configuration reads and checks them, whichever way
//! they were given.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use payment_schema::api_key::{InvalidSecret, KeySecret};
use reqwest::Url;

use super::failure::Failure;
use crate::api_keys::{KeysFileError, operator_secret};
use crate::config::{Config, Flags};

const EXAMPLES: &str = "Examples:
  payment-engine                                  run with defaults: SQLite file, PG simulator, everything on loopback
  payment-engine --listen 127.0.0.1:0 --ready-file ready.json
                                                  run on free ports and write down which
  payment-engine tree --watch                     watch the supervision tree of the running engine
  payment-engine payment 1024                     tell the whole story of one payment
  payment-engine dlq list settlement.dlq          what needs an operator
  payment-engine check                            verify the invariants, with the engine running or stopped
  payment-engine keys create --merchant shop-1    make a key for a merchant; requests need one from then on
  payment-engine config                           what is configured, and where each value came from

Exit codes: 0 done, 1 failed, 2 usage.";

/// Runs a payment platform: takes authorizations, captures, refunds and cancels over HTTP, gives each payment one
/// supervised actor, and keeps every step before anybody hears of it.
#[derive(Debug, Parser)]
#[command(name = "payment-engine", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the engine (the default).
    Serve,
    /// Show the supervision tree of a running engine.
    Tree(Tree),
    /// Tell the story of one payment: history, operations, ledger, events, the gateway's record.
    Payment(Payment),
    /// See and settle dead letters of a running engine.
    #[command(subcommand)]
    Dlq(Dlq),
    /// Verify the invariants against store, topics and the gateway's record.
    Check(Check),
    /// Bring the tables up to date (serve does it by itself unless store.migrate is false).
    Migrate,
    /// Make, list and revoke API keys, with engines running or stopped.
    #[command(subcommand)]
    Keys(Keys),
    /// Print the effective configuration as TOML, secrets masked.
    Config(PrintConfig),
    /// Run the payment-gateway simulator alone.
    PgSimulator,
}

/// `tree`.
#[derive(Debug, Args)]
pub(super) struct Tree {
    /// Show it again every second until interrupted.
    #[arg(long)]
    pub(super) watch: bool,
    /// Print the operator API's JSON.
    #[arg(long, conflicts_with = "watch")]
    pub(super) json: bool,
    /// Only this node and what is below it, such as root/payments/shard-0.
    #[arg(long, value_name = "PATH")]
    pub(super) path: Option<String>,
    /// At most so many levels.
    #[arg(long, value_name = "LEVELS")]
    pub(super) depth: Option<usize>,
}

/// `payment`.
#[derive(Debug, Args)]
pub(super) struct Payment {
    /// The payment's id.
    pub(super) id: u64,
    /// Print everything as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// `dlq`.
#[derive(Debug, Subcommand)]
pub(super) enum Dlq {
    /// List dead letters, newest first.
    List {
        /// payment.dlq, settlement.dlq or refund.dlq.
        topic: String,
        /// Only letters that are open, replayed, discarded or superseded.
        #[arg(long)]
        status: Option<String>,
        /// Print the operator API's JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter.
    Show {
        /// payment.dlq, settlement.dlq or refund.dlq.
        topic: String,
        /// The letter's id.
        id: String,
        /// Print the operator API's JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have a dead letter tried again; a repeat changes nothing.
    Replay(Act),
    /// Give a dead letter's operation up; a repeat changes nothing.
    Discard(Act),
}

/// What an operator does to a dead letter.
#[derive(Debug, Args)]
pub(super) struct Act {
    /// payment.dlq, settlement.dlq or refund.dlq.
    pub(super) topic: String,
    /// The letter's id.
    pub(super) id: String,
    /// Why; it is audited.
    #[arg(long)]
    pub(super) reason: String,
    /// Print the operator API's JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Print the result as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Fail when there is no payment to check.
    #[arg(long)]
    pub(super) require_work: bool,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key and show its secret, this once.
    Create(CreateKey),
    /// List the keys in the store, revoked ones too.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: running engines refuse it within two seconds.
    Revoke(RevokeKey),
}

/// A key to make: `--merchant ID`, or `--operator` without a URL.
#[derive(Debug, Args)]
pub(super) struct CreateKey {
    /// A key for the payments API, in the name of this merchant; for the operator API say --operator instead.
    #[arg(long, value_name = "ID")]
    pub(super) merchant: Option<String>,
    /// Who or what will have it; the audit names it.
    #[arg(long, value_name = "TEXT")]
    pub(super) label: Option<String>,
    /// Print it as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A key to revoke.
#[derive(Debug, Args)]
pub(super) struct RevokeKey {
    /// The key's id.
    pub(super) id: String,
    /// Why; it is audited.
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// Print what became of it as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// `config`.
#[derive(Debug, Args)]
#[command(after_long_help = crate::config::catalogue::text())]
pub(super) struct PrintConfig {
    /// Print every key with its default and meaning instead.
    #[arg(long)]
    pub(super) keys: bool,
}

/// Flags of `serve`, understood by every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration (flags over environment over file)")]
pub(super) struct Common {
    /// The configuration file (TOML).
    #[arg(long, global = true, value_name = "FILE", env = "PAYMENT_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The directory of everything the embedded parts keep.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where the payments API listens (of pg-simulator: where the simulator listens); port 0 picks a free one.
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the operator API listens.
    #[arg(long, global = true, value_name = "ADDR")]
    operator_listen: Option<String>,
    /// Where the PG simulator inside listens.
    #[arg(long, global = true, value_name = "ADDR")]
    pg_listen: Option<String>,
    /// What this process does: all, or some of api,settlement,refund,outbox,ledger,recovery.
    #[arg(long, global = true, value_name = "LIST")]
    roles: Option<String>,
    /// Write the addresses and the process id there, as JSON, once everything listens.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// The database: sqlite:PATH.
    #[arg(long, global = true, value_name = "URL")]
    store_url: Option<String>,
    /// Kafka's bootstrap addresses, HOST:PORT,…
    #[arg(long, global = true, value_name = "ADDRS")]
    kafka: Option<String>,
    /// Redis.
    #[arg(long, global = true, value_name = "URL")]
    redis: Option<String>,
    /// The payment gateway; without it a simulator runs inside.
    #[arg(long, global = true, value_name = "URL")]
    pg_url: Option<String>,
    /// The operator listener of the engine to talk to; without URL, of keys create: a key for the operator API.
    #[arg(long, global = true, value_name = "URL", num_args = 0..=1)]
    operator: Option<Option<Url>>,
    /// The file of the operator key to send; without it the key in PAYMENT_OPERATOR_KEY.
    #[arg(long, global = true, value_name = "FILE")]
    operator_key_file: Option<PathBuf>,
}

impl Common {
    /// The configuration for a command.
    pub(super) fn load(&self, command: &Command) -> Result<Config, Failure> {
        if self.is_for_operators() && !matches!(command, Command::Keys(Keys::Create(_))) {
            return Err(Failure::usage("--operator needs a URL such as http://127.0.0.1:8082"));
        }
        let listen = match command {
            Command::PgSimulator => "simulator.listen",
            Command::Serve
            | Command::Tree(_)
            | Command::Payment(_)
            | Command::Dlq(_)
            | Command::Check(_)
            | Command::Migrate
            | Command::Keys(_)
            | Command::Config(_) => "http.listen",
        };
        let flags = Flags::default()
            .with("--data-dir", "engine.data_dir", self.data_dir.clone())
            .with("--pg-listen", "simulator.listen", self.pg_listen.clone())
            .with("--listen", listen, self.listen.clone())
            .with("--operator-listen", "operator.listen", self.operator_listen.clone())
            .with("--roles", "engine.roles", self.roles.clone())
            .with("--store-url", "store.url", self.store_url.clone())
            .with("--kafka", "broker.bootstrap", self.kafka.clone())
            .with("--redis", "cache.url", self.redis.clone())
            .with("--pg-url", "pg.url", self.pg_url.clone());
        // A variable that is no text cannot be one of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Config::load(self.config.as_deref(), &variables, &flags)
            .map_err(|error| Failure::usage(error.to_string()))
    }

    /// Whether `--operator` stands without a URL.
    pub(super) fn is_for_operators(&self) -> bool {
        matches!(self.operator, Some(None))
    }

    /// The key for the running engine's operator listener, if one was given.
    pub(super) fn operator_key(&self, config: &Config) -> Result<Option<KeySecret>, Failure> {
        let failed = |error: KeysFileError| Failure::failed(error.to_string());
        if let Some(path) = &self.operator_key_file {
            return operator_secret(path, "--operator-key-file").map(Some).map_err(failed);
        }
        if let Some(text) = std::env::var_os("PAYMENT_OPERATOR_KEY").filter(|text| !text.is_empty()) {
            let secret = text.to_str().ok_or(InvalidSecret).and_then(KeySecret::parse);
            let secret = secret.map_err(|error| Failure::usage(format!("PAYMENT_OPERATOR_KEY {error}")));
            return secret.map(Some);
        }
        let file = config.operator.keys_file.as_deref();
        file.map(|path| operator_secret(path, "operator.keys_file")).transpose().map_err(failed)
    }

    /// Where the running engine's operators are answered.
    pub(super) fn operator_url(&self, config: &Config) -> Result<Url, Failure> {
        if let Some(Some(url)) = &self.operator {
            return Ok(url.clone());
        }
        let address = config.operator.listen;
        if address.port() == 0 {
            let message =
                "operator.listen has port 0, so the engine's port is not known; name it with --operator URL";
            return Err(Failure::usage(message));
        }
        Url::parse(&format!("http://{address}")).map_err(|error| Failure::usage(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
