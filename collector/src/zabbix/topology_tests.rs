//! What hosts become, by the default mapping and by others, on rows as servers tell them.

use expect_test::expect;
use model::time::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::api::read_answer;
use super::super::dialect::Version;
use super::super::host::{HostRow, host_params};
use super::super::loose::Rows;
use super::super::mapping::RawMapping;
use super::*;

fn mapping(raw: Value) -> Mapping {
    Mapping::try_from(&serde_json::from_value::<RawMapping>(raw).unwrap()).unwrap()
}

fn rows(body: &[u8]) -> BTreeMap<HostKey, ZabbixHost> {
    let rows: Rows<HostRow> = read_answer("host.get", body).unwrap();
    assert_eq!(rows.bad, 0);
    rows.good.into_iter().map(|row| (row.hostid, row.into())).collect()
}

fn directory(mapping: &Mapping, hosts: &BTreeMap<HostKey, ZabbixHost>) -> Directory {
    let mut brake = Brake::default();
    let entries = hosts.iter().map(|(id, host)| (*id, classify(mapping, host))).collect();
    brake.list(entries, Time::from_millis(0));
    Directory::of(&brake)
}

fn host(tags: &Value) -> ZabbixHost {
    let row = json!({"hostid": "1", "host": "vm1.shop.example", "name": "Shop 1", "tags": tags});
    serde_json::from_value::<HostRow>(row).unwrap().into()
}

fn shown(mapping: &Mapping, host: &ZabbixHost) -> String {
    let what = classify(mapping, host).what;
    let What::Vm { id, module, host, .. } = what else { return format!("{what:?}") };
    let module = module.map_or("-".to_owned(), |module| module.to_string());
    let host = host.map_or("-".to_owned(), |host| host.to_string());
    format!("vm {id} of {module} on {host}")
}

#[test]
fn a_recorded_vm_and_its_hypervisor_are_known_by_default() {
    let hosts = rows(include_bytes!("../../tests/data/zabbix/6.0/host.get.json"));
    let directory = directory(&mapping(json!({})), &hosts);
    let topology = directory.topology();
    let vm = VmId::parse("vm00001.shop.example").unwrap();
    let place = &topology.vms[&vm];
    assert_eq!(place.module.as_ref().unwrap().as_str(), "shop/web");
    assert_eq!(
        place.host.as_ref().unwrap().as_str(),
        "hv02",
        "the inventory's, as an item wrote it"
    );
    let host = &topology.hosts[&HostId::parse("hv01").unwrap()];
    assert_eq!(host.switch.as_ref().unwrap().as_str(), "r1");
    let labels = directory.labels(&Object::Vm(vm)).to_string();
    assert_eq!(
        labels,
        r#"{host="hv02",module="shop/web",project="shop",vm="vm00001.shop.example"}"#
    );
}

/// 5.0 has no tags of templates and no state of interfaces; from 6.2 on groups are `hostgroups`;
/// an inventory that is off is an empty list; 7.x may write numbers.
#[test]
fn hosts_of_other_versions_are_read_alike() {
    let cases = [
        ("5.0", include_str!("../../tests/data/zabbix/other/host.get.5.0.json")),
        ("7.2", include_str!("../../tests/data/zabbix/other/host.get.7.2.json")),
    ];
    for (version, body) in cases {
        let hosts = rows(body.as_bytes());
        let told: Vec<String> =
            hosts.values().map(|host| shown(&mapping(json!({})), host)).collect();
        assert_eq!(told, ["vm web-1.shop of shop/web on hv01"], "{version}");
    }
}

