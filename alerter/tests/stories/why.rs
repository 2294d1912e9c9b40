//! Why something is told, or is not: each reason once, as it is noted when it happens and as it is
//! given to whoever asks meanwhile.

use expect_test::{Expect, expect};
use model::topology::Project;

use crate::script::{Play, Show};

fn check(story: &str, expected: &Expect) {
    let mut play = Play::on_the_usual_fleet();
    play.show = Show::Trail;
    // Nobody owns what three hosts carry but shop's web, so that a story stays short.
    let few = ["web-01", "web-02", "web-21", "db-1", "api-21", "api-22", "api-23"];
    let places = play.topology.vms.iter().filter(|(vm, _)| few.contains(&vm.as_str()));
    play.topology.vms = places.map(|(vm, place)| (vm.clone(), place.clone())).collect();
    for project in ["bank", "game"] {
        play.topology.projects.insert(project.parse().unwrap(), Project::default());
    }
    expected.assert_eq(&play.play(story));
}

#[test]
fn a_vm_waits_for_what_may_explain_it_and_then_is_part_of_it() {
    check(
        "
        10s  bad vm.ping vm/web-01
        12s  why vm/web-01
        20s  bad host.ping host/h1 by zabbix
        22s  why vm/web-01
        23s  why i1
        60s  why i1
        61s  why vm/web-02
        ",
        &expect![[r#"
            10s note vm/web-01: vm.ping is bad (high), says probe
            12s why VM web-01 is unwell; nobody is told before 70s, since something above it may explain it
                  vm.ping is bad (high) since 10s, says probe, last at 10s
            20s note host/h1: host.ping is bad (disaster), says zabbix
            20s note i1 host/h1: the incident is opened, this is the root
            20s note i1 vm/web-01: part of the incident: it stands on host h1
            20s note i1 vm/web-02: part of the incident: it stands on host h1
            20s opened i1: host h1 is down; it took 2 VMs: shop/web 2
            22s why VM web-01 is part of incident i1: it stands on host h1
                  vm.ping is bad (high) since 10s, says probe, last at 10s
            23s why host h1: it is the root, nothing above it explains it; since 20s
                  VM web-01: it stands on host h1; since 10s
                  VM web-02: it stands on host h1; since 20s
                  alice: owner, not told: waits until 50s for what may explain it, or for company
                  ops: operations, not told: waits until 50s for what may explain it, or for company
            50s alice problem i1: 2 of your 3 VMs of web are down because host h1 is down
            50s ops problem i1: host h1 is down; it took 2 VMs: shop/web 2
            60s why host h1: it is the root, nothing above it explains it; since 20s
                  VM web-01: it stands on host h1; since 10s
                  VM web-02: it stands on host h1; since 20s
                  alice: owner, told once: nothing is new since 50s
                  ops: operations, told once: nothing is new since 50s
            61s why VM web-02 is part of incident i1: it stands on host h1
        "#]],
    );
}

#[test]
fn an_application_fails_with_the_data_source_it_uses() {
    check(
        "
        10s  bad ds.up datasource/orders-db
        12s  bad app.http vm/web-01
        14s  bad monitor.shop module/shop/web
        16s  why i1
        ",
        &expect![[r#"
            10s note datasource/orders-db: ds.up is bad (disaster), says probe
            10s note i1 datasource/orders-db: the incident is opened, this is the root
            10s opened i1: data source orders-db is down; no VM suffers
            12s note vm/web-01: app.http is bad (high), says probe
            12s note i1 vm/web-01: part of the incident: it uses data source orders-db, which fails
            14s note module/shop/web: monitor.shop is bad (high), says probe
            14s note i1 module/shop/web: part of the incident: it uses data source orders-db, which fails
            16s why data source orders-db: it is the root, nothing above it explains it; since 10s
                  VM web-01: it uses data source orders-db, which fails; since 12s
                  module shop/web: it uses data source orders-db, which fails; since 14s
                  alice: owner, not told: waits until 40s for what may explain it, or for company
                  ops: operations, not told: waits until 40s for what may explain it, or for company
        "#]],
    );
}

#[test]
fn enough_that_fail_together_raise_a_suspicion() {
    check(
        "
        10s  bad vm.ping vm/api-21,vm/api-22,vm/api-23
        12s  why vm/api-21
        80s  why i1
        90s  bad host.ping host/h3 by zabbix
        ",
        &expect![[r#"
            10s note vm/api-21: vm.ping is bad (high), says probe
            10s note vm/api-22: vm.ping is bad (high), says probe
            10s note vm/api-23: vm.ping is bad (high), says probe
            12s why VM api-21 suffers from host h3: it is one of 3 of 3 that failed together on host h3; nobody is told before 70s
                  vm.ping is bad (high) since 10s, says probe, last at 10s
            70s note i1 host/h3: the incident is opened, this is the suspected root
            70s note i1 vm/api-21: part of the incident: it is one of 3 of 3 that failed together on host h3
            70s note i1 vm/api-22: part of the incident: it is one of 3 of 3 that failed together on host h3
            70s note i1 vm/api-23: part of the incident: it is one of 3 of 3 that failed together on host h3
            70s opened i1: host h3 is suspected to be down; it took 3 VMs: bank/api 3
            70s ops problem i1: host h3 is suspected to be down; it took 3 VMs: bank/api 3
            80s why host h3: 3 of 3 that hang on it failed together, so it is suspected; since 10s
                  VM api-21: it is one of 3 of 3 that failed together on host h3; since 10s
                  VM api-22: it is one of 3 of 3 that failed together on host h3; since 10s
                  VM api-23: it is one of 3 of 3 that failed together on host h3; since 10s
                  ops: operations, told once: nothing is new since 70s
            90s note host/h3: host.ping is bad (disaster), says zabbix
            90s note i1 host/h3: it is the root
            90s ops update i1: Update: host h3 is down; it took 3 VMs: bank/api 3
        "#]],
    );
}

#[test]
fn what_only_a_blind_collector_reports_is_not_believed() {
    check(
        "
        10s  bad collector.uplink collector/col-a by zabbix
        12s  bad vm.ping vm/web-01 via col-a
        14s  why vm/web-01
        45s  why i1
        ",
        &expect![[r#"
            10s note collector/col-a: collector.uplink is bad (disaster), says zabbix
            10s note i1 collector/col-a: the incident is opened, this is the root
            10s opened i1: collector col-a is blind; what it alone reports is not believed
            12s note vm/web-01: vm.ping is bad (high), says probe
            12s note i1 vm/web-01: part of the incident: only col-a reports it, and col-a is blind: nobody is told that it is down
            14s why VM web-01 is part of incident i1: only col-a reports it, and col-a is blind: nobody is told that it is down
                  vm.ping is bad (high) since 12s, says probe, last at 12s
            40s ops problem i1: collector col-a is blind; nothing is known of 1 VM
            45s why collector col-a: it is the root, nothing above it explains it; since 10s
                  VM web-01: only col-a reports it, and col-a is blind: nobody is told that it is down; since 12s
                  alice: owner, not told: missing data and blindness are told to operations, not to owners
                  ops: operations, told once: nothing is new since 40s
        "#]],
    );
}

#[test]
fn another_source_may_contradict_it() {
    check(
        "
        10s  bad vm.ping vm/web-01
        15s  ok vm.ping vm/web-01 by zabbix
        16s  why vm/web-01
        ",
        &expect![[r#"
            10s note vm/web-01: vm.ping is bad (high), says probe
            15s note vm/web-01: vm.ping is good, says zabbix
            16s why what is bad of VM web-01 is not believed: another source found it good
                  vm.ping is bad (high) since 10s, says probe, last at 10s; not believed: zabbix found the same check good at 15s
                  vm.ping is good since 15s, says zabbix, last at 15s
        "#]],
    );
}

#[test]
fn what_does_not_count_says_so_and_until_when() {
    check(
        "
        1s   maintenance host/h2 100s
        2s   bad vm.ping vm/web-21
        3s   why vm/web-21
        4s   add web-99 h1 shop/web
        5s   bad vm.ping vm/web-99
        6s   why vm/web-99
        7s   drain web-02
        8s   bad vm.ping vm/web-02
        9s   why vm/web-02
        10s  gone web-02
        11s  bad vm.ping vm/web-02
        ",
        &expect![[r#"
            2s note vm/web-21: vm.ping is bad (high), says probe; not told: maintenance until 100s
            3s why VM web-21: not told: maintenance until 100s
                  vm.ping is bad (high) since 2s, says probe, last at 2s; not told: maintenance until 100s
            5s note vm/web-99: vm.ping is bad (high), says probe; not told before 304s: the VM is new
            6s why VM web-99: not told before 304s: the VM is new
                  vm.ping is bad (high) since 5s, says probe, last at 5s; not told before 304s: the VM is new
            8s note vm/web-02: vm.ping is bad (high), says probe; not counted: the VM is being taken away on purpose
            9s why VM web-02: not counted: the VM is being taken away on purpose
            11s note vm/web-02: vm.ping is bad (high), says probe; not counted: the VM is gone
        "#]],
    );
}

#[test]
fn what_is_stale_or_only_info_or_said_again_is_not_told() {
    check(
        "
        10s  bad disk.full vm/web-01 high at 10s
        11s  ok disk.full vm/web-01 at 5s
        12s  bad disk.full vm/web-01 high at 12s
        13s  bad load.high vm/web-01 info
        14s  why vm/web-01
        15s  why vm/nobody
        16s  why vm/db-1
        ",
        &expect![[r#"
            10s note vm/web-01: disk.full is bad (high), says probe
            11s note vm/web-01: disk.full is good, says probe; ignored: older than the last word of this check, of 10s
            13s note vm/web-01: load.high is bad (info), says probe; never told: it is only info
            14s why VM web-01 is unwell; nobody is told before 70s, since something above it may explain it
                  disk.full is bad (high) since 10s, says probe, last at 12s
                  load.high is good since 13s, says probe, last at 13s
            15s why VM nobody is in no inventory, and no check of it is remembered
            16s why nothing bad is known of VM db-1: there is nothing to tell
        "#]],
    );
}

#[test]
fn one_that_keeps_changing_is_told_of_as_such() {
    check(
        "
        10s  bad host.ping host/h4
        12s  ok host.ping host/h4
        14s  bad host.ping host/h4
        16s  ok host.ping host/h4
        18s  why host/h4
        ",
        &expect![[r#"
            10s note host/h4: host.ping is bad (disaster), says probe
            10s note i1 host/h4: the incident is opened, this is the root
            10s note i1 vm/db-1: part of the incident: it stands on host h4
            10s opened i1: host h4 is down; it took 1 VM: pool 1
            12s note host/h4: host.ping is good, says probe
            12s note i1 vm/db-1: it answered: it did not suffer after all
            14s note host/h4: host.ping is bad (disaster), says probe
            14s note i1 vm/db-1: part of the incident: it stands on host h4
            16s note host/h4: host.ping is good, says probe; it keeps changing: flapping
            16s ops problem i1: host h4 is unstable; it took 1 VM: pool 1
            18s why host h4 is part of incident i1: it is the root, nothing above it explains it
                  host.ping is good since 16s, says probe, last at 16s; it keeps changing: flapping
        "#]],
    );
}

#[test]
fn operations_are_not_told_of_software_and_owners_not_of_missing_data() {
    check(
        "
        10s   bad monitor.shop module/shop/web
        12s   silent vm.agent vm/web-21
        80s   why i1
        81s   why i2
        ",
        &expect![[r#"
            10s note module/shop/web: monitor.shop is bad (high), says probe
            12s note vm/web-21: vm.agent is silent, says probe
            70s note i1 module/shop/web: the incident is opened, this is the root
            70s opened i1: module shop/web does not work (monitor.shop); no VM suffers
            70s alice problem i1: web does not work (monitor.shop)
            72s note i2 vm/web-21: the incident is opened, this is the root
            72s opened i2: VM web-21 of shop/web on host h2 sends no data
            72s ops problem i2: VM web-21 of shop/web on host h2 sends no data
            80s why module shop/web: it is the root, nothing above it explains it; since 10s
                  alice: owner, told once: nothing is new since 70s
                  ops: operations, not told: a fault of the software is told to its owners, not to operations
            81s why VM web-21: it is the root, nothing above it explains it; since 12s
                  alice: owner, not told: missing data and blindness are told to operations, not to owners
                  ops: operations, told once: nothing is new since 72s
        "#]],
    );
}

#[test]
fn an_acknowledgement_holds_back_what_only_grows() {
    check(
        "
        10s   bad host.ping host/h4
        50s   ack i1
        120s  add web-50 h4 shop/web
        430s  bad vm.ping vm/web-50
        432s  why i1
        ",
        &expect![[r#"
            10s note host/h4: host.ping is bad (disaster), says probe
            10s note i1 host/h4: the incident is opened, this is the root
            10s note i1 vm/db-1: part of the incident: it stands on host h4
            10s opened i1: host h4 is down; it took 1 VM: pool 1
            40s ops problem i1: host h4 is down; it took 1 VM: pool 1
            430s note vm/web-50: vm.ping is bad (high), says probe
            430s note i1 vm/web-50: part of the incident: it stands on host h4
            432s why host h4: it is the root, nothing above it explains it; since 10s
                  VM db-1: it stands on host h4; since 10s
                  VM web-50: it stands on host h4; since 430s
                  alice: owner, not told: waits until 460s for what may explain it, or for company
                  ops: operations, told once: more suffers by now, held back since ops took it on: only what makes it worse, another root and the end are told
        "#]],
    );
}

#[test]
fn the_end_is_noted_with_how_many_had_been_told() {
    check(
        "
        10s   bad host.ping host/h4
        15s   ok host.ping host/h4
        100s  bad host.ping host/h1
        150s  ok host.ping host/h1
        170s  ok vm.ping vm/web-01
        175s  why i2
        600s
        ",
        &expect![[r#"
            10s note host/h4: host.ping is bad (disaster), says probe
            10s note i1 host/h4: the incident is opened, this is the root
            10s note i1 vm/db-1: part of the incident: it stands on host h4
            10s opened i1: host h4 is down; it took 1 VM: pool 1
            15s note host/h4: host.ping is good, says probe
            15s note i1 vm/db-1: it answered: it did not suffer after all
            75s note i1: the incident is over, before it was due to be told to anybody
            75s closed i1: began 10s, repaired 15s,
            100s note host/h1: host.ping is bad (disaster), says probe
            100s note i2 host/h1: the incident is opened, this is the root
            100s note i2 vm/web-01: part of the incident: it stands on host h1
            100s note i2 vm/web-02: part of the incident: it stands on host h1
            100s opened i2: host h1 is down; it took 2 VMs: shop/web 2
            130s alice problem i2: 2 of your 3 VMs of web are down because host h1 is down
            130s ops problem i2: host h1 is down; it took 2 VMs: shop/web 2
            150s note host/h1: host.ping is good, says probe
            150s note i2 vm/web-01: well again, or gone
            150s note i2 vm/web-02: well again, or gone
            175s why alice: owner, told once: the next word is due at 210s, if it is still true by then
                  ops: operations, told once: the next word is due at 210s, if it is still true by then
            210s alice resolved i2: web is whole again after 50 s: host h1 had taken 2 of 3 VMs
            210s ops resolved i2: host h1 is well again after 50 s; it had taken 2 VMs: shop/web 2
            210s note i2: the incident is over
            210s closed i2: began 100s, repaired 150s, shop/web 2 VMs 100000 ms
        "#]],
    );
}

#[test]
fn an_incident_that_is_explained_becomes_part_of_another() {
    check(
        "
        10s   bad vm.ping vm/web-01
        75s   bad host.ping host/h2
        78s   bad switch.ping switch/sw1
        ",
        &expect![[r#"
            10s note vm/web-01: vm.ping is bad (high), says probe
            70s note i1 vm/web-01: the incident is opened, this is the root
            70s opened i1: VM web-01 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 3 VMs of web is down: web-01
            70s ops problem i1: VM web-01 of shop/web on host h1 is down
            75s note host/h2: host.ping is bad (disaster), says probe
            75s note i2 host/h2: the incident is opened, this is the root
            75s note i2 vm/web-21: part of the incident: it stands on host h2
            75s opened i2: host h2 is down; it took 1 VM: shop/web 1
            78s note switch/sw1: switch.ping is bad (disaster), says probe
            78s note i1 switch/sw1: it is the root
            78s note i1 host/h1: part of the incident: it stands on switch sw1
            78s note i1 host/h2: part of the incident: it stands on switch sw1
            78s note i1 host/h3: part of the incident: it stands on switch sw1
            78s note i1 host/h4: part of the incident: it stands on switch sw1
            78s note i1 vm/api-21: part of the incident: it stands on switch sw1
            78s note i1 vm/api-22: part of the incident: it stands on switch sw1
            78s note i1 vm/api-23: part of the incident: it stands on switch sw1
            78s note i1 vm/db-1: part of the incident: it stands on switch sw1
            78s note i1 vm/web-02: part of the incident: it stands on switch sw1
            78s note i2: the incident is now part of i1
            78s i2 is now part of i1
            78s alice update i1: Update: all 3 VMs of web are down because switch sw1 is down
            78s ops update i1: Update: switch sw1 is down; it took 7 VMs: bank/api 3, shop/web 3, pool 1
        "#]],
    );
}

#[test]
fn a_storm_is_noted_up_to_a_bound_and_the_rest_is_counted() {
    let mut topology = model::topology::Topology::default();
    crate::script::own(&mut topology, "shop", "web", "alice");
    crate::script::add(&mut topology, "web-{001..530}", "h1", Some("shop/web"));
    let mut play = Play::on(topology);
    play.show = Show::Trail;
    let log = play.play("10s+20s  bad vm.ping vm/web-{001..530}\n35s bad host.ping host/h1\n80s");
    let lines = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(lines("vm.ping is bad"), 500, "{log}");
    assert_eq!(lines("31 more signals came within a minute"), 1, "with the host's own: {log}");
    assert_eq!(lines("part of the incident"), 500, "{log}");
}

#[test]
fn the_cost_counts_until_well_or_replaced_and_who_was_not_told_is_noted() {
    check(
        "
        10s   bad host.ping host/h1
        20s   repair web-01 failed 9s
        50s   repair web-01 failed 9s by web-90
        100s  ok vm.ping vm/web-02
        110s  bad vm.ping vm/web-02
        200s  ok host.ping host/h1
        205s  ok vm.ping vm/web-01
        206s  ok vm.ping vm/web-02
        600s  tick
        700s  bad host.ping host/h2
        705s  bad monitor.shop module/shop/web
        706s  ok monitor.shop module/shop/web
        800s  ok host.ping host/h2
        801s  ok vm.ping vm/web-21
        1000s
        1400s  bad monitor.shop module/shop/web
        1500s  ok monitor.shop module/shop/web
        1700s
        ",
        &expect![[r#"
            10s note host/h1: host.ping is bad (disaster), says probe
            10s note i1 host/h1: the incident is opened, this is the root
            10s note i1 vm/web-01: part of the incident: it stands on host h1
            10s note i1 vm/web-02: part of the incident: it stands on host h1
            10s opened i1: host h1 is down; it took 2 VMs: shop/web 2
            40s alice problem i1: 2 of your 3 VMs of web are down because host h1 is down; replacement under way
            40s ops problem i1: host h1 is down; it took 2 VMs: shop/web 2; replacement under way
            100s note vm/web-02: vm.ping is good, says probe
            100s note i1 vm/web-02: well again, or gone
            110s note vm/web-02: vm.ping is bad (high), says probe
            110s note i1 vm/web-02: part of the incident: it stands on host h1
            200s note host/h1: host.ping is good, says probe
            200s note i1 vm/web-01: well again, or gone
            206s note vm/web-02: vm.ping is good, says probe
            206s note i1 vm/web-02: well again, or gone
            266s alice resolved i1: web is whole again after 3 min 17 s: host h1 had taken 2 of 3 VMs; 1 of 2 replaced so far
            266s ops resolved i1: host h1 is well again after 3 min 17 s; it had taken 2 VMs: shop/web 2; 1 of 2 replaced so far
            266s note i1: the incident is over
            266s closed i1: began 10s, repaired 206s, shop/web 2 VMs 226000 ms
            700s note host/h2: host.ping is bad (disaster), says probe
            700s note i2 host/h2: the incident is opened, this is the root
            700s note i2 vm/web-21: part of the incident: it stands on host h2
            700s opened i2: host h2 is down; it took 1 VM: shop/web 1
            705s note module/shop/web: monitor.shop is bad (high), says probe
            705s note i2 module/shop/web: part of the incident: its VMs suffer from host h2
            706s note module/shop/web: monitor.shop is good, says probe
            706s note i2 module/shop/web: well again, or gone
            730s alice problem i2: 1 of your 3 VMs of web is down because host h2 is down
            730s ops problem i2: host h2 is down; it took 1 VM: shop/web 1
            800s note host/h2: host.ping is good, says probe
            800s note i2 vm/web-21: well again, or gone
            860s alice resolved i2: web is whole again after 1 min 40 s: host h2 had taken 1 of 3 VMs
            860s ops resolved i2: host h2 is well again after 1 min 40 s
            860s note i2: the incident is over
            860s closed i2: began 700s, repaired 800s, shop/web 1 VMs 100000 ms
            1400s note module/shop/web: monitor.shop is bad (high), says probe
            1460s note i3 module/shop/web: the incident is opened, this is the root
            1460s opened i3: module shop/web does not work (monitor.shop); no VM suffers
            1460s alice problem i3: web does not work (monitor.shop)
            1500s note module/shop/web: monitor.shop is good, says probe
            1500s note i3 module/shop/web: well again, or gone
            1560s alice resolved i3: web is whole again after 1 min 40 s
            1560s note i3: ops was not told: a fault of the software is told to its owners, not to operations
            1560s note i3: the incident is over
            1560s closed i3: began 1400s, repaired 1500s,
        "#]],
    );
}
