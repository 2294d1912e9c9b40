//! Policies that measure by an expression, with the real binary: what is pushed into the sample
//! store scales a module out and in, and what is pushed no more takes nothing away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::common::Fleet;
use crate::files::refused;
use crate::samples::{now_ms, push, remote_write};

const LOAD: &str = "- name: load            # mean load per core over the serving VMs
    max_age: 5s
    coverage: 0.7
    out: {above: 0.8, for: 2s, step: 3}
    in: {below: 0.5, for: 3s, step: 1}";

const QUEUE: &str = "- name: queue
    expr: avg(queue_length) / 2
    max_age: 3s
    out: {above: 10, for: 1s, step: 3}
    in: {below: 4, for: 1s, step: 1}";

/// Pushes the length of a queue of somebody else's until it is dropped.
struct Queue {
    length: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Queue {
    fn fill(fleet: &Fleet, length: u64) -> Self {
        let queue = Self { length: Arc::new(AtomicU64::new(length)), is_over: Arc::default() };
        let (length, is_over, brain) = (queue.length.clone(), queue.is_over.clone(), fleet.listen);
        std::thread::spawn(move || {
            while !is_over.load(Relaxed) {
                let value = length.load(Relaxed) as f64;
                push(brain, &remote_write("queue_length", "broker-1", value, now_ms()));
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        queue
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}

fn serving(fleet: &Fleet) -> Option<u64> {
    fleet.get("/api/overview")?["modules"][0]["serving"].as_u64()
}

#[test]
fn an_expression_scales_out_and_in_and_nothing_on_silence() {
    let mut fleet = Fleet::prepare("expression", |main| main);
    let policy = fleet.folder.join("policies/web.yaml");
    let text = std::fs::read_to_string(&policy).expect("the example");
    assert!(text.contains(LOAD), "the example's metric");
    std::fs::write(&policy, text.replace(LOAD, QUEUE)).expect("a folder of ours");
    fleet.start_brain();
    fleet.wait_until_up(2);
    let queue = Queue::fill(&fleet, 50);
    fleet.wait("the queue to call for more", |fleet| {
        let decisions = fleet.get("/api/decisions?module=shop/web")?;
        let found = decisions.as_array()?.iter().find(|decision| {
            decision["reason"]["metric"] == "queue" && decision["reason"]["kind"] == "load_above"
        })?;
        let reading = &found["inputs"]["readings"][0];
        assert_eq!(
            (reading["value"].as_f64(), reading["aggregate"].as_str()),
            (Some(25.0), Some("mean"))
        );
        Some(())
    });
    fleet.wait("more VMs", |fleet| (serving(fleet)? >= 5).then_some(()));
    queue.length.store(0, Relaxed);
    fleet.wait("fewer VMs", |fleet| (serving(fleet)? <= 4).then_some(()));
    drop(queue);
    let told = fleet.wait("the silence to be told", |fleet| {
        let newest = fleet.get("/api/decisions?module=shop/web&limit=1")?;
        let told = newest[0]["text"].as_str()?.to_owned();
        told.contains("queue unknown").then_some(told)
    });
    assert!(told.contains("fresh samples from 0 of"), "{told}");
}

#[test]
fn an_expression_that_cannot_be_read_is_refused_where_it_stands() {
    let change = |expr: &str| QUEUE.replace("avg(queue_length) / 2", expr);
    let expected = &["web.yaml:12:", "metrics.0.expr: 1:17", "unexpected end of input"];
    refused("expr-syntax", "policies/web.yaml", LOAD, &change("\"avg(queue_length\""), expected);
    let expected = &["web.yaml:12:", "avg_over_time"];
    refused("expr-kind", "policies/web.yaml", LOAD, &change("queue_length[5m]"), expected);
}
