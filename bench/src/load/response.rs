//! Reading HTTP/1.1 answers (RFC 9112).
//!
//! Owns their framing: how long an answer is and whether its connection may be used again. Never reads a socket.

/// More headers than any server sends.
const MOST_HEADERS: usize = 64;

/// An answer that has arrived in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Without its framing.
    pub(crate) body: Body,
    /// Whether the connection may be used again.
    pub(crate) keep_alive: bool,
    /// Whether it says when to come again.
    pub(crate) retry_after: bool,
    /// How many bytes it took.
    pub(crate) length: usize,
}

/// Where the body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// In one piece, at these bytes of the input.
    At(std::ops::Range<usize>),
    /// It came in chunks, here put together.
    Joined(Vec<u8>),
}

/// What is not HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// How the end of a body is known.
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Reads one answer from the beginning of `input`; `None` until it is there in full. `closed` tells that no more
/// bytes will come.
///
/// # Errors
/// When the input is not HTTP, or ends too soon.
pub(crate) fn read(input: &[u8], closed: bool) -> Result<Option<Answer>, Malformed> {
    let mut start = 0;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let begin = match head.parse(&input[start..]).map_err(|_| Malformed)? {
            httparse::Status::Complete(length) => start + length,
            httparse::Status::Partial if closed => return Err(Malformed),
            httparse::Status::Partial => return Ok(None),
        };
        let status = head.code.ok_or(Malformed)?;
        // An interim answer (RFC 9110 §15.2) is followed by the real one.
        if (100..200).contains(&status) {
            start = begin;
            continue;
        }
        let keep_alive = head.version == Some(1) && !has(head.headers, "connection", "close");
        let retry_after = head.headers.iter().any(|header| header.name.eq_ignore_ascii_case("retry-after"));
        let (body, length) = match framing(status, head.headers)? {
            Framing::Length(length) if input.len() >= begin + length => {
                (Body::At(begin..begin + length), begin + length)
            }
            Framing::Chunked => match chunks(&input[begin..])? {
                Some((joined, length)) => (Body::Joined(joined), begin + length),
                None if closed => return Err(Malformed),
                None => return Ok(None),
            },
            Framing::UntilClose if closed => (Body::At(begin..input.len()), input.len()),
            Framing::Length(_) if closed => return Err(Malformed),
            Framing::Length(_) | Framing::UntilClose => return Ok(None),
        };
        let keep_alive = keep_alive && !closed;
        return Ok(Some(Answer { status, body, keep_alive, retry_after, length }));
    }
}

fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, Malformed> {
    if status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    if has(headers, "transfer-encoding", "chunked") {
        return Ok(Framing::Chunked);
    }
    let Some(length) = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))
    else {
        return Ok(Framing::UntilClose);
    };
    let text = std::str::from_utf8(length.value).map_err(|_| Malformed)?;
    text.trim().parse().map(Framing::Length).map_err(|_| Malformed)
}

fn has(headers: &[httparse::Header<'_>], name: &str, word: &str) -> bool {
    let named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    named
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
}

/// The joined chunks and how many bytes they took (RFC 9112 §7.1); trailers are not looked at.
fn chunks(input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
    let (mut joined, mut at) = (Vec::new(), 0);
    loop {
        let (head, size) = match httparse::parse_chunk_size(&input[at..]).map_err(|_| Malformed)? {
            httparse::Status::Complete(found) => found,
            httparse::Status::Partial => return Ok(None),
        };
        let begin = at + head;
        if size == 0 {
            return Ok(after_trailers(&input[begin..]).map(|length| (joined, begin + length)));
        }
        let end = usize::try_from(size).ok().and_then(|size| begin.checked_add(size)).ok_or(Malformed)?;
        if input.len() < end + 2 {
            return Ok(None);
        }
        joined.extend_from_slice(&input[begin..end]);
        at = end + 2;
    }
}

/// How many bytes the trailers and the empty line behind them take.
fn after_trailers(input: &[u8]) -> Option<usize> {
    if input.starts_with(b"\r\n") {
        return Some(2);
    }
    input.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Body, Malformed, read};

    fn body<'a>(input: &'a [u8], answer: &'a Answer) -> &'a [u8] {
        match &answer.body {
            Body::At(range) => &input[range.clone()],
            Body::Joined(joined) => joined,
        }
    }

    #[test]
    fn every_framing_is_understood_and_no_prefix_is_taken_for_the_whole() {
        let cases: [(&str, u16, &str, bool); 6] = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
            ("HTTP/1.1 402 \r\ncontent-length:0\r\nConnection: keep-alive, Close\r\n\r\n", 402, "", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3;x=y\r\na\"}\r\n0\r\nT: v\r\n\r\n",
                200,
                "{\"a\"}",
                true,
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\ny",
                201,
                "y",
                true,
            ),
        ];
        for (text, status, wanted, keep_alive) in cases {
            let input = text.as_bytes();
            for end in 0..input.len() {
                assert_eq!(read(&input[..end], false), Ok(None), "{end} bytes of {text}");
            }
            let answer = read(input, false).expect(text).expect(text);
            assert_eq!((answer.status, answer.keep_alive, answer.length), (status, keep_alive, input.len()));
            assert_eq!(body(input, &answer), wanted.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_body_without_length_ends_with_the_connection() {
        let input = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(read(input, false), Ok(None));
        let answer = read(input, true).expect("HTTP").expect("whole");
        assert_eq!(body(input, &answer), b"abc");
        assert!(!answer.keep_alive);
    }

    #[test]
    fn a_refusal_says_when_to_come_again_or_not() {
        for (header, wanted) in [("retry-after: 1", true), ("X-Other: 1", false)] {
            let text = format!("HTTP/1.1 503 x\r\n{header}\r\nContent-Length: 0\r\n\r\n");
            let answer = read(text.as_bytes(), false).expect("HTTP").expect("whole");
            assert_eq!(answer.retry_after, wanted, "{header}");
        }
    }

    #[test]
    fn what_is_cut_short_or_no_http_is_malformed() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: few\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "",
        ] {
            assert_eq!(read(text.as_bytes(), true), Err(Malformed), "{text}");
        }
    }
}
