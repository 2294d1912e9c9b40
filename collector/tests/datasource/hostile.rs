//! Looks at servers that are none, or mean us harm.
//!
//! Whatever they do, a look ends within its deadline with a phase and a hint, and neither panics nor
//! takes more memory than was sent to it.

use std::time::Duration;

use collector::datasource::{DataSourceKind, DataSourceTarget};
use collector::look::Answer;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::authority::{Authority, trusting, with_tls};
use crate::bench::{look, look_within, shown, target, value, with_login};

const KINDS: [DataSourceKind; 4] = [
    DataSourceKind::MySql,
    DataSourceKind::Redis,
    DataSourceKind::Memcached,
    DataSourceKind::PostgreSql,
];

/// What a false server does once someone connects.
#[derive(Clone, Copy, Debug)]
enum Play {
    /// Says this at once, and holds on.
    Says(&'static [u8]),
    /// Waits for a question, says this, and closes.
    Answers(&'static [u8]),
    /// Says the first, then the second again and again, as fast as it is taken.
    Endless(&'static [u8], &'static [u8]),
    /// Says this a byte at a time, for ever from the start again.
    Drips(&'static [u8]),
    Silent,
    Closes,
}

/// A false server and a target that points to it; both end with the set.
async fn server(kind: DataSourceKind, play: Play) -> (DataSourceTarget, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(perform(stream, play));
        }
    });
    (with_login(target(kind, port), "monitor", "s3cret"), tasks)
}

