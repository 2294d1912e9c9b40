//! VMs that are processes, with real processes: the example program stands in for `cloudbrain`.

use std::collections::BTreeSet;
use std::process::Command;

use drivers::provider::process::ProcessProvider;
use scaler::hands::{Deployer, HandError, Power, Provider};

use crate::common::eventually;
use crate::fleet::{TestFleet, host, is_alive, kill, machine, order, program, stat_of};

#[tokio::test]
async fn the_same_id_twice_is_one_process() {
    let fleet = TestFleet::start().await;
    let (one, two) = (order("web-1"), order("web-1"));
    let both = tokio::join!(fleet.provider.create(&one), fleet.provider.create(&two));
    both.0.unwrap();
    both.1.unwrap();
    let pid = fleet.pid("web-1", "run.json");
    fleet.create("web-1").await.unwrap();
    assert_eq!(fleet.pid("web-1", "run.json"), pid);

    let seen = fleet.observe().await;
    assert!(seen.complete);
    assert_eq!(seen.vms.len(), 1);
    assert_eq!(seen.vms[0].power, Power::Running);
    let agent = seen.vms[0].addresses.unwrap().agent;
    tokio::net::TcpStream::connect(agent).await.expect("its agent answers");
    let room = seen.hosts.iter().map(|host| host.room.values().sum::<u32>()).collect::<Vec<_>>();
    assert_eq!(room, [1, 2]);
}

#[tokio::test]
async fn a_killed_vm_is_stopped_and_never_runs_again() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    kill(fleet.pid("web-1", "run.json"));
    let pid = fleet.pid("web-1", "run.json");
    eventually("it is gone, and reaped", || stat_of(pid).is_none()).await;
    assert_eq!(fleet.power("web-1").await, Some(Power::Stopped));
    assert!(matches!(fleet.create("web-1").await, Err(HandError::Refused(_))));
    fleet.destroy("web-1").await.unwrap();
    assert_eq!(fleet.power("web-1").await, None);
}

#[tokio::test]
async fn each_vm_and_host_has_a_session_of_its_own() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let pid = fleet.pid("web-1", "run.json");
    // After the state: parent, process group, session.
    let stat = stat_of(pid).unwrap();
    let numbers: Vec<_> = stat.split(' ').skip(2).take(2).collect();
    assert_eq!(numbers, [pid.to_string(), pid.to_string()]);
}

#[tokio::test]
async fn to_destroy_what_is_not_there_is_a_success() {
    let fleet = TestFleet::start().await;
    fleet.destroy("web-1").await.unwrap();
    fleet.destroy(&"/".repeat(255)).await.unwrap();
}

#[tokio::test]
async fn a_destroyed_vm_takes_its_program_along_even_if_it_left_the_group() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let script = "setsid sh -c 'echo $$; exec sleep 600' & exec sleep 600";
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sh", "-c", script])).await.unwrap();
    let log = fleet.vm_file("web-1", "app.log");
    let runaway = || std::fs::read_to_string(&log).unwrap_or_default().trim().parse::<u32>();
    eventually("the runaway tells its pid", || runaway().is_ok()).await;
    let pids = [fleet.pid("web-1", "run.json"), fleet.pid("web-1", "app.json"), runaway().unwrap()];
    assert_eq!(pids.map(is_alive), [true; 3]);
    fleet.destroy("web-1").await.unwrap();
    assert_eq!(pids.map(is_alive), [false; 3]);
    assert_eq!(fleet.power("web-1").await, None);
}

#[tokio::test]
async fn a_dead_vm_that_is_destroyed_takes_its_program_along() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    let (leader, app) = (fleet.pid("web-1", "run.json"), fleet.pid("web-1", "app.json"));
    kill(leader);
    eventually("the VM is gone", || !is_alive(leader)).await;
    assert!(is_alive(app));
    fleet.destroy("web-1").await.unwrap();
    assert!(!is_alive(app));
}

