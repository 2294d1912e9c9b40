//! The OpenStack provider against a made-up cloud that answers with what a real one said; the real one
//! is in `cloudbrain/tests/fleet/openstack.rs`. `tests/real/openstack/record.py` made the recordings.

mod cloud;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use drivers::channel::Trust;
use drivers::provider::Ground;
use drivers::provider::openstack::{OpenstackProvider, OpenstackSettings};
use expect_test::expect;
use model::clock::{Clock, SharedClock};
use model::id::{FlavorId, VmId};
use model::time::Time;
use scaler::hands::{CreateOrder, HandError, Origin, Power, Provider as _, Shortage};
use serde_json::json;

use crate::cloud::{Cloud, Fate, recorded};

struct RealClock(std::time::Instant);

impl Clock for RealClock {
    fn now(&self) -> Time {
        Time::default()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of what waits for real answers")]
fn clock() -> SharedClock {
    SharedClock::new(RealClock(std::time::Instant::now()))
}

fn provider(cloud: &Cloud, fleet: &str) -> OpenstackProvider {
    let address = cloud.address;
    let mut settings: OpenstackSettings = serde_json::from_value(json!({
        "name": "cloud", "auth_url": format!("http://{address}/v3"),
        "credential_id": "us", "credential_secret": "${env:SECRET}",
        "image": "image", "networks": ["network"], "flavors": {"small": "vm.small"},
        "settle": "1s", "build_timeout": "10s",
    }))
    .expect("good settings");
    assert!(settings.fill(|written| Ok(written.replace("${env:SECRET}", "canary"))).is_empty());
    let ground = Ground {
        fleet: fleet.to_owned(),
        data: PathBuf::new(),
        folder: PathBuf::new(),
        clock: clock(),
        trust: Trust::only(Vec::new()),
    };
    settings.open(&ground).expect("good settings")
}

fn vm(id: &str) -> VmId {
    VmId::parse(id).expect("a good name")
}

fn order(id: &str, again: bool) -> CreateOrder {
    let flavor = FlavorId::parse("small").expect("a good name");
    let origin = Origin { incarnation: "0f3c".to_owned(), epoch: 7 };
    CreateOrder { vm: vm(id), flavor, prefer: None, avoid: BTreeSet::new(), again, origin }
}

/// What is listed, as `id power host`.
async fn listed(provider: &OpenstackProvider) -> Vec<String> {
    let sighting = provider.observe().await.expect("it answers");
    assert!(sighting.complete);
    let vms = sighting.vms.iter().map(|vm| {
        let host = vm.host.as_ref().map_or("-", |host| host.as_str());
        format!("{} {:?} {host}", vm.id, vm.power)
    });
    vms.collect()
}

#[tokio::test]
async fn an_order_that_is_repeated_makes_no_second_server() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    provider.create(&order("vm-1", false)).await.unwrap();
    provider.create(&order("vm-1", true)).await.unwrap();
    assert_eq!(cloud.state().orders, 1);
    let sighting = provider.observe().await.unwrap();
    let seen = &sighting.vms[0];
    assert_eq!(
        (seen.id.as_str(), seen.flavor.as_str(), seen.power),
        ("vm-1", "small", Power::Running)
    );
    assert!(seen.addresses.unwrap().app.to_string().ends_with(":8080"));
    provider.destroy(&vm("vm-1")).await.unwrap();
    provider.destroy(&vm("vm-1")).await.unwrap();
    assert!(cloud.state().servers.is_empty());
}

#[tokio::test]
async fn an_order_without_an_answer_that_was_carried_out_is_found_again() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    cloud.fate(Fate::MadeInSilence);
    let unclear = provider.create(&order("vm-1", false)).await.unwrap_err();
    assert!(matches!(unclear, HandError::Unclear(_)), "{unclear}");
    provider.create(&order("vm-1", true)).await.unwrap();
    assert_eq!(cloud.counts(), (1, 1));
}

