//! Who is on duty, who takes an incident on, and who else is told while nobody does.

use std::time::Duration;

use alerter::{EscalationStep, OnDuty, Party};
use expect_test::{Expect, expect};
use model::id::PersonId;
use model::lang::Lang;
use model::signal::Severity;

use crate::script::{Play, Show};

/// Operations are whoever is on duty by `oncall`, Ann at first; shop belongs to `oncall-shop`, Sam
/// at first. Who has not acknowledged after 15 and 30 minutes has others told: of operations Lea,
/// then Max and whoever is on duty; of shop Lea.
fn a_fleet_with_schedules() -> Play {
    let mut play = Play::on_the_usual_fleet();
    let settings = &mut play.settings;
    settings.operations = [name("oncall")].into();
    for (schedule, person) in [("oncall", "ann"), ("oncall-shop", "sam")] {
        let since = model::time::Time::from_millis(0);
        let duty = OnDuty { people: [name(person)].into(), since };
        settings.on_duty.insert(name(schedule), duty);
    }
    settings
        .escalation
        .insert(Party::Operations, vec![step(15, &["lea"]), step(30, &["max", "oncall"])]);
    let shop = "shop".parse().unwrap();
    play.topology.projects.get_mut(&shop).unwrap().owners = [name("oncall-shop")].into();
    settings.escalation.insert(Party::Project(shop), vec![step(15, &["lea"])]);
    play
}

fn step(minutes: u64, to: &[&str]) -> EscalationStep {
    let after = Duration::from_secs(minutes * 60);
    EscalationStep { after, to: to.iter().map(|to| name(to)).collect(), severity: Severity::High }
}

fn name(text: &str) -> PersonId {
    text.parse().unwrap()
}

fn check(story: &str, expected: &Expect) {
    expected.assert_eq(&a_fleet_with_schedules().play(story));
}

#[test]
fn whoever_comes_on_duty_is_told_of_what_is_open_and_whoever_left_of_its_end() {
    check(
        "
        0s    bad host.ping host/h2
        300s  relieve oncall bob
        400s  relieve oncall-shop tom
        1000s ok host.ping host/h2
        1000s ok vm.ping vm/web-{21..40}
        1100s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
            300s bob problem i1: host h2 is down; it took 20 VMs: shop/web 20
            400s tom problem i1: 20 of your 40 VMs of web are down because host h2 is down
            930s lea problem i1: host h2 is down; it took 20 VMs: shop/web 20
            1060s ann resolved i1: host h2 is well again after 16 min 40 s; it had taken 20 VMs: shop/web 20
            1060s bob resolved i1: host h2 is well again after 16 min 40 s; it had taken 20 VMs: shop/web 20
            1060s lea resolved i1: host h2 is well again after 16 min 40 s; it had taken 20 VMs: shop/web 20
            1060s sam resolved i1: web is whole again after 16 min 40 s: host h2 had taken 20 of 40 VMs
            1060s tom resolved i1: web is whole again after 16 min 40 s: host h2 had taken 20 of 40 VMs
            1060s closed i1
        "#]],
    );
}

