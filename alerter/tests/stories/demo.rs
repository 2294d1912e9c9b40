//! The story of the demo, word for word: a host dies, the scaler replaces, two people are told.

use expect_test::{Expect, expect};
use model::topology::{Host, Topology};

use crate::script::{Play, Show, add, chinese, own};

/// Five VMs of shop's web, two of them on `h2`, and two more on `h2` that wait in the pool.
fn demo() -> Play {
    let mut topology = Topology::default();
    for host in ["h1", "h2", "h3"] {
        topology.hosts.insert(host.parse().unwrap(), Host::default());
    }
    own(&mut topology, "shop", "web", "alice");
    add(&mut topology, "web-{1..2}", "h1", Some("shop/web"));
    add(&mut topology, "web-{3..4}", "h2", Some("shop/web"));
    add(&mut topology, "web-5", "h3", Some("shop/web"));
    add(&mut topology, "pool-{1..2}", "h2", None);
    add(&mut topology, "pool-{3..4}", "h3", None);
    let mut play = Play::on(topology);
    play.show = Show::WholeText;
    play
}

const HOST_DIES: &str = "
    10s    bad host.ping host/h2
    10.5s  bad vm.ping vm/web-{3..4}
    11s    bad vm.ping vm/pool-{1..2}
    12s    bad app.monitor vm/web-{3..4}
";

fn check(play: Play, story: &str, expected: &Expect) {
    expected.assert_eq(&play.play(story));
}

