//! Members that share the work, come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payment_actors::contract_tests::PATIENCE;
use payment_actors::ports::event_log::{EventLog, Record, Subscription};
use payment_schema::topic::Topic;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::parts::{ends, log_of_its_own, next, open, record, value};

const RECORDS: usize = 2_000;
const KEYS: usize = 50;

fn records(numbers: std::ops::Range<usize>) -> Vec<Record> {
    numbers.map(|n| record(Topic::Captured, &(n % KEYS).to_string(), &n.to_string())).collect()
}

/// Reads and commits batch by batch; tells what it has had an effect for, until it is told to stop.
async fn work(
    mut member: Box<dyn Subscription>,
    effects: mpsc::Sender<usize>,
    mut stop: tokio::sync::oneshot::Receiver<()>,
) {
    loop {
        let batch = tokio::select! {
            biased;
            _ = &mut stop => return,
            batch = member.next(25) => batch.expect("the log is read"),
        };
        for record in &batch {
            let number = value(record).parse().expect("tests publish numbers");
            // Whoever listens may have seen enough.
            let _ = effects.send(number).await;
        }
        member.commit(&ends(&batch)).await.expect("the offsets are kept");
    }
}

/// Members come and go while records are published; every record has its effect, and per key in order once
/// repeats are left out.
#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn members_come_and_go_without_loss() {
    let (log, kept) = log_of_its_own();
    let (effects, mut seen) = mpsc::channel(RECORDS);
    let mut members = Vec::new();
    let mut first_effects: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for round in 0..4 {
        let member =
            open(kept.settings()).subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        members.push((stop, tokio::spawn(work(member, effects.clone(), stopped))));
        if round == 2 {
            // The oldest leaves in the middle of the work.
            let (stop, work) = members.remove(0);
            stop.send(()).expect("it listens");
            work.await.expect("it leaves in order");
        }
        let (from, to) = (round * RECORDS / 4, (round + 1) * RECORDS / 4);
        let published = log.publish(&records(from..to)).await;
        assert!(published.iter().all(Result::is_ok));
        while all.len() < to {
            let number = timeout(PATIENCE, seen.recv()).await.expect("effects come").expect("members live");
            if all.insert(number) {
                first_effects.entry(number % KEYS).or_default().push(number);
            }
        }
    }
    assert!(first_effects.values().all(|numbers| numbers.is_sorted()), "first effects are in order per key");
    for (stop, work) in members {
        stop.send(()).expect("it listens");
        work.await.expect("it leaves in order");
    }
}

/// Both read at the same time, each its own partitions.
#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn members_share_the_partitions() {
    let (log, _kept) = log_of_its_own();
    let mut one = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let mut other = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let (mut of_one, mut of_other) = (BTreeSet::new(), BTreeSet::new());
    let sharing = async {
        let mut number = 0;
        while of_one.is_empty() || of_other.is_empty() {
            let published = log.publish(&records(number..number + KEYS)).await;
            assert!(published.iter().all(Result::is_ok));
            number += KEYS;
            let pause = Duration::from_millis(200);
            let (a, b) = tokio::join!(timeout(pause, one.next(10)), timeout(pause, other.next(10)));
            let partitions = |read: Result<Result<Vec<_>, _>, _>| -> BTreeSet<u32> {
                let records: Vec<payment_actors::ports::event_log::Consumed> =
                    read.map_or_else(|_| Vec::new(), |read| read.expect("the log is read"));
                records.iter().map(|record| record.position.partition).collect()
            };
            of_one = partitions(a);
            of_other = partitions(b);
        }
    };
    timeout(PATIENCE, sharing).await.expect("both get partitions");
    assert!(of_one.is_disjoint(&of_other), "{of_one:?} {of_other:?}");
}

/// What a member has read and not kept is another's after a while; keeping it then is refused, so nobody goes back.
#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn a_member_that_was_thrown_out_cannot_keep_offsets() {
    let (log, kept) = log_of_its_own();
    assert!(log.publish(&records(0..KEYS)).await.iter().all(Result::is_ok));
    let mut slow_settings = kept.settings().clone();
    // Whoever asks for nothing this long is thrown out; not below the session timeout.
    for name in ["max.poll.interval.ms", "session.timeout.ms"] {
        slow_settings.options.insert(name.to_owned(), "6000".to_owned());
    }
    let slow_log = open(&slow_settings);
    let mut slow = slow_log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let read_by_slow = next(&mut *slow).await;

    let mut quick = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let mut again = BTreeSet::new();
    while again.len() < KEYS {
        let batch = next(&mut *quick).await;
        again.extend(batch.iter().map(value));
        quick.commit(&ends(&batch)).await.expect("the offsets are kept");
    }
    let refused = slow.commit(&ends(&read_by_slow)).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(quick.lag().await, Ok(vec![(Topic::Captured, 0)]));
}

/// Dropping leaves the group at once, so that nobody waits for a session to end; closing waits for it.
#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn leaving_is_immediate_and_closing_waits_for_it() {
    let (log, kept) = log_of_its_own();
    let mut settings = kept.settings().clone();
    settings.options.insert("session.timeout.ms".to_owned(), "60000".to_owned());
    let leaving = open(&settings);
    let mut first = leaving.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    assert!(log.publish(&records(0..KEYS)).await.iter().all(Result::is_ok));
    next(&mut *first).await;
    drop(first);
    leaving.close(Duration::from_secs(10)).await;
    let mut second = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    assert!(!next(&mut *second).await.is_empty());
}
