//! A server that speaks as much HTTP/1.1 as the load does: a thread for each connection, answers by length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

/// A request as far as tests look at it.
pub(crate) struct Request {
    /// Counted from 0 over all connections.
    pub(crate) number: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) bearer: Option<String>,
    pub(crate) body: String,
}

/// An answer, or none.
pub(crate) struct Reply(Option<(u16, Value)>);

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self(Some((status, body)))
    }

    /// The client waits in vain.
    pub(crate) fn silence() -> Self {
        Self(None)
    }
}

/// What all connections share.
struct Shared<H> {
    handler: H,
    closing_after: Option<u64>,
    number: AtomicU64,
    paths: Mutex<Vec<String>>,
}

/// A server on a free port, until the test's process ends.
pub(crate) struct Server {
    port: u16,
    paths: Box<dyn Fn() -> Vec<String>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(handler, None)
    }

    /// Closes each connection, without a word, behind so many answers.
    pub(crate) fn start_closing_after(
        answers: u64,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(handler, Some(answers))
    }

    fn listen(
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        closing_after: Option<u64>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Shared { handler, closing_after, number: AtomicU64::new(0), paths: Mutex::default() };
        let shared = Arc::new(shared);
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(converse(stream, &shared)));
            }
        });
        Self { port, paths: Box::new(move || seen.paths.lock().clone()) }
    }

    pub(crate) fn url(&self, base: &str) -> String {
        format!("http://127.0.0.1:{}{base}", self.port)
    }

    /// Every path that was asked for.
    pub(crate) fn paths(&self) -> Vec<String> {
        (self.paths)()
    }
}

fn converse<H: Fn(&Request) -> Reply>(stream: TcpStream, shared: &Shared<H>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut answered = 0;
    while let Some(request) = read(&mut reader, shared)? {
        shared.paths.lock().push(request.path.clone());
        let Reply(Some((status, body))) = (shared.handler)(&request) else {
            // Hold the connection open until the client gives up.
            std::io::copy(&mut reader, &mut std::io::sink())?;
            return Ok(());
        };
        let body = body.to_string();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        writer.write_all(answer.as_bytes())?;
        answered += 1;
        if shared.closing_after == Some(answered) {
            return Ok(());
        }
    }
    Ok(())
}

fn read<H>(reader: &mut BufReader<TcpStream>, shared: &Shared<H>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut bearer) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("Content-Length: ") {
            length = value.parse().expect("a length");
        }
        if let Some(value) = header.strip_prefix("Authorization: Bearer ") {
            bearer = Some(value.to_owned());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let number = shared.number.fetch_add(1, Ordering::Relaxed);
    let body = String::from_utf8(body).expect("bodies are text");
    Ok(Some(Request { number, method, path, bearer, body }))
}
