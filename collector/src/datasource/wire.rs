//! One connection to a data source, and how far a look has come on it.
//!
//! All four protocols are lines or counted blocks, so this is all the reading there is: some bytes
//! more, a line, so many bytes. Memory follows what has arrived, never what was announced.
//!
//! The deadline is the caller's. When it strikes, the look's future is dropped; what remains is the
//! [`Progress`], and that is what the hint is made of.
//!
//! Writing fails silently unless the fault is our own: a server that refuses us says why and
//! closes, often before it has read what we sent. What it said still waits to be read.
//!
//! Where the file wants TLS, the session says when it begins: with the first byte, or once the
//! server has said that it can. What came in clear must have been taken by then, so that nobody in
//! between can slip in words that would count as said under TLS.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::verdict::Phase;
use tokio::net::{TcpStream, lookup_host};

use super::fault::{Fault, looks_like};
use super::tls::Way;
use crate::blind::is_own_fault;
use crate::probe::exchange::Stream;

/// The most that is read in one look, in bytes.
pub(super) const MAX_LOOK_BYTES: usize = 8 << 20;
/// The longest counted block, in bytes.
pub(super) const MAX_BLOCK_BYTES: usize = 1 << 20;
/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 16 << 10;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 4 << 10;

/// How far a look has come; its clones are one. It is shared, and not lent to the look, so that a
/// look can be a task of its own.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Step>>);

#[derive(Clone, Copy, Debug)]
struct Step {
    phase: Phase,
    /// Continues a sentence: `waiting for the greeting`.
    doing: &'static str,
}

/// A connection that is read with bounds.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// How TLS is to be spoken, where it is.
    tls: Option<Way>,
    buffer: BytesMut,
    read_bytes: usize,
    /// How many of these came before TLS began.
    clear_bytes: usize,
    progress: Progress,
}

impl Default for Progress {
    fn default() -> Self {
        let first = Step { phase: Phase::Dns, doing: "resolving its name" };
        Self(Arc::new(Mutex::new(first)))
    }
}

impl Progress {
    pub(super) fn timed_out(&self, after: Duration) -> Fault {
        let Step { phase, doing } = self.step();
        Fault::Down { phase, hint: format!("no end within {after:?}, {doing}") }
    }

    fn at(&self, phase: Phase, doing: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Step { phase, doing };
    }

    fn step(&self) -> Step {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// Resolves and connects, to each address in turn.
    pub(super) async fn connect(
        address: &str,
        tls: Option<Way>,
        progress: &Progress,
    ) -> Result<Self, Fault> {
        progress.at(Phase::Dns, "resolving its name");
        let addresses: Vec<SocketAddr> = match lookup_host(address).await {
            Ok(found) => found.collect(),
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let what = format!("{address:?} is no address");
                return Err(Fault::misconfigured(&what, "write it as host:port"));
            }
            Err(error) => return Err(Fault::from_io(Phase::Dns, &error, progress.step().doing)),
        };
        progress.at(Phase::Connect, "connecting");
        let stream = TcpStream::connect(&*addresses).await;
        let stream = stream
            .map_err(|error| Fault::from_io(Phase::Connect, &error, progress.step().doing))?;
        // Questions are small and each waits for its answer: nothing is gained by gathering them.
        stream
            .set_nodelay(true)
            .map_err(|error| Fault::from_io(Phase::Connect, &error, "connecting"))?;
        let (stream, buffer, progress) = (Stream::Plain(stream), BytesMut::new(), progress.clone());
        Ok(Self { stream, tls, buffer, read_bytes: 0, clear_bytes: 0, progress })
    }

    /// Whether the file wants TLS.
    pub(super) fn wants_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Goes on under TLS, if the file wants that.
    pub(super) async fn secure(mut self) -> Result<Self, Fault> {
        let Some(way) = &self.tls else { return Ok(self) };
        if !self.buffer.is_empty() {
            return Err(Fault::rubbish("it said more in clear where TLS was to begin"));
        }
        self.progress.at(Phase::Tls, "shaking hands (does it speak TLS on this port?)");
        self.stream = match self.stream {
            Stream::Plain(plain) => Stream::Tls(Box::new(way.shake_hands(plain).await?)),
            Stream::Tls(_) => self.stream,
        };
        self.clear_bytes = self.read_bytes;
        Ok(self)
    }

