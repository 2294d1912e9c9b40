//! What other rooms know and the messages say: what it cost, where there is room.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::beside::{Beside, Cost, Month, Room};
use expect_test::{Expect, expect};
use model::lang::Lang;

use crate::script::{Play, Show};

/// `i1 shop/web up=100 down=200 month=0.9993/0.8`, or `i1 room small lost=2 ready=1 h3=4`; several
/// with an `and` between them.
pub(crate) fn read(told: &[&str]) -> Beside {
    let mut beside = Beside::new();
    for told in told.split(|word| *word == "and") {
        let [incident, of, rest @ ..] = told else { panic!("not understood: {told:?}") };
        let known = beside.entry(incident.parse().unwrap()).or_default();
        match (*of, rest) {
            ("room", [flavor, rest @ ..]) => known.room.push(room(flavor, rest)),
            (module, values) => drop(known.costs.insert(module.parse().unwrap(), cost(values))),
        }
    }
    beside
}

fn cost(told: &[&str]) -> Cost {
    let values = values(told);
    let time = |name: &str| {
        Duration::from_secs(values.get(name).map_or(0, |seconds| seconds.parse().unwrap()))
    };
    let month = values.get("month").and_then(|told| told.split_once('/'));
    Cost {
        up: time("up"),
        down: time("down"),
        unknown: time("unknown"),
        blips: values.get("blips").map_or(0, |count| count.parse().unwrap()),
        month: month
            .map(|(up, known)| Month { up: up.parse().unwrap(), coverage: known.parse().unwrap() }),
    }
}

fn room(flavor: &str, told: &[&str]) -> Room {
    let mut values = values(told);
    let mut count = |name: &str| values.remove(name).map_or(0, |count| count.parse().unwrap());
    let (lost, ready, is_silent) = (count("lost"), count("ready"), count("silent") > 0);
    let hosts = values.iter().map(|(host, vms)| (host.parse().unwrap(), vms.parse().unwrap()));
    let hosts = (!is_silent).then(|| hosts.collect());
    Room { flavor: flavor.parse().unwrap(), lost, hosts, ready }
}

fn values<'a>(told: &[&'a str]) -> BTreeMap<&'a str, &'a str> {
    told.iter().map(|word| word.split_once('=').unwrap()).collect()
}

/// Plays a story on the usual fleet in both languages and shows the lines of one person's messages
/// that have one of these in them.
#[track_caller]
fn check(to: &str, marks: &[&str], story: &str, expected: &Expect) {
    let mut shown = String::new();
    for lang in [Lang::En, Lang::Zh] {
        let mut play = Play::on_the_usual_fleet();
        play.show = Show::WholeText;
        play.settings.people =
            ["alice", "bob", "ops"].map(|name| (name.parse().unwrap(), lang)).into();
        let mut is_theirs = false;
        for line in play.play(story).lines() {
            if !line.starts_with(' ') {
                is_theirs = line.contains(&format!(" {to} "));
            }
            if is_theirs && marks.iter().any(|mark| line.contains(mark)) {
                shown += &format!("{}\n", line.trim());
            }
        }
    }
    expected.assert_eq(&shown);
}

const COSTS: [&str; 9] =
    [" i1: ", "users", "outage", "nobody saw", "用户", "无法使用", "中断", "未受影响", "探测"];