#[tokio::test]
async fn an_order_that_comes_through_before_it_has_settled_is_not_sent_again() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    cloud.fate(Fate::MadeLater);
    let unclear = provider.create(&order("vm-1", false)).await.unwrap_err();
    assert!(matches!(unclear, HandError::Unclear(_)), "{unclear}");
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await; // Less than `settle` says.
        cloud.make_what_was_put_off();
    };
    let again = order("vm-1", true);
    let (made, ()) = tokio::join!(provider.create(&again), late);
    made.unwrap();
    assert_eq!(cloud.counts(), (1, 1));
}

#[tokio::test]
async fn an_order_that_is_lost_is_sent_again_and_of_two_servers_one_is_kept() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    cloud.fate(Fate::MadeLater);
    provider.create(&order("vm-1", false)).await.unwrap_err();
    provider.create(&order("vm-1", true)).await.unwrap();
    assert_eq!(cloud.counts(), (2, 1));

    // The first order is carried out after all, long after everybody had given it up.
    cloud.make_what_was_put_off();
    assert_eq!(cloud.state().servers.len(), 2);
    assert_eq!(listed(&provider).await.len(), 1);
    let left: Vec<_> = cloud.state().servers.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(left, ["server-1"], "the one that ran first is kept");
}

#[tokio::test]
async fn each_refusal_is_told_apart() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    let html = "<html>\u{1b}[31mService Unavailable</html>";
    let fates = [
        Fate::Says("order-quota"),
        Fate::Says("hypervisors-forbidden"),
        Fate::Says("order-no-such-image"),
        Fate::Says("order-no-such-network"),
        Fate::Says("action-in-wrong-state"),
        Fate::Says("version-too-new"),
        Fate::Writes(503, "", html),
        Fate::Writes(
            500,
            "",
            "{\"computeFault\": {\"code\": 500, \"message\": \"canary of the cloud\"}}",
        ),
        Fate::Made("server-no-valid-host"),
        Fate::Made("server-failed"),
    ];
    let mut told = String::new();
    for (number, fate) in fates.into_iter().enumerate() {
        told += &format!("{fate:?}: ");
        cloud.fate(fate);
        let refused = provider.create(&order(&format!("vm-{number}"), false)).await.unwrap_err();
        told += &match &refused {
            HandError::NoCapacity { shortage: Shortage::Quota, .. } => {
                format!("quota: {refused}\n")
            }
            HandError::NoCapacity { shortage: Shortage::Room, .. } => format!("room: {refused}\n"),
            HandError::Refused(_) | HandError::Failed(_) | HandError::Unclear(_) => {
                format!("{refused}\n")
            }
            HandError::TimedOut(_) => panic!("{refused}"),
        };
    }
    assert!(cloud.state().servers.is_empty(), "what failed holds no quota");
    expect![[r#"
        Says("order-quota"): quota: the quota is used up for small: 403 Quota exceeded for cores, instances, ram: Requested 500, 500, 1024000, but already used 7, 7, 14336 of 200, 60, 400000 cores, instances, ram
        Says("hypervisors-forbidden"): refused: 403 Policy doesn't allow os_compute_api:os-hypervisors:list-detail to be performed.
        Says("order-no-such-image"): refused: 400 Can not find requested image
        Says("order-no-such-network"): refused: 400 Network 00000000-0000-0000-0000-000000000000 could not be found.
        Says("action-in-wrong-state"): failed: 409 Cannot 'start' instance 8c0dfe3b-d3c9-457a-b3a7-cb48c36eb4aa while it is in vm_state active
        Says("version-too-new"): refused: 406 Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.93.
        Writes(503, "", "<html>\u{1b}[31mService Unavailable</html>"): it may or may not have happened: 503 <html>[31mService Unavailable</html>
        Writes(500, "", "{\"computeFault\": {\"code\": 500, \"message\": \"canary of the cloud\"}}"): it may or may not have happened: 500 canary of the cloud
        Made("server-no-valid-host"): room: no host has room for small: No valid host was found.
        Made("server-failed"): failed: Exceeded maximum number of retries. Exceeded max scheduling attempts 3 for instance 3c01e4d2-54bd-4a40-8d6e-a9f4b44fbd20. Last exception: Failed to deploy instance: told to fail on hyp-2
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_list_has_all_pages_or_is_none() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    for number in 1..=5 {
        provider.create(&order(&format!("vm-{number}"), false)).await.unwrap();
    }
    assert_eq!(listed(&provider).await.len(), 5);
    cloud.state().pages_fail_at = Some(1);
    assert!(provider.observe().await.is_err());
    let error = provider.destroy(&vm("vm-9")).await;
    assert!(error.is_err(), "what is not on half a list is not gone");
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_and_no_more() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    provider.create(&order("vm-1", false)).await.unwrap();
    let logins = cloud.state().logins;
    cloud.state().dead_tokens = logins;
    provider.create(&order("vm-2", false)).await.unwrap();
    assert_eq!(cloud.state().logins, logins + 1);
    cloud.state().dead_tokens = usize::MAX;
    let refused = provider.observe().await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    assert_eq!(cloud.state().logins, logins + 2, "no loop");
}

#[tokio::test]
async fn too_many_requests_are_waited_out() {
    let cloud = Cloud::start().await;
    let provider = provider(&cloud, "shop");
    cloud.fate(Fate::Writes(429, "Retry-After: 1\r\n", ""));
    provider.create(&order("vm-1", false)).await.unwrap();
    assert_eq!(cloud.counts(), (2, 1));
    cloud.fate(Fate::Writes(429, "Retry-After: 86400\r\n", ""));
    let later = provider.create(&order("vm-2", false)).await.unwrap_err();
    assert!(later.to_string().contains("wants to be asked"), "{later}");
}

#[tokio::test]
async fn another_brain_of_the_same_name_keeps_its_servers() {
    let cloud = Cloud::start().await;
    let (ours, theirs) = (provider(&cloud, "shop"), provider(&cloud, "shop"));
    ours.create(&order("vm-1", false)).await.unwrap();
    let origin = Origin { incarnation: "77aa".to_owned(), epoch: 7 };
    let refused = theirs.create(&CreateOrder { origin, ..order("vm-1", false) }).await.unwrap_err();
    assert!(matches!(refused, HandError::Refused(_)), "{refused}");
    assert_eq!(cloud.state().servers.len(), 1);
    let seen = theirs.observe().await.unwrap().vms.remove(0);
    assert_eq!(seen.origin, Some(Origin { incarnation: "0f3c".to_owned(), epoch: 7 }));
    let mark = recorded("server-active").1["server"]["hostId"].as_str().unwrap()[..12].to_owned();
    assert_eq!(listed(&ours).await, [format!("vm-1 Running host-{mark}")]);
}

#[tokio::test]
async fn quota_and_room_are_told_where_they_may_be_known() {
    let cloud = Cloud::start().await;
    cloud.state().knows_hosts = true;
    let sighting = provider(&cloud, "shop").observe().await.unwrap();
    let hosts = sighting.hosts.iter().map(|host| {
        format!("{} {:?} {}", host.id, host.room, if host.is_down { "down" } else { "up" })
    });
    let quotas = sighting.quotas.iter().map(|quota| {
        format!("{} {} of {:?}, takes {:?}", quota.name, quota.used, quota.limit, quota.takes)
    });
    let told: Vec<String> = hosts.chain(quotas).collect();
    expect![[r#"
        hyp-1 {flavor/small: 14} up
        hyp-3 {flavor/small: 14} up
        hyp-2 {flavor/small: 13} up
        instances 6 of Some(60), takes {flavor/small: 1}
        cores 6 of Some(200), takes {flavor/small: 1}
        ram 12288 of Some(400000), takes {flavor/small: 2048}
    "#]]
    .assert_eq(&(told.join("\n") + "\n"));
    cloud.state().knows_hosts = false;
    let sighting = provider(&cloud, "shop").observe().await.unwrap();
    assert_eq!((sighting.hosts.len(), sighting.quotas.len()), (0, 3));
}
