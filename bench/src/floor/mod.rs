//! What a store itself can do: the rows of authorizations, with full durability, and no engine.
//!
//! Owns the search for the best batch and the best number of connections. The floor is what an engine on this store
//! could reach at most; the ratio of both is what the engine costs.

mod mariadb;
mod outcome;
mod sqlite;
mod work;

use std::time::SystemTime;

use crate::cli::floor::FloorOptions;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::rows::Dialect;
use crate::store::Store;
use crate::{results, run, terminal};
use outcome::Form;
use work::Workshop;

pub(crate) use outcome::{Case, FloorResult};

/// The batch with which the best number of connections is looked for.
const FIRST_BATCH: usize = 100;

/// Something that can be measured.
trait Floor {
    /// Writes authorizations in this way and says how fast.
    fn measure(&mut self, way: Way, workshop: &mut Workshop) -> Result<Case, Failure>;
}

/// How authorizations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    form: Form,
    batch: usize,
    connections: usize,
}

/// Measures, and says what came of it.
///
/// # Errors
/// When the store cannot be used or the result not be written.
pub(crate) fn run(options: &FloorOptions) -> Result<(), Failure> {
    let at = SystemTime::now();
    let name = run::name(at);
    let (cases, store, facts) = match &options.store_url {
        Store::MariaDb { server, .. } => {
            let mut floor = mariadb::MariaDb::create(server, &name, options)?;
            let cases =
                search(&mut floor, &ways(options, &[Form::Text, Form::Prepared]), &name, Dialect::MariaDb);
            let facts = floor.facts();
            floor.drop_database()?;
            (cases?, "mariadb", facts?)
        }
        Store::Sqlite(path) => {
            let mut floor = sqlite::Sqlite::create(path, &name, options)?;
            let one = Ways { connections: vec![1], ..ways(options, &[Form::Prepared]) };
            let cases = search(&mut floor, &one, &name, Dialect::Sqlite);
            let facts = floor.facts();
            floor.remove_file();
            (cases?, "sqlite", facts?)
        }
    };
    let result = FloorResult {
        at: humantime::format_rfc3339_seconds(at).to_string(),
        label: options.label.clone(),
        store: store.to_owned(),
        settings: facts,
        rows_per_authorization: work::ROWS,
        cases,
        machine: Machine::here(&options.facts),
    };
    result.lines().iter().for_each(|line| terminal::say(line));
    options.json.as_deref().map_or(Ok(()), |file| results::write(file, "floor", &result))
}

/// What is tried.
struct Ways {
    forms: Vec<Form>,
    batches: Vec<usize>,
    connections: Vec<usize>,
}

fn ways(options: &FloorOptions, forms: &[Form]) -> Ways {
    Ways { forms: forms.to_vec(), batches: options.batches.clone(), connections: options.connections.clone() }
}

/// One authorization for each commit on one connection, for comparison; then the best form and number of
/// connections; then with them the best batch; then with that batch the numbers of connections beside the best.
fn search(floor: &mut impl Floor, ways: &Ways, run: &str, dialect: Dialect) -> Result<Vec<Case>, Failure> {
    let mut workshop = Workshop::new(dialect, run);
    let mut cases: Vec<Case> = Vec::new();
    let single = ways.forms.iter().map(|form| Way { form: *form, batch: 1, connections: 1 }).collect();
    let first = ways.forms.iter().flat_map(|form| {
        let way = |connections: &usize| Way { form: *form, batch: FIRST_BATCH, connections: *connections };
        ways.connections.iter().map(way)
    });
    let first: Vec<Way> = first.collect();
    try_all(floor, &mut workshop, single, &mut cases)?;
    try_all(floor, &mut workshop, first, &mut cases)?;
    let best = fastest(&cases)?;
    let batches = ways.batches.iter().map(|batch| Way { batch: *batch, ..best }).collect();
    try_all(floor, &mut workshop, batches, &mut cases)?;
    let best = fastest(&cases)?;
    let beside =
        ways.connections.iter().map(|connections| Way { connections: *connections, ..best }).collect();
    try_all(floor, &mut workshop, beside, &mut cases)?;
    Ok(cases)
}

fn try_all(
    floor: &mut impl Floor,
    workshop: &mut Workshop,
    ways: Vec<Way>,
    cases: &mut Vec<Case>,
) -> Result<(), Failure> {
    for way in ways {
        if cases.iter().any(|case| case.is(way)) {
            continue;
        }
        let case = floor.measure(way, workshop)?;
        terminal::note(&case.line());
        cases.push(case);
    }
    Ok(())
}

fn fastest(cases: &[Case]) -> Result<Way, Failure> {
    let best = cases.iter().max_by(|a, b| a.per_second.total_cmp(&b.per_second));
    best.map(Case::way)
        .ok_or_else(|| Failure::new("nothing was measured; name at least one number of connections"))
}

#[cfg(test)]
mod tests {
    use super::outcome::{Case, Form};
    use super::{Dialect, Failure, Floor, Way, Ways, Workshop, fastest, search};

    /// Fastest in text form with 4 connections and batches of 200.
    struct Imagined(Vec<Way>);

    impl Floor for Imagined {
        fn measure(&mut self, way: Way, _: &mut Workshop) -> Result<Case, Failure> {
            self.0.push(way);
            let far = way.batch.abs_diff(200) + 50 * way.connections.abs_diff(4);
            let penalty = if way.form == Form::Text { 0 } else { 100 };
            let per_second = f64::from(u32::try_from(5_000 - far - penalty).expect("small"));
            Ok(Case { per_second, ..Case::of(way) })
        }
    }

    #[test]
    fn the_search_finds_the_best_and_measures_nothing_twice() {
        let mut floor = Imagined(Vec::new());
        let ways = Ways {
            forms: vec![Form::Text, Form::Prepared],
            batches: vec![50, 100, 200, 400],
            connections: vec![1, 2, 4, 8],
        };
        let cases = search(&mut floor, &ways, "run", Dialect::MariaDb).expect("cases");
        assert_eq!(fastest(&cases).expect("a best"), Way { form: Form::Text, batch: 200, connections: 4 });
        let mut seen = Vec::new();
        for way in &floor.0 {
            assert!(!seen.contains(way), "{way:?} was measured twice");
            seen.push(*way);
        }
    }
}
