//! What a data source says, over a real socket: the first byte picks its kind.
#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::datasource::{DataSourceKind, DataSourceTarget, DataSourceWatch, Password};
use collector::probe::Prober;
use model::clock::{Clock, SharedClock};
use model::series::Labels;
use model::time::Time;

const KINDS: [DataSourceKind; 4] = [
    DataSourceKind::MySql,
    DataSourceKind::Redis,
    DataSourceKind::Memcached,
    DataSourceKind::PostgreSql,
];
const WITHIN: Duration = Duration::from_secs(1);

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(now.as_millis() as i64)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What the server says to the next who comes.
static SAYS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let said = SAYS.lock().expect("nobody panics with it").clone();
            let _ = stream.write_all(&said);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.set_read_timeout(Some(WITHIN));
            while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
        }
    });
    address
});

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, said)) = bytes.split_first() else { return };
    let address = SERVER.to_string();
    said.clone_into(&mut SAYS.lock().expect("nobody panics with it"));
    let target = DataSourceTarget {
        id: "source".parse().expect("a name"),
        kind: KINDS[usize::from(*kind) % KINDS.len()],
        address,
        user: Some("user".to_owned()),
        password: Some(Password::new("word")),
        database: None,
        tls: None,
        common: Labels::default(),
    };
    let clock = SharedClock::new(RealClock(Instant::now()));
    RUNTIME.block_on(DataSourceWatch::new(target, Prober::new()).look(WITHIN, &clock));
});
