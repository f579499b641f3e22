//! The store's twin: tables in memory with exactly the promises of the store ports.
//!
//! Owns the weather between caller and tables: delays, outages, commits that fail, succeed, or succeed with the
//! answer lost. What was committed survives every crash; what was in flight is committed or not, as the seed
//! says, and perhaps later, when somebody has already read the old state: after seconds in another machine's database
//! (`networked`), after moments in one that lives in the process, and never when that dies.

mod api_keys;
mod in_flight;
mod journal;
mod ledger;
mod operators;
mod outbox;
mod payments;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use payment_schema::ids::{PaymentId, SLOTS, Slot};
use tokio::time::sleep;

pub use self::api_keys::ApiKeyRows;
use self::in_flight::{Cut, InFlight};
pub use self::tables::{LedgerRow, OutboxRow, Tables, TransitionRow};
use super::dice::{Dice, Purpose};
use super::environment::{Environment, Part};
use super::faults::Fault;
use crate::ports::StoreError;
use crate::ports::databases::Databases;

/// A store in memory.
#[derive(Debug)]
pub struct SimStore {
    environment: Arc<Environment>,
    tables: Arc<Mutex<Tables>>,
    dice: Mutex<Dice>,
    networked: bool,
    databases: Databases,
    host: Arc<Host>,
}

/// What a call needs.
#[derive(Debug, Clone, Copy)]
enum Need {
    /// Every database.
    All,
    /// One of them.
    One(usize),
    /// Whichever is there.
    Any,
}

/// The process that an embedded store lives in.
#[derive(Debug, Default)]
struct Host {
    is_dying: AtomicBool,
    deaths: AtomicU64,
}

/// What becomes of one call.
struct Fate {
    before: Duration,
    ending: Ending,
    after: Duration,
    cut: Cut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done,
    Refused,
    DoneUnheard,
    LostUnheard,
    DelayedUnheard,
}

impl SimStore {
    /// An empty store. `networked` lets a dead caller's commit land late; `databases` share the slots in turn.
    #[must_use]
    pub fn new(environment: Arc<Environment>, networked: bool, databases: usize) -> Self {
        let dice = Mutex::new(environment.dice(Purpose::Store));
        let slots = usize::try_from(SLOTS).expect("there are few slots");
        let databases = Databases::by_slot((0..slots).map(|slot| slot % databases.max(1)).collect());
        Self { environment, tables: Arc::default(), dice, networked, databases, host: Arc::default() }
    }

    fn database_of(&self, slot: Slot) -> Need {
        Need::One(self.databases.keeping(slot))
    }

    /// What a call about these payments needs.
    fn need_of(&self, ids: impl Iterator<Item = PaymentId>) -> Need {
        let numbers: BTreeSet<usize> = ids.map(|id| self.databases.keeping(id.slot())).collect();
        match numbers.len() {
            0 => Need::Any,
            1 => numbers.first().map_or(Need::Any, |database| Need::One(*database)),
            _ => Need::All,
        }
    }

    /// Whether what a call needs is out of reach.
    fn is_out(&self, need: Need) -> bool {
        let last = self.databases.count() - 1;
        let last_is_out = self.environment.is_out(Part::LastDatabase);
        let affected = match need {
            Need::All => last_is_out,
            Need::One(database) => last_is_out && database == last,
            Need::Any => last_is_out && last == 0,
        };
        affected || self.environment.is_out(Part::Store)
    }

    /// Says that a process dies, or is dead. A store that lives in it leaves nothing to happen later; another
    /// machine's does.
    pub(super) fn set_dying(&self, dying: bool) {
        if !self.networked {
            self.host.is_dying.store(dying, Ordering::Relaxed);
            self.host.deaths.fetch_add(u64::from(dying), Ordering::Relaxed);
        }
    }

    /// Looks at the raw tables, as the auditor does: without weather.
    pub fn inspect<T>(&self, view: impl FnOnce(&Tables) -> T) -> T {
        view(&self.tables.lock())
    }

