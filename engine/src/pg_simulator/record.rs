//! The record: an append-only file with one JSON line per answered operation, the oracle for money.
//!
//! Owns the file and its lock. Appended lines reach the operating system before any answer is sent, which is
//! enough against the death of the process; nothing is synced to the disk. It never changes a line that was
//! written whole, and never interprets one beyond reading it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::error::StartError;
use super::operation::OperationKey;

/// The record's name in the simulator's directory.
pub const RECORD_FILE: &str = "pg-record.jsonl";
const LOCK_FILE: &str = "pg-simulator.lock";
/// Longer than any line: the only free text in one is a 32-character merchant id.
const LINE_LIMIT: usize = 2_048;
/// Every so many entries the position of one is kept, so that a page starts near its place.
const MARK_EVERY: u64 = 64;

/// One line of the record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    /// Counts from 1 without gaps.
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) answer: Answer<'a>,
    /// The authorization that a void named by its key.
    #[serde(default)]
    pub(super) authorization_key: Option<OperationKey>,
}

/// The record opened for appending. Exactly one exists per data directory.
pub(super) struct Record {
    file: Arc<File>,
    /// Held as long as the record may be written; dropping the file releases it.
    lock: Option<File>,
    /// Lines that are not in the file yet.
    unwritten: Vec<u8>,
    /// Bytes of whole lines in the file.
    written: u64,
    /// Position of the entries 1, 1 + [`MARK_EVERY`], …
    marks: Vec<u64>,
    entries: u64,
}

impl Record {
    /// Opens the record in `directory`, creating both when missing, and hands every entry with its position to
    /// `post`. A torn last line, left by a process that died while writing it, is cut off: no answer was sent
    /// for it.
    pub(super) fn open(directory: &Path, mut post: impl FnMut(&Entry<'_>, u64)) -> Result<Self, StartError> {
        let storage = |path: &Path| {
            let path = path.to_path_buf();
            move |source| StartError::Storage { path, source }
        };
        fs::create_dir_all(directory).map_err(storage(directory))?;
        let lock = take_lock(directory)?;
        let path = directory.join(RECORD_FILE);
        let file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(storage(&path))?;
        let mut record = Self {
            file: Arc::new(file),
            lock: Some(lock),
            unwritten: Vec::new(),
            written: 0,
            marks: Vec::new(),
            entries: 0,
        };
        record.read_back(&path, &mut post)?;
        Ok(record)
    }

    fn read_back(&mut self, path: &Path, post: &mut impl FnMut(&Entry<'_>, u64)) -> Result<(), StartError> {
        let storage = |source| StartError::Storage { path: path.to_path_buf(), source };
        let file = Arc::clone(&self.file);
        let length = file.metadata().map_err(storage)?.len();
        let mut lines = BufReader::with_capacity(1 << 16, file.as_ref());
        let mut line = Vec::with_capacity(LINE_LIMIT);
        loop {
            line.clear();
            lines.read_until(b'\n', &mut line).map_err(storage)?;
            if !line.ends_with(b"\n") {
                break;
            }
            let entry = parse(&line, self.entries + 1).map_err(|reason| StartError::DamagedRecord {
                path: path.to_path_buf(),
                line: self.entries + 1,
                reason,
            })?;
            post(&entry, self.written);
            self.count(self.written);
            self.written += line.len() as u64;
        }
        if length > self.written {
            let bytes = length - self.written;
            tracing::warn!(path = %path.display(), bytes, "cut a torn last line off the pg record");
            file.set_len(self.written).map_err(storage)?;
        }
        Ok(())
    }

    /// The number the next entry must have.
    pub(super) fn next_seq(&self) -> u64 {
        self.entries + 1
    }

    /// Entries so far.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Puts an entry behind the others and returns its position and its answer as it goes over the wire. It is
    /// in the file after the next [`Record::flush`].
    pub(super) fn append(&mut self, entry: &Entry<'_>) -> (u64, Bytes) {
        let position = self.written + self.unwritten.len() as u64;
        // Spelled out, so that the answer is put into JSON once for the file and the client alike.
        let line = &mut self.unwritten;
        line.extend_from_slice(b"{\"seq\":");
        put_json(line, &entry.seq);
        if let Some(key) = &entry.authorization_key {
            line.extend_from_slice(b",\"authorizationKey\":");
            put_json(line, key);
        }
        line.extend_from_slice(b",\"answer\":");
        let answer_start = line.len();
        put_json(line, &entry.answer);
        let answer = Bytes::copy_from_slice(&line[answer_start..]);
        line.extend_from_slice(b"}\n");
        self.count(position);
        (position, answer)
    }

    fn count(&mut self, position: u64) {
        if self.entries.is_multiple_of(MARK_EVERY) {
            self.marks.push(position);
        }
        self.entries += 1;
    }

    /// Hands everything appended to the operating system in one write.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.file.as_ref().write_all(&self.unwritten)?;
        self.written += self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }

    /// A second handle that reads what was flushed, without this one's lock.
    pub(super) fn reader(&self) -> RecordReader {
        RecordReader { file: Arc::clone(&self.file) }
    }

    /// Where to start reading for the entries after `seq`, as of the last flush.
    pub(super) fn slice_after(&self, seq: u64) -> Slice {
        let mark = usize::try_from(seq / MARK_EVERY).ok().and_then(|mark| self.marks.get(mark));
        Slice { position: mark.copied().unwrap_or(self.written), skip: seq % MARK_EVERY, end: self.written }
    }

    /// Gives the data directory free for another simulator. Nothing may be appended after it.
    pub(super) fn release(&mut self) {
        self.lock = None;
    }
}

/// A part of the record: from an entry near the wanted ones to the end at the time of asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    position: u64,
    skip: u64,
    end: u64,
}

