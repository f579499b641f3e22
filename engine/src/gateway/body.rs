//! Reads an answer's body without trusting its length.

use reqwest::Response;

/// An answer has a few hundred bytes; more than this is not one.
const LONGEST: usize = 64 * 1024;

/// The whole body; `None` when it is too long.
pub(super) async fn read(mut answer: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > LONGEST {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}
