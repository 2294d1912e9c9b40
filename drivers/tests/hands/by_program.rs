//! Providers and deployers that are programs, and machines from a list, with real programs.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use drivers::channel::Trust;
use drivers::deployer::exec::ExecDeployer;
use drivers::provider::Ground;
use drivers::provider::exec::{ExecProvider, ExecSettings};
use drivers::provider::machines::{StaticProvider, StaticSettings};
use expect_test::expect;
use model::clock::{FixedClock, SharedClock};
use model::time::Time;
use model::vm::Addresses;
use scaler::hands::{CreateOrder, Deployer as _, HandError, Machine, Origin, Provider, Sighting};
use serde_json::{Value, json};

use crate::common::Scratch;
use crate::fleet::{program, vm};

fn ground(folder: &Path) -> Ground {
    Ground {
        fleet: "shop".to_owned(),
        data: folder.to_owned(),
        folder: folder.to_owned(),
        clock: SharedClock::new(FixedClock(Time::default())),
        trust: Trust::only(Vec::new()),
    }
}

fn order(id: &str) -> CreateOrder {
    let flavor = "small".parse().expect("a good name");
    let (avoid, origin) = (BTreeSet::new(), Origin { incarnation: "first".to_owned(), epoch: 1 });
    CreateOrder { vm: vm(id), flavor, prefer: None, avoid, again: false, origin }
}

/// A program of the test, and the provider that runs it.
fn scripted(scratch: &Scratch, body: &str, timeout: &str) -> ExecProvider {
    let path = write(scratch, "provider.sh", body);
    let settings = json!({"name": "ours", "program": [path], "timeout": timeout});
    let settings: ExecSettings = serde_json::from_value(settings).expect("good settings");
    settings.open(&ground(scratch.path())).expect("good settings")
}

fn write(scratch: &Scratch, name: &str, body: &str) -> PathBuf {
    let path = scratch.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a folder of ours");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

fn listed(sighting: &Sighting) -> Vec<String> {
    let vms = sighting.vms.iter().map(|vm| {
        let host = vm.host.as_ref().map_or("-", |host| host.as_str());
        format!("{} {:?} {host} {:?}", vm.id, vm.power, vm.addresses.map(|a| a.app.port()))
    });
    vms.collect()
}

#[tokio::test]
async fn the_example_does_what_the_contract_says() {
    let scratch = Scratch::new();
    let vms = scratch.path().join("vms");
    std::fs::create_dir(&vms).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/providers/provider.sh");
    let settings = json!({
        "name": "ours", "program": [example], "environment": {"VMS": vms, "MOST": "2"},
    });
    let settings: ExecSettings = serde_json::from_value(settings).unwrap();
    let provider = settings.open(&ground(scratch.path())).unwrap();
    assert!(listed(&provider.observe().await.unwrap()).is_empty());
    for id in ["vm-1", "vm-1", "vm-2"] {
        provider.create(&order(id)).await.unwrap();
    }
    let full = provider.create(&order("vm-3")).await.unwrap_err();
    assert_eq!(full.to_string(), "no host has room for small: exit 69: all 2 places are taken");
    let sighting = provider.observe().await.unwrap();
    assert!(sighting.complete);
    assert_eq!(listed(&sighting), ["vm-1 Running h1 Some(8080)", "vm-2 Running h1 Some(8080)"]);
    for id in ["vm-1", "vm-1"] {
        provider.destroy(&vm(id)).await.unwrap();
    }
    assert_eq!(provider.observe().await.unwrap().vms.len(), 1);
}

#[tokio::test]
async fn what_a_program_labels_a_vm_with_is_heard() {
    let scratch = Scratch::new();
    let list = r#"{"complete": true, "vms": [{"id": "a", "flavor": "s", "power": "running",
                   "labels": {"role": "cron"}}]}"#;
    let provider = scripted(&scratch, &format!("cat <<'END'\n{list}\nEND"), "5s");
    let labels = &provider.observe().await.unwrap().vms[0].labels;
    assert_eq!(labels.get("role").map(String::as_str), Some("cron"));
}

