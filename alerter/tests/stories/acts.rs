//! What people put off, silence or announce: who is told what, and when.

use expect_test::{Expect, expect};

use crate::script::{Play, Show};

fn check(story: &str, expected: &Expect) {
    expected.assert_eq(&Play::on_the_usual_fleet().play(story));
}

#[test]
fn whoever_snoozes_is_told_how_it_is_when_the_snooze_is_over() {
    check(
        "
        10s   bad vm.ping vm/web-07
        100s  snooze i1 by alice until 700s
        120s  page
        200s  bad app.http vm/web-07
        1000s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            120s page i1: VM web-07 of shop/web on host h1 is down
                  snoozed by alice until 700s
                  vm.ping of web-07 is bad since 2026-03-02T10:00:10Z, says probe
            700s alice update i1: Update: 1 of your 40 VMs of web is down: web-07
        "#]],
    );
}

#[test]
fn an_end_within_a_snooze_is_told_and_the_snooze_is_over_with_it() {
    check(
        "
        10s   bad vm.ping vm/web-07
        100s  snooze i1 by alice until 900s
        300s  ok vm.ping vm/web-07
        1500s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            360s alice resolved i1: web is whole again after 4 min 50 s: 1 of 40 VMs had failed, web-07
            360s ops resolved i1: VM web-07 is well again after 4 min 50 s
            360s closed i1
        "#]],
    );
}

#[test]
fn a_snooze_lets_through_a_higher_severity_and_another_root() {
    check(
        "
        10s   bad vm.disk vm/web-07 warning
        100s  snooze i1 by alice until 1000s
        200s  bad vm.ping vm/web-07
        400s  bad host.ping host/h1
        1200s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 works badly (vm.disk)
            70s alice problem i1: 1 of your 40 VMs of web fails: web-07 (vm.disk)
            70s ops problem i1: VM web-07 of shop/web on host h1 works badly (vm.disk)
            200s alice update i1: Update: 1 of your 40 VMs of web is down: web-07
            200s ops update i1: Update: VM web-07 of shop/web on host h1 is down
            400s alice update i1: Update: 20 of your 40 VMs of web are down because host h1 is down
            400s ops update i1: Update: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            430s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            430s carol problem i1: all 10 VMs of srv are down because host h1 is down
            1000s alice update i1: Update: 20 of your 40 VMs of web are down because host h1 is down
        "#]],
    );
}

#[test]
fn a_snooze_holds_back_what_is_only_more_of_the_same() {
    check(
        "
        10s      bad host.ping host/h1
        12s      ok vm.ping vm/web-{01..20},vm/srv-{01..10}
        100s     snooze i1 by ops until 900s
        500s     bad vm.ping vm/srv-{01..10}
        600s     bad vm.ping vm/web-{01..05}
        1500s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 20 VMs: bank/api 20
            530s carol problem i1: all 10 VMs of srv are down because host h1 is down
            630s alice problem i1: 5 of your 40 VMs of web are down because host h1 is down
            900s ops update i1: Update: host h1 is down; it took 35 VMs: bank/api 20, game/srv 10, shop/web 5
        "#]],
    );
}

#[test]
fn a_snooze_before_the_first_message_holds_that_back_too_for_that_person_alone() {
    check(
        "
        10s   bad host.ping host/h1
        15s   snooze i1 by alice until 400s
        600s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: all 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            400s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
        "#]],
    );
}

#[test]
fn what_is_silenced_is_an_incident_that_nobody_is_told_of_until_the_silence_ends() {
    check(
        "
        5s    silence s1 vm/web-07 until 500s
        10s   bad vm.ping vm/web-07
        100s  page
        900s  ok vm.ping vm/web-07
        1200s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            100s page i1: VM web-07 of shop/web on host h1 is down
                  silenced: s1 by ops until 500s
                  vm.ping of web-07 is bad since 2026-03-02T10:00:10Z, says probe
            500s alice problem i1: 1 of your 40 VMs of web is down: web-07
            500s ops problem i1: VM web-07 of shop/web on host h1 is down
            960s alice resolved i1: web is whole again after 14 min 50 s: 1 of 40 VMs had failed, web-07
            960s ops resolved i1: VM web-07 is well again after 14 min 50 s
            960s closed i1
        "#]],
    );
}

#[test]
fn what_is_well_again_before_its_silence_ends_was_never_told() {
    check(
        "
        5s    silence s1 host/h1 until 900s
        10s   bad host.ping host/h1
        15s   bad vm.ping vm/web-{01..20}
        300s  ok host.ping host/h1
        310s  ok vm.ping vm/web-{01..20}
        1500s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            371s closed i1
        "#]],
    );
}

