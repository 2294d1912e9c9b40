//! The figures of one process and all its descendants: a VM that is a process of this machine.
//!
//! A member of the tree stays one for as long as it lives: a program that puts itself into the
//! background is adopted by another parent, and its load is the VM's none the less. Processes come
//! and go while the list is read; one that is gone is no fault.
//!
//! Load per core is the CPU time spent per second and core, as an exponential mean. Unlike the
//! load of a kernel it cannot tell how many wait for a core. Memory is the sum of resident
//! memory, so what processes share is counted once for each. What a tree has none of its own of,
//! such as disks or swap, is an unsupported key.
//!
//! Each sample reads one file per process of the machine. The connections need longer tables and
//! are read at every tenth only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use procfs::process::{Stat, all_processes};

use super::meter::{CpuMeter, Mean, ProcessKey, Usage};
use super::proc::{established, sockets, ticks_since_boot};
use super::{NOT_YET, Newest, Readings, Sampled};
use crate::agent::Figures;

/// At every how many samples the connections are counted.
const CONNECTIONS_EVERY: u32 = 10;

/// Tells of one process and its descendants.
#[derive(Debug)]
pub struct TreeFigures {
    root_pid: i32,
    cores: f64,
    newest: Newest,
    state: Mutex<State>,
}

/// One process, as far as it is counted.
#[derive(Clone, Debug)]
struct Process {
    key: ProcessKey,
    usage: Usage,
    resident_pages: u64,
}

