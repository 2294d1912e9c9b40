//! Where VMs run: one file per kind of provider.
//!
//! A provider says truly what there is and what became of an order; when what is made is decided by the
//! scaler. None of them starts a program on a VM: that is for [`crate::deployer`].
//!
//! One more kind is one more file and one more line in `cloudbrain::config::raw::RawProvider`.

pub mod exec;
pub mod machines;
pub mod openstack;
pub mod process;

use std::path::PathBuf;

use model::clock::SharedClock;

use crate::channel::{Problem, Text, Trust};

/// What providers and deployers are made on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What this fleet is called: its VMs bear it.
    pub fleet: String,
    /// Where what a provider must remember is kept.
    pub data: PathBuf,
    /// Where relative paths of programs and files start from.
    pub folder: PathBuf,
    pub clock: SharedClock,
    pub trust: Trust,
}

/// Puts the secrets into settings of whatever kind; `resolve` is given each text as it was written.
fn fill(
    texts: Vec<(&'static str, &mut Text)>,
    mut resolve: impl FnMut(&str) -> Result<String, String>,
) -> Vec<Problem> {
    let failed = texts.into_iter().filter_map(|(field, text)| match resolve(text.written()) {
        Ok(value) => {
            text.fill(value);
            None
        }
        Err(message) => Some(Problem { field, message }),
    });
    failed.collect()
}

impl openstack::OpenstackSettings {
    /// Puts in what references such as `${env:NAME}` stand for.
    pub fn fill(&mut self, resolve: impl FnMut(&str) -> Result<String, String>) -> Vec<Problem> {
        fill(self.texts(), resolve)
    }
}

impl crate::script::ProgramSettings {
    /// Puts in what references such as `${env:NAME}` stand for.
    pub fn fill(&mut self, resolve: impl FnMut(&str) -> Result<String, String>) -> Vec<Problem> {
        let texts = self.environment.values_mut().map(|text| ("environment", text)).collect();
        fill(texts, resolve)
    }
}