#[test]
fn whoever_was_told_before_a_silence_is_told_of_the_end_inside_it() {
    check(
        "
        10s   bad vm.ping vm/web-07
        100s  silence s1 vm/web-07 until 5000s
        110s  page
        200s  bad app.http vm/web-07
        600s  ok vm.ping vm/web-07
        600s  ok app.http vm/web-07
        1000s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            110s page i1: VM web-07 of shop/web on host h1 is down
                  silenced: s1 by ops until 5000s
                  vm.ping of web-07 is bad since 2026-03-02T10:00:10Z, says probe
            661s alice resolved i1: web is whole again after 9 min 51 s: 1 of 40 VMs had failed, web-07
            661s ops resolved i1: VM web-07 is well again after 9 min 51 s
            661s closed i1
        "#]],
    );
}

#[test]
fn a_silence_of_a_vm_does_not_silence_the_host_that_takes_it() {
    check(
        "
        5s    silence s1 vm/srv-01 until 5000s
        10s   bad host.ping host/h1
        300s  ok host.ping host/h1
        300s  ok vm.ping vm/srv-{01..10}
        900s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: 9 of your 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            360s alice resolved i1: web is whole again after 4 min 50 s: host h1 had taken 20 of 40 VMs
            360s bob resolved i1: api is whole again after 4 min 50 s: host h1 had taken 20 of 50 VMs
            360s carol resolved i1: srv is whole again after 4 min 50 s: host h1 had taken 9 of 10 VMs
            360s ops resolved i1: host h1 is well again after 4 min 50 s; it had taken 50 VMs: bank/api 20, game/srv 10, shop/web 20
            360s closed i1
        "#]],
    );
}

#[test]
fn a_silence_of_a_module_or_a_project_covers_its_vms_wherever_they_run() {
    check(
        "
        1s    silence s1 module/shop/web until 5000s
        2s    silence s2 project/game until 300s
        10s   bad host.ping host/h1
        700s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            300s carol problem i1: all 10 VMs of srv are down because host h1 is down
        "#]],
    );
}