#[tokio::test]
async fn the_end_of_a_program_says_what_became_of_it() {
    let scratch = Scratch::new();
    let cases = [
        "exit 0",
        "echo 'no more addresses' >&2; exit 69",
        "echo 'the cloud is busy' >&2; exit 75",
        "echo 'no such flavor' >&2; exit 78",
        "echo 'half done' >&2; exit 1",
        "kill -9 $$",
        "sleep 60",
        "printf '\\033[2Jtricks\\n' >&2; exit 75",
    ];
    let mut told = String::new();
    for case in cases {
        let outcome = scripted(&scratch, case, "1s").create(&order("vm-1")).await;
        told += &match outcome {
            Ok(()) => format!("{case}: done\n"),
            Err(error) => format!("{case}: {error}\n"),
        };
    }
    expect![[r#"
        exit 0: done
        echo 'no more addresses' >&2; exit 69: no host has room for small: exit 69: no more addresses
        echo 'the cloud is busy' >&2; exit 75: failed: exit 75: the cloud is busy
        echo 'no such flavor' >&2; exit 78: refused: exit 78: no such flavor
        echo 'half done' >&2; exit 1: it may or may not have happened: exit 1: half done
        kill -9 $$: it may or may not have happened: ended by a signal
        sleep 60: it may or may not have happened: killed after 1s
        printf '\033[2Jtricks\n' >&2; exit 75: failed: exit 75: [2Jtricks
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_list_that_is_not_one_proves_nothing() {
    let scratch = Scratch::new();
    let twice = r#"{"complete": true, "vms": [{"id": "a", "flavor": "s", "power": "running"}, {"id": "a", "flavor": "s", "power": "running"}]}"#;
    let cases = [
        "echo nonsense",
        "echo '{\"vms\": []}'",
        "echo '{\"complete\": true, \"vms\": [{\"id\": \"<b>\", \"flavor\": \"s\", \"power\": \"running\"}]}'",
        "echo '{\"complete\": true, \"vms\": [], \"more\": 1}'",
        "yes x | head -c 5000000",
        &format!("echo '{twice}'"),
        "exit 3",
    ];
    for case in cases {
        let seen = scripted(&scratch, case, "20s").observe().await;
        assert!(matches!(seen, Err(HandError::Failed(_))), "{case}: {seen:?}");
    }
}

fn machines(count: u16) -> StaticSettings {
    let machines = (1..=count).map(|n| {
        json!({"name": format!("m{n}"), "flavor": "small", "host": format!("h{}", n % 2),
               "agent": format!("127.0.0.1:{}", 10_000 + n), "app": format!("127.0.0.1:{}", 11_000 + n)})
    });
    let machines: Vec<Value> = machines.collect();
    serde_json::from_value(json!({"name": "rack", "machines": machines})).expect("good settings")
}

fn opened(settings: &StaticSettings, scratch: &Scratch) -> StaticProvider {
    settings.open(&ground(scratch.path()), &BTreeMap::new()).expect("good settings")
}

#[tokio::test]
async fn a_machine_is_held_by_one_vm_also_after_a_crash() {
    let scratch = Scratch::new();
    let provider = opened(&machines(2), &scratch);
    for id in ["vm-1", "vm-2", "vm-1"] {
        provider.create(&order(id)).await.unwrap();
    }
    drop(provider);
    let provider = opened(&machines(2), &scratch);
    let full = provider.create(&order("vm-3")).await.unwrap_err();
    assert!(matches!(full, HandError::NoCapacity { .. }), "{full}");
    let sighting = provider.observe().await.unwrap();
    let hosts: BTreeSet<_> = sighting.vms.iter().map(|vm| vm.host.clone()).collect();
    assert_eq!((sighting.vms.len(), hosts.len()), (2, 2), "spread over both hosts");
    provider.destroy(&vm("vm-1")).await.unwrap();
    provider.destroy(&vm("vm-1")).await.unwrap();
    provider.create(&order("vm-3")).await.unwrap();
}

#[tokio::test]
async fn a_lost_file_is_made_anew_from_the_record() {
    let scratch = Scratch::new();
    let provider = opened(&machines(3), &scratch);
    for id in ["vm-1", "vm-2"] {
        provider.create(&order(id)).await.unwrap();
    }
    let before = provider.observe().await.unwrap();
    let known: BTreeMap<_, Addresses> =
        before.vms.iter().map(|vm| (vm.id.clone(), vm.addresses.unwrap())).collect();
    std::fs::remove_file(scratch.path().join("static/rack.json")).unwrap();
    let provider = machines(3).open(&ground(scratch.path()), &known).unwrap();
    assert_eq!(listed(&provider.observe().await.unwrap()), listed(&before));
}

#[tokio::test]
async fn a_machine_is_not_given_out_before_it_is_clean() {
    let scratch = Scratch::new();
    let ready = scratch.path().join("ready");
    let clean = write(&scratch, "clean.sh", &format!("[ -e {} ] || exit 75", ready.display()));
    let mut settings = machines(1);
    settings.clean = Some(serde_json::from_value(json!({"program": [clean]})).unwrap());
    let provider = opened(&settings, &scratch);
    provider.create(&order("vm-1")).await.unwrap();
    assert!(matches!(provider.destroy(&vm("vm-1")).await, Err(HandError::Failed(_))));
    assert!(provider.create(&order("vm-2")).await.is_err());
    std::fs::write(ready, "").unwrap();
    provider.destroy(&vm("vm-1")).await.unwrap();
    provider.create(&order("vm-2")).await.unwrap();
}

#[tokio::test]
async fn a_machine_off_the_list_stays_with_its_vm() {
    let scratch = Scratch::new();
    let provider = opened(&machines(2), &scratch);
    provider.create(&order("vm-1")).await.unwrap();
    provider.create(&order("vm-2")).await.unwrap();
    drop(provider);
    let provider = opened(&machines(1), &scratch);
    assert_eq!(provider.observe().await.unwrap().vms.len(), 2);
    provider.destroy(&vm("vm-1")).await.unwrap();
    provider.destroy(&vm("vm-2")).await.unwrap();
    provider.create(&order("vm-3")).await.unwrap();
    assert!(provider.create(&order("vm-4")).await.is_err());
}

#[tokio::test]
async fn a_deployer_is_told_all_and_shows_no_secret() {
    let scratch = Scratch::new();
    let told = scratch.path().join("told");
    let body = format!("echo $1 >>{0}; cat >>{0}; echo canary-secret >&2; exit 75", told.display());
    let path = write(&scratch, "deploy.sh", &body);
    let settings = serde_json::from_value(json!({"program": [path]})).unwrap();
    let deployer = ExecDeployer::new(&settings, &ground(scratch.path())).unwrap();
    let addresses = Addresses {
        agent: "127.0.0.1:10050".parse().unwrap(),
        app: "127.0.0.1:8081".parse().unwrap(),
    };
    let machine = Machine { vm: vm("vm-1"), addresses: Some(addresses) };
    let mut web = program(3, &["web", "--port", "${PORT}"]);
    web.environment.insert("PASSWORD".to_owned(), "canary-secret".to_owned());
    let failed = deployer.deploy(&machine, &web).await.unwrap_err();
    assert_eq!(failed.to_string(), "failed: exit 75: ***");
    let said = std::fs::read_to_string(told).unwrap();
    let (word, input) = said.split_once('\n').unwrap();
    let input: Value = serde_json::from_str(input).unwrap();
    assert_eq!((word, &input["app"]), ("deploy", &json!("127.0.0.1:8081")));
    assert_eq!(input["command"], json!(["web", "--port", "8081"]));
    assert_eq!((&input["assignment"], &input["vm"]), (&json!(3), &json!("vm-1")));
    let nowhere = Machine { vm: vm("vm-1"), addresses: None };
    assert!(matches!(deployer.deploy(&nowhere, &web).await, Err(HandError::Failed(_))));
}