    /// The other end speaks next, unasked.
    pub(super) fn listen(&mut self, doing: &'static str) {
        self.progress.at(Phase::FirstByte, doing);
    }

    /// Sends a question; `doing` continues the sentence "it did not answer, ...".
    pub(super) async fn send(&mut self, bytes: &[u8], doing: &'static str) -> Result<(), Fault> {
        self.progress.at(Phase::Send, doing);
        match self.stream.write_all(bytes).await {
            Err(error) if is_own_fault(&error) => {
                return Err(Fault::from_io(Phase::Send, &error, doing));
            }
            _ => self.progress.at(Phase::FirstByte, doing),
        }
        Ok(())
    }

    /// All that was read and not yet taken; at least `count` bytes.
    pub(super) async fn peek(&mut self, count: usize) -> Result<&[u8], Fault> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        Ok(&self.buffer)
    }

    /// So many bytes.
    pub(super) async fn block(&mut self, count: usize) -> Result<Bytes, Fault> {
        if count > MAX_BLOCK_BYTES {
            let limit = MAX_BLOCK_BYTES;
            return Err(self.down(format!("an answer of {count} bytes, at most {limit} are read")));
        }
        self.peek(count).await?;
        Ok(self.buffer.split_to(count).freeze())
    }

    /// One line, without its end.
    pub(super) async fn line(&mut self) -> Result<Bytes, Fault> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(searched + found + 1);
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(line.freeze());
            }
            searched = self.buffer.len();
            if searched > MAX_LINE_BYTES {
                let hint = format!("a line without end: {}", looks_like(&self.buffer));
                return Err(self.down(hint));
            }
            self.fill().await?;
        }
    }

    /// Whether TLS has begun.
    pub(super) fn is_secure(&self) -> bool {
        self.way().is_some()
    }

    /// What is wrong with what was read.
    pub(super) fn down(&self, hint: impl Into<String>) -> Fault {
        let Step { phase, doing } = self.progress.step();
        Fault::Down { phase, hint: format!("{}, {doing}", hint.into()) }
    }

    /// How TLS is spoken, once it is.
    fn way(&self) -> Option<&Way> {
        self.tls.as_ref().filter(|_| matches!(self.stream, Stream::Tls(_)))
    }

    /// Whether anything was heard since TLS began.
    fn has_answered(&self) -> bool {
        self.read_bytes > self.clear_bytes
    }

    /// Reads something more.
    async fn fill(&mut self) -> Result<(), Fault> {
        if self.read_bytes >= MAX_LOOK_BYTES {
            return Err(self.down(format!("more than {MAX_LOOK_BYTES} bytes in one look")));
        }
        let Step { phase, doing } = self.progress.step();
        let known = self.buffer.len();
        self.buffer.resize(known + READ_BYTES, 0);
        let read = self.stream.read(&mut self.buffer[known..]).await;
        self.buffer.truncate(known + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) if self.buffer.is_empty() => {
                let ours = self.way().filter(|_| !self.has_answered()).and_then(Way::hung_up);
                Err(ours.unwrap_or_else(|| self.down("it closed the connection")))
            }
            Ok(0) => {
                let said = looks_like(&self.buffer);
                Err(self.down(format!("it closed the connection amid an answer; {said}")))
            }
            Ok(count) => {
                self.read_bytes += count;
                self.progress.at(Phase::Body, doing);
                Ok(())
            }
            Err(error) => {
                let told = self.way().and_then(|way| way.explain(&error, self.has_answered()));
                Err(told.unwrap_or_else(|| Fault::from_io(phase, &error, doing)))
            }
        }
    }
}
