//! One question to an agent and its answer, on a connection of its own.
//!
//! Most agents take one key per connection, so a fleet is asked over thousands of short ones. Were
//! each watched as long connections are, the thread would be woken for every step of every one of
//! them, and taking a socket on and off the kernel's list of watched ones costs as much as using it.
//! Agents answer within a moment, though. So a question is sent as soon as the connection takes it,
//! and its answer is fetched a moment later, with those of all that were asked meanwhile. Only a
//! connection that has nothing to tell by then is watched.
//!
//! A reply is over when its frame is, whatever follows. By then an agent has mostly closed, so that
//! the port that must rest after a connection is its own and not one of ours.
//!
//! Invariants: no more is taken in than the longest reply; a connection is closed when its exchange
//! ends or is dropped. Time is not bounded here but by the poll as a whole.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ask::rubbish;
use super::{AgentError, PollError};
use crate::blind::is_own_fault;
use crate::frame::{self, FrameError, MAX_REPLY_BYTES};

/// Within it, a connection in our own network is made, and a question answered.
const MOMENT: Duration = Duration::from_millis(2);
/// A value and, mostly, all values of our own agent.
const FIRST_READ_BYTES: usize = 8 * 1024;

/// Sends a request and gives back the data of the reply.
pub(super) async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>, PollError> {
    let request = frame::encode(request);
    let socket = connect(address).map_err(|error| not_connected(&error))?;
    let mut sent = send(&socket, &request)?;
    if sent == 0 {
        tokio::time::sleep(MOMENT).await;
        sent = send(&socket, &request)?;
    }
    let mut begun = Vec::new();
    if sent == request.len() {
        tokio::time::sleep(MOMENT).await;
        begun = receive(&socket)?;
        match frame::read_frame(&mut &begun[..], MAX_REPLY_BYTES).await {
            Err(FrameError::Empty | FrameError::Truncated) => (), // Not all of it is there.
            reply => return told(reply),
        }
    }
    wait_for(socket, &request[sent..], &begun).await
}

/// Begins to connect.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // The last step of connecting then travels with the question: a packet less, and the agent is
    // not woken before there is something to read. Where that cannot be had it is done without.
    let _: Result<(), Errno> = sockopt::set_tcp_quickack(&socket, false);
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}

/// How much of it was sent: nothing while the connection is not made.
fn send(mut socket: &TcpStream, request: &[u8]) -> Result<usize, PollError> {
    match socket.write(request) {
        Ok(sent) => Ok(sent),
        Err(error) if is_early(&error) => Ok(0),
        // A peer that dislikes us may close before it has read anything; what it sent still counts.
        Err(error) if is_closed(&error) => Ok(request.len()),
        Err(error) => Err(not_connected(&error)),
    }
}

/// What there is of a reply, if anything.
fn receive(mut socket: &TcpStream) -> Result<Vec<u8>, PollError> {
    let mut bytes = [0; FIRST_READ_BYTES];
    match socket.read(&mut bytes) {
        Ok(taken) => Ok(bytes[..taken].to_vec()),
        Err(error) if is_early(&error) || is_closed(&error) => Ok(Vec::new()),
        Err(error) => told(Err(FrameError::Io(error))),
    }
}

/// Goes on where it must be waited for: with what is still to be sent, and after what has come.
async fn wait_for(socket: TcpStream, unsent: &[u8], begun: &[u8]) -> Result<Vec<u8>, PollError> {
    let mut stream = tokio::net::TcpStream::from_std(socket).map_err(|error| blind(&error))?;
    let mut written = Ok(());
    if !unsent.is_empty() {
        connected(&stream).await.map_err(|error| not_connected(&error))?;
        written = stream.write_all(unsent).await;
    }
    let mut reply = AsyncReadExt::chain(begun, &mut stream);
    match frame::read_frame(&mut reply, MAX_REPLY_BYTES).await {
        Err(FrameError::Io(error)) if written.is_err() && !is_own_fault(&error) => {
            Err(AgentError::ClosedWithoutReply.into())
        }
        reply => told(reply),
    }
}

async fn connected(stream: &tokio::net::TcpStream) -> io::Result<()> {
    stream.writable().await?;
    stream.take_error()?.map_or(Ok(()), Err)
}