    /// A read: delayed, perhaps refused, true as of the moment it is answered.
    async fn read<T>(
        &self,
        need: Need,
        what: &'static str,
        view: impl FnOnce(&Tables) -> T,
    ) -> Result<T, StoreError> {
        let fate = self.fate(&[(Fault::StoreRefused, Ending::Refused)]);
        sleep(fate.before).await;
        let answer = match fate.ending {
            Ending::Done if !self.is_out(need) => Ok(view(&self.tables.lock())),
            Ending::Done
            | Ending::Refused
            | Ending::DoneUnheard
            | Ending::LostUnheard
            | Ending::DelayedUnheard => Err(refused(what)),
        };
        sleep(fate.after).await;
        answer
    }

    /// A small write: the rows of one statement.
    async fn write<T: Send>(
        &self,
        need: Need,
        what: &'static str,
        apply: impl FnOnce(&mut Tables) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let endings = [
            (Fault::StoreRefused, Ending::Refused),
            (Fault::CommitAnswerLost, Ending::DoneUnheard),
            (Fault::CommitLost, Ending::LostUnheard),
            (Fault::CommitDelayed, Ending::DelayedUnheard),
        ];
        self.change(need, what, self.fate(&endings), apply).await
    }

    /// A transaction of the journal.
    async fn commit<T: Send>(
        &self,
        need: Need,
        what: &'static str,
        apply: impl FnOnce(&mut Tables) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let endings = [
            (Fault::CommitFailed, Ending::Refused),
            (Fault::CommitAnswerLost, Ending::DoneUnheard),
            (Fault::CommitLost, Ending::LostUnheard),
            (Fault::CommitDelayed, Ending::DelayedUnheard),
        ];
        self.change(need, what, self.fate(&endings), apply).await
    }

    async fn change<T: Send>(
        &self,
        need: Need,
        what: &'static str,
        fate: Fate,
        apply: impl FnOnce(&mut Tables) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let refuses = fate.ending == Ending::Refused;
        let mut flight = InFlight::new(self, what, if refuses { Cut::Never } else { fate.cut }, apply);
        sleep(fate.before).await;
        let out = self.is_out(need);
        let done = match fate.ending {
            _ if out => flight.give_up(),
            Ending::Done | Ending::DoneUnheard => flight.land(),
            Ending::Refused | Ending::LostUnheard => flight.give_up(),
            Ending::DelayedUnheard => flight.delay(),
        };
        drop(flight);
        sleep(fate.after).await;
        match (fate.ending, done) {
            (Ending::Done, Some(answer)) => Ok(answer),
            (Ending::DoneUnheard | Ending::LostUnheard | Ending::DelayedUnheard, _) if !out => {
                Err(StoreError::OutcomeUnknown(format!("the connection broke during {what}")))
            }
            (
                Ending::Done
                | Ending::Refused
                | Ending::DoneUnheard
                | Ending::LostUnheard
                | Ending::DelayedUnheard,
                _,
            ) => Err(refused(what)),
        }
    }

    /// Draws what becomes of a call: always the same number of draws, whatever they say.
    fn fate(&self, endings: &[(Fault, Ending)]) -> Fate {
        let mut dice = self.dice.lock();
        let faults: Vec<Fault> = endings.iter().map(|(fault, _)| *fault).collect();
        let ending = self.environment.first_to_strike(&mut dice, &faults);
        let ending = endings.iter().find(|(fault, _)| Some(*fault) == ending).map_or(Ending::Done, |it| it.1);
        let pause = dice.millis(200, 4_000);
        let slow = if self.environment.strikes(&mut dice, Fault::StoreSlow) { pause } else { Duration::ZERO };
        let before = ordinary_delay(&mut dice) + slow;
        let after = ordinary_delay(&mut dice);
        let late = if self.networked { dice.millis(1, 3_000) } else { dice.millis(1, 50) };
        let cut = match dice.below(3) {
            0 => Cut::Never,
            1 => Cut::Late(late),
            _ => Cut::Now,
        };
        Fate { before, ending, after, cut }
    }
}

fn ordinary_delay(dice: &mut Dice) -> Duration {
    let (slow, small, large) = (dice.below(20), dice.millis(0, 2), dice.millis(3, 40));
    if slow == 0 { large } else { small }
}

fn refused(what: &str) -> StoreError {
    StoreError::Unavailable(format!("simulated refusal of {what}"))
}
