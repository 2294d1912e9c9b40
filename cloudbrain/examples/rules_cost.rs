//! What rules cost: a hundred of them over a thousand VMs.
//!
//! `cargo run --release -p cloudbrain --example rules_cost [VMS]` fills a sample store with half an
//! hour of what agents tell, asks the built-in rules again and again until a hundred were asked, and
//! judges the answers, as the brain does each half minute. It prints CPU time of this process, so a
//! busy machine does not matter.

use std::sync::Arc;
use std::time::Duration;

use alerter::rule::Ground;
use cloudbrain::brain::asker::{Answer, Asked, answer};
use cloudbrain::brain::eye;
use cloudbrain::config::rules::Rules;
use cloudbrain::rules::engine::{Book, asked};
use model::metric::{Of, TABLE};
use model::series::{Labels, Row, Shape};
use model::time::Time;
use model::topology::{Topology, VmPlace};
use samples::Samples;

const RULES: usize = 100;
const EVERY_S: i64 = 15;
const SPAN_S: i64 = 1800;
const START_S: i64 = 1_772_445_600;

#[expect(clippy::print_stdout, reason = "it is there to print")]
fn main() -> anyhow::Result<()> {
    let vms: usize = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("cloudbrain-rules-cost-{}", std::process::id()));
    let (samples, topology) = fill(&folder, vms)?;
    let (rules, _) = Rules::built_in();
    let each: Vec<Asked> = asked(&rules.set).collect();
    let questions: Vec<&Asked> = each.iter().cycle().take(RULES).collect();
    let now = Time::from_millis((START_S + SPAN_S) * 1000);
    for round in ["cold", "warm"] {
        let before = cpu();
        let answers: Vec<Answer> =
            questions.iter().map(|asked| answer(&samples, asked, now, &|| false)).collect();
        let asking = cpu() - before;
        let (failed, series) = count(&answers);
        let before = cpu();
        judge(&rules, &topology, answers);
        let judging = cpu() - before;
        println!(
            "{round}: {RULES} rules over {vms} VMs: asked in {asking:?}, judged in {judging:?}; \
             {series} series answered, {failed} failed; each 30 s that is {:.2} % of a core",
            (asking + judging).as_secs_f64() / 30.0 * 100.0
        );
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// CPU time of this process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn count(answers: &[Answer]) -> (usize, usize) {
    let failed = answers.iter().filter(|answer| answer.outcome.is_err()).count();
    let series = answers.iter().map(|answer| match &answer.outcome {
        Ok(query::Value::Vector(samples)) => samples.len(),
        Ok(_) | Err(_) => 0,
    });
    (failed, series.sum())
}

fn judge(rules: &Rules, topology: &Topology, answers: Vec<Answer>) {
    let (mut book, collector) = (Book::default(), eye::collector());
    let ground = Ground { topology, is_whole: true, collector: &collector };
    for answer in answers {
        book.judge(&rules.set, ground, false, answer);
    }
}

/// What the agents of all VMs told.
fn fill(folder: &std::path::Path, vms: usize) -> anyhow::Result<(Samples, Topology)> {
    let start = Time::from_millis(START_S * 1000);
    let (samples, _) = Samples::open(folder, samples::Settings::default(), start)?;
    let mut topology = Topology::default();
    let mut shapes = Vec::new();
    for number in 0..vms {
        let vm = format!("vm-{number:05}");
        let host = format!("host-{:03}", number / 20);
        let place = VmPlace { host: None, module: None, created: start, leaving: false };
        topology.vms.insert(vm.parse()?, place);
        let common = [("vm", vm), ("host", host), ("module", "shop/web".to_owned())];
        let part = |of| if of == Of::Machine { "" } else { "part-1" };
        let columns = TABLE.iter().map(|metric| metric.series(part(metric.of))).collect();
        shapes.push(Arc::new(Shape { common: Labels::of(common), columns }));
    }
    for second in (0..SPAN_S).step_by(EVERY_S as usize) {
        let at = start + Duration::from_secs(second.unsigned_abs());
        let rows: Vec<Row> = shapes
            .iter()
            .enumerate()
            .map(|(number, shape)| {
                let value = 0.3 + (number % 50) as f64 / 100.0;
                let values = vec![value + second as f64 * 1e-6; shape.columns.len()];
                Row { shape: shape.clone(), at, values }
            })
            .collect();
        samples.append(&rows, at)?;
        samples.maintain(at)?;
    }
    Ok((samples, topology))
}