#[test]
fn a_host_dies_and_its_vms_are_replaced() {
    let story = "
        11s   repair web-3 failed 10s
        11s   repair web-4 failed 10s
        13s   repair web-3 failed 10s by pool-3
        14s   repair web-4 failed 10s by pool-4
        45s   gone web-{3..4}
        300s
    ";
    check(
        demo(),
        &(HOST_DIES.to_owned() + story),
        &expect![[r#"
            10s opened i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2
            40s alice problem i1: 2 of your 5 VMs of web are down because host h2 is down; replaced in 4 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  Replaced: web-3 → pool-3, web-4 → pool-4
                  Since 2026-03-02T10:00:10Z, for 30 s
                  There is nothing for you to do.
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            40s ops problem i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2; replaced in 4 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  pool: pool-1, pool-2
                  Replaced: web-3 → pool-3, web-4 → pool-4
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Businesses: shop
                  Hosts: h2 (4 VMs on it now)
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            106s alice resolved i1: web is whole again after 4 s: host h2 had taken 2 of 5 VMs; replaced in 4 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  Replaced: web-3 → pool-3, web-4 → pool-4
        "#]],
    );
}

#[test]
fn the_same_in_chinese() {
    let mut play = demo();
    chinese(&mut play.settings, "alice");
    let story = "
        13s   repair web-3 failed 10s by pool-3
        14s   repair web-4 failed 10s by pool-4
        45s   gone web-{3..4}
        300s
    ";
    check(
        play,
        &(HOST_DIES.to_owned() + story),
        &expect![[r#"
            10s opened i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2
            40s alice problem i1: web 的 5 台虚拟机中有 2 台不可用，原因：宿主机 h2 宕机；4 秒内已替换
                  shop/web：5 台中 2 台（web-3、web-4）
                  已替换：web-3 → pool-3、web-4 → pool-4
                  始于 2026-03-02T10:00:10Z，已持续 30 秒
                  您无需处理。
                  probe 报告 h2 的 host.ping 自 2026-03-02T10:00:10Z 起异常
            40s ops problem i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2; replaced in 4 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  pool: pool-1, pool-2
                  Replaced: web-3 → pool-3, web-4 → pool-4
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Businesses: shop
                  Hosts: h2 (4 VMs on it now)
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            106s alice resolved i1: web 已恢复，历时 4 秒：宿主机 h2 曾影响 5 台虚拟机中的 2 台；4 秒内已替换
                  shop/web：5 台中 2 台（web-3、web-4）
                  已替换：web-3 → pool-3、web-4 → pool-4
        "#]],
    );
}

#[test]
fn vms_that_were_replaced_and_are_gone_before_the_message_are_told_of() {
    let story = "
        13s   drain web-{3..4}
        14s   repair web-3 failed 10s by pool-3
        15s   repair web-4 failed 10s by pool-4
        20s   gone web-{3..4}
        300s
    ";
    check(
        demo(),
        &(HOST_DIES.to_owned() + story),
        &expect![[r#"
            10s opened i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2
            40s alice problem i1: 2 of your 5 VMs of web are down because host h2 is down; replaced in 5 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  Replaced: web-3 → pool-3, web-4 → pool-4
                  Since 2026-03-02T10:00:10Z, for 30 s
                  There is nothing for you to do.
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            40s ops problem i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2; replaced in 5 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  pool: pool-1, pool-2
                  Replaced: web-3 → pool-3, web-4 → pool-4
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Businesses: shop
                  Hosts: h2 (2 VMs on it now)
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            81s alice resolved i1: web is whole again after 5 s: host h2 had taken 2 of 5 VMs; replaced in 5 s
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  Replaced: web-3 → pool-3, web-4 → pool-4
        "#]],
    );
}

#[test]
fn the_host_comes_back() {
    let story = "
        45s   gone web-{3..4}
        500s  ok host.ping host/h2
        510s  ok vm.ping vm/pool-{1..2}
        700s
    ";
    check(
        demo(),
        &(HOST_DIES.to_owned() + story),
        &expect![[r#"
            10s opened i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2
            40s alice problem i1: 2 of your 5 VMs of web are down because host h2 is down
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Operations are told as well.
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            40s ops problem i1: host h2 is down; it took 4 VMs: shop/web 2, pool 2
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  pool: pool-1, pool-2
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Businesses: shop
                  Hosts: h2 (4 VMs on it now)
                  host.ping of h2 is bad since 2026-03-02T10:00:10Z, says probe
            106s alice resolved i1: Nothing of web fails any more, after 36 s: host h2 had taken 2 of 5 VMs
                  shop/web: 2 of 5 VMs (web-3, web-4)
            571s ops resolved i1: host h2 is well again after 8 min 21 s; it had taken 4 VMs: shop/web 2, pool 2
                  shop/web: 2 of 5 VMs (web-3, web-4)
                  pool: pool-1, pool-2
            571s closed i1
        "#]],
    );
}

#[test]
fn a_lone_vm_that_is_replaced_at_once_is_told_of_all_the_same() {
    let story = "
        10s   bad vm.ping vm/web-1
        14s   repair web-1 failed 10s by pool-3
        16s   gone web-1
        300s
    ";
    check(
        demo(),
        story,
        &expect![[r#"
            14s opened i1: VM web-1 of shop/web on host h1 is down; replaced in 4 s
            70s alice problem i1: 1 of your 5 VMs of web is down: web-1; replaced in 4 s
                  shop/web: 1 of 5 VMs (web-1)
                  Replaced: web-1 → pool-3
                  Since 2026-03-02T10:00:10Z, for 1 min
                  There is nothing for you to do.
            70s ops problem i1: VM web-1 of shop/web is down; replaced in 4 s
                  shop/web: 1 of 5 VMs (web-1)
                  Replaced: web-1 → pool-3
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Businesses: shop
            76s alice resolved i1: web is whole again after 6 s: 1 of 5 VMs had failed, web-1; replaced in 4 s
                  shop/web: 1 of 5 VMs (web-1)
                  Replaced: web-1 → pool-3
            76s ops resolved i1: VM web-1 is gone, after 6 s; replaced in 4 s
                  shop/web: 1 of 5 VMs (web-1)
                  Replaced: web-1 → pool-3
            76s closed i1
        "#]],
    );
}

#[test]
fn times_are_told_in_the_zone_of_the_fleet() {
    let mut play = demo();
    play.settings.zone = "Asia/Shanghai".parse().unwrap();
    let log = play.play(&format!("{HOST_DIES}60s"));
    let lines = log.lines().map(str::trim).filter(|line| line.contains("2026-"));
    expect![[r#"
        Since 2026-03-02 18:00:10 +08:00, for 30 s
        host.ping of h2 is bad since 2026-03-02 18:00:10 +08:00, says probe
        Since 2026-03-02 18:00:10 +08:00, for 30 s
        host.ping of h2 is bad since 2026-03-02 18:00:10 +08:00, says probe"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_was_lost_from_the_pool_is_no_stranger_when_it_is_gone_for_long() {
    let mut play = demo();
    play.show = Show::FirstLine;
    let story = "
        12s   gone pool-1
        12s   gone pool-2
        400s  bad vm.ping vm/web-{1..2}
        1000s page
    ";
    let log = play.play(&format!("{HOST_DIES}{story}"));
    assert!(log.contains("shop/web 2, pool 2"), "{log}");
    assert!(!log.contains("in no inventory"), "{log}");
}
