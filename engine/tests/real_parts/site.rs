//! One system on the real parts: a place, a payment gateway beside it, and engines that are started there.

use std::sync::Arc;
use std::time::Instant;

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;

use crate::client::Desk;
use crate::engine::Engine;
use crate::place::{Place, Servers};
use crate::process::{PATIENCE, Process};

/// A place and its payment gateway.
pub(crate) struct Site {
    pub(crate) place: Arc<Place>,
    simulator: Process,
}

impl Site {
    /// On the parts that everybody uses.
    pub(crate) fn new() -> Self {
        Self::on(Servers::of_the_environment())
    }

    pub(crate) fn on(servers: Servers) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let quick = ("PAYMENT__SIMULATOR__LOADTEST_MODE".to_owned(), "true".to_owned());
        let simulator = Process::start_in(dir, &["pg-simulator", "--listen", "127.0.0.1:0"], vec![quick]);
        Self { place: Arc::new(Place::on(servers)), simulator }
    }

    /// One more engine, with all roles.
    pub(crate) fn engine(&self, variables: &[(&str, &str)]) -> Engine {
        self.engine_with(&[], variables)
    }

    /// One more engine that is told something.
    pub(crate) fn engine_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Engine {
        let gateway = format!("http://{}", self.gateway());
        let variables = [&[("PAYMENT__PG__URL", gateway.as_str())], variables].concat();
        Engine::start_at(Arc::clone(&self.place), arguments, &variables)
    }

    pub(crate) fn pg(&self) -> Desk {
        Desk::at(self.gateway())
    }

    fn gateway(&self) -> &str {
        self.simulator.addresses.pg.as_deref().expect("a simulator says where it listens")
    }

    /// Reads the tables.
    pub(crate) async fn rows(&self, text: &str) -> Vec<MySqlRow> {
        let read =
            sqlx::query(AssertSqlSafe(text.to_owned())).fetch_all(&mut self.place.connect().await).await;
        read.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Reads one number.
    pub(crate) async fn number(&self, text: &str) -> i64 {
        self.rows(text).await.first().map_or(0, |row| row.get(0))
    }

    /// Returns once a number is as wished.
    pub(crate) async fn until(&self, text: &str, wished: impl Fn(i64) -> bool) {
        let begun = Instant::now();
        loop {
            let number = self.number(text).await;
            if wished(number) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "still {number}: {text}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Returns once the outbox is empty.
    pub(crate) async fn until_published(&self) {
        self.until("SELECT COUNT(*) FROM outbox_event WHERE published_at = 0", |waiting| waiting == 0).await;
    }
}
