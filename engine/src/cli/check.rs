//! `check`: verifies the invariants from the outside.

use std::fmt::Write;
use std::process::ExitCode;

use chrono::Utc;
use payment_schema::time::Timestamp;

use super::args::Check;
use super::failure::Failure;
use super::terminal::{complain, print};
use crate::check::{self, Evidence, EvidenceError, PgRecord, Report, World};
use crate::config::{Config, ShardUrl};
use crate::mariadb::MariaDbOptions;
use crate::serve::kafka_settings;

pub(super) fn run(asked: &Check, config: &Config) -> Result<ExitCode, Failure> {
    let report = report(config)?;
    let page = if asked.json {
        serde_json::to_string(&report).expect("a report is plain data") + "\n"
    } else {
        text(&report)
    };
    print(&page)?;
    if let Some(why) = &report.unseen {
        complain(&format!("not decided: {why}"));
    }
    let failed = !report.is_clean() || (asked.require_work && report.vacuous);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn report(config: &Config) -> Result<Report, Failure> {
    let evidence = Evidence::open(world(config)?, complain)?;
    let pg = pg_record(config);
    let now = Timestamp::from(Utc::now());
    Ok(check::run(&evidence, &pg, now)?)
}

/// Where payments and their events are.
pub(super) fn world(config: &Config) -> Result<World, Failure> {
    let topics = kafka_settings(config);
    if config.is_embedded() {
        return Ok(World::Embedded { database: config.database(), topics });
    }
    let servers = config.database_servers();
    let options = |server: &ShardUrl| MariaDbOptions::from_url(server.url.reveal());
    let databases = servers.iter().map(|server| options(server).map(MariaDbOptions::read_only));
    let databases = databases.collect::<Result<_, _>>().map_err(EvidenceError::from)?;
    let lacking =
        "events beside a MariaDB are in Kafka; give its addresses with --kafka HOST:PORT or broker.bootstrap";
    let topics = topics.ok_or_else(|| Failure::usage(lacking.to_owned()))?;
    Ok(World::Servers { databases, topics })
}

/// Where the payment gateway's record is: the configured gateway shows it, the simulator inside keeps a file.
pub(super) fn pg_record(config: &Config) -> PgRecord {
    if let Some(url) = &config.pg.url {
        let authorities = config.pg.authorities.clone();
        return PgRecord::Http { url: url.reveal().clone(), authorities };
    }
    let file = config.simulator_dir().join(crate::pg_simulator::RECORD_FILE);
    // Beside a database server the simulator inside is the exception, and may have run elsewhere.
    if !config.is_embedded() && !file.exists() {
        return PgRecord::Nowhere;
    }
    PgRecord::File(file)
}

fn text(report: &Report) -> String {
    let mut page = String::new();
    let mut line = |text: &str| writeln!(page, "{text}").expect("writing to a string cannot fail");
    for invariant in &report.invariants {
        let verdict = match invariant.holds {
            Some(true) => "holds",
            Some(false) => "BROKEN",
            None => "not seen from here",
        };
        line(&format!("{:<4} {verdict:<19} {:>9}  {}", invariant.id, invariant.checked, invariant.sentence));
        for violation in &invariant.violations {
            let whose =
                violation.payment_id.map_or_else(|| "no payment".to_owned(), |id| format!("payment {id}"));
            line(&format!("       {whose}: {}", violation.detail));
        }
        let unlisted =
            invariant.violations_total.saturating_sub(u64::try_from(invariant.violations.len()).unwrap_or(0));
        if unlisted > 0 {
            line(&format!("       and {unlisted} more"));
        }
    }
    let vacuous = if report.vacuous { "; nothing was shown, because there is no payment" } else { "" };
    line(&format!("\n{} payments, {} in flight{vacuous}", report.payments, report.in_flight));
    page
}
