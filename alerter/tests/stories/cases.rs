//! The correlation cases that say most, in short form: who is told what, when, and what not.

use expect_test::{Expect, expect};

use crate::script::Play;

fn check(story: &str, expected: &Expect) {
    expected.assert_eq(&Play::on_the_usual_fleet().play(story));
}

#[test]
fn a_host_that_is_down_is_told_once_to_each() {
    check(
        "
        10s      bad host.ping host/h1 by zabbix
        12s+36s  bad vm.ping vm/web-{01..20},vm/api-{01..20},vm/srv-{01..10}
        600s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: all 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn a_host_that_reports_after_its_vms_is_the_root_all_the_same() {
    check(
        "
        10s+25s  bad vm.ping vm/web-{01..20},vm/api-{01..20},vm/srv-{01..10}
        50s      bad host.ping host/h1 by zabbix
        600s
        ",
        &expect![[r#"
            50s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            70s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            70s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            70s carol problem i1: all 10 VMs of srv are down because host h1 is down
            70s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn a_host_that_reports_after_its_vm_was_told_takes_the_incident_over() {
    check(
        "
        10s   bad vm.ping vm/web-01
        11s   bad vm.ping vm/api-01
        100s  bad host.ping host/h1 by zabbix
        600s
        ",
        &expect![[r#"
            70s opened i1: 2 VMs are down, each on its own: bank/api 1, shop/web 1
            70s alice problem i1: 1 of your 40 VMs of web is down: web-01
            70s bob problem i1: 1 of your 50 VMs of api is down: api-01
            70s ops problem i1: 2 VMs are down, each on its own: bank/api 1, shop/web 1
            100s alice update i1: Update: 20 of your 40 VMs of web are down because host h1 is down
            100s bob update i1: Update: 20 of your 50 VMs of api are down because host h1 is down
            100s ops update i1: Update: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            130s carol problem i1: all 10 VMs of srv are down because host h1 is down
        "#]],
    );
}

#[test]
fn a_vm_that_is_down_alone_is_its_own_root() {
    check(
        "
        10s      bad vm.ping vm/web-07
        15s+10s  ok vm.ping vm/web-{01..06}
        20s      ok host.ping host/h1
        400s     ok vm.ping vm/web-07
        900s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            460s alice resolved i1: web is whole again after 6 min 30 s: 1 of 40 VMs had failed, web-07
            460s ops resolved i1: VM web-07 is well again after 6 min 30 s
            460s closed i1
        "#]],
    );
}

#[test]
fn vms_that_are_drained_are_not_told_of() {
    check(
        "
        10s      drain web-{01..05}
        40s+20s  bad vm.ping vm/web-{01..05}
        41s+20s  bad app.http vm/web-{01..05}
        50s      bad vm.ping vm/web-12
        120s     gone web-{01..05}
        121s     bad vm.ping vm/web-{01..05}
        600s
        ",
        &expect![[r#"
            110s opened i1: VM web-12 of shop/web on host h1 is down
            110s alice problem i1: 1 of your 35 VMs of web is down: web-12
            110s ops problem i1: VM web-12 of shop/web on host h1 is down
        "#]],
    );
}

#[test]
fn a_new_vm_is_told_of_only_when_its_grace_is_over() {
    check(
        "
        10s   add web-{51..52} h2 shop/web
        20s   bad vm.ping vm/web-{51..52}
        130s  ok vm.ping vm/web-51
        700s
        ",
        &expect![[r#"
            310s opened i1: VM web-52 of shop/web on host h2 is down
            310s alice problem i1: 1 of your 42 VMs of web is down: web-52
            310s ops problem i1: VM web-52 of shop/web on host h2 is down
        "#]],
    );
}

#[test]
fn vms_that_boot_after_their_host_is_back_start_no_new_wave() {
    check(
        "
        10s       bad host.ping host/h1 by zabbix
        12s+30s   bad vm.ping vm/web-{01..20},vm/api-{01..20},vm/srv-{01..10}
        600s      ok host.ping host/h1 by zabbix
        660s+60s  ok vm.ping vm/web-{01..20},vm/api-{01..20},vm/srv-{01..10}
        1200s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: all 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            743.265s alice resolved i1: web is whole again after 11 min 13 s: host h1 had taken 20 of 40 VMs
            767.755s bob resolved i1: api is whole again after 11 min 37 s: host h1 had taken 20 of 50 VMs
            779.999s carol resolved i1: srv is whole again after 11 min 49 s: host h1 had taken 10 of 10 VMs
            779.999s ops resolved i1: host h1 is well again after 11 min 49 s; it had taken 50 VMs: bank/api 20, game/srv 10, shop/web 20
            779.999s closed i1
        "#]],
    );
}

#[test]
fn what_stays_broken_after_the_grace_is_told_as_its_own_problem() {
    check(
        "
        10s       bad host.ping host/h1 by zabbix
        12s+30s   bad vm.ping vm/web-{01..20},vm/api-{01..20},vm/srv-{01..10}
        600s      ok host.ping host/h1 by zabbix
        620s+40s  ok vm.ping vm/web-{03..20},vm/api-{02..20},vm/srv-{01..10}
        1500s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: all 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            720s carol resolved i1: srv is whole again after 10 min 50 s: host h1 had taken 10 of 10 VMs
            780s alice resolved i1: The failure of host h1 is over after 10 min 25 s; 2 VMs still fail and are told of apart: web-01, web-02
            780s bob resolved i1: The failure of host h1 is over after 10 min 42 s; 1 VM still fails and is told of apart: api-01
            780s ops resolved i1: host h1 is well again after 10 min 50 s; it had taken 47 VMs: bank/api 19, game/srv 10, shop/web 18; 3 VMs still fail and are told of apart: api-01, web-01, web-02
            780s closed i1
            780s opened i2: 3 VMs are down, each on its own: bank/api 1, shop/web 2
            780s alice problem i2: 2 of your 40 VMs of web are down: web-01, web-02
            780s bob problem i2: 1 of your 50 VMs of api is down: api-01
            780s ops problem i2: 3 VMs are down, each on its own: bank/api 1, shop/web 2
        "#]],
    );
}

#[test]
fn an_owner_whose_vms_answer_is_not_told_of_their_host() {
    check(
        "
        10s      bad host.ping host/h1 by zabbix
        14s+14s  ok vm.ping vm/web-{01..20},vm/api-{01..20}
        14s+6s   ok vm.ping vm/srv-{01..10}
        100s     page
        200s     bad vm.ping vm/srv-03
        400s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s ops problem i1: host h1 is down; no VM suffers
            100s page i1: host h1 is down; no VM suffers
                  host.ping of h1 is bad since 2026-03-02T10:00:10Z, says zabbix
                  against it speaks: 50 of the VMs it carries answered since
            230s carol problem i1: 1 of your 10 VMs of srv is down because host h1 is down
            340s ops update i1: Update: host h1 is down; it took 1 VM: game/srv 1
        "#]],
    );
}

#[test]
fn a_repeated_or_stale_word_is_no_news() {
    check(
        "
        10s   bad vm.ping vm/web-07
        40s   bad vm.ping vm/web-07
        75s   ok vm.ping vm/web-07
        80s   bad vm.ping vm/web-07 high by probe at 60s
        300s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            135s alice resolved i1: web is whole again after 1 min 5 s: 1 of 40 VMs had failed, web-07
            135s ops resolved i1: VM web-07 is well again after 1 min 5 s
            135s closed i1
        "#]],
    );
}

#[test]
fn a_good_answer_of_another_source_outweighs_a_problem() {
    check(
        "
        10s   bad vm.ping vm/web-07 high by zabbix
        12s   bad vm.ping vm/web-08 high by zabbix
        13s   ok vm.ping vm/web-07 by probe
        14s   bad vm.ping vm/web-08 high by probe
        200s
        ",
        &expect![[r#"
            72s opened i1: VM web-08 of shop/web on host h1 is down
            72s alice problem i1: 1 of your 40 VMs of web is down: web-08
            72s ops problem i1: VM web-08 of shop/web on host h1 is down
        "#]],
    );
}

#[test]
fn operations_at_work_hear_of_no_new_member_but_a_new_owner_does() {
    check(
        "
        10s      bad host.ping host/h1 by zabbix
        14s+5s   ok vm.ping vm/srv-{01..10}
        120s     ack i1
        240s+9s  bad vm.ping vm/srv-{01..10}
        1100s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 40 VMs: bank/api 20, shop/web 20
            270s carol problem i1: all 10 VMs of srv are down because host h1 is down
        "#]],
    );
}

#[test]
fn a_vm_that_goes_down_and_up_is_unstable_until_all_is_quiet() {
    check(
        "
        10s   bad vm.ping vm/web-07
        40s   ok vm.ping vm/web-07
        70s   bad vm.ping vm/web-07
        100s  ok vm.ping vm/web-07
        130s  bad vm.ping vm/web-07
        160s  ok vm.ping vm/web-07
        1000s
        ",
        &expect![[r#"
            100s opened i1: VM web-07 of shop/web on host h1 is unstable
            100s alice problem i1: 1 of your 40 VMs of web is unstable: web-07
            100s ops problem i1: VM web-07 of shop/web on host h1 is unstable
            820s alice resolved i1: web is whole again after 12 min 30 s: 1 of 40 VMs had failed, web-07
            820s ops resolved i1: VM web-07 is well again after 12 min 30 s
            820s closed i1
        "#]],
    );
}

#[test]
fn a_window_silences_until_it_is_over() {
    check(
        "
        0s     maintenance host/h1 600s
        100s   bad host.ping host/h1 by zabbix
        102s   bad vm.ping vm/web-{01..20}
        300s   bad vm.ping vm/web-30
        900s
        ",
        &expect![[r#"
            360s opened i1: VM web-30 of shop/web on host h2 is down
            360s alice problem i1: 1 of your 40 VMs of web is down: web-30
            360s ops problem i1: VM web-30 of shop/web on host h2 is down
            600s opened i2: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            600s alice problem i2: 20 of your 40 VMs of web are down because host h1 is down
            600s bob problem i2: 20 of your 50 VMs of api are down because host h1 is down
            600s carol problem i2: all 10 VMs of srv are down because host h1 is down
            600s ops problem i2: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn silence_is_told_to_operations_alone_and_is_not_down() {
    check(
        "
        10s+5s  silent vm.agent vm/web-{01..03}
        20s     ok vm.ping vm/web-{01..03}
        200s    bad vm.ping vm/web-02
        400s
        ",
        &expect![[r#"
            70s opened i1: 3 VMs send no data, each on its own: shop/web 3
            70s ops problem i1: 3 VMs send no data, each on its own: shop/web 3
            260s opened i2: VM web-02 of shop/web on host h1 is down
            260s alice problem i2: 1 of your 40 VMs of web is down: web-02
            260s ops problem i2: VM web-02 of shop/web on host h1 is down
        "#]],
    );
}

#[test]
fn a_data_source_takes_the_applications_that_use_it_and_fail() {
    check(
        "
        10s+20s   bad app.http vm/web-{01..30}
        45s       bad ds.up datasource/orders-db
        500s      ok ds.up datasource/orders-db
        505s+20s  ok app.http vm/web-{01..30}
        900s
        ",
        &expect![[r#"
            45s opened i1: data source orders-db is down; it took 30 VMs: shop/web 30
            70s alice problem i1: 30 of your 40 VMs of web fail because data source orders-db is down
            70s ops problem i1: data source orders-db is down; it took 30 VMs: shop/web 30
            585s alice resolved i1: web is whole again after 8 min 35 s: data source orders-db had taken 30 of 40 VMs
            585s ops resolved i1: data source orders-db is well again after 8 min 35 s; it had taken 30 VMs: shop/web 30
            585s closed i1
        "#]],
    );
}

#[test]
fn the_host_under_a_data_source_is_the_root_of_it_all() {
    check(
        "
        10s   bad ds.up datasource/orders-db
        12s   bad app.http vm/web-{01..02}
        20s   bad host.ping host/h4 by zabbix
        300s
        ",
        &expect![[r#"
            10s opened i1: data source orders-db is down; no VM suffers
            50s alice problem i1: 2 of your 40 VMs of web fail because host h4, which carries data source orders-db, is down
            50s ops problem i1: host h4 is down, and data source orders-db with it; it took 3 VMs: shop/web 2, pool 1
        "#]],
    );
}

#[test]
fn an_application_that_fails_on_most_vms_of_its_module_is_a_fault_of_the_software() {
    check(
        "
        10s+20s  bad app.http vm/srv-{01..07}
        40s      page
        300s     ok app.http vm/srv-{01..07}
        600s
        ",
        &expect![[r#"
            70s opened i1: module game/srv does not work (app.http); it took 7 VMs: game/srv 7
            70s carol problem i1: srv does not work on 7 of its 10 VMs (app.http)
            361s carol resolved i1: srv is whole again after 4 min 51 s
            361s closed i1
        "#]],
    );
}

#[test]
fn a_host_that_never_reports_is_suspected_and_its_report_is_no_new_incident() {
    check(
        "
        10s+20s  bad vm.ping vm/web-{01..20},vm/api-{01..12}
        40s      ok host.ping host/h1
        100s     page
        150s     bad host.ping host/h1
        400s
        ",
        &expect![[r#"
            70s opened i1: host h1 answers but is suspected to be at fault; it took 32 VMs: bank/api 12, shop/web 20
            70s alice problem i1: 20 of your 40 VMs of web are down because host h1 answers but is suspected to be at fault
            70s bob problem i1: 12 of your 50 VMs of api are down because host h1 answers but is suspected to be at fault
            70s ops problem i1: host h1 answers but is suspected to be at fault; it took 32 VMs: bank/api 12, shop/web 20
            100s page i1: host h1 answers but is suspected to be at fault; it took 32 VMs: bank/api 12, shop/web 20
                  suspected: 32 of 50 VMs of h1 failed within 2 min
            150s alice update i1: Update: 20 of your 40 VMs of web are down because host h1 is down
            150s bob update i1: Update: 20 of your 50 VMs of api are down because host h1 is down
            150s ops update i1: Update: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            180s carol problem i1: all 10 VMs of srv are down because host h1 is down
        "#]],
    );
}

#[test]
fn a_collector_that_is_cut_off_makes_nobody_believe_that_all_is_down() {
    check(
        "
        10s+20s  bad vm.ping vm/web-{01..40},vm/api-{01..50} high via col-a
        12s+16s  bad host.ping host/h{1..4} high via col-a
        14s      bad vm.ping vm/srv-01 high by other
        36s      bad collector.uplink collector/col-a high via col-a
        400s     ok collector.uplink collector/col-a
        402s+9s  ok host.ping host/h{1..4}
        402s+9s  ok vm.ping vm/web-{01..40},vm/api-{01..50}
        900s
        ",
        &expect![[r#"
            12s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            18s opened i2: host h2 is down; it took 20 VMs: shop/web 20
            23s i2 is now part of i1
            36s opened i3: collector col-a is blind; nothing is known of 4 hosts and 90 VMs
            66s ops problem i3: collector col-a is blind; nothing is known of 4 hosts and 90 VMs
            74s opened i4: VM srv-01 of game/srv on host h1 is down
            74s carol problem i4: 1 of your 10 VMs of srv is down: srv-01
            74s ops problem i4: VM srv-01 of game/srv on host h1 is down
            96s closed i1
            471s ops resolved i3: collector col-a is well again after 6 min 4 s
            471s closed i3
        "#]],
    );
}

#[test]
fn a_rack_switch_that_reports_last_is_the_root() {
    check(
        "
        10s+20s  bad vm.ping vm/web-{01..40},vm/api-{01..50},vm/srv-{01..10}
        28s+10s  bad host.ping host/h{1..4}
        55s      bad switch.ping switch/sw1
        300s
        ",
        &expect![[r#"
            55s opened i1: switch sw1 is down; it took 101 VMs: bank/api 50, game/srv 10, shop/web 40, pool 1
            70s alice problem i1: all 40 VMs of web are down because switch sw1 is down
            70s bob problem i1: all 50 VMs of api are down because switch sw1 is down
            70s carol problem i1: all 10 VMs of srv are down because switch sw1 is down
            70s ops problem i1: switch sw1 is down; it took 101 VMs: bank/api 50, game/srv 10, shop/web 40, pool 1
        "#]],
    );
}

#[test]
fn a_channel_that_does_not_deliver_is_told_to_operations_alone() {
    check(
        "
        10s   bad channel.delivery channel/wecom by outbox
        400s  ok channel.delivery channel/wecom by outbox
        600s
        ",
        &expect![[r#"
            10s opened i1: channel wecom does not deliver (channel.delivery)
            40s ops problem i1: channel wecom does not deliver (channel.delivery)
            460s ops resolved i1: channel wecom is well again after 6 min 30 s
            460s closed i1
        "#]],
    );
}
