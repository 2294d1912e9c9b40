//! The vantages of the main file: places beside the brain that probe, and how each proves itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use model::id::VantageId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reader;
use super::raw::RawConfig;
use super::secret::Secret;
use super::yaml::Document;

/// What the brain itself is called among the vantages.
pub const BRAIN: &str = "brain";
/// Nobody guesses so many.
const SHORTEST_TOKEN: usize = 16;

/// One place that probes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVantage {
    /// As on its command line, and in reports.
    pub name: VantageId,
    /// What it proves itself by: `${file:beijing.token}`.
    pub token: String,
    /// Addresses that always answer there: while one of them does, its own network is in order. What
    /// it sees fail while none does is unknown, not down.
    #[serde(default)]
    pub canaries: Vec<SocketAddr>,
}

/// A vantage with its secret.
#[derive(Clone, Debug)]
pub struct Vantage {
    pub token: Secret,
    pub canaries: Vec<SocketAddr>,
}

/// The brain, as one of the vantages.
pub fn brain() -> VantageId {
    VantageId::parse(BRAIN).expect("it is a name")
}

impl Reader {
    /// With their tokens, relative to the main file.
    pub(super) fn vantages(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> BTreeMap<VantageId, Vantage> {
        let mut vantages = BTreeMap::new();
        for (index, vantage) in raw.vantages.iter().enumerate() {
            let at = |field: &str| format!("vantages.{index}.{field}");
            let name = vantage.name.as_str();
            if name == BRAIN || name.contains('/') {
                let message =
                    format!("{name:?} cannot be told from others; write for example beijing");
                self.find(document, at("name"), message);
            }
            let token = self.secret(document, &at("token"), Some(&vantage.token), folder);
            let Some(token) = token else { continue };
            if token.reveal().len() < SHORTEST_TOKEN {
                let message =
                    format!("a token of less than {SHORTEST_TOKEN} characters is guessed");
                self.find(document, at("token"), message);
            }
            let canaries = vantage.canaries.clone();
            if vantages.insert(vantage.name.clone(), Vantage { token, canaries }).is_some() {
                self.find(document, at("name"), format!("a second vantage {name}; rename one"));
            }
        }
        vantages
    }
}