#[test]
fn the_owner_reads_what_it_cost() {
    let story = "
        10s bad host.ping host/h1
        20s know i1 shop/web up=20 down=25 unknown=5 and i1 bank/api up=50
        395s know i1 shop/web up=20 down=190 unknown=5
        400s bad vm.ping vm/web-21
        400s move web-21 h1
        500s ok host.ping host/h1
        501s ok vm.ping vm/web-{01..21}
        502s ok vm.ping vm/api-{01..20}
        503s ok vm.ping vm/srv-{01..10}
        530s know i1 shop/web up=300 down=200 month=0.9993/0.62 and i1 bank/api up=500 month=1/1
        900s
    ";
    check(
        "alice",
        &COSTS,
        story,
        &expect![[r#"
            40s alice problem i1: 20 of your 40 VMs of web are down because host h1 is down
            shop/web: down for users for 25 s so far; nobody saw it for 5 s
            401s alice update i1: Update: 21 of your 40 VMs of web are down because host h1 is down
            shop/web: down for users for 3 min 10 s so far; nobody saw it for 5 s
            561s alice resolved i1: web is whole again after 8 min 11 s: host h1 had taken 21 of 40 VMs
            shop/web: down for users for 3 min 20 s; 99.93 % up this month (62.00 % of it is known)
            40s alice problem i1: web 的 40 台虚拟机中有 20 台不可用，原因：宿主机 h1 宕机
            shop/web：用户目前已有 25 秒无法使用；另有 5 秒未能探测
            401s alice update i1: 更新：web 的 40 台虚拟机中有 21 台不可用，原因：宿主机 h1 宕机
            shop/web：用户目前已有 3 分钟 10 秒无法使用；另有 5 秒未能探测
            561s alice resolved i1: web 已恢复，历时 8 分钟 11 秒：宿主机 h1 曾影响 40 台虚拟机中的 21 台
            shop/web：用户曾有 3 分钟 20 秒无法使用；本月可用率 99.93 %（已知时间占 62.00 %）
        "#]],
    );
    check(
        "bob",
        &COSTS,
        story,
        &expect![[r#"
            40s bob problem i1: 20 of your 50 VMs of api are down because host h1 is down
            bank/api: users saw nothing of it so far: all probes answered
            560s bob resolved i1: api is whole again after 8 min 10 s: host h1 had taken 20 of 50 VMs
            bank/api: users saw nothing of it: all probes answered; 100 % up this month
            40s bob problem i1: api 的 50 台虚拟机中有 20 台不可用，原因：宿主机 h1 宕机
            bank/api：用户目前未受影响：探测全部正常
            560s bob resolved i1: api 已恢复，历时 8 分钟 10 秒：宿主机 h1 曾影响 50 台虚拟机中的 20 台
            bank/api：用户未受影响：探测全部正常；本月可用率 100 %
        "#]],
    );
}

#[test]
fn what_was_not_looked_at_has_no_number() {
    let told = |known: &str, expected: &Expect| {
        let story = format!("10s bad host.ping host/h1\n20s know {known}\n60s");
        check("alice", &COSTS[1..], &story, expected);
    };
    told("i1 shop/web unknown=60", &expect![[""]]);
    told(
        "i1 shop/web up=60",
        &expect![[r#"
        shop/web: users saw nothing of it so far: all probes answered
        shop/web：用户目前未受影响：探测全部正常
    "#]],
    );
    told(
        "i1 shop/web up=40 unknown=20",
        &expect![[r#"
        shop/web: no outage was seen by users so far; nobody saw it for 20 s
        shop/web：目前未发现用户受影响；另有 20 秒未能探测
    "#]],
    );
    told(
        "i1 shop/web up=60 blips=2",
        &expect![[r#"
        shop/web: no outage so far, but 2 of its probes failed
        shop/web：目前未构成中断，但有 2 次探测失败
    "#]],
    );
    told("i1 bank/api down=60", &expect![[""]]);
}

#[test]
fn operations_read_where_there_is_room() {
    let told = |known: &str, expected: &Expect| {
        let story = format!("10s bad host.ping host/h1\n20s know {known}\n60s");
        check("ops", &["Room", "套餐", "users", "用户"], &story, expected);
    };
    told(
        "i1 room small lost=20 ready=3 h2=4 h3=12 and i1 shop/web down=9",
        &expect![[r#"
        Room for small (20 lost): 4 on h2, 12 on h3; 3 ready in the pool
        套餐 small（失去 20 台）可补位置：h2 可放 4 台、h3 可放 12 台；资源池有 3 台待用
    "#]],
    );
    told(
        "i1 room small lost=1 ready=0",
        &expect![[r#"
        Room for small (1 lost): no host has room; 0 ready in the pool
        套餐 small（失去 1 台）可补位置：没有宿主机有余量；资源池有 0 台待用
    "#]],
    );
    told(
        "i1 room small lost=1 ready=2 silent=1",
        &expect![[r#"
        Room for small (1 lost): 2 ready in the pool
        套餐 small（失去 1 台）可补位置：资源池有 2 台待用
    "#]],
    );
}
