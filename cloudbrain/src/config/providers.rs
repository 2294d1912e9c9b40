//! The provider and the deployer: with their secrets, and whether they can be what the file says.
//!
//! What a kind can get wrong is known by `drivers::provider`, which makes each once here, without reaching
//! for anybody; here it gets the line it stands in.

use std::path::Path;

use drivers::channel::{Problem, Trust};
use drivers::deployer::exec::ExecDeployer;
use drivers::provider::Ground;
use model::clock::{FixedClock, SharedClock};
use model::time::Time;

use super::Reader;
use super::raw::{RawConfig, RawDeployer, RawProvider};
use super::secret::Secret;
use super::yaml::Document;

impl Reader {
    /// The one provider that is taken, with its secrets, relative to the main file.
    pub(super) fn provider(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Option<RawProvider> {
        if raw.providers.len() > 1 {
            self.find(document, "providers", "one provider is taken in this version; keep one");
        }
        let mut provider = raw.providers.first()?.clone();
        let resolve = |text: &str| Secret::resolve(text, folder).map(|s| s.reveal().to_owned());
        let mut problems = match &mut provider {
            RawProvider::Process(_) => Vec::new(),
            RawProvider::Openstack(openstack) => openstack.fill(resolve),
            RawProvider::Exec(exec) => exec.run.fill(resolve),
            RawProvider::Static(machines) => {
                machines.clean.as_mut().map(|clean| clean.fill(resolve)).unwrap_or_default()
            }
        };
        // What a text holds that could not be read is not known, so nothing else is said.
        if problems.is_empty() {
            problems.extend(try_out(&provider, &ground(raw, folder)));
        }
        for problem in problems {
            let at = format!("providers.0.{}.{}", provider.word(), problem.field);
            self.find(document, at, problem.message);
        }
        self.check_provided_flavors(document, raw, &provider);
        Some(provider)
    }

    pub(super) fn deployer(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Option<RawDeployer> {
        let is_process = raw.providers.first().is_some_and(|one| one.process().is_some());
        let Some(RawDeployer::Exec(written)) = &raw.deployer else {
            if let Some(provider) = raw.providers.first().filter(|_| !is_process) {
                let word = provider.word();
                let message = format!(
                    "nothing starts programs on VMs of the provider {word}; write deployer: {{exec: \
                     {{program: [path, argument, ...]}}}}"
                );
                self.find(document, format!("providers.0.{word}"), message);
            }
            return None;
        };
        if is_process {
            let message = "VMs that are processes start their programs themselves; leave it out";
            self.find(document, "deployer", message);
        }
        let mut settings = written.clone();
        let resolve = |text: &str| Secret::resolve(text, folder).map(|s| s.reveal().to_owned());
        let mut problems = settings.fill(resolve);
        if problems.is_empty() {
            problems.extend(ExecDeployer::new(&settings, &ground(raw, folder)).err());
        }
        for problem in problems {
            self.find(document, format!("deployer.exec.{}", problem.field), problem.message);
        }
        Some(RawDeployer::Exec(settings))
    }

    /// What a provider gives must be a size that is known.
    fn check_provided_flavors(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        provider: &RawProvider,
    ) {
        let known: Vec<&str> = raw.flavors.keys().map(|flavor| flavor.as_str()).collect();
        let named: Vec<(String, &str)> = match provider {
            RawProvider::Process(_) | RawProvider::Exec(_) => Vec::new(),
            RawProvider::Openstack(openstack) => {
                let names = openstack.flavors.keys().map(|flavor| flavor.as_str());
                names.map(|name| (format!("providers.0.openstack.flavors.{name}"), name)).collect()
            }
            RawProvider::Static(machines) => {
                let machines = machines.machines.iter().enumerate();
                let at = |index| format!("providers.0.static.machines.{index}.flavor");
                machines.map(|(index, one)| (at(index), one.flavor.as_str())).collect()
            }
        };
        for (at, name) in named.into_iter().filter(|(_, name)| !known.contains(name)) {
            let message = super::unknown("flavor", name, &known);
            self.find(document, at, message);
        }
    }
}

/// Makes the provider once, for what is wrong with it.
fn try_out(provider: &RawProvider, ground: &Ground) -> Option<Problem> {
    match provider {
        RawProvider::Process(_) => None,
        RawProvider::Openstack(openstack) => openstack.open(ground).err(),
        RawProvider::Exec(exec) => exec.open(ground).err(),
        RawProvider::Static(machines) => machines.check().err(),
    }
}

/// Nothing is reached and nothing written by what is made on it.
fn ground(raw: &RawConfig, folder: &Path) -> Ground {
    Ground {
        fleet: raw.fleet.clone(),
        data: folder.join(&raw.store),
        folder: folder.to_owned(),
        clock: SharedClock::new(FixedClock(Time::default())),
        trust: Trust::only(Vec::new()),
    }
}
