//! `payment ID`: everything that store, topics and the payment gateway know about one payment.

use super::args::Payment;
use super::check::{pg_record, world};
use super::failure::Failure;
use super::story;
use super::terminal::{complain, print};
use crate::check::Evidence;
use crate::config::Config;

pub(super) fn run(asked: &Payment, config: &Config) -> Result<(), Failure> {
    let evidence = Evidence::open(world(config)?, complain)?;
    let dossier = evidence.dossier(asked.id, &pg_record(config))?;
    let is_named = !dossier.events.is_empty()
        || !dossier.strays.is_empty()
        || dossier.pg.as_ref().is_some_and(|record| !record.is_empty());
    if dossier.payment.is_none() && !is_named {
        return Err(Failure::failed(format!(
            "there is no payment {} in {}; ids are shown by the API's answers",
            asked.id,
            config.database_shown()
        )));
    }
    if asked.json {
        let text = serde_json::to_string(&dossier).expect("a dossier is plain data");
        return print(&format!("{text}\n"));
    }
    print(&story::page(&dossier))
}
