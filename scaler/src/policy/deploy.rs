//! How a release goes out. Scaling reads `surge` alone; the rest is for releases.

use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDeploy {
    pub style: DeployStyle,
    pub order: DeployOrder,
    /// VMs beyond the count while a release goes out. They must fit into the pool's `max_total`.
    pub surge: Share,
    /// So many of the module's VMs serve at every moment of a release.
    pub min_serving: Share,
    /// VMs that try the new release before any user does.
    pub smoke: u32,
    pub bake: Span,
    pub batch: Share,
    pub parallel: Share,
    pub brake: Share,
    pub on_brake: OnBrake,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeployStyle {
    #[default]
    Replace,
    InPlace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeployOrder {
    #[default]
    NewFirst,
    OldFirst,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnBrake {
    Stop,
    #[default]
    Rollback,
}

impl Default for RawDeploy {
    fn default() -> Self {
        Self {
            style: DeployStyle::Replace,
            order: DeployOrder::NewFirst,
            surge: Share::Count(0),
            min_serving: Share::Percent(90),
            smoke: 1,
            bake: Span::secs(300),
            batch: Share::Percent(25),
            parallel: Share::Count(4),
            brake: Share::Percent(10),
            on_brake: OnBrake::Rollback,
        }
    }
}