#[tokio::test]
async fn a_new_brain_finds_what_the_old_one_left() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    fleet.create("web-2").await.unwrap();
    let before = fleet.observe().await;
    let next = ProcessProvider::new(fleet.config.clone()).unwrap();
    next.start_hosts().await.unwrap();
    assert_eq!(next.observe().await.unwrap(), before);
    next.create(&order("web-1")).await.unwrap();
    assert_eq!(next.observe().await.unwrap(), before);
}

#[tokio::test]
async fn a_vm_that_was_ordered_but_never_started_is_started() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let spec = std::fs::read(fleet.vm_file("web-1", "spec.json")).unwrap();
    fleet.destroy("web-1").await.unwrap();
    // As a brain leaves it that dies between writing and starting.
    std::fs::create_dir(fleet.vm_file("web-1", "")).unwrap();
    std::fs::write(fleet.vm_file("web-1", "spec.json"), spec).unwrap();
    assert_eq!(fleet.power("web-1").await, Some(Power::Building));
    fleet.create("web-1").await.unwrap();
    assert_eq!(fleet.power("web-1").await, Some(Power::Running));
}

#[tokio::test]
async fn a_host_takes_its_vms_along_and_stays_dead_until_it_is_revived() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap(); // On h1.
    fleet.create("web-2").await.unwrap(); // On h2.
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    let app = fleet.pid("web-1", "app.json");
    fleet.provider.kill_host(&host("h1")).await.unwrap();
    assert!(!is_alive(app));
    assert_eq!(fleet.power("web-1").await, Some(Power::Stopped));
    assert_eq!(fleet.power("web-2").await, Some(Power::Running));

    let next = ProcessProvider::new(fleet.config.clone()).unwrap();
    next.start_hosts().await.unwrap();
    let room = async || {
        let hosts = next.observe().await.unwrap().hosts;
        hosts.iter().map(|host| host.room.values().sum::<u32>()).collect::<Vec<_>>()
    };
    assert_eq!(room().await, [0, 1]);
    assert!(next.observe().await.unwrap().hosts[0].agent.is_some(), "it is still watched");

    next.revive(&host("h1")).await.unwrap();
    assert_eq!(room().await, [1, 1]);
    assert_eq!(fleet.power("web-1").await, Some(Power::Stopped));
    assert!(next.revive(&host("h9")).await.is_err());
}

#[tokio::test]
async fn vms_are_spread_and_hosts_to_avoid_are_avoided() {
    let fleet = TestFleet::start().await;
    let on = async |id: &str| fleet.seen(id).await.unwrap().host.unwrap().to_string();
    let mut first = order("web-1");
    first.prefer = Some(host("h2"));
    fleet.provider.create(&first).await.unwrap();
    assert_eq!(on("web-1").await, "h2");
    fleet.create("web-2").await.unwrap();
    assert_eq!(on("web-2").await, "h1");
    let mut third = order("web-3");
    third.avoid = BTreeSet::from([host("h1")]);
    fleet.provider.create(&third).await.unwrap();
    assert_eq!(on("web-3").await, "h2");

    let mut fourth = order("web-4");
    fourth.avoid = BTreeSet::from([host("h1")]);
    let full = fleet.provider.create(&fourth).await;
    assert!(matches!(full, Err(HandError::NoCapacity { .. })), "{full:?}");
    assert_eq!(fleet.power("web-4").await, None, "what was not placed leaves nothing behind");
}

#[tokio::test]
async fn a_pid_that_was_used_again_is_not_ours() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let mut run = fleet.json("web-1", "run.json");
    kill(fleet.pid("web-1", "run.json"));
    // The number of this very test, at another time.
    run["pid"] = std::process::id().into();
    run["started_ticks"] = 1.into();
    std::fs::write(fleet.vm_file("web-1", "run.json"), run.to_string()).unwrap();
    assert_eq!(fleet.power("web-1").await, Some(Power::Stopped));
    fleet.destroy("web-1").await.unwrap(); // This test goes on.
    assert_eq!(fleet.power("web-1").await, None);
}