/// Ends when the other side has gone.
async fn perform(mut stream: tokio::net::TcpStream, play: Play) -> std::io::Result<()> {
    match play {
        Play::Says(words) => stream.write_all(words).await?,
        Play::Answers(words) => {
            let _length = stream.read(&mut [0; 512]).await?;
            return stream.write_all(words).await;
        }
        Play::Endless(first, then) => {
            stream.write_all(first).await?;
            loop {
                stream.write_all(then).await?;
            }
        }
        Play::Drips(words) => loop {
            for byte in words {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        },
        Play::Silent => {}
        Play::Closes => return Ok(()),
    }
    while stream.read(&mut [0; 512]).await? > 0 {}
    Ok(())
}

async fn seen(kind: DataSourceKind, play: Play) -> String {
    let (target, _server) = server(kind, play).await;
    shown(&look(&target).await)
}

#[tokio::test]
async fn a_wrong_port_is_called_by_what_listens_there() {
    const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.2\r\n";
    const MYSQL: &[u8] = b"\x4a\0\0\0\x0a8.4.3\0\0\0\0\0";
    for kind in KINDS {
        let name = match kind {
            DataSourceKind::MySql => "MySQL",
            DataSourceKind::Redis => "Redis",
            DataSourceKind::Memcached => "Memcached",
            DataSourceKind::PostgreSql => "PostgreSQL",
        };
        let http =
            if kind == DataSourceKind::MySql { Play::Says(HTTP) } else { Play::Answers(HTTP) };
        let start = format!("content: no {name} answer: it looks like");
        assert!(
            seen(kind, http).await.starts_with(&format!("{start} HTTP (HTTP/1.1 400")),
            "{kind}"
        );
        assert!(seen(kind, Play::Says(SSH)).await.starts_with(&format!("{start} SSH (SSH-2.0")));
    }
    for kind in [DataSourceKind::Redis, DataSourceKind::PostgreSql] {
        assert!(seen(kind, Play::Says(MYSQL)).await.contains("it looks like MySQL"), "{kind}");
    }
}

#[tokio::test]
async fn who_says_nothing_or_goes_away_is_told_apart() {
    for kind in KINDS {
        let (target, _server) = server(kind, Play::Silent).await;
        let silent = shown(&look_within(&target, Duration::from_millis(100)).await);
        assert!(silent.starts_with("first byte: no end within 100ms, waiting for"), "{silent}");
        let closed = seen(kind, Play::Closes).await;
        let gone = ["it closed the connection", "Connection reset by peer", "Broken pipe"];
        assert!(closed.starts_with("first byte: "), "{closed}");
        assert!(gone.iter().any(|words| closed.contains(words)), "{closed}");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_costs_one_deadline() {
    for (kind, words) in [
        (DataSourceKind::MySql, &b"\xff\xff\0\0\x0a"[..]),
        (DataSourceKind::Redis, b"$1000\r\n"),
        (DataSourceKind::Memcached, b"VERSION "),
        (DataSourceKind::PostgreSql, b"R\0\0\x0f\xff"),
    ] {
        let (target, _server) = server(kind, Play::Drips(words)).await;
        let seen = look_within(&target, Duration::from_millis(150)).await;
        assert!(shown(&seen).starts_with("body: no end within 150ms, "), "{}", shown(&seen));
        assert_eq!(value(&seen, "datasource_up"), Some(0.0));
    }
}

/// Each would go on for ever, or claims to hold more than any memory.
#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    for (kind, first, then, expected) in [
        (DataSourceKind::MySql, &b"\xff\xff\0\0\x0a"[..], &b"x"[..], "no MySQL answer"),
        (DataSourceKind::Redis, b"+PO", b"NGNG", "a line without end"),
        (DataSourceKind::Redis, b"$99999999999\r\n", b"x", "an answer of 100000000001 bytes"),
        (
            DataSourceKind::Redis,
            b"$18446744073709551615\r\n",
            b"x",
            "an answer of 18446744073709551615 bytes",
        ),
        (
            DataSourceKind::Memcached,
            b"VERSION 1\r\nVERSION 1\r\n",
            b"STAT a 1\r\n",
            "more than 10000 lines",
        ),
        (DataSourceKind::Memcached, b"", b"xxxxxxx", "a line without end"),
        (DataSourceKind::PostgreSql, b"", b"N\0\0\0\x04", "its login never ends"),
        (
            DataSourceKind::PostgreSql,
            b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
            b"D\0\0\0\x06\0\0",
            "more than 10000 rows",
        ),
        (
            DataSourceKind::PostgreSql,
            b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
            b"N\0\x0f\0\x04",
            "more than 8388608 bytes",
        ),
        (
            DataSourceKind::PostgreSql,
            b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05ID\x7f\xff\xff\xff",
            b"x",
            "an answer of 2147483643 bytes",
        ),
    ] {
        let seen = seen(kind, Play::Endless(first, then)).await;
        assert!(seen.contains(expected), "{kind} {expected}: {seen}");
    }
}

/// A greeting, a login that lets anyone in, a ping.
const MYSQL_LETS_IN: &[u8] =
    b"\x49\0\0\0\x0a8.4.3\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xff\x15\
    \0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0\
    \x07\0\0\x02\0\0\0\x02\0\0\0\x07\0\0\x01\0\0\0\x02\0\0\0";

/// It lets us in; then the start of a table that has no end.
#[tokio::test]
async fn a_mysql_that_announces_billions_of_columns_is_not_believed() {
    const BILLIONS: &[u8] = b"\x09\0\0\x01\xfe\xff\xff\xff\xff\xff\xff\xff\x7f";
    const ROW: &[u8] = b"\x02\0\0\x05\x01x";
    const ONE_COLUMN: &[u8] =
        b"\x01\0\0\x01\x01\x0b\0\0\x02\x03def\0\0\0\x01c\0\0\0\x05\0\0\x03\xfe\0\0\0\0";
    let begun = |rest: &[u8]| -> &'static [u8] { [MYSQL_LETS_IN, rest].concat().leak() };
    for (rest, then, expected) in [
        (begun(BILLIONS), ROW, "content: no MySQL answer"),
        (begun(ONE_COLUMN), ROW, "more than 10000 rows, asking who we are"),
        (begun(b"\0\0\0\x01"), ROW, "an empty packet"),
        (begun(b"\x01\0\0\x01\xfb"), ROW, "content: no MySQL answer"),
    ] {
        let seen = seen(DataSourceKind::MySql, Play::Endless(rest, then)).await;
        assert!(seen.contains(expected), "{expected}: {seen}");
    }
}

/// Whatever a server says in place of TLS, or slips in before it, it hears no password.
#[tokio::test]
async fn where_tls_is_wanted_nothing_secret_is_said_in_clear() {
    let greeting = &MYSQL_LETS_IN[..0x4d];
    for (kind, words, expected) in [
        (DataSourceKind::Redis, &b"-NOAUTH x\r\n"[..], "it does not speak TLS on this port"),
        (DataSourceKind::Redis, b"+PONG\r\n", "it does not speak TLS on this port"),
        (DataSourceKind::Memcached, b"ERROR\r\n", "it does not speak TLS on this port"),
        (DataSourceKind::Memcached, b"\x15\x03\x03\0\x02\x02\x28", "tls: received fatal alert"),
        (DataSourceKind::PostgreSql, b"N", "the server does not speak TLS"),
        (DataSourceKind::PostgreSql, b"SR\0\0\0\x08\0\0\0\x03", "it said more in clear"),
        (DataSourceKind::PostgreSql, b"E\0\0\0\x0bMfull\0\0", "status: full"),
        (DataSourceKind::PostgreSql, b"HTTP/1.1 400\r\n", "no PostgreSQL answer"),
        (DataSourceKind::MySql, greeting, "tls: no end within"),
        (DataSourceKind::MySql, MYSQL_LETS_IN, "it said more in clear"),
    ] {
        let (target, mut server) = recording(kind, words).await;
        let secure = with_tls(&target, trusting(&Authority::new("ours")));
        let seen = shown(&look_within(&secure, Duration::from_millis(500)).await);
        let heard = server.join_next().await.unwrap().unwrap();
        assert!(!heard.windows(6).any(|window| window == b"s3cret"), "{kind} {expected}");
        assert!(!heard.windows(7).any(|window| window == b"monitor"), "{kind} {expected}");
        assert!(seen.contains(expected), "{kind} {expected}: {seen}");
    }
}

/// Says this at once, and gives back all that it heard.
async fn recording(
    kind: DataSourceKind,
    words: &'static [u8],
) -> (DataSourceTarget, JoinSet<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(kind, listener.local_addr().unwrap().port());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.ok();
        heard
    });
    (with_login(target, "monitor", "s3cret"), server)
}

