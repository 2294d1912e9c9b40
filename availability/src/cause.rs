//! Why users had nothing, as a class that somebody can act on.
//!
//! Owners do not act on "99.82 %", and not on the words of a probe either: they act on "half of it was
//! hosts". So each outage has one class, by what the rest of the house knows of that time: the root of
//! its incident first, since that is where somebody looked; then whether a new version had just gone out; then
//! what the scaler did or could not do;
//! and *unclear* where nobody knows, which is said and not guessed at.

use model::id::Object;
use serde::{Deserialize, Serialize};

/// The class of an outage. The order is the one in which they are told where they cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A host that carried it was ill.
    Host,
    /// A switch, or the way to it.
    Network,
    /// A database or cache that it uses.
    DataSource,
    /// A new version of it had just gone out.
    Release,
    /// VMs had just been taken away from it.
    Scaling,
    /// It wanted more VMs than there were.
    Capacity,
    /// Its own program, or a VM of its own.
    Application,
    /// Nobody knows.
    Unclear,
}

/// What is known of the time of an outage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// The root of the incident that lay over it.
    pub root: Option<&'a Object>,
    /// A new version of it went out shortly before.
    pub released: bool,
    /// VMs were taken away from it shortly before.
    pub shrank: bool,
    /// It wanted VMs that it could not get.
    pub lacked: bool,
}

impl Cause {
    pub const ALL: [Self; 8] = [
        Self::Host,
        Self::Network,
        Self::DataSource,
        Self::Release,
        Self::Scaling,
        Self::Capacity,
        Self::Application,
        Self::Unclear,
    ];

    pub fn of(known: Circumstances<'_>) -> Self {
        let by_root = known.root.map_or(Self::Unclear, of_root);
        if !matches!(by_root, Self::Application | Self::Unclear) {
            return by_root;
        }
        // Its own trouble may have a reason: its makers', or one that lies with us.
        match (known.released, known.shrank, known.lacked) {
            (true, _, _) => Self::Release,
            (false, true, _) => Self::Scaling,
            (false, false, true) => Self::Capacity,
            (false, false, false) => by_root,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Network => "network",
            Self::DataSource => "data-source",
            Self::Release => "release",
            Self::Scaling => "scaling",
            Self::Capacity => "capacity",
            Self::Application => "application",
            Self::Unclear => "unclear",
        }
    }
}

fn of_root(root: &Object) -> Cause {
    match root {
        Object::Host(_) => Cause::Host,
        Object::Switch(_) => Cause::Network,
        Object::DataSource(_) => Cause::DataSource,
        Object::Pool(_) => Cause::Capacity,
        Object::Vm(_) | Object::Module(_) | Object::Project(_) => Cause::Application,
        Object::Collector(_) | Object::Channel(_) | Object::Vantage(_) => Cause::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(root: &str, shrank: bool, lacked: bool) -> &'static str {
        let root = (!root.is_empty()).then(|| root.parse().expect("an object"));
        Cause::of(Circumstances { root: root.as_ref(), released: false, shrank, lacked }).as_str()
    }

    #[test]
    fn the_root_of_the_incident_says_it_unless_it_is_the_service_itself() {
        assert_eq!(told("host/h1", false, false), "host");
        assert_eq!(told("host/h1", true, true), "host", "a dead host is reason enough");
        assert_eq!(told("switch/sw1", false, true), "network");
        assert_eq!(told("datasource/orders", true, false), "data-source");
        assert_eq!(told("module/shop/web", false, false), "application");
        assert_eq!(told("module/shop/web", true, true), "scaling");
        assert_eq!(told("vm/web-1", false, true), "capacity");
        assert_eq!(told("pool/small", false, false), "capacity");
    }

    #[test]
    fn what_nobody_knows_is_unclear_and_not_guessed() {
        assert_eq!(told("", false, false), "unclear");
        assert_eq!(told("collector/main", false, false), "unclear");
        assert_eq!(told("", true, false), "scaling");
        assert_eq!(told("", false, true), "capacity");
    }

    #[test]
    fn a_new_version_explains_its_own_trouble_before_all_that_we_did_and_no_host() {
        let told = |root: &str| {
            let root = root.parse().expect("an object");
            let known =
                Circumstances { root: Some(&root), released: true, shrank: true, lacked: true };
            Cause::of(known)
        };
        assert_eq!(told("module/shop/web"), Cause::Release);
        assert_eq!(told("vm/web-1"), Cause::Release);
        assert_eq!(told("host/h1"), Cause::Host);
        let unknown = Circumstances { released: true, ..Circumstances::default() };
        assert_eq!(Cause::of(unknown), Cause::Release);
    }
}
