//! The data directory of an embedded store, and the lock that keeps it to one engine.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The database's name in the data directory.
pub const DATABASE_FILE: &str = "payment.db";

const LOCK_FILE: &str = "engine.lock";

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine has it.
    #[error(
        "the data directory {path} is in use by {holder}; stop that one, or choose another directory with --data-dir"
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// Who: a process with its id, where it can be told.
        holder: String,
    },
    /// The directory or the lock file cannot be made.
    #[error("the data directory {path} cannot be used: {cause}; choose another with --data-dir")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Holds a data directory until it is dropped. The operating system lets go of it when the process dies, so
/// nothing has to be cleaned up after a crash.
#[derive(Debug)]
pub struct DataDirLock {
    // Never read: being open is what holds the lock.
    _file: File,
}

impl DataDirLock {
    /// Takes the directory, creating it when it is missing.
    ///
    /// # Errors
    /// When another process has it, or it cannot be used.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let unusable = |cause| LockError::Unusable { path: directory.to_owned(), cause };
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(directory.join(LOCK_FILE)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { path: directory.to_owned(), holder: holder_of(&mut file) });
            }
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        write_holder(&mut file).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder_of(file: &mut File) -> String {
    let mut text = String::new();
    // Between taking the lock and writing its id the holder has no name yet.
    match file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