#[test]
fn the_message_to_whoever_comes_on_duty_says_so() {
    let mut play = a_fleet_with_schedules();
    play.show = Show::WholeText;
    play.settings.people.insert(name("bob"), Lang::Zh);
    let story = "
        0s    bad vm.ping vm/web-21
        300s  relieve oncall bob
        300s  relieve oncall-shop tom
        310s
        ";
    expect![[r#"
        60s opened i1: VM web-21 of shop/web on host h2 is down
        60s ann problem i1: VM web-21 of shop/web on host h2 is down
              shop/web: 1 of 40 VMs (web-21)
              Since 2026-03-02T10:00:00Z, for 1 min
              Businesses: shop
              vm.ping of web-21 is bad since 2026-03-02T10:00:00Z, says probe
        60s sam problem i1: 1 of your 40 VMs of web is down: web-21
              shop/web: 1 of 40 VMs (web-21)
              Since 2026-03-02T10:00:00Z, for 1 min
              Operations are told as well.
              vm.ping of web-21 is bad since 2026-03-02T10:00:00Z, says probe
        300s bob problem i1: 虚拟机 web-21（shop/web，宿主机 h2）宕机
              现在由您值班（oncall），此前已通知他人
              shop/web：40 台中 1 台（web-21）
              始于 2026-03-02T10:00:00Z，已持续 5 分钟
              业务：shop
              probe 报告 web-21 的 vm.ping 自 2026-03-02T10:00:00Z 起异常
        301s tom problem i1: 1 of your 40 VMs of web is down: web-21
              You are on duty now (oncall-shop); others were told before
              shop/web: 1 of 40 VMs (web-21)
              Since 2026-03-02T10:00:00Z, for 5 min 1 s
              Operations are told as well.
              vm.ping of web-21 is bad since 2026-03-02T10:00:00Z, says probe
    "#]]
    .assert_eq(&play.play(story));
}

#[test]
fn one_person_on_duty_twice_gets_one_message_and_reads_what_operations_read() {
    check(
        "
        0s    relieve oncall-shop ann
        1s    bad host.ping host/h2
        400s  relieve oncall-shop ann
        1000s ok host.ping host/h2
        1000s ok vm.ping vm/web-{21..40}
        1100s
        ",
        &expect![[r#"
            1s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            31s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            931s lea problem i1: host h2 is down; it took 20 VMs: shop/web 20
            1060s ann resolved i1: host h2 is well again after 16 min 39 s; it had taken 20 VMs: shop/web 20
            1060s lea resolved i1: host h2 is well again after 16 min 39 s; it had taken 20 VMs: shop/web 20
            1060s closed i1
        "#]],
    );
}

#[test]
fn while_nobody_acknowledges_others_are_told_step_by_step_and_of_the_end() {
    check(
        "
        0s    bad host.ping host/h4
        3000s ok host.ping host/h4
        3000s ok vm.ping vm/db-1
        3100s
        ",
        &expect![[r#"
            0s opened i1: host h4 is down; it took 1 VM: pool 1
            30s ann problem i1: host h4 is down; it took 1 VM: pool 1
            930s lea problem i1: host h4 is down; it took 1 VM: pool 1
            1830s ann update i1: Update: host h4 is down; it took 1 VM: pool 1
            1830s max problem i1: host h4 is down; it took 1 VM: pool 1
            3060s ann resolved i1: host h4 is well again after 50 min
            3060s lea resolved i1: host h4 is well again after 50 min
            3060s max resolved i1: host h4 is well again after 50 min
            3060s closed i1
        "#]],
    );
}

#[test]
fn an_escalated_message_says_so_in_both_languages_and_the_owners_view_is_of_the_business() {
    let mut play = a_fleet_with_schedules();
    play.show = Show::WholeText;
    play.settings.escalation.remove(&Party::Operations);
    play.settings.people.insert(name("lea"), Lang::Zh);
    let story = "
        0s   bad app.shop vm/web-{21..40}
        990s
        ";
    expect![[r#"
        60s opened i1: 20 VMs work badly, each on its own: shop/web 20
        60s ann problem i1: 20 VMs work badly, each on its own: shop/web 20
              shop/web: 20 of 40 VMs (web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 10 more)
              Since 2026-03-02T10:00:00Z, for 1 min
              Businesses: shop
              app.shop of web-21 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-22 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-23 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-24 is bad since 2026-03-02T10:00:00Z, says probe
        60s sam problem i1: 20 of your 40 VMs of web fail: web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 10 more
              shop/web: 20 of 40 VMs (web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 10 more)
              Since 2026-03-02T10:00:00Z, for 1 min
              Operations are told as well.
              app.shop of web-21 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-22 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-23 is bad since 2026-03-02T10:00:00Z, says probe
              app.shop of web-24 is bad since 2026-03-02T10:00:00Z, says probe
        960s lea problem i1: web 的 40 台虚拟机中有 20 台异常：web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29、web-30 等，另有 10 个
              已升级：15 分钟内无人认领
              shop/web：40 台中 20 台（web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29、web-30 等，另有 10 个）
              始于 2026-03-02T10:00:00Z，已持续 16 分钟
              运维也已收到通知。
              probe 报告 web-21 的 app.shop 自 2026-03-02T10:00:00Z 起异常
              probe 报告 web-22 的 app.shop 自 2026-03-02T10:00:00Z 起异常
              probe 报告 web-23 的 app.shop 自 2026-03-02T10:00:00Z 起异常
              probe 报告 web-24 的 app.shop 自 2026-03-02T10:00:00Z 起异常
    "#]].assert_eq(&play.play(story));
}

#[test]
fn an_acknowledgement_stops_the_clock_and_an_end_too() {
    check(
        "
        0s    bad host.ping host/h2
        600s  ack i1
        4000s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
        "#]],
    );
    check(
        "
        0s    bad host.ping host/h2
        900s  ok host.ping host/h2
        900s  ok vm.ping vm/web-{21..40}
        4000s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
            960s ann resolved i1: host h2 is well again after 15 min; it had taken 20 VMs: shop/web 20
            960s sam resolved i1: web is whole again after 15 min: host h2 had taken 20 of 40 VMs
            960s closed i1
        "#]],
    );
}

#[test]
fn what_is_less_than_high_and_what_is_in_maintenance_is_not_escalated() {
    check(
        "
        0s    bad host.disk host/h2 warning
        4000s
        ",
        &expect![[r#"
            0s opened i1: host h2 works badly (host.disk); no VM suffers
            30s ann problem i1: host h2 works badly (host.disk); no VM suffers
        "#]],
    );
    check(
        "
        0s    bad host.ping host/h2
        60s   maintenance host/h2 4000s
        3900s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
        "#]],
    );
}

#[test]
fn an_acknowledgement_breaks_on_a_higher_severity_and_escalation_begins_anew() {
    check(
        "
        0s    bad host.disk host/h2
        600s  ack i1
        1200s bad host.disk host/h2 disaster
        2200s
        ",
        &expect![[r#"
            0s opened i1: host h2 works badly (host.disk); no VM suffers
            30s ann problem i1: host h2 works badly (host.disk); no VM suffers
            1200s acknowledgement of i1 broken: the severity rose from high to disaster
            1200s ann update i1: Update: host h2 works badly (host.disk); no VM suffers
            2100s lea problem i1: host h2 works badly (host.disk); no VM suffers
        "#]],
    );
}

#[test]
fn an_acknowledgement_breaks_on_another_root_and_a_second_one_holds() {
    check(
        "
        0s    bad host.ping host/h2
        100s  ack i1
        200s  bad switch.ping switch/sw1
        400s  ack i1
        2000s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
            200s acknowledgement of i1 broken: the cause is now switch sw1
            200s ann update i1: Update: switch sw1 is down; it took 101 VMs: bank/api 50, game/srv 10, shop/web 40, pool 1
            200s sam update i1: Update: all 40 VMs of web are down because switch sw1 is down
            230s bob problem i1: all 50 VMs of api are down because switch sw1 is down
            230s carol problem i1: all 10 VMs of srv are down because switch sw1 is down
        "#]],
    );
}

#[test]
fn steps_whose_time_is_past_are_made_at_once_and_each_person_is_told_once() {
    check(
        "
        0s    bad host.disk host/h2 warning
        2400s bad host.disk host/h2
        2500s
        ",
        &expect![[r#"
            0s opened i1: host h2 works badly (host.disk); no VM suffers
            30s ann problem i1: host h2 works badly (host.disk); no VM suffers
            2400s ann update i1: Update: host h2 works badly (host.disk); no VM suffers
            2400s lea problem i1: host h2 works badly (host.disk); no VM suffers
            2400s max problem i1: host h2 works badly (host.disk); no VM suffers
        "#]],
    );
}

#[test]
fn what_comes_again_after_its_end_has_a_clock_of_its_own() {
    check(
        "
        0s    bad host.ping host/h2
        60s   bad vm.ping vm/web-30
        800s  ok vm.ping vm/web-{21..40}
        1600s bad vm.ping vm/web-{31..40}
        2700s
        ",
        &expect![[r#"
            0s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            30s ann problem i1: host h2 is down; it took 20 VMs: shop/web 20
            30s sam problem i1: 20 of your 40 VMs of web are down because host h2 is down
            861s sam resolved i1: web is whole again after 13 min 21 s: host h2 had taken 20 of 40 VMs
            930s lea problem i1: host h2 is down; no VM suffers
            1630s sam update i1: Update: 10 of your 40 VMs of web are down because host h2 is down
            1830s ann update i1: Update: host h2 is down; it took 10 VMs: shop/web 10
            1830s max problem i1: host h2 is down; it took 10 VMs: shop/web 10
            2530s lea update i1: Update: host h2 is down; it took 10 VMs: shop/web 10
        "#]],
    );
}
