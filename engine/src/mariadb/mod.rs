//! The production store: payments, ledger and outbox in a MariaDB.
//!
//! Owns everything that touches the database; the tables are in `schema/mariadb`. A batch of the journal is one
//! transaction of multi-row statements, and nobody hears of it before it is durable. Any number of processes may use
//! one database: the primary key of the transitions keeps them apart. Every call ends within seconds, whether the
//! server answers or not. Never decides what may happen to a payment: it stores decisions, and refuses those made on
//! an old version.

mod api_keys;
mod append;
mod columns;
mod database;
mod failure;
mod journal;
mod keys;
mod ledger;
mod letters;
mod migrations;
mod open;
mod operators;
mod options;
mod outbox;
mod payments;
mod pool;
mod reads;
mod requests;
mod script;
mod session;
mod statements;
mod totals;
mod tries;
mod writes;

use std::sync::Arc;

pub use migrations::SCHEMA_VERSION;
pub use open::OpenError;
pub use options::{Isolation, MariaDbOptions};

use crate::courier::Courier;
use crate::sqlite::Migrated;
use database::Database;
use reads::Reads;

/// The store on one database. Clones share its connections.
#[derive(Clone)]
pub struct MariaDbStore {
    database: Arc<Database>,
    reads: Arc<Courier<Reads>>,
}

impl MariaDbStore {
    /// Connects, creates the database when it is missing and the account may, and brings its schema up to date if
    /// the options say so. Any number of processes may do this at the same time.
    ///
    /// Connections are opened as they are needed, so a server that goes away later is no error here but
    /// [`payment_actors::ports::StoreError::Unavailable`] of each call, until it is back.
    ///
    /// # Errors
    /// When the database cannot be used; the error says what to do.
    pub async fn connect(options: MariaDbOptions) -> Result<Self, OpenError> {
        open::prepare(&options).await?;
        let database = Arc::new(Database::new(&options));
        let reads = Courier::new(Reads { database: Arc::clone(&database) }, reads::COMPANY);
        Ok(Self { database, reads })
    }

    /// Brings the schema up to date, creating the database when it is missing, whatever the options say of upgrades.
    ///
    /// # Errors
    /// When the database cannot be used. Statements that were done stay done; the same call goes on behind them.
    pub async fn migrate(options: MariaDbOptions) -> Result<Migrated, OpenError> {
        open::migrate(&options).await
    }

    /// Says goodbye on every connection that is not in use; for an orderly end.
    pub async fn close(&self) {
        self.database.close_idle().await;
    }
}