/// Reads entries by position.
#[derive(Clone)]
pub(super) struct RecordReader {
    file: Arc<File>,
}

impl RecordReader {
    /// Hands the entry at `position` to `use_entry`.
    pub(super) fn entry<T>(&self, position: u64, use_entry: impl FnOnce(&Entry<'_>) -> T) -> io::Result<T> {
        let mut buffer = [0; LINE_LIMIT];
        let mut filled = 0;
        while !buffer[..filled].contains(&b'\n') {
            match self.file.read_at(&mut buffer[filled..], position + filled as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => filled += more,
            }
        }
        let line = buffer.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let entry = serde_json::from_slice(line)?;
        Ok(use_entry(&entry))
    }

    /// Hands at most `limit` entries of a slice to `use_entry`, in order; true when more follow.
    pub(super) fn entries(
        &self,
        slice: Slice,
        limit: usize,
        mut use_entry: impl FnMut(&Entry<'_>),
    ) -> io::Result<bool> {
        let mut lines =
            BufReader::with_capacity(1 << 16, FileAt { file: &self.file, position: slice.position });
        let mut line = Vec::with_capacity(LINE_LIMIT);
        let mut position = slice.position;
        let mut skip = slice.skip;
        let mut used = 0;
        while position < slice.end && used < limit {
            line.clear();
            position += lines.read_until(b'\n', &mut line)? as u64;
            if skip > 0 {
                skip -= 1;
            } else {
                use_entry(&serde_json::from_slice(&line)?);
                used += 1;
            }
        }
        Ok(position < slice.end)
    }
}

/// A cursor of its own over a shared file.
struct FileAt<'a> {
    file: &'a File,
    position: u64,
}

impl io::Read for FileAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

fn take_lock(directory: &Path) -> Result<File, StartError> {
    let path: PathBuf = directory.join(LOCK_FILE);
    let storage = |source| StartError::Storage { path: path.clone(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(storage)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StartError::DirectoryInUse { directory: directory.to_path_buf() })
        }
        Err(TryLockError::Error(source)) => Err(storage(source)),
    }
}

fn put_json(line: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(line, value).expect("an entry has no part that JSON cannot hold");
}

fn parse(line: &[u8], seq: u64) -> Result<Entry<'_>, String> {
    let entry: Entry<'_> = serde_json::from_slice(line).map_err(|reason| reason.to_string())?;
    if entry.seq == seq { Ok(entry) } else { Err(format!("entry {} stands where {seq} belongs", entry.seq)) }
}
