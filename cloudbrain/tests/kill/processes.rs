//! What really runs, by the kernel's word.

use std::collections::BTreeMap;
use std::path::Path;

/// How many processes there are of each VM of a fleet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Running {
    /// The VMs themselves.
    pub(crate) vms: BTreeMap<String, usize>,
    /// The module's program on them.
    pub(crate) programs: BTreeMap<String, usize>,
}

/// Everything that runs for the VMs whose folders lie in `vms`.
pub(crate) fn running(vms: &Path) -> Running {
    let mut running = Running::default();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_string_lossy().parse::<u32>();
        let Ok(pid) = number else { continue };
        let Some((vm, is_program)) = vm_of(&process.path(), vms).filter(|_| lives(pid)) else {
            continue;
        };
        let list = if is_program { &mut running.programs } else { &mut running.vms };
        *list.entry(vm).or_default() += 1;
    }
    running
}

/// The environment of each process of these VMs.
pub(crate) fn environments(vms: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|process| vm_of(&process.path(), vms).is_some());
    let read = |path: std::path::PathBuf| std::fs::read(path).unwrap_or_default();
    let environments = ours.map(|process| read(process.path().join("environ")));
    environments.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// The VM that a process belongs to, and whether it is the program on it.
fn vm_of(process: &Path, vms: &Path) -> Option<(String, bool)> {
    let environment = std::fs::read(process.join("environ")).ok()?;
    let mut folder = None;
    let mut is_program = false;
    for pair in environment.split(|byte| *byte == 0) {
        let pair = String::from_utf8_lossy(pair);
        if let Some(path) = pair.strip_prefix("CLOUDBRAIN_FOLDER=") {
            folder = Some(Path::new(path).to_owned());
        }
        is_program |= pair.starts_with("CLOUDBRAIN_MODULE=");
    }
    let folder = folder?;
    let name = folder.strip_prefix(vms).ok()?;
    Some((name.to_string_lossy().into_owned(), is_program))
}

pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
