//! One kept-alive connection with at most one request under way.
//!
//! Owns the socket and its two buffers, which are used again for every request. Never decides what is asked.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::response::{self, Answer, Body};

/// Room for an ordinary answer; a larger one makes the buffer grow.
const ANSWER: usize = 8 * 1024;

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    connected: bool,
    outgoing: Vec<u8>,
    written: usize,
    incoming: Vec<u8>,
    filled: usize,
    /// A request is under way.
    pub(crate) busy: bool,
    /// Requests answered on it.
    pub(crate) served: u64,
}

/// What a look at the socket brought.
pub(crate) enum Seen {
    /// Nothing to act on.
    Nothing,
    /// The answer is there; its body is [`Connection::body`].
    Answer(Answer),
    /// The connection is of no more use.
    Broken(Break),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Break {
    /// It could not be made.
    Connect,
    /// It was closed or reset before the answer was there; whether a byte of it had come.
    Closed { answering: bool },
    /// What came is not HTTP.
    Malformed,
}

impl Connection {
    /// Begins to connect.
    ///
    /// # Errors
    /// When the system refuses at once, such as for want of ports or files.
    pub(crate) fn open(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            connected: false,
            outgoing: Vec::with_capacity(1_024),
            written: 0,
            incoming: vec![0; ANSWER],
            filled: 0,
            busy: false,
            served: 0,
        })
    }

    /// Sends what `render` writes; as much as the socket takes now, the rest when it is writable.
    pub(crate) fn send(&mut self, render: impl FnOnce(&mut Vec<u8>)) -> Seen {
        self.outgoing.clear();
        self.written = 0;
        self.filled = 0;
        self.busy = true;
        render(&mut self.outgoing);
        if self.connected { self.flush() } else { Seen::Nothing }
    }

    /// Looks at the socket after the system said that something happened to it.
    pub(crate) fn look(&mut self) -> Seen {
        if !self.connected {
            match self.has_connected() {
                Ok(true) => self.connected = true,
                Ok(false) => return Seen::Nothing,
                Err(_) => return Seen::Broken(Break::Connect),
            }
        }
        match self.flush() {
            Seen::Nothing => self.receive(),
            seen @ (Seen::Answer(_) | Seen::Broken(_)) => seen,
        }
    }

    /// The body of the answer just seen.
    pub(crate) fn body<'a>(&'a self, answer: &'a Answer) -> &'a [u8] {
        match &answer.body {
            Body::At(range) => &self.incoming[range.clone()],
            Body::Joined(joined) => joined,
        }
    }

    fn has_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> Seen {
        while self.written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Seen::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.closed(),
            }
        }
        Seen::Nothing
    }

    fn receive(&mut self) -> Seen {
        loop {
            if self.filled == self.incoming.len() {
                self.incoming.resize(self.incoming.len() * 2, 0);
            }
            let room = self.incoming.len() - self.filled;
            match self.stream.read(&mut self.incoming[self.filled..]) {
                Ok(0) => return self.ended(),
                Ok(_) if !self.busy => return Seen::Broken(Break::Malformed),
                Ok(count) => {
                    self.filled += count;
                    match self.decode(false) {
                        // A short read has emptied the socket (epoll(7), question 9): another would be a wasted call.
                        Seen::Nothing if count < room => return Seen::Nothing,
                        Seen::Nothing => {}
                        seen @ (Seen::Answer(_) | Seen::Broken(_)) => return seen,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Seen::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.closed(),
            }
        }
    }

    fn decode(&mut self, closed: bool) -> Seen {
        match response::read(&self.incoming[..self.filled], closed) {
            Ok(Some(mut answer)) => {
                self.busy = false;
                self.served += 1;
                // Bytes behind the answer belong to nothing that was asked.
                answer.keep_alive &= answer.length == self.filled;
                Seen::Answer(answer)
            }
            Ok(None) => Seen::Nothing,
            Err(_) => Seen::Broken(Break::Malformed),
        }
    }

    /// The server closed. Only a body that lasts until then is complete.
    fn ended(&mut self) -> Seen {
        if !self.busy || self.filled == 0 {
            return self.closed();
        }
        match self.decode(true) {
            Seen::Answer(answer) => Seen::Answer(answer),
            Seen::Nothing | Seen::Broken(_) => self.closed(),
        }
    }

    fn closed(&self) -> Seen {
        Seen::Broken(Break::Closed { answering: self.filled > 0 })
    }
}
