//! Payment sequence numbers, drawn from blocks that the store reserves.
//!
//! Shared by all shards of a process, so that a block is not wasted on each. Every database of the store has blocks of
//! its own: ids differ by their slots, and nobody waits for a database that keeps other merchants. A number that is drawn and not used
//! leaves a gap, which is harmless. Never hands a number out twice: blocks are durable before they are used.

use std::ops::Range;
use std::time::Duration;

use parking_lot::Mutex;
use payment_schema::ids::{PaymentId, Slot};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use crate::ports::databases::Databases;
use crate::ports::{Ports, StoreError};

const BLOCK: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(3);

/// The process's source of payment ids.
pub struct Sequences {
    ports: Ports,
    databases: Databases,
    /// One for each database.
    blocks: Vec<Block>,
}

#[derive(Default)]
struct Block {
    numbers: Mutex<Range<u64>>,
    /// One reservation at a time; the others wait for its numbers.
    reserving: AsyncMutex<()>,
}

impl Sequences {
    /// A source without a block; the first draw reserves one.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let databases = ports.store.databases();
        let blocks = (0..databases.count()).map(|_| Block::default()).collect();
        Self { ports, databases, blocks }
    }

    /// A new payment id in this slot.
    ///
    /// # Errors
    /// When no block is left and the store does not reserve another in time.
    pub async fn draw(&self, slot: Slot) -> Result<PaymentId, StoreError> {
        let block = self.blocks.get(self.databases.keeping(slot)).expect("every database has a block");
        loop {
            if let Some(sequence) = block.numbers.lock().next() {
                return Ok(PaymentId::new(sequence, slot));
            }
            let _turn = block.reserving.lock().await;
            // Whoever was before may have reserved a block meanwhile.
            if block.numbers.lock().is_empty() {
                let reserved = timeout(PATIENCE, self.ports.store.reserve_sequences(slot, BLOCK)).await;
                let late = |_| StoreError::Unavailable("no payment ids were reserved in time".to_owned());
                *block.numbers.lock() = reserved.map_err(late)??;
            }
        }
    }
}