#[test]
fn a_silenced_vm_that_is_replaced_and_gone_is_not_told_of() {
    check(
        "
        1s    silence s1 module/shop/web until 5000s
        10s   bad vm.ping vm/web-07
        11s   repair web-07 failed 10s
        20s   repair web-07 failed 10s by web-41
        30s   gone web-07
        900s
        ",
        &expect![[r#"
            11s opened i1: VM web-07 of shop/web on host h1 is down; replacement under way
            90s closed i1
        "#]],
    );
}

#[test]
fn a_silence_of_one_check_lets_the_others_through() {
    check(
        "
        5s    silence s1 host/h1 check vm.disk until 5000s
        10s   bad vm.disk vm/web-07 warning
        200s  page
        300s  bad vm.ping vm/web-07
        400s  bad vm.disk vm/web-21 warning
        700s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 works badly (vm.disk)
            200s page i1: VM web-07 of shop/web on host h1 works badly (vm.disk)
                  silenced: s1 by ops until 5000s
                  vm.disk of web-07 is bad since 2026-03-02T10:00:10Z, says probe
            360s alice problem i1: 1 of your 40 VMs of web is down: web-07
            360s ops problem i1: VM web-07 of shop/web on host h1 is down
            460s opened i2: VM web-21 of shop/web on host h2 works badly (vm.disk)
            460s alice problem i2: 1 of your 40 VMs of web fails: web-21 (vm.disk)
            460s ops problem i2: VM web-21 of shop/web on host h2 works badly (vm.disk)
        "#]],
    );
}

#[test]
fn a_silence_by_label_covers_what_it_is_said_to_cover() {
    check(
        "
        5s    silence s1 labels until 400s
        10s   label vm/web-07 alert.Slow s1
        10s   bad alert.Slow vm/web-07
        300s  page
        700s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 works badly (alert.Slow)
            300s page i1: VM web-07 of shop/web on host h1 works badly (alert.Slow)
                  silenced: s1 by ops until 400s
                  alert.Slow of web-07 is bad since 2026-03-02T10:00:10Z, says probe
            400s alice problem i1: 1 of your 40 VMs of web fails: web-07 (alert.Slow)
            400s ops problem i1: VM web-07 of shop/web on host h1 works badly (alert.Slow)
        "#]],
    );
}

#[test]
fn a_silence_that_begins_later_holds_back_nothing_before() {
    check(
        "
        1s    silence s1 host/h2 from 300s until 900s
        10s   bad vm.ping vm/web-21
        200s  page
        250s  bad vm.ping vm/web-22
        310s  page
        1200s
        ",
        &expect![[r#"
            70s opened i1: VM web-21 of shop/web on host h2 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-21
            70s ops problem i1: VM web-21 of shop/web on host h2 is down
            200s page i1: VM web-21 of shop/web on host h2 is down
                  vm.ping of web-21 is bad since 2026-03-02T10:00:10Z, says probe
            310s page i1: VM web-21 of shop/web on host h2 is down
                  silenced: s1 by ops until 900s
                  vm.ping of web-21 is bad since 2026-03-02T10:00:10Z, says probe
            310s opened i2: VM web-22 of shop/web on host h2 is down
            900s alice problem i2: 1 of your 40 VMs of web is down: web-22
            900s ops problem i2: VM web-22 of shop/web on host h2 is down
        "#]],
    );
}

#[test]
fn a_silence_that_is_expired_early_is_over_at_once() {
    check(
        "
        5s    silence s1 host/h2 until 5000s
        10s   bad vm.ping vm/web-21
        200s  expire s1
        500s
        ",
        &expect![[r#"
            70s opened i1: VM web-21 of shop/web on host h2 is down
            200s alice problem i1: 1 of your 40 VMs of web is down: web-21
            200s ops problem i1: VM web-21 of shop/web on host h2 is down
        "#]],
    );
}

#[test]
fn a_silenced_root_that_takes_over_what_was_told_is_named_when_the_silence_ends() {
    check(
        "
        10s   bad vm.ping vm/web-07
        100s  silence s1 host/h1 until 600s
        110s  bad host.ping host/h1
        900s
        ",
        &expect![[r#"
            70s opened i1: VM web-07 of shop/web on host h1 is down
            70s alice problem i1: 1 of your 40 VMs of web is down: web-07
            70s ops problem i1: VM web-07 of shop/web on host h1 is down
            600s alice update i1: Update: 20 of your 40 VMs of web are down because host h1 is down
            600s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            600s carol problem i1: all 10 VMs of srv are down because host h1 is down
            600s ops update i1: Update: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn of_vms_that_fail_together_only_those_are_told_that_nobody_silenced() {
    let mut play = Play::on_the_usual_fleet();
    play.show = Show::WholeText;
    let told = play.play(
        "
        5s    silence s1 vm/web-08 until 5000s
        10s   bad vm.ping vm/web-07
        11s   bad vm.ping vm/web-08
        500s  ok vm.ping vm/web-07
        900s
        ",
    );
    expect![[r#"
        70s opened i1: 2 VMs are down, each on its own: shop/web 2
        70s alice problem i1: 1 of your 40 VMs of web is down: web-07
              shop/web: 1 of 40 VMs (web-07)
              Since 2026-03-02T10:00:10Z, for 1 min
              Operations are told as well.
              vm.ping of web-07 is bad since 2026-03-02T10:00:10Z, says probe
        70s ops problem i1: VM web-07 of shop/web on host h1 is down
              shop/web: 1 of 40 VMs (web-07)
              Since 2026-03-02T10:00:10Z, for 1 min
              Businesses: shop
              vm.ping of web-07 is bad since 2026-03-02T10:00:10Z, says probe
        560s alice resolved i1: web is whole again after 8 min 10 s: 1 of 40 VMs had failed, web-07
              shop/web: 1 of 40 VMs (web-07)
        560s ops resolved i1: VM web-07 is well again after 8 min 10 s
              shop/web: 1 of 40 VMs (web-07)
    "#]]
    .assert_eq(&told);
}

#[test]
fn maintenance_that_is_opened_by_hand_ends_when_somebody_ends_it() {
    check(
        "
        5s    open m1 project/shop until 5000s
        10s   bad host.ping host/h1
        15s   bad vm.ping vm/web-{01..03}
        300s  page
        400s  end m1
        700s
        ",
        &expect![[r#"
            10s opened i1: host h1 is down; it took 30 VMs: bank/api 20, game/srv 10
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            40s carol problem i1: all 10 VMs of srv are down because host h1 is down
            40s ops problem i1: host h1 is down; it took 30 VMs: bank/api 20, game/srv 10
            300s page i1: host h1 is down; it took 30 VMs: bank/api 20, game/srv 10
                  host.ping of h1 is bad since 2026-03-02T10:00:10Z, says probe
            400s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            400s ops update i1: Update: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn a_window_of_the_files_begins_and_ends_by_itself_and_at_once_if_it_is_taken_out() {
    check(
        "
        1s    plan weekly host/h1 from 100s until 1000s
        110s  bad host.ping host/h1
        200s  plan weekly host/h1 from 100s until 1000s
        300s  page
        400s  plan nothing
        700s
        ",
        &expect![[r#"
            400s opened i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
            400s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            400s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            400s carol problem i1: all 10 VMs of srv are down because host h1 is down
            400s ops problem i1: host h1 is down; it took 50 VMs: bank/api 20, game/srv 10, shop/web 20
        "#]],
    );
}

#[test]
fn windows_that_overlap_end_with_the_last() {
    check(
        "
        1s    open m1 host/h2 until 300s
        2s    open m2 switch/sw1 until 500s
        10s   bad host.ping host/h2
        900s
        ",
        &expect![[r#"
            500s opened i1: host h2 is down; it took 20 VMs: shop/web 20
            500s alice problem i1: 20 of your 40 VMs of web are down because host h2 is down
            500s ops problem i1: host h2 is down; it took 20 VMs: shop/web 20
        "#]],
    );
}
