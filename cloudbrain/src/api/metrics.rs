//! `/metrics`: the brain's own figures, as Prometheus text.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use collector::gauges::GaugeReadings;
use model::time::Time;

use super::data::{ApiError, unavailable};
use crate::brain::Handle;
use crate::brain::core::Core;

pub(super) async fn metrics(State(handle): State<Handle>) -> Result<impl IntoResponse, ApiError> {
    let mut text = handle.ask(fleet).await.map_err(unavailable)?;
    family(&mut text, "cloudbrain_turns_total", "counter", "looks at everything");
    let _ = writeln!(text, "cloudbrain_turns_total {}", *handle.turns.borrow());
    polls(&mut text, &handle.gauges.read());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn polls(text: &mut String, readings: &GaugeReadings) {
    let counters = [
        ("cloudbrain_polls_total", "polls and probes that ended", readings.polls),
        (
            "cloudbrain_poll_keys_unsupported_total",
            "item keys agents did not know",
            readings.keys_unsupported,
        ),
        (
            "cloudbrain_poll_values_rubbish_total",
            "values that were no number",
            readings.values_rubbish,
        ),
        ("cloudbrain_poll_beats_missed_total", "polls not begun in time", readings.beats_missed),
    ];
    for (name, help, value) in counters {
        family(text, name, "counter", help);
        let _ = writeln!(text, "{name} {value}");
    }
    family(text, "cloudbrain_poll_faults_total", "counter", "polls that failed, by how");
    for (fault, count) in &readings.faults {
        let _ =
            writeln!(text, "cloudbrain_poll_faults_total{{fault=\"{}\"}} {count}", fault.as_str());
    }
    let gauges = [
        ("cloudbrain_poll_targets", "targets that are asked", readings.targets as f64),
        ("cloudbrain_polls_in_flight", "polls under way", readings.in_flight as f64),
        (
            "cloudbrain_poll_lag_seconds",
            "begun too late, worst of the last second",
            readings.lag.as_secs_f64(),
        ),
    ];
    for (name, help, value) in gauges {
        family(text, name, "gauge", help);
        let _ = writeln!(text, "{name} {value}");
    }
}

fn fleet(core: &Core, now: Time) -> String {
    let mut text = String::new();
    family(&mut text, "cloudbrain_vms", "gauge", "VMs by state");
    for state in model::vm::VmState::ALL {
        let count = core.scaler.vms.values().filter(|vm| vm.state == state).count();
        let _ = writeln!(text, "cloudbrain_vms{{state=\"{state}\"}} {count}");
    }
    family(&mut text, "cloudbrain_module_desired_vms", "gauge", "VMs wanted");
    for (module, memory) in &core.scaler.memory.modules {
        let _ = writeln!(
            text,
            "cloudbrain_module_desired_vms{{module=\"{module}\"}} {}",
            memory.desired
        );
    }
    family(&mut text, "cloudbrain_module_serving_vms", "gauge", "VMs in the routers");
    family(&mut text, "cloudbrain_module_load", "gauge", "mean load per core of the serving VMs");
    for module in core.config.modules.keys() {
        let (load, serving) = core.reading(module, now);
        let _ = writeln!(text, "cloudbrain_module_serving_vms{{module=\"{module}\"}} {serving}");
        if let Some(load) = load {
            let _ = writeln!(text, "cloudbrain_module_load{{module=\"{module}\"}} {load}");
        }
    }
    family(&mut text, "cloudbrain_incidents_open", "gauge", "open incidents");
    let open = core.incidents().iter().filter(|incident| incident.closed.is_none()).count();
    let _ = writeln!(text, "cloudbrain_incidents_open {open}");
    family(&mut text, "cloudbrain_faults", "gauge", "targets that do not answer as they should");
    let _ = writeln!(text, "cloudbrain_faults {}", core.senses.faults.len());
    family(&mut text, "cloudbrain_config_error", "gauge", "1 while new files are refused");
    let _ = writeln!(text, "cloudbrain_config_error {}", u8::from(core.config_error.is_some()));
    text
}
