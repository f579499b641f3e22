//! Reads the payment gateway's own record, the oracle for money.
//!
//! Owns both ways to it: the simulator's file, which can be read while nothing runs, and `GET /v1/record` of a
//! gateway that runs. Follows the published format only.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use payment_schema::operation::PgKey;
use reqwest::Url;
use serde::Deserialize;

use super::dossier::PgEntry;
use crate::gateway::trusting;

/// Entries asked for at once.
const PAGE: u32 = 1_000;

/// Why the record cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PgRecordError {
    /// The file cannot be read.
    #[error("the payment gateway's record {0} cannot be read: {1}")]
    File(String, String),
    /// Nobody said where it is.
    #[error("it is not known where the payment gateway is; name it with --pg-url or pg.url")]
    Nowhere,
    /// The gateway does not answer.
    #[error("the payment gateway at {0} does not show its record: {1}")]
    Http(String, String),
    /// A line or answer is not what it should be.
    #[error("the payment gateway's record is not readable at entry {0}: {1}")]
    Malformed(i64, String),
}

/// Where the record is.
#[derive(Debug, Clone)]
pub enum PgRecord {
    /// The simulator's file; none means that it never ran, and an empty record.
    File(PathBuf),
    /// A gateway that shows it.
    Http {
        /// Its address.
        url: Url,
        /// A PEM file of the authorities to trust for `https://`; the system's without one.
        authorities: Option<PathBuf>,
    },
    /// It is not known where.
    Nowhere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    seq: i64,
    answer: Fields,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<PageEntry>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct PageEntry {
    seq: i64,
    #[serde(flatten)]
    fields: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    key: String,
    operation: String,
    payment_id: u64,
    merchant_id: String,
    amount: i64,
    currency: String,
    #[serde(alias = "status")]
    result: String,
    at: String,
}

impl Fields {
    fn into_entry(self, seq: i64) -> Result<(u64, PgEntry), PgRecordError> {
        let key = PgKey::parse(&self.key)
            .ok_or_else(|| PgRecordError::Malformed(seq, format!("{:?} is no key", self.key)))?;
        let entry = PgEntry {
            seq,
            operation: self.operation,
            operation_no: key.operation_no.0,
            attempt: key.attempt.0,
            key: self.key,
            merchant_id: self.merchant_id,
            amount: self.amount,
            currency: self.currency,
            result: self.result,
            at: self.at,
        };
        Ok((self.payment_id, entry))
    }
}

/// Takes entries with their payments.
pub(super) type Take<'a> = &'a mut dyn FnMut(u64, PgEntry);

impl PgRecord {
    /// Hands every entry over, oldest first. Blocks, so it is not for async code.
    pub(super) fn read(&self, take: Take<'_>) -> Result<(), PgRecordError> {
        match self {
            Self::File(path) => read_file(path, take),
            Self::Http { url, authorities } => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime
                    .map_err(|error| PgRecordError::Http(url_without_secrets(url), error.to_string()))?;
                runtime.block_on(read_http(url, authorities.as_deref(), take))
            }
            Self::Nowhere => Err(PgRecordError::Nowhere),
        }
    }
}

fn read_file(path: &Path, take: Take<'_>) -> Result<(), PgRecordError> {
    let trouble = |error: &std::io::Error| PgRecordError::File(path.display().to_string(), error.to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(trouble(&error)),
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    let mut count = 0;
    loop {
        line.clear();
        lines.read_until(b'\n', &mut line).map_err(|error| trouble(&error))?;
        // A last line without an end is being written, or was torn: nobody was answered with it.
        if line.last() != Some(&b'\n') {
            return Ok(());
        }
        count += 1;
        let read: Line = serde_json::from_slice(&line)
            .map_err(|error| PgRecordError::Malformed(count, error.to_string()))?;
        let (payment, entry) = read.answer.into_entry(read.seq)?;
        take(payment, entry);
    }
}

async fn read_http(url: &Url, authorities: Option<&Path>, take: Take<'_>) -> Result<(), PgRecordError> {
    let shown = url_without_secrets(url);
    let trouble = |error: reqwest::Error| PgRecordError::Http(shown.clone(), error.without_url().to_string());
    let client =
        trusting(authorities).map_err(|error| PgRecordError::Http(shown.clone(), error.to_string()))?;
    let client = client.no_proxy().timeout(Duration::from_secs(30)).build().map_err(trouble)?;
    let mut after = 0;
    loop {
        let mut page_url = url.clone();
        if let Ok(mut path) = page_url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "record"]);
        }
        page_url.set_query(Some(&format!("after={after}&limit={PAGE}")));
        let answer = client
            .get(page_url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(trouble)?;
        let page: Page = answer.json().await.map_err(trouble)?;
        let Some(last) = page.entries.last().map(|entry| entry.seq) else {
            return Ok(());
        };
        for read in page.entries {
            let (payment, entry) = read.fields.into_entry(read.seq)?;
            take(payment, entry);
        }
        let next = page.next.unwrap_or(last);
        if next <= after {
            return Ok(());
        }
        after = next;
    }
}

fn url_without_secrets(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}