#[tokio::test]
async fn a_torn_file_spoils_one_vm_and_not_the_list() {
    let fleet = TestFleet::start().await;
    for id in ["web-1", "web-2", "web-3"] {
        fleet.create(id).await.unwrap();
    }
    let leader = fleet.pid("web-2", "run.json");
    std::fs::write(fleet.vm_file("web-1", "spec.json"), "{\"id\":").unwrap();
    std::fs::write(fleet.vm_file("web-2", "run.json"), "{\"pid\":").unwrap();
    let seen = fleet.observe().await.vms;
    let told = seen.iter().map(|vm| (vm.id.as_str(), vm.flavor.as_str(), vm.power));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("web-1", "unknown", Power::Running),
            ("web-2", "small", Power::Stopped),
            ("web-3", "small", Power::Running),
        ]
    );
    fleet.destroy("web-1").await.unwrap();
    fleet.destroy("web-2").await.unwrap();
    assert!(!is_alive(leader), "found without its run.json");
}

#[tokio::test]
async fn no_id_leaves_its_folder() {
    let fleet = TestFleet::start().await;
    for id in ["../../escaped", "a/../..:b@c"] {
        fleet.create(id).await.unwrap();
        assert_eq!(fleet.power(id).await, Some(Power::Running));
        fleet.destroy(id).await.unwrap();
        assert_eq!(fleet.power(id).await, None);
    }
    let beside: Vec<_> = std::fs::read_dir(fleet.scratch.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[tokio::test]
async fn without_its_tether_a_fleet_ends_itself() {
    let mut tether = Command::new("sleep").arg("600").spawn().unwrap();
    let fleet = TestFleet::tethered(tether.id());
    fleet.provider.start_hosts().await.unwrap();
    fleet.create("web-1").await.unwrap();
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    let pids = [fleet.pid("web-1", "run.json"), fleet.pid("web-1", "app.json")];
    assert_eq!(pids.map(is_alive), [true; 2]);
    tether.kill().unwrap();
    tether.wait().unwrap();
    eventually("all have ended", || pids.map(is_alive) == [false; 2]).await;
    assert_eq!(fleet.observe().await.hosts[0].room.values().sum::<u32>(), 0);
}

#[tokio::test]
async fn a_vm_that_is_asked_to_stop_stops_its_program_first() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let script = "trap 'echo bye; exit' TERM; sleep 600 & wait";
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sh", "-c", script])).await.unwrap();
    let leader = fleet.pid("web-1", "run.json");
    let asked = Command::new("kill").arg(leader.to_string()).status().unwrap();
    assert!(asked.success());
    eventually("the VM is gone", || !is_alive(leader)).await;
    assert_eq!(std::fs::read_to_string(fleet.vm_file("web-1", "app.log")).unwrap(), "bye\n");
}

#[tokio::test]
async fn a_vm_that_cannot_boot_says_why() {
    let fleet = TestFleet::start().await;
    let mut config = fleet.config.clone();
    config.exe = "/bin/ls".into();
    let broken = ProcessProvider::new(config).unwrap();
    let error = broken.create(&order("web-1")).await.unwrap_err().to_string();
    assert!(error.contains("/bin/ls --help"), "{error}");
    fleet.create("web-1").await.unwrap();
}

#[tokio::test]
async fn at_the_end_nothing_is_left() {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.unwrap();
    let pid = fleet.pid("web-1", "run.json");
    fleet.provider.destroy_all().await.unwrap();
    assert!(!is_alive(pid));
    let seen = fleet.observe().await;
    assert!(seen.vms.is_empty());
    assert!(seen.hosts.iter().all(|host| host.agent.is_none()));
}
