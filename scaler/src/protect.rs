//! Which VMs a policy protects by a label: they are never taken away by choice.
//!
//! A VM bears the labels that its provider gives it, and two of its own: `vm` is its id and `host`
//! the host it stands on. So a policy can protect one VM, or all of a host, without any label.

use model::vm::Vm;

use crate::facts::Facts;
use crate::policy::Policy;

/// The label of `terminate.protect` that keeps this VM, if one does.
pub fn protected_by<'a>(policy: &'a Policy, facts: &Facts, vm: &Vm) -> Option<&'a str> {
    let seen = facts.provider.as_ref().and_then(|list| list.vms.get(&vm.id));
    let bears = |label: &&String| {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        match key {
            "vm" => vm.id.as_str() == value,
            "host" => vm.host.as_ref().is_some_and(|host| host.as_str() == value),
            key => seen.and_then(|seen| seen.labels.get(key)).is_some_and(|v| v == value),
        }
    };
    policy.terminate.protect.iter().find(bears).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::time::Time;
    use model::vm::VmState;

    use super::*;
    use crate::facts::{ProviderFact, SeenFact};
    use crate::hands::Power;
    use crate::policy::{check, tests::raw};

    #[test]
    fn a_vm_is_protected_by_its_id_its_host_or_a_label() {
        let mut raw = raw();
        raw.terminate.protect = ["role=cron", "vm=vm-2", "host=h9"].map(str::to_owned).into();
        let policy = check(raw).0.unwrap();
        let vm = |id: &str, host: &str| Vm {
            id: id.parse().unwrap(),
            flavor: "small".parse().unwrap(),
            state: VmState::Serving,
            since: Time::default(),
            created: Time::default(),
            host: Some(host.parse().unwrap()),
            addresses: None,
            module: None,
            assignment: 1,
            route_generation: 1,
            why: String::new(),
        };
        let cron = BTreeMap::from([("role".to_owned(), "cron".to_owned())]);
        let seen = SeenFact {
            flavor: "small".parse().unwrap(),
            host: None,
            power: Power::Running,
            addresses: None,
            origin: None,
            labels: cron,
        };
        let vms = [("vm-3".parse().unwrap(), seen)].into();
        let provider = Some(ProviderFact { vms, ..ProviderFact::default() });
        let facts = Facts { provider, ..Facts::default() };
        let told = |id, host| protected_by(&policy, &facts, &vm(id, host));
        assert_eq!(told("vm-1", "h1"), None);
        assert_eq!(told("vm-2", "h1"), Some("vm=vm-2"));
        assert_eq!(told("vm-3", "h1"), Some("role=cron"));
        assert_eq!(told("vm-1", "h9"), Some("host=h9"));
    }
}