#[test]
fn each_version_is_asked_in_its_words() {
    let mapping = mapping(json!({}));
    let keys = |major, minor| {
        let params = host_params(&[HostKey(1)], &mapping, Version { major, minor });
        let params = params.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        params.join(" ")
    };
    expect![[r#"
        5.0 hostids output selectGroups selectInterfaces selectInventory selectMacros selectTags
        6.0 hostids output selectGroups selectInheritedTags selectInterfaces selectInventory selectMacros selectTags
        7.2 hostids output selectHostGroups selectInheritedTags selectInterfaces selectInventory selectMacros selectTags
    "#]]
    .assert_eq(&format!("5.0 {}\n6.0 {}\n7.2 {}\n", keys(5, 0), keys(6, 0), keys(7, 2)));
}

#[test]
fn sources_are_asked_in_order_and_the_item_knows_best() {
    let mapping = mapping(json!({}));
    let tags = json!([
        {"tag": "role", "value": "vm"}, {"tag": "project", "value": "shop"},
        {"tag": "module", "value": "web"}, {"tag": "hypervisor", "value": "hv1"},
    ]);
    let mut vm = host(&tags);
    let mut log = vec![shown(&mapping, &vm)];
    vm.inventory.insert("location".to_owned(), "hv2".to_owned());
    log.push(shown(&mapping, &vm));
    vm.items.insert("vm.hv.name".to_owned(), " hv3\n".to_owned());
    log.push(shown(&mapping, &vm));
    vm.tags.clear();
    vm.groups = vec!["Virtual machines".to_owned(), "pay/db".to_owned()];
    log.push(shown(&mapping, &vm));
    vm.macros.insert("{$MODULE}".to_owned(), "pay/api".to_owned());
    log.push(shown(&mapping, &vm));
    expect![[r#"
        vm vm1.shop.example of shop/web on hv1
        vm vm1.shop.example of shop/web on hv2
        vm vm1.shop.example of shop/web on hv3
        vm vm1.shop.example of pay/db on hv3
        vm vm1.shop.example of pay/api on hv3"#]]
    .assert_eq(&log.join("\n"));
}

#[test]
fn what_fits_nothing_is_listed_with_the_reason() {
    let mapping = mapping(json!({}));
    let tag = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(tag, value)| json!({"tag": tag, "value": value})).collect()
    };
    let cases = [
        host(&tag(&[])),
        host(&tag(&[("role", "vm"), ("module", "web")])),
        host(&tag(&[("role", "vm"), ("project", "<b>")])),
        host(&tag(&[("role", "hypervisor")])),
        host(&tag(&[("role", "vm")])),
    ];
    let told: Vec<String> = cases.iter().map(|host| shown(&mapping, host)).collect();
    expect![[r#"
        Unknown { reason: "no rule of kinds fits it; its groups are \"\"" }
        Unknown { reason: "it has a module and no project" }
        Unknown { reason: "project: '<' in project name \"<b>\"; allowed are a-z A-Z 0-9 . _ - : @ /" }
        Unknown { reason: "id: ' ' in host name \"Shop 1\"; allowed are a-z A-Z 0-9 . _ - : @ /" }
        vm vm1.shop.example of - on -"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_host_is_found_by_any_of_its_names_and_never_by_one_that_two_have() {
    let mapping = mapping(json!({"host": {"id": [{"host": "{id}"}]}}));
    let hypervisor = |host: &str, name: &str| ZabbixHost {
        host: host.to_owned(),
        name: name.to_owned(),
        groups: vec!["Hypervisors".to_owned()],
        ..ZabbixHost::default()
    };
    let vm = |host: &str, on: &str| ZabbixHost {
        host: host.to_owned(),
        groups: vec!["Virtual machines".to_owned()],
        inventory: BTreeMap::from([("location".to_owned(), on.to_owned())]),
        ..ZabbixHost::default()
    };
    let hosts = [
        hypervisor("hv1.dc1", "kvm-1"),
        hypervisor("hv2.dc1", "kvm-2"),
        hypervisor("hv2.dc2", "kvm-3"),
        vm("a", "hv1"),
        vm("b", "kvm-2"),
        vm("c", "hv2"),
        vm("d", "elsewhere"),
        vm("a", "hv1"),
    ];
    let hosts = (1..).map(HostKey).zip(hosts).collect();
    let directory = directory(&mapping, &hosts);
    let on: Vec<String> = directory
        .topology()
        .vms
        .values()
        .map(|place| place.host.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(on, ["hv1.dc1", "hv2.dc1", "hv2", "elsewhere"]);
    assert_eq!(directory.doubles, [(HostKey(8), "vm/a".parse().unwrap())]);
    assert_eq!(
        directory.object(HostKey(8)),
        Some("vm/a".parse().unwrap()),
        "its alarms still count"
    );
}

proptest! {
    #[test]
    fn whatever_a_host_is_called_it_is_listed(
        name in "\\PC{0,300}", group in "\\PC{0,30}", tag in "(role|module|project|\\PC{0,9})",
        value in "(vm|hypervisor|\\PC{0,300})",
    ) {
        let host = ZabbixHost {
            host: name.clone(),
            name,
            groups: vec![group],
            tags: vec![super::super::host::Tag { tag, value }],
            ..ZabbixHost::default()
        };
        let entry = classify(&mapping(json!({})), &host);
        prop_assert!(entry.host.chars().count() <= MAX_NAME_CHARS + 1);
        if let What::Unknown { reason } = entry.what {
            prop_assert!(!reason.is_empty() && reason.len() < 4000);
        }
    }
}
