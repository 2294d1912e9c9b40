//! What a text claims is true: of each VM it counts, of each cause it names, of the end it tells.

use expect_test::{Expect, expect};
use model::lang::Lang;

use crate::script::{Play, Show, add};

/// Plays a story on the usual fleet in both languages and shows what one person reads, whole.
#[track_caller]
fn check(to: &str, story: &str, expected: &Expect) {
    check_on(Play::on_the_usual_fleet, to, story, expected);
}

#[track_caller]
fn check_on(fleet: fn() -> Play, to: &str, story: &str, expected: &Expect) {
    let mut shown = String::new();
    for lang in [Lang::En, Lang::Zh] {
        let mut play = fleet();
        play.show = Show::WholeText;
        play.settings.people =
            ["alice", "bob", "carol", "ops"].map(|name| (name.parse().unwrap(), lang)).into();
        let mut is_theirs = false;
        for line in play.play(story).lines() {
            if !line.starts_with(' ') {
                is_theirs = line.contains(&format!(" {to} "));
            }
            if is_theirs {
                shown += &format!("{line}\n");
            }
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_vm_that_answers_is_not_called_down_because_another_is() {
    check(
        "alice",
        "
        10s+8s  bad vm.ping vm/web-{21..38}
        18s     bad app.http vm/web-39
        90s
        ",
        &expect![[r#"
            70s alice problem i1: 19 of your 40 VMs of web fail (18 of them are down) because host h2 is suspected to be down
                  shop/web: 19 of 40 VMs (web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 9 more)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Operations are told as well.
                  suspected: 18 of 20 VMs of h2 failed within 2 min
            70s alice problem i1: web 的 40 台虚拟机中有 19 台异常（其中 18 台不可用），原因：宿主机 h2 疑似宕机
                  shop/web：40 台中 19 台（web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29、web-30 等，另有 9 个）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  运维也已收到通知。
                  疑似：h2 的 20 台虚拟机中有 18 台在 2 分钟内异常
        "#]],
    );
}

#[test]
fn of_vms_that_fail_each_on_its_own_the_dead_ones_are_counted() {
    let story = "
        10s  bad vm.ping vm/web-01
        11s  bad app.http vm/web-25
        12s  bad vm.load vm/web-26
        80s
        ";
    check(
        "alice",
        story,
        &expect![[r#"
        70s alice problem i1: 3 of your 40 VMs of web fail (1 of them is down): web-01, web-25, web-26
              shop/web: 3 of 40 VMs (web-01, web-25, web-26)
              Since 2026-03-02T10:00:10Z, for 1 min
              Operations are told as well.
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
              app.http of web-25 is bad since 2026-03-02T10:00:11Z, says probe
              vm.load of web-26 is bad since 2026-03-02T10:00:12Z, says probe
        70s alice problem i1: web 的 40 台虚拟机中有 3 台异常（其中 1 台不可用）：web-01、web-25、web-26
              shop/web：40 台中 3 台（web-01、web-25、web-26）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟
              运维也已收到通知。
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
              probe 报告 web-25 的 app.http 自 2026-03-02T10:00:11Z 起异常
              probe 报告 web-26 的 vm.load 自 2026-03-02T10:00:12Z 起异常
    "#]],
    );
    let then = format!("{story}\n 100s ok vm.load vm/web-26\n 110s page");
    let page = Play::on_the_usual_fleet().play(&then);
    assert!(
        page.contains("page i1: 3 VMs fail (1 of them is down), each on its own: shop/web 3"),
        "{page}"
    );
    check(
        "ops",
        story,
        &expect![[r#"
        70s ops problem i1: 3 VMs fail (1 of them is down), each on its own: shop/web 3
              shop/web: 3 of 40 VMs (web-01, web-25, web-26)
              Since 2026-03-02T10:00:10Z, for 1 min
              Businesses: shop
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
              app.http of web-25 is bad since 2026-03-02T10:00:11Z, says probe
              vm.load of web-26 is bad since 2026-03-02T10:00:12Z, says probe
        70s ops problem i1: 3 台虚拟机异常（其中 1 台宕机），互不相关：shop/web 3
              shop/web：40 台中 3 台（web-01、web-25、web-26）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟
              业务：shop
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
              probe 报告 web-25 的 app.http 自 2026-03-02T10:00:11Z 起异常
              probe 报告 web-26 的 vm.load 自 2026-03-02T10:00:12Z 起异常
    "#]],
    );
}

#[test]
fn an_owner_with_nothing_on_a_dead_host_reads_which_data_source_links_him_to_it() {
    let story = "
        10s     bad host.ping host/h4
        11s     bad ds.up datasource/orders-db
        12s+8s  bad app.http vm/web-{01..40}
        50s     ok host.ping host/h4
        50s     ok ds.up datasource/orders-db
        50s+4s  ok app.http vm/web-{01..40}
        50s     ok vm.ping vm/db-1
        200s
        ";
    check(
        "alice",
        story,
        &expect![[r#"
            40s alice problem i1: all 40 VMs of web fail because host h4, which carries data source orders-db, is down
                  shop/web: 40 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 30 more)
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Operations are told as well.
                  host.ping of h4 is bad since 2026-03-02T10:00:10Z, says probe
            114s alice resolved i1: web is whole again after 44 s: host h4, which carries data source orders-db, had taken 40 of 40 VMs
                  shop/web: 40 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 30 more)
            40s alice problem i1: web 的 40 台虚拟机全部异常，原因：宿主机 h4（承载数据源 orders-db）宕机
                  shop/web：40 台中 40 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 30 个）
                  始于 2026-03-02T10:00:10Z，已持续 30 秒
                  运维也已收到通知。
                  probe 报告 h4 的 host.ping 自 2026-03-02T10:00:10Z 起异常
            114s alice resolved i1: web 已恢复，历时 44 秒：宿主机 h4（承载数据源 orders-db）曾影响 40 台虚拟机中的 40 台
                  shop/web：40 台中 40 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 30 个）
        "#]],
    );
    check(
        "ops",
        story,
        &expect![[r#"
        40s ops problem i1: host h4 is down, and data source orders-db with it; it took 41 VMs: shop/web 40, pool 1
              shop/web: 40 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 30 more)
              pool: db-1
              Since 2026-03-02T10:00:10Z, for 30 s
              Businesses: shop
              Hosts: h4 (1 VM on it now)
              host.ping of h4 is bad since 2026-03-02T10:00:10Z, says probe
        114s ops resolved i1: host h4 is well again after 44 s; it had taken 41 VMs: shop/web 40, pool 1
              shop/web: 40 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 30 more)
              pool: db-1
        40s ops problem i1: 宿主机 h4 宕机，数据源 orders-db 随之不可用；影响 41 台虚拟机：shop/web 40、资源池 1
              shop/web：40 台中 40 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 30 个）
              资源池：db-1
              始于 2026-03-02T10:00:10Z，已持续 30 秒
              业务：shop
              宿主机：h4（现有 1 台虚拟机）
              probe 报告 h4 的 host.ping 自 2026-03-02T10:00:10Z 起异常
        114s ops resolved i1: 宿主机 h4 已恢复，历时 44 秒；曾影响 41 台虚拟机：shop/web 40、资源池 1
              shop/web：40 台中 40 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 30 个）
              资源池：db-1
    "#]],
    );
}

#[test]
fn an_owner_whose_vm_carries_the_data_source_of_his_others_reads_both() {
    let fleet = || {
        let mut play = Play::on_the_usual_fleet();
        add(&mut play.topology, "db-1", "h4", Some("shop/web"));
        play
    };
    let story = "
        10s     bad vm.ping vm/db-1
        11s     bad ds.up datasource/orders-db
        12s+8s  bad app.http vm/web-{01..40}
        80s
        ";
    check_on(
        fleet,
        "alice",
        story,
        &expect![[r#"
            70s alice problem i1: all 41 VMs of web fail (1 of them is down) because VM db-1, which carries data source orders-db, is down
                  shop/web: 41 of 41 VMs (db-1, web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09 and 31 more)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Operations are told as well.
                  vm.ping of db-1 is bad since 2026-03-02T10:00:10Z, says probe
            70s alice problem i1: web 的 41 台虚拟机全部异常（其中 1 台不可用），原因：虚拟机 db-1（承载数据源 orders-db）宕机
                  shop/web：41 台中 41 台（db-1、web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09 等，另有 31 个）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  运维也已收到通知。
                  probe 报告 db-1 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
        "#]],
    );
}

#[test]
fn an_owner_on_the_dead_host_reads_nothing_of_a_data_source_that_others_lost() {
    let story = "
        10s  bad switch.ping switch/sw1
        11s  bad ds.up datasource/orders-db
        50s
        ";
    check(
        "bob",
        story,
        &expect![[r#"
        40s bob problem i1: all 50 VMs of api are down because switch sw1 is down
              bank/api: 50 of 50 VMs (api-01, api-02, api-03, api-04, api-05, api-06, api-07, api-08, api-09, api-10 and 40 more)
              Since 2026-03-02T10:00:10Z, for 30 s
              Operations are told as well.
              switch.ping of sw1 is bad since 2026-03-02T10:00:10Z, says probe
        40s bob problem i1: api 的 50 台虚拟机全部不可用，原因：交换机 sw1 宕机
              bank/api：50 台中 50 台（api-01、api-02、api-03、api-04、api-05、api-06、api-07、api-08、api-09、api-10 等，另有 40 个）
              始于 2026-03-02T10:00:10Z，已持续 30 秒
              运维也已收到通知。
              probe 报告 sw1 的 switch.ping 自 2026-03-02T10:00:10Z 起异常
    "#]],
    );
}

#[test]
fn of_a_fault_of_the_software_all_is_said_that_is_known_of_what_it_stands_on() {
    check(
        "carol",
        "
        10s+10s  bad app.http vm/srv-{01..07}
        25s      bad vm.ping vm/srv-10
        30s      bad host.load host/h1 warning
        31s      maintenance vm/srv-10 900s
        80s
        ",
        &expect![[r#"
            70s carol problem i2: srv does not work on 7 of its 10 VMs (app.http)
                  game/srv: 7 of 10 VMs (srv-01, srv-02, srv-03, srv-04, srv-05, srv-06, srv-07)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Look at the software, and at what is known beside it: host h1 works badly, VM srv-10 is down. It is told to its owners alone.
                  suspected: 7 of 10 VMs of game/srv failed within 2 min
            70s carol problem i2: srv 工作异常（10 台虚拟机中的 7 台）（app.http）
                  game/srv：10 台中 7 台（srv-01、srv-02、srv-03、srv-04、srv-05、srv-06、srv-07）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  请检查软件，并留意其他已知异常：宿主机 h1 工作异常、虚拟机 srv-10 宕机。仅通知其负责人。
                  疑似：game/srv 的 10 台虚拟机中有 7 台在 2 分钟内异常
        "#]],
    );
    check(
        "carol",
        "
        10s+10s  bad app.http vm/srv-{01..07}
        11s      bad host.load host/h2
        80s
        ",
        &expect![[r#"
            70s carol problem i2: srv does not work on 7 of its 10 VMs (app.http)
                  game/srv: 7 of 10 VMs (srv-01, srv-02, srv-03, srv-04, srv-05, srv-06, srv-07)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  No trouble is known of its hosts, VMs and data sources: look at the software. It is told to its owners alone.
                  suspected: 7 of 10 VMs of game/srv failed within 2 min
            70s carol problem i2: srv 工作异常（10 台虚拟机中的 7 台）（app.http）
                  game/srv：10 台中 7 台（srv-01、srv-02、srv-03、srv-04、srv-05、srv-06、srv-07）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  其宿主机、虚拟机和数据源未见异常：请检查软件。仅通知其负责人。
                  疑似：game/srv 的 10 台虚拟机中有 7 台在 2 分钟内异常
        "#]],
    );
}

#[test]
fn at_the_end_only_what_still_fails_is_said_to_be_told_of_apart() {
    let story = |web_01: &str| {
        format!(
            "
            10s   bad host.ping host/h1
            60s   move web-01 h2
            300s  bad host.ping host/h2
            600s  ok host.ping host/h2
            600s  ok vm.ping vm/web-{{21..40}}{web_01}
            700s  ok host.ping host/h1
            700s  ok vm.ping vm/web-{{02..20}}
            1200s
            "
        )
    };
    check(
        "alice",
        &story(",vm/web-01"),
        &expect![[r#"
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
                  shop/web: 20 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 10 more)
                  Since 2026-03-02T10:00:10Z, for 30 s
                  Operations are told as well.
                  host.ping of h1 is bad since 2026-03-02T10:00:10Z, says probe
            330s alice problem i2: 21 of your 40 VMs of web are down because host h2 is down
                  shop/web: 21 of 40 VMs (web-01, web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29 and 11 more)
                  Since 2026-03-02T10:05:00Z, for 30 s
                  Operations are told as well.
                  host.ping of h2 is bad since 2026-03-02T10:05:00Z, says probe
            660s alice resolved i2: The failure of host h2 is over after 5 min; 19 VMs still fail and are told of apart: web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10, web-11 and 9 more
                  shop/web: 21 of 40 VMs (web-01, web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29 and 11 more)
            760s alice resolved i1: web is whole again after 11 min 30 s: host h1 had taken 19 of 40 VMs
                  shop/web: 19 of 40 VMs (web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10, web-11 and 9 more)
            40s alice problem i1: web 的 40 台虚拟机中有 20 台不可用，原因：宿主机 h1 宕机
                  shop/web：40 台中 20 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 10 个）
                  始于 2026-03-02T10:00:10Z，已持续 30 秒
                  运维也已收到通知。
                  probe 报告 h1 的 host.ping 自 2026-03-02T10:00:10Z 起异常
            330s alice problem i2: web 的 40 台虚拟机中有 21 台不可用，原因：宿主机 h2 宕机
                  shop/web：40 台中 21 台（web-01、web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29 等，另有 11 个）
                  始于 2026-03-02T10:05:00Z，已持续 30 秒
                  运维也已收到通知。
                  probe 报告 h2 的 host.ping 自 2026-03-02T10:05:00Z 起异常
            660s alice resolved i2: 宿主机 h2 的故障已结束，历时 5 分钟；仍有 19 台虚拟机异常，另行通知：web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10、web-11 等，另有 9 个
                  shop/web：40 台中 21 台（web-01、web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29 等，另有 11 个）
            760s alice resolved i1: web 已恢复，历时 11 分钟 30 秒：宿主机 h1 曾影响 40 台虚拟机中的 19 台
                  shop/web：40 台中 19 台（web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10、web-11 等，另有 9 个）
        "#]],
    );
    check(
        "alice",
        &story("\n 601s bad vm.ping vm/web-01"),
        &expect![[r#"
        40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
              shop/web: 20 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10 and 10 more)
              Since 2026-03-02T10:00:10Z, for 30 s
              Operations are told as well.
              host.ping of h1 is bad since 2026-03-02T10:00:10Z, says probe
        330s alice problem i2: 21 of your 40 VMs of web are down because host h2 is down
              shop/web: 21 of 40 VMs (web-01, web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29 and 11 more)
              Since 2026-03-02T10:05:00Z, for 30 s
              Operations are told as well.
              host.ping of h2 is bad since 2026-03-02T10:05:00Z, says probe
        760s alice resolved i1: The failure of host h1 is over after 11 min 30 s; 1 VM still fails and is told of apart: web-01
              shop/web: 19 of 40 VMs (web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09, web-10, web-11 and 9 more)
        780s alice resolved i2: The failure of host h2 is over after 5 min; 1 VM still fails and is told of apart: web-01
              shop/web: 20 of 40 VMs (web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 10 more)
        780s alice problem i3: 1 of your 40 VMs of web is down: web-01
              shop/web: 1 of 40 VMs (web-01)
              Since 2026-03-02T10:10:01Z, for 2 min 59 s
              Operations are told as well.
              vm.ping of web-01 is bad since 2026-03-02T10:10:01Z, says probe
        40s alice problem i1: web 的 40 台虚拟机中有 20 台不可用，原因：宿主机 h1 宕机
              shop/web：40 台中 20 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10 等，另有 10 个）
              始于 2026-03-02T10:00:10Z，已持续 30 秒
              运维也已收到通知。
              probe 报告 h1 的 host.ping 自 2026-03-02T10:00:10Z 起异常
        330s alice problem i2: web 的 40 台虚拟机中有 21 台不可用，原因：宿主机 h2 宕机
              shop/web：40 台中 21 台（web-01、web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29 等，另有 11 个）
              始于 2026-03-02T10:05:00Z，已持续 30 秒
              运维也已收到通知。
              probe 报告 h2 的 host.ping 自 2026-03-02T10:05:00Z 起异常
        760s alice resolved i1: 宿主机 h1 的故障已结束，历时 11 分钟 30 秒；仍有 1 台虚拟机异常，另行通知：web-01
              shop/web：40 台中 19 台（web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09、web-10、web-11 等，另有 9 个）
        780s alice resolved i2: 宿主机 h2 的故障已结束，历时 5 分钟；仍有 1 台虚拟机异常，另行通知：web-01
              shop/web：40 台中 20 台（web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29、web-30 等，另有 10 个）
        780s alice problem i3: web 的 40 台虚拟机中有 1 台不可用：web-01
              shop/web：40 台中 1 台（web-01）
              始于 2026-03-02T10:10:01Z，已持续 2 分钟 59 秒
              运维也已收到通知。
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:10:01Z 起异常
    "#]],
    );
}

#[test]
fn a_collector_whose_uplink_alone_fails_is_not_said_to_blind_us_to_nothing() {
    let uplink = "10s bad collector.uplink collector/col-a";
    check(
        "ops",
        &format!("{uplink}\n 50s"),
        &expect![[r#"
        40s ops problem i1: collector col-a is blind; what it alone reports is not believed
              Since 2026-03-02T10:00:10Z, for 30 s
              collector.uplink of col-a is bad since 2026-03-02T10:00:10Z, says probe
        40s ops problem i1: 采集器 col-a 失明；仅由它报告的异常不予采信
              始于 2026-03-02T10:00:10Z，已持续 30 秒
              probe 报告 col-a 的 collector.uplink 自 2026-03-02T10:00:10Z 起异常
    "#]],
    );
    let one = "9s bad vm.ping vm/web-01 via col-a";
    check(
        "ops",
        &format!("{one}\n {uplink}\n 50s"),
        &expect![[r#"
        40s ops problem i1: collector col-a is blind; nothing is known of 1 VM
              Since 2026-03-02T10:00:10Z, for 30 s
              collector.uplink of col-a is bad since 2026-03-02T10:00:10Z, says probe
        40s ops problem i1: 采集器 col-a 失明；1 台虚拟机状态未知
              始于 2026-03-02T10:00:10Z，已持续 30 秒
              probe 报告 col-a 的 collector.uplink 自 2026-03-02T10:00:10Z 起异常
    "#]],
    );
}

#[test]
fn owners_read_nothing_of_an_acknowledgement_of_operations_that_broke() {
    let story = "
        10s   bad vm.ping vm/web-01
        90s   ack i1
        100s  bad vm.ping vm/web-01 disaster
        110s
        ";
    check(
        "alice",
        story,
        &expect![[r#"
        70s alice problem i1: 1 of your 40 VMs of web is down: web-01
              shop/web: 1 of 40 VMs (web-01)
              Since 2026-03-02T10:00:10Z, for 1 min
              Operations are told as well.
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
        100s alice update i1: Update: 1 of your 40 VMs of web is down: web-01
              New: severity disaster, was high
              shop/web: 1 of 40 VMs (web-01)
              Since 2026-03-02T10:00:10Z, for 1 min 30 s
              Operations are told as well.
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
        70s alice problem i1: web 的 40 台虚拟机中有 1 台不可用：web-01
              shop/web：40 台中 1 台（web-01）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟
              运维也已收到通知。
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
        100s alice update i1: 更新：web 的 40 台虚拟机中有 1 台不可用：web-01
              新情况：级别由严重升为灾难
              shop/web：40 台中 1 台（web-01）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟 30 秒
              运维也已收到通知。
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
    "#]],
    );
    check(
        "ops",
        story,
        &expect![[r#"
            70s ops problem i1: VM web-01 of shop/web on host h1 is down
                  shop/web: 1 of 40 VMs (web-01)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Businesses: shop
                  vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
            100s ops update i1: Update: VM web-01 of shop/web on host h1 is down
                  ops had acknowledged it; that no longer counts: the severity rose from high to disaster
                  New: severity disaster, was high
                  shop/web: 1 of 40 VMs (web-01)
                  Since 2026-03-02T10:00:10Z, for 1 min 30 s
                  Businesses: shop
                  vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
            70s ops problem i1: 虚拟机 web-01（shop/web，宿主机 h1）宕机
                  shop/web：40 台中 1 台（web-01）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  业务：shop
                  probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
            100s ops update i1: 更新：虚拟机 web-01（shop/web，宿主机 h1）宕机
                  ops 此前的认领已失效：级别由严重升为灾难
                  新情况：级别由严重升为灾难
                  shop/web：40 台中 1 台（web-01）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟 30 秒
                  业务：shop
                  probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
        "#]],
    );
    let of_software = "
        10s+10s  bad app.http vm/srv-{01..07}
        90s      ack i1
        100s     bad app.http vm/srv-01 disaster
        110s
        ";
    let mut play = Play::on_the_usual_fleet();
    play.show = Show::WholeText;
    let carol = play.play(of_software);
    assert!(carol.contains("ops had acknowledged it; that no longer counts"), "{carol}");
}

#[test]
fn an_owner_who_suffers_much_later_than_the_cause_reads_both_moments() {
    check(
        "carol",
        "
        10s      bad host.ping host/h3
        200s     add srv-11 h3 game/srv
        500s     bad vm.ping vm/srv-11
        560s     ok host.ping host/h3
        560s     ok vm.ping vm/srv-11
        700s
        ",
        &expect![[r#"
            530s carol problem i1: 1 of your 11 VMs of srv is down because host h3 is down
                  game/srv: 1 of 11 VMs (srv-11)
                  Since 2026-03-02T10:08:20Z, for 30 s; the trouble of host h3 began at 2026-03-02T10:00:10Z
                  Operations are told as well.
                  host.ping of h3 is bad since 2026-03-02T10:00:10Z, says probe
            621s carol resolved i1: srv is whole again after 1 min 1 s: host h3 had taken 1 of 11 VMs
                  game/srv: 1 of 11 VMs (srv-11)
            530s carol problem i1: srv 的 11 台虚拟机中有 1 台不可用，原因：宿主机 h3 宕机
                  game/srv：11 台中 1 台（srv-11）
                  始于 2026-03-02T10:08:20Z，已持续 30 秒；宿主机 h3 的故障始于 2026-03-02T10:00:10Z
                  运维也已收到通知。
                  probe 报告 h3 的 host.ping 自 2026-03-02T10:00:10Z 起异常
            621s carol resolved i1: srv 已恢复，历时 1 分钟 1 秒：宿主机 h3 曾影响 11 台虚拟机中的 1 台
                  game/srv：11 台中 1 台（srv-11）
        "#]],
    );
    check(
        "alice",
        "
        10s      bad ds.up datasource/orders-db
        400s+9s  bad app.http vm/web-{01..09}
        500s     ok ds.up datasource/orders-db
        500s     ok app.http vm/web-{01..09}
        600s
        ",
        &expect![[r#"
            430s alice problem i1: 9 of your 40 VMs of web fail because data source orders-db is down
                  shop/web: 9 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09)
                  Since 2026-03-02T10:06:40Z, for 30 s; the trouble of data source orders-db began at 2026-03-02T10:00:10Z
                  Operations are told as well.
                  ds.up of orders-db is bad since 2026-03-02T10:00:10Z, says probe
            561s alice resolved i1: web is whole again after 1 min 41 s: data source orders-db had taken 9 of 40 VMs
                  shop/web: 9 of 40 VMs (web-01, web-02, web-03, web-04, web-05, web-06, web-07, web-08, web-09)
            430s alice problem i1: web 的 40 台虚拟机中有 9 台异常，原因：数据源 orders-db 宕机
                  shop/web：40 台中 9 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09）
                  始于 2026-03-02T10:06:40Z，已持续 30 秒；数据源 orders-db 的故障始于 2026-03-02T10:00:10Z
                  运维也已收到通知。
                  probe 报告 orders-db 的 ds.up 自 2026-03-02T10:00:10Z 起异常
            561s alice resolved i1: web 已恢复，历时 1 分钟 41 秒：数据源 orders-db 曾影响 40 台虚拟机中的 9 台
                  shop/web：40 台中 9 台（web-01、web-02、web-03、web-04、web-05、web-06、web-07、web-08、web-09）
        "#]],
    );
}
