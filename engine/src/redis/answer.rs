//! A remembered answer as bytes.
//!
//! One byte of version, the fingerprint's 32, the payment's id and the HTTP status in network order, then the body.
//! Whatever cannot be read back is as if it were not there: the store has the answer.

use payment_actors::ports::admission::CachedAnswer;
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::PaymentId;
use payment_schema::representation::Answer;

const VERSION: u8 = 1;

pub(super) fn encode(cached: &CachedAnswer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(43 + cached.answer.body.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&cached.fingerprint.0);
    bytes.extend_from_slice(&u64::from(cached.payment_id).to_be_bytes());
    bytes.extend_from_slice(&cached.answer.status.to_be_bytes());
    bytes.extend_from_slice(&cached.answer.body);
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Option<CachedAnswer> {
    let (version, rest) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (fingerprint, rest) = rest.split_first_chunk::<32>()?;
    let (payment_id, rest) = rest.split_first_chunk::<8>()?;
    let (status, body) = rest.split_first_chunk::<2>()?;
    Some(CachedAnswer {
        fingerprint: Fingerprint(*fingerprint),
        payment_id: PaymentId::try_from(u64::from_be_bytes(*payment_id)).ok()?,
        answer: Answer { status: u16::from_be_bytes(*status), body: body.to_vec() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_back_and_anything_else_does_not() {
        let cached = CachedAnswer {
            fingerprint: Fingerprint([7; 32]),
            payment_id: PaymentId::try_from(1_024_u64).expect("an id"),
            answer: Answer { status: 202, body: b"{}".to_vec() },
        };
        let bytes = encode(&cached);
        assert_eq!(decode(&bytes), Some(cached));
        assert_eq!(decode(&bytes[..42]), None);
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[&[2], &bytes[1..]].concat()), None);
        let no_payment = [&[VERSION][..], &[7; 32], &[0xff; 8], &[0, 200]].concat();
        assert_eq!(decode(&no_payment), None);
    }
}