/// All that a good server says in one look, at once: it is read as it is wanted.
fn conversation(kind: DataSourceKind) -> Vec<u8> {
    let words: &[u8] = match kind {
        DataSourceKind::MySql => {
            b"\x01\0\0\x01\x01\x0b\0\0\x02\x03def\0\0\0\x01c\0\0\0\x05\0\0\x03\xfe\0\0\0\0\
              \x05\0\0\x04\x04root\x05\0\0\x05\xfe\0\0\0\0"
        }
        DataSourceKind::Redis => {
            b"-NOAUTH x\r\n+OK\r\n+PONG\r\n$63\r\nredis_version:7\r\nused_memory:5\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\r\n:7\r\n"
        }
        DataSourceKind::Memcached => {
            b"VERSION 1\r\nVERSION 1\r\nSTAT bytes 1\r\nEND\r\nSTAT 1:used_chunks 1\r\nEND\r\nEND\r\n"
        }
        DataSourceKind::PostgreSql => {
            b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0Z\0\0\0\x05I\
              T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
              D\0\0\0\x0b\0\x01\0\0\0\x011C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"
        }
    };
    if kind == DataSourceKind::MySql { [MYSQL_LETS_IN, words].concat() } else { words.to_vec() }
}

/// Whatever is said, the look ends; what it ends with is beside the point.
fn survives(kind: DataSourceKind, said: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = target(kind, listener.local_addr().unwrap().port());
        let target = with_login(target, "monitor", "s3cret");
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(said).await.ok();
            stream.shutdown().await.ok();
            while stream.read(&mut [0; 512]).await.is_ok_and(|length| length > 0) {}
        };
        let (seen, ()) = tokio::join!(look(&target), serve);
        assert!(!shown(&seen).contains("no end within"), "{}", shown(&seen));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rubbish_never_panics(kind in 0..4_usize, said in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(KINDS[kind], &said);
    }

    #[test]
    fn a_good_answer_with_wrong_bytes_never_panics(
        kind in 0..4_usize,
        wrong in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        end: usize,
    ) {
        let mut said = conversation(KINDS[kind]);
        for (at, byte) in wrong {
            let at = at % said.len();
            said[at] = byte;
        }
        said.truncate(said.len() - end % 8);
        survives(KINDS[kind], &said);
    }
}

/// The mutated answers above are only worth something if the plain ones get far.
#[tokio::test]
async fn the_good_answers_are_good() {
    for kind in KINDS {
        let said: &'static [u8] = conversation(kind).leak();
        let (target, _server) = server(kind, Play::Says(said)).await;
        let seen = look_within(&target, Duration::from_millis(200)).await;
        assert!(value(&seen, "datasource_ping_seconds").is_some(), "{kind}: {}", shown(&seen));
    }
}

#[tokio::test]
async fn what_a_server_says_is_cleaned_before_it_is_repeated() {
    let said = b"-ERR \x1b[2J\xe2\x80\xaedown\r\n";
    assert_eq!(seen(DataSourceKind::Redis, Play::Answers(said)).await, "status: ERR [2Jdown");
}

#[tokio::test]
async fn an_address_that_is_none_is_a_fault_of_the_file() {
    let mut target = target(DataSourceKind::Redis, 1);
    target.address = "127.0.0.1".to_owned();
    // As a task of its own, as whoever looks at many does it.
    let seen = tokio::spawn(async move { look(&target).await }).await.unwrap();
    assert_eq!(shown(&seen), "\"127.0.0.1\" is no address -> write it as host:port");
    assert!(matches!(seen.answer, Answer::Misconfigured { .. }));
}
