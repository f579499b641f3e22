//! Whether the database's files are still where they were opened.
//!
//! Owns their identities. A file that somebody removes stays open, and SQLite goes on writing to it without an error;
//! all of it would be gone with the process. So nothing is committed to files that have no name any more.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use payment_actors::ports::StoreError;
use rusqlite::Connection;

/// One file and what it was when it was first seen.
struct Seen {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// The database file and its write-ahead log.
pub(super) struct Place {
    files: [Seen; 2],
}

impl Place {
    /// Where this connection's database is.
    pub(super) fn of(connection: &Connection) -> std::io::Result<Self> {
        let path = PathBuf::from(connection.path().unwrap_or_default());
        let metadata = std::fs::metadata(&path)?;
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let identity = Some((metadata.dev(), metadata.ino()));
        Ok(Self { files: [Seen { path, identity }, Seen { path: log.into(), identity: None }] })
    }

    /// Refuses once a file is gone, or another one has taken its name. The write-ahead log begins with the first
    /// commit and stays while connections are open.
    pub(super) fn verify(&mut self) -> Result<(), StoreError> {
        for Seen { path, identity } in &mut self.files {
            let found = std::fs::metadata(&*path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
            if identity.is_some() && found != *identity {
                return Err(StoreError::Unavailable(format!(
                    "{} was removed or replaced while the program runs; nothing is written any more, so stop the \
                     program, put the file back and start again",
                    path.display()
                )));
            }
            *identity = found;
        }
        Ok(())
    }
}
