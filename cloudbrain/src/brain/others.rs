//! Puts together the providers and deployers that are not processes of this machine.
//!
//! Each store has an incarnation: a few random characters, made when its folder is first used. VMs bear
//! it, so that two brains whose fleets have one name do not take each other's VMs for their own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use drivers::channel::{Problem, Trust};
use drivers::deployer::exec::ExecDeployer;
use drivers::provider::Ground;
use model::clock::SharedClock;
use model::id::VmId;
use model::vm::Addresses;
use scaler::hands::{Deployer, Provider};

use crate::config::Config;
use crate::config::raw::{RawDeployer, RawProvider};

/// Random bytes of an incarnation; in the file they are twice as many hexadecimal digits.
const INCARNATION_BYTES: usize = 6;

/// What they are made of.
pub(super) struct Others<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a SharedClock,
    /// Where our VMs are, by our own record.
    pub(super) known: &'a BTreeMap<VmId, Addresses>,
}

impl Others<'_> {
    pub(super) fn provider(&self) -> anyhow::Result<Option<Arc<dyn Provider>>> {
        let Some(raw) = &self.config.provider else { return Ok(None) };
        let ground = self.ground()?;
        let opened: Result<Arc<dyn Provider>, Problem> = match raw {
            RawProvider::Process(_) => return Ok(None),
            RawProvider::Openstack(settings) => {
                settings.open(&ground).map(|one| Arc::new(one) as _)
            }
            RawProvider::Exec(settings) => settings.open(&ground).map(|one| Arc::new(one) as _),
            RawProvider::Static(settings) => {
                settings.open(&ground, self.known).map(|one| Arc::new(one) as _)
            }
        };
        let opened = opened.map_err(|problem| anyhow!("{}: {}", problem.field, problem.message));
        opened.with_context(|| format!("setting up the provider {}", raw.name())).map(Some)
    }

    pub(super) fn deployer(&self) -> anyhow::Result<Option<Arc<dyn Deployer>>> {
        let Some(RawDeployer::Exec(settings)) = &self.config.deployer else { return Ok(None) };
        let deployer = ExecDeployer::new(settings, &self.ground()?);
        let deployer =
            deployer.map_err(|problem| anyhow!("{}: {}", problem.field, problem.message));
        Ok(Some(Arc::new(deployer.context("setting up the deployer")?)))
    }

    fn ground(&self) -> anyhow::Result<Ground> {
        let data = self.config.store_folder();
        Ok(Ground {
            fleet: self.config.raw.fleet.clone(),
            incarnation: incarnation(&data).context("telling this brain from others")?,
            data,
            folder: self.config.folder.clone(),
            clock: self.clock.clone(),
            trust: Trust::system(),
        })
    }
}

/// What stands in the folder; made, and safe on disk, if nothing does.
fn incarnation(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("incarnation");
    match std::fs::read_to_string(&path) {
        Ok(text) if is_whole(text.trim()) => return Ok(text.trim().to_owned()),
        Ok(_) => return Err(anyhow!("{} is damaged; put it back from a copy", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    }
    let mut bytes = [0; INCARNATION_BYTES];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let beside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))?;
    Ok(text)
}

fn is_whole(text: &str) -> bool {
    text.len() == 2 * INCARNATION_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_stays_and_a_damaged_one_is_not_made_up_for() {
        let name = format!("cloudbrain-incarnation-{}", std::process::id());
        let (one, other) =
            (std::env::temp_dir().join(&name), std::env::temp_dir().join(name + "b"));
        for folder in [&one, &other] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let first = incarnation(&one).unwrap();
        assert_eq!(incarnation(&one).unwrap(), first);
        assert_ne!(incarnation(&other).unwrap(), first);
        std::fs::write(one.join("incarnation"), &first[..3]).unwrap();
        assert!(incarnation(&one).unwrap_err().to_string().contains("damaged"));
        for folder in [one, other] {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
