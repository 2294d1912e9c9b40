//! Users who ask at a fixed rate, each over a connection of its own.
//!
//! Open loop: who is late asks at once and does not slow down, so an overload shows as what it is. A
//! request is never repeated.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use model::clock::SharedClock;
use model::time::Time;

const USERS: u32 = 64;
/// Beyond it an answer is as good as none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the users saw.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub requests: u64,
    /// When, and what came instead of an answer.
    pub failures: Vec<(Time, String)>,
    first_answers: BTreeMap<String, Time>,
}

#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    users: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(to: SocketAddr, requests_per_s: u32, clock: &SharedClock) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::<Mutex<Tally>>::default();
        let every = Duration::from_secs(1) * USERS / requests_per_s.max(1);
        let user = |number: u32| {
            let (stop, tally, clock) = (Arc::clone(&stop), Arc::clone(&tally), clock.clone());
            std::thread::spawn(move || {
                let mut due = clock.elapsed() + every * number / USERS;
                while !stop.load(Relaxed) {
                    std::thread::sleep(due.saturating_sub(clock.elapsed()));
                    due += every;
                    let answer = get(to);
                    note(&mut lock(&tally), answer, clock.now());
                }
            })
        };
        let users = (0..USERS).map(user).collect();
        Self { stop, tally, users }
    }

    pub fn so_far(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// When a VM's first answer came.
    pub fn first_answer_of(&self, vm: &str) -> Option<Time> {
        lock(&self.tally).first_answers.get(vm).copied()
    }

    pub fn end(self) -> Tally {
        self.stop.store(true, Relaxed);
        for user in self.users {
            user.join().expect("no user panics");
        }
        lock(&self.tally).clone()
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().expect("no holder of this lock panics")
}

fn note(tally: &mut Tally, answer: Result<String, String>, at: Time) {
    tally.requests += 1;
    match answer {
        Ok(vm) => drop(tally.first_answers.entry(vm).or_insert(at)),
        Err(failure) => tally.failures.push((at, failure)),
    }
}

/// One request; who answered it, or what came instead of an answer.
pub fn get(to: SocketAddr) -> Result<String, String> {
    let answer = exchange(to).map_err(|error| format!("{:?}: {error}", error.kind()))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    match head.starts_with("HTTP/1.1 200") && body.ends_with('\n') {
        true => Ok(body.trim().to_owned()),
        false => Err(head.lines().next().unwrap_or("an empty answer").to_owned()),
    }
}

fn exchange(to: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
