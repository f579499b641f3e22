//! Several databases behind one store: that it keeps the ports' contracts, that views hold all of them, and that one
//! which is away hurts nobody but its merchants. Over SQLite files, so that it runs everywhere; over MariaDBs in the
//! tests of that store.

mod contracts;
mod outage;
mod pair;
mod views;