fn told(reply: Result<Vec<u8>, FrameError>) -> Result<Vec<u8>, PollError> {
    match reply {
        Ok(reply) => Ok(reply),
        Err(FrameError::Io(error)) => Err(not_connected(&error)),
        Err(FrameError::Empty) => Err(AgentError::ClosedWithoutReply.into()),
        Err(FrameError::TooBig { bytes, limit }) => Err(AgentError::TooBig { bytes, limit }.into()),
        Err(other) => Err(rubbish(&other).into()),
    }
}

fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn not_connected(error: &io::Error) -> PollError {
    if is_own_fault(error) { blind(error) } else { AgentError::Refused(error.kind()).into() }
}

fn blind(error: &io::Error) -> PollError {
    PollError::Blind { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Answers one question with these bytes, some at once and the others much later.
    async fn answered(at_once: Vec<u8>, later: Vec<u8>) -> Result<Vec<u8>, PollError> {
        let (listener, address) = listener().await;
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(frame::read_frame(&mut stream, 100).await.unwrap(), b"key");
            stream.write_all(&at_once).await.unwrap();
            tokio::time::sleep(20 * MOMENT).await;
            stream.write_all(&later).await.unwrap();
        };
        let (reply, ()) = tokio::join!(exchange(address, b"key"), answering);
        reply
    }

    #[tokio::test]
    async fn a_reply_may_come_at_once_or_late_or_in_pieces() {
        for length in [1, 100, FIRST_READ_BYTES, 10 * FIRST_READ_BYTES] {
            let data = vec![b'7'; length];
            let whole = frame::encode(&data);
            for cut in [0, 3, 13, whole.len() - 1, whole.len()] {
                let (at_once, later) = whole.split_at(cut);
                let reply = answered(at_once.to_vec(), later.to_vec()).await;
                assert!(reply.unwrap() == data, "{length} bytes, cut at {cut}");
            }
        }
    }

    #[tokio::test]
    async fn a_reply_that_breaks_off_is_told_from_none_at_all() {
        let broken = answered(b"ZB".to_vec(), b"XD".to_vec()).await.unwrap_err();
        assert_eq!(broken.to_string(), "unreadable answer: ended within a frame");
        let none = answered(Vec::new(), Vec::new()).await.unwrap_err();
        assert_eq!(none, AgentError::ClosedWithoutReply.into());
    }

    #[tokio::test]
    async fn a_reply_ends_with_its_frame_though_the_connection_stays_open() {
        let (listener, address) = listener().await;
        let (done, is_done) = oneshot::channel::<()>();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&frame::encode(b"1")).await.unwrap();
            is_done.await.unwrap();
        };
        let asking = async {
            assert_eq!(exchange(address, b"key").await.unwrap(), b"1");
            done.send(()).unwrap();
        };
        tokio::join!(answering, asking);
    }

    /// As agentd does with who is not on its list: it closes, and leaves the question unread.
    #[tokio::test]
    async fn who_closes_at_once_is_told_from_who_is_not_there() {
        let (listener, address) = listener().await;
        let closing = async { drop(listener.accept().await.unwrap()) };
        let (reply, ()) = tokio::join!(exchange(address, b"key"), closing);
        assert_eq!(reply.unwrap_err(), AgentError::ClosedWithoutReply.into());
        drop(listener);
        let refused = AgentError::Refused(ErrorKind::ConnectionRefused);
        assert_eq!(exchange(address, b"key").await.unwrap_err(), refused.into());
    }

    #[tokio::test]
    async fn a_long_question_is_sent_whole() {
        let (listener, address) = listener().await;
        let key = vec![b'k'; 8 << 20]; // More than the kernel takes in at once.
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let key = frame::read_frame(&mut stream, 16 << 20).await.unwrap();
            stream.write_all(&frame::encode(key.len().to_string().as_bytes())).await.unwrap();
        };
        let both = async { tokio::join!(exchange(address, &key), answering) };
        let (reply, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
        assert_eq!(reply.unwrap(), key.len().to_string().as_bytes());
    }

    #[tokio::test]
    async fn an_address_that_is_none_of_ours_to_reach_is_our_own_fault() {
        let nowhere: SocketAddr = "[::ffff:255.255.255.255]:10050".parse().unwrap();
        let error = exchange(nowhere, b"key").await.unwrap_err();
        assert!(matches!(error, PollError::Blind { .. }), "{error:?}");
    }
}