/// What is kept from one sample to the next.
#[derive(Debug)]
struct State {
    /// The root itself, once it was seen: another process may later bear its number.
    root: Option<ProcessKey>,
    members: BTreeSet<ProcessKey>,
    cpu: CpuMeter,
    load: Mean,
    /// Ticks since boot.
    sampled_at: u64,
    samples: u32,
    connections: usize,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
enum TreeError {
    #[error("Process {0} is gone.")]
    Gone(i32),
    #[error(transparent)]
    Proc(#[from] procfs::ProcError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl TreeFigures {
    /// Tells of `root_pid` and its descendants, as of a machine with `cores`; the mean load is
    /// taken over `window`.
    pub fn new(root_pid: u32, cores: f64, window: Duration) -> Self {
        let state = State {
            root: None,
            members: BTreeSet::new(),
            cpu: CpuMeter::default(),
            load: Mean::over(window),
            sampled_at: 0,
            samples: 0,
            connections: 0,
        };
        let root_pid = i32::try_from(root_pid).unwrap_or(i32::MAX); // The kernel's limit is 2^22.
        Self { root_pid, cores, newest: Newest::default(), state: Mutex::new(state) }
    }

    fn read(&self, state: &mut State) -> Result<Readings, TreeError> {
        let now = ticks_since_boot()?;
        // One that ended since it was listed is left out.
        let stats = all_processes()?.flatten().filter_map(|process| process.stat().ok());
        let all: Vec<Process> = stats.map(|stat| Process::from(&stat)).collect();
        let root =
            root_of(&all, self.root_pid, state.root).ok_or(TreeError::Gone(self.root_pid))?;
        state.root = Some(root);
        state.members = members(&all, root, &state.members);
        let tree: Vec<&Process> =
            all.iter().filter(|one| state.members.contains(&one.key)).collect();
        if state.samples.is_multiple_of(CONNECTIONS_EVERY) {
            state.connections = connections(self.root_pid, &tree)?;
        }
        state.samples = state.samples.wrapping_add(1);
        let mut told = Readings::default();
        tell_sizes(&mut told, &tree);
        told.number("net.tcp.socket.count[,,,,established]", state.connections as f64);
        told.number("system.uptime", seconds(now.saturating_sub(root.started)).floor());
        let shares = self.cpu(state, &tree, now);
        self.tell_cpu(&mut told, shares);
        Ok(told)
    }

    fn tell_cpu(&self, told: &mut Readings, shares: Option<(f64, f64)>) {
        let keys @ [per_core, all, idle] =
            ["system.cpu.load[percpu]", "system.cpu.load[all]", "system.cpu.util[,idle]"];
        let Some((load, busy)) = shares else {
            return keys.iter().for_each(|key| told.lacks(key, NOT_YET));
        };
        told.number(per_core, load);
        told.number(all, load * self.cores);
        told.number(idle, (1.0 - busy) * 100.0);
    }

    /// Load per core, and the busy share of the last interval; None for the first sample.
    fn cpu(&self, state: &mut State, tree: &[&Process], now: u64) -> Option<(f64, f64)> {
        let spent = state.cpu.feed(now, tree.iter().map(|one| (one.key, one.usage)).collect());
        let passed = now.saturating_sub(std::mem::replace(&mut state.sampled_at, now));
        let busy_cores = (spent? as f64 / passed.max(1) as f64).min(machine_cores());
        let busy = busy_cores / self.cores.max(f64::MIN_POSITIVE);
        let load = state.load.feed(busy, Duration::from_secs_f64(seconds(passed)))?;
        Some((load, busy.min(1.0)))
    }
}

impl From<&Stat> for Process {
    fn from(stat: &Stat) -> Self {
        let reaped = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
        Self {
            key: ProcessKey { pid: stat.pid, started: stat.starttime },
            usage: Usage { parent_pid: stat.ppid, own: stat.utime + stat.stime, reaped },
            resident_pages: stat.rss,
        }
    }
}

impl Sampled for TreeFigures {
    fn sample(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.newest.put(self.read(&mut state).map_err(|error| error.to_string()));
    }
}

impl Figures for TreeFigures {
    fn value(&self, key: &str) -> Result<String, String> {
        self.newest.value(key)
    }
}

fn root_of(all: &[Process], pid: i32, known: Option<ProcessKey>) -> Option<ProcessKey> {
    let found = all.iter().find(|process| process.key.pid == pid)?.key;
    known.is_none_or(|known| known == found).then_some(found)
}

/// The root, its descendants, and whoever was a member before and still lives.
fn members(
    all: &[Process],
    root: ProcessKey,
    before: &BTreeSet<ProcessKey>,
) -> BTreeSet<ProcessKey> {
    let mut children: BTreeMap<i32, Vec<ProcessKey>> = BTreeMap::new();
    for process in all {
        children.entry(process.usage.parent_pid).or_default().push(process.key);
    }
    let survivors = all.iter().map(|process| process.key).filter(|key| before.contains(key));
    let mut open: Vec<ProcessKey> = survivors.chain([root]).collect();
    let mut found = BTreeSet::new();
    while let Some(key) = open.pop() {
        if found.insert(key) {
            open.extend(children.get(&key.pid).into_iter().flatten());
        }
    }
    found
}

fn tell_sizes(told: &mut Readings, tree: &[&Process]) {
    let resident_pages: u64 = tree.iter().map(|process| process.resident_pages).sum();
    told.number("vm.memory.size[used]", (resident_pages * procfs::page_size()) as f64);
    told.number("proc.num", tree.len() as f64);
}

/// Both ends of a connection within the tree count, as they do on a machine.
fn connections(root_pid: i32, tree: &[&Process]) -> Result<usize, TreeError> {
    let folder = |pid: i32| PathBuf::from(format!("/proc/{pid}"));
    let established = established(&folder(root_pid))?;
    let held: BTreeSet<u64> = tree.iter().flat_map(|one| sockets(&folder(one.key.pid))).collect();
    Ok(established.intersection(&held).count())
}

/// No process tree spends more than the machine has. A child that ends between the reading of
/// its parent and its own would else count its whole life as one interval's.
fn machine_cores() -> f64 {
    std::thread::available_parallelism().map_or(f64::INFINITY, |cores| cores.get() as f64)
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn tell(figures: &TreeFigures, key: &str) -> f64 {
        figures.value(key).unwrap().parse().unwrap()
    }

    /// Samples until the CPU time spent by sampling shows.
    fn load_of(figures: &TreeFigures) -> f64 {
        let samples = std::iter::repeat_with(|| {
            figures.sample();
            figures.value("system.cpu.load[percpu,avg1]").map_or(0.0, |load| load.parse().unwrap())
        });
        samples.into_iter().find(|load| *load > 0.0).unwrap()
    }

    #[test]
    fn this_process_tells_of_itself() {
        let figures = TreeFigures::new(std::process::id(), 0.5, MINUTE);
        assert!(load_of(&figures) > 0.0);
        assert!((0.0..100.0).contains(&tell(&figures, "system.cpu.util[,idle]")));
        assert!(tell(&figures, "vm.memory.size[used]") > 100_000.0);
        assert!(tell(&figures, "proc.num[]") >= 1.0);
        assert!(tell(&figures, "system.uptime") < 86_400.0);
        assert!(tell(&figures, "net.tcp.socket.count[,,,,established]") >= 0.0);
    }

    #[test]
    fn children_belong_to_the_tree_and_an_ended_root_is_said_to_be_gone() {
        let mut shell = Command::new("sh")
            // A job in the background is given /dev/null to read unless it is told otherwise.
            .args(["-c", "exec 3<&0; cat <&3 & echo started; wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut started = [0; 8];
        shell.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
        let figures = TreeFigures::new(shell.id(), 1.0, MINUTE);
        figures.sample();
        assert!(tell(&figures, "proc.num[]") >= 2.0);
        shell.kill().unwrap();
        shell.wait().unwrap();
        figures.sample();
        let gone = format!("Process {} is gone.", shell.id());
        assert_eq!(figures.value("proc.num[]").unwrap_err(), gone);
    }

    /// Processes written as `pid<parent@started`.
    fn processes(text: &str) -> Vec<Process> {
        text.split_whitespace().map(process).collect()
    }

    fn process(text: &str) -> Process {
        let numbers: Vec<i32> = text.split(['<', '@']).map(|n| n.parse().unwrap()).collect();
        Process {
            key: ProcessKey { pid: numbers[0], started: numbers[2] as u64 },
            usage: Usage { parent_pid: numbers[1], own: 0, reaped: 0 },
            resident_pages: 0,
        }
    }

    fn pids(found: &BTreeSet<ProcessKey>) -> Vec<i32> {
        found.iter().map(|key| key.pid).collect()
    }

    #[test]
    fn a_member_that_is_adopted_stays_one_with_its_own_children() {
        let root = process("10<1@5").key;
        let first = members(&processes("1<0@0 10<1@5 11<10@6 12<11@7 20<1@8"), root, &[].into());
        assert_eq!(pids(&first), [10, 11, 12]);
        // 11 has ended, so 12 was adopted by 1; 20 never belonged here.
        let later = members(&processes("1<0@0 10<1@5 12<1@7 13<12@9 20<1@8"), root, &first);
        assert_eq!(pids(&later), [10, 12, 13]);
        // 12 has ended too, and another process bears its number.
        let last = members(&processes("1<0@0 10<1@5 12<1@99"), root, &later);
        assert_eq!(pids(&last), [10]);
    }

    #[test]
    fn a_root_whose_number_is_borne_by_another_is_gone() {
        let root = process("10<1@5").key;
        assert_eq!(root_of(&processes("10<1@5"), 10, None), Some(root));
        assert_eq!(root_of(&processes("10<1@5"), 10, Some(root)), Some(root));
        assert_eq!(root_of(&processes("10<1@77"), 10, Some(root)), None);
        assert_eq!(root_of(&processes("11<1@5"), 10, None), None);
    }
}
