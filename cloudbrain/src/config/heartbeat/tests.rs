//! What is said of heartbeats that cannot be.

use crate::config::schedules::tests::said;

#[test]
fn what_is_wrong_with_a_heartbeat_is_said_with_its_line() {
    let lines = "operations: [ann]
heartbeat:
  - ping: {name: one, url: hc.example/ping, every: 60s}
  - ping: {name: one, url: \"https://hc.example/${env:CLOUDBRAIN_NO_SUCH}\", every: 10ms}
  - message: {channel: fax, to: ann, at: \"09:00\"}
  - message: {channel: file, to: eve, at: nine}
  - message: {channel: pd, to: ann, at: \"09:00\"}
  - ping: {name: a b, url: \"https://hc.example/ping\", fail_url: \"ftp://hc.example\"}
";
    expect_test::expect![[r#"
        3: error: heartbeat.0.ping.url: is no address; write https://host/path, without a user in it
        4: error: heartbeat.1: a second heartbeat one; rename or delete one
        4: error: heartbeat.1.ping.url: the environment has no CLOUDBRAIN_NO_SUCH; set it
        4: error: heartbeat.1.ping.every: write at least 1s; 60s is usual
        5: error: heartbeat.2.message.channel: unknown channel "fax"; known are file, pd
        6: error: heartbeat.3.message.to: unknown person "eve"; known are ann, bob
        6: error: heartbeat.3.message.at: "nine" is no time of the day; write for example "09:00"
        7: error: heartbeat.4.message.channel: PagerDuty would wake somebody every day; name another channel
        8: error: heartbeat.5: ' ' in channel name "heartbeat-a b"; allowed are a-z A-Z 0-9 . _ - : @ /
        8: error: heartbeat.5.ping.fail_url: is no address; write https://host/path, without a user in it
    "#]].assert_eq(&said("heartbeat", lines, "2026-03-02 09:00"));
}
