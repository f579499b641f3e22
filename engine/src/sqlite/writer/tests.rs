//! What one transaction for several callers means for each of them.

use rusqlite::params;

use super::*;
use crate::sqlite::open::{Upgrade, open_writer};

type Answer = oneshot::Receiver<Result<(), StoreError>>;

fn job<W>(work: W) -> (Box<dyn Job>, Answer)
where
    W: Fn(&Session<'_>) -> Result<(), Failure> + Send + 'static,
{
    let (answer, done) = oneshot::channel();
    (Box::new(Write { work, result: None, answer }), done)
}

fn insert(group: &'static str, value: usize) -> (Box<dyn Job>, Answer) {
    job(move |session| {
        session.connection.execute(
            "INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset)
             VALUES (?1, hex(zeroblob(?2)), 0, 0)",
            params![group, i64::try_from(value).expect("small")],
        )?;
        Ok(())
    })
}

fn fails() -> (Box<dyn Job>, Answer) {
    job(|session| {
        session.connection.execute("INSERT INTO consumer_offset VALUES ('half done', 't', 0, 0)", [])?;
        Err(Failure::unreadable("status", "nonsense"))
    })
}

fn settle(connection: &Connection, jobs: Vec<(Box<dyn Job>, Answer)>) -> Vec<Result<(), StoreError>> {
    let (mut group, answers): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    let fate = commit_together(connection, &mut group, &Cell::new(false));
    group.into_iter().for_each(|job| job.settle(&fate));
    answers.into_iter().map(|mut answer| answer.try_recv().expect("every caller is answered")).collect()
}

fn groups(connection: &Connection) -> Vec<String> {
    let mut statement =
        connection.prepare("SELECT consumer_group FROM consumer_offset ORDER BY 1").expect("sql");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn database() -> (Connection, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("payment.db");
    (open_writer(&path, Upgrade::Automatic).expect("a new database"), directory)
}

fn panics() -> (Box<dyn Job>, Answer) {
    job(|session| {
        session.connection.execute("INSERT INTO consumer_offset VALUES ('half done', 't', 0, 0)", [])?;
        panic!("a defect");
    })
}

#[test]
fn work_that_fails_leaves_nothing_and_takes_nobody_with_it() {
    let (connection, _directory) = database();
    let answers = settle(&connection, vec![insert("a", 1), fails(), panics(), insert("b", 1)]);
    let failed = |answer: &Result<(), StoreError>| matches!(answer, Err(StoreError::Corrupt(_)));
    assert_eq!(answers.iter().map(failed).collect::<Vec<_>>(), [false, true, true, false], "{answers:?}");
    assert_eq!(groups(&connection), ["a", "b"]);
}

#[test]
fn a_full_disk_refuses_and_everything_works_again_afterwards() {
    let (connection, _directory) = database();
    let full: i64 = connection.query_row("PRAGMA max_page_count = 1", [], |row| row.get(0)).expect("pragma");
    let answers = settle(&connection, vec![insert("a", 1_000_000), insert("b", 1)]);
    for answer in answers {
        let Err(StoreError::Unavailable(why)) = answer else { panic!("{answer:?}") };
        assert!(why.contains("the disk is full"), "{why}");
    }
    assert!(connection.is_autocommit(), "no transaction is left open");
    assert_eq!(groups(&connection), Vec::<String>::new());

    connection.execute_batch(&format!("PRAGMA max_page_count = {}", full + 10_000)).expect("pragma");
    assert_eq!(settle(&connection, vec![insert("a", 1_000_000), insert("b", 1)]), [Ok(()), Ok(())]);
    assert_eq!(groups(&connection), ["a", "b"]);
}

#[test]
fn a_commit_that_fails_leaves_its_outcome_unknown() {
    let (connection, _directory) = database();
    let dangling = job(|session| {
        // Checked at the commit only, which then fails.
        session.connection.execute_batch(
            "PRAGMA defer_foreign_keys = ON;
             INSERT INTO idem_response_cache
                 (key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token)
             VALUES (zeroblob(16), 'm', 'k', zeroblob(32), 1024, 'authorize', 1);",
        )?;
        Ok(())
    });
    let answers = settle(&connection, vec![insert("a", 1), dangling, fails()]);
    assert!(matches!(
        answers[..],
        [Err(StoreError::OutcomeUnknown(_)), Err(StoreError::OutcomeUnknown(_)), Err(StoreError::Corrupt(_))]
    ));
    assert!(connection.is_autocommit(), "no transaction is left open");
    assert_eq!(groups(&connection), Vec::<String>::new());
}

#[test]
fn another_process_that_holds_the_file_is_named_as_the_cause() {
    let (connection, directory) = database();
    connection.busy_timeout(std::time::Duration::ZERO).expect("pragma");
    let other = Connection::open(directory.path().join("payment.db")).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
    let answers = settle(&connection, vec![insert("a", 1)]);
    let [Err(StoreError::Unavailable(why))] = &answers[..] else { panic!("{answers:?}") };
    assert!(why.contains("another process holds the database"), "{why}");
    other.execute_batch("ROLLBACK").expect("the lock is let go");
    assert_eq!(settle(&connection, vec![insert("a", 1)]), [Ok(())]);
}
