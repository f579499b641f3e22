//! OTP-like supervision over actix: specs, restart policies and strategies, handles that survive restarts,
//! exit reasons, drills, orderly shutdown and a tree that is read without disturbing it.
//!
//! Every actor is one task, its [`driver`]. The driver builds an *incarnation* (an actix actor in its own
//! `Context`) from the factory, polls it inside `catch_unwind`, and when it ends reports to the driver of
//! the parent, which decides. What outlives an incarnation is its *slot*: mailbox, path, statistics, exits.
//!
//! This module never decides what an actor does with a message, and it owns every spawn in the crate.

mod actor;
mod ask;
mod background;
mod cell;
mod children;
mod control;
mod ctx;
mod driver;
mod exit;
mod handle;
mod incarnation;
mod kin;
mod local;
mod mailbox;
mod slot;
mod snapshot;
mod spec;
mod statistics;
mod supervisor;
mod sweep;
mod system;
mod timers;
mod tree;

pub use actor::{Actor, Failure, Message, Next};
pub use ask::{Ask, AskError, Refused, Reply, SendError};
pub use ctx::Ctx;
pub use exit::{ChildExit, Exit, ExitReason};
pub use handle::Handle;
pub use slot::ActorState;
pub use snapshot::{Current, LimitView, NodeView, Summary, TreeSnapshot};
pub use spec::{ChildSpec, Policy, RestartLimit, Strategy};
pub use system::{Gauges, Observer, RootFailure, System, SystemConfig};
pub use timers::TimerId;
pub use tree::{DrillError, KindReading, TreeView};
