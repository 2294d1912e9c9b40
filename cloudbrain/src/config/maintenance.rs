//! Maintenance windows: when work on which things is planned, once or again and again.
//!
//! They stand under `maintenance:` where the things stand: in the main file for the fleet (switches,
//! hosts, anything), in a project file for what the project owns. So an owner announces his own work
//! without touching a file of operations, and cannot quieten what is not his.
//!
//! Times are local times of a zone. The alerter knows no zones: [`Planned::occurrences`] says from
//! when until when each window is open, as moments, and whoever hands them on keeps the clock.
//!
//! Where clocks are set forward, a local time that does not exist stands for the moment they jump.
//! Where they are set back, a window covers both passes of its bounds; one by `cron` opens in the
//! first pass, and again in the second only if its hour is no fixed one. `lasting` is elapsed time.

mod times;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::id::{ModuleId, Object, WindowId};
use model::time::Time;
use model::unit::Span;
use scaler::policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::{RawConfig, RawProject};
use super::yaml::Document;
use super::{Reader, unknown};
pub use times::Times;

/// The longest a window may be open at a time.
const LONGEST: Span = Span::secs(31 * 86_400);

/// A window: once with `from` and `until`, or again and again with `cron` and `lasting`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWindow {
    /// What people call it; no other window has this name.
    pub name: WindowId,
    /// What is worked on: `host/h1`, `module/shop/web`. A switch covers its hosts, a host its VMs,
    /// a project its modules, a module its VMs.
    pub on: Vec<Object>,
    /// Once: the local time when it begins, as `2026-12-01 22:00`.
    pub from: Option<String>,
    /// Once: the local time when it ends.
    pub until: Option<String>,
    /// Again and again: when it begins, as cron has it: minute, hour, day of month, month, day of
    /// week. `0 2 * * 6` is Saturdays at two.
    pub cron: Option<String>,
    /// Again and again: how long it is open each time.
    pub lasting: Option<Span>,
    /// The IANA time zone of its times; that of the main file if left out.
    pub zone: Option<String>,
    /// Why, for those who read of it.
    #[serde(default)]
    pub comment: String,
}

/// A window that is in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub name: WindowId,
    pub on: BTreeSet<Object>,
    pub times: Times,
    /// The IANA name of its zone.
    pub zone: String,
    pub comment: String,
    /// The file it stands in, from the folder of the main file.
    pub file: PathBuf,
}

impl Planned {
    /// From when until when it is open: all that is of `from..until`, in order. Where one opening
    /// begins before the last has ended, they are one.
    pub fn occurrences(&self, from: Time, until: Time) -> Vec<(Time, Time)> {
        self.times.occurrences(from, until)
    }
}

impl Reader {
    /// The windows of all files.
    pub(super) fn maintenance(
        &mut self,
        main: (&Document, &RawConfig),
        projects: &[(Document, RawProject)],
        folder: &Path,
    ) -> Vec<Planned> {
        let mut windows: Vec<Planned> = Vec::new();
        let (document, raw) = main;
        for (index, written) in raw.maintenance.iter().enumerate() {
            self.window(document, index, written, &raw.timezone, &mut windows);
            for (place, object) in written.on.iter().enumerate() {
                if let Some(message) = stray(object, projects).filter(|_| !self.lacks_projects) {
                    // What a Zabbix server knows of is not known yet.
                    let is_sure = raw.collector.zabbix.is_empty();
                    let place = format!("maintenance.{index}.on.{place}");
                    let finding = match is_sure {
                        true => Finding::error(place, message),
                        false => Finding::warning(place, message),
                    };
                    self.problems.push(document.place(&finding));
                }
            }
        }
        for (document, file) in projects {
            for (index, written) in file.maintenance.iter().enumerate() {
                self.window(document, index, written, &raw.timezone, &mut windows);
                for (place, object) in written.on.iter().enumerate() {
                    if let Some(message) = not_owned(object, file) {
                        self.find(document, format!("maintenance.{index}.on.{place}"), message);
                    }
                }
            }
        }
        for window in &mut windows {
            if let Ok(file) = window.file.strip_prefix(folder) {
                window.file = file.to_owned();
            }
        }
        windows
    }

    fn window(
        &mut self,
        document: &Document,
        index: usize,
        written: &RawWindow,
        zone: &str,
        windows: &mut Vec<Planned>,
    ) {
        let at = |field: &str| format!("maintenance.{index}.{field}");
        if windows.iter().any(|other| other.name == written.name) {
            let message = format!("a second window {}; rename one", written.name);
            self.find(document, at("name"), message);
        }
        if written.on.is_empty() {
            let message = "a window on nothing; write for example on: [host/h1]";
            self.find(document, at("on"), message);
        }
        let zone = written.zone.as_deref().unwrap_or(zone);
        match Times::read(written, zone) {
            Ok(times) => windows.push(Planned {
                name: written.name.clone(),
                on: written.on.iter().cloned().collect(),
                times,
                zone: zone.to_owned(),
                comment: written.comment.clone(),
                file: document.path.clone(),
            }),
            // A zone of the main file that is wrong is told of there.
            Err(fault) if fault.field == "zone" && written.zone.is_none() => {}
            Err(fault) => self.find(document, at(fault.field), fault.message),
        }
    }
}

/// Why an object of the main file's windows is none: a module or project that no file has. Hosts,
/// VMs and switches may be known to a collector alone.
fn stray(object: &Object, projects: &[(Document, RawProject)]) -> Option<String> {
    match object {
        Object::Project(id) if projects.iter().all(|(_, file)| file.name != *id) => {
            let known: Vec<&str> = projects.iter().map(|(_, file)| file.name.as_str()).collect();
            Some(unknown("project", id.as_str(), &known))
        }
        Object::Module(id) => {
            let known: Vec<String> =
                projects.iter().flat_map(|(_, file)| modules(file)).map(String::from).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let is_known = known.contains(&id.as_str());
            (!is_known).then(|| unknown("module", id.as_str(), &known))
        }
        Object::Collector(_) | Object::Channel(_) | Object::Pool(_) | Object::Vantage(_) => {
            Some(format!("{object} is part of the monitor; what it says is never planned away"))
        }
        Object::Switch(_)
        | Object::Host(_)
        | Object::Vm(_)
        | Object::Project(_)
        | Object::DataSource(_) => None,
    }
}

/// Why a project may not plan work on an object, if it may not.
fn not_owned(object: &Object, file: &RawProject) -> Option<String> {
    let is_own = match object {
        Object::Project(id) => *id == file.name,
        Object::Module(id) => modules(file).any(|module| module == *id),
        Object::DataSource(id) => {
            file.data_sources.iter().any(|source| source.server().name == *id)
        }
        Object::Vm(_)
        | Object::Host(_)
        | Object::Switch(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => false,
    };
    let own = modules(file).map(|module| format!("module/{module}"));
    let own: Vec<String> = [format!("project/{}", file.name)].into_iter().chain(own).collect();
    (!is_own).then(|| {
        let own = own.join(", ");
        format!("{object} is not the project's own; write {own}, or plan it in the main file")
    })
}

fn modules(file: &RawProject) -> impl Iterator<Item = ModuleId> {
    file.modules.iter().filter_map(|module| ModuleId::of(&file.name, &module.name).ok())
}
