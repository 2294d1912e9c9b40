//! Puts together the providers and deployers that are not processes of this machine.

use std::collections::BTreeMap;
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
        let ground = self.ground();
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
        let deployer = ExecDeployer::new(settings, &self.ground());
        let deployer =
            deployer.map_err(|problem| anyhow!("{}: {}", problem.field, problem.message));
        Ok(Some(Arc::new(deployer.context("setting up the deployer")?)))
    }

    fn ground(&self) -> Ground {
        Ground {
            fleet: self.config.raw.fleet.clone(),
            data: self.config.store_folder(),
            folder: self.config.folder.clone(),
            clock: self.clock.clone(),
            trust: Trust::system(),
        }
    }
}
