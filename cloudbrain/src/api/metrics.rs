//! `/metrics`: the brain's own figures, as Prometheus text.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::data::{ApiError, unavailable};
use crate::brain::Handle;
use crate::brain::figures::{self, Figure};

pub(super) async fn metrics(State(handle): State<Handle>) -> Result<impl IntoResponse, ApiError> {
    let figures = figures::read(&handle).await.map_err(unavailable)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(&figures)))
}

fn text(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let Figure { name, help, values } = figure;
        let kind = if figure.is_counter() { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{labels} {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use model::series::{Labels, METRIC_NAME};

    use super::*;

    #[test]
    fn a_figure_is_told_with_its_kind_and_labels() {
        let name = "cloudbrain_samples_lost_total";
        let labels = |how| Labels::of([(METRIC_NAME, name), ("how", how)]);
        let values = vec![(labels("dropped"), 7.0), (labels("unwritten"), 0.5)];
        let lost = Figure { name, help: "values lost", values };
        let one = vec![(Labels::metric("cloudbrain_blind"), 0.0)];
        let blind = Figure { name: "cloudbrain_blind", help: "1 while blind", values: one };
        let expected = "\
# HELP cloudbrain_samples_lost_total values lost
# TYPE cloudbrain_samples_lost_total counter
cloudbrain_samples_lost_total{how=\"dropped\"} 7
cloudbrain_samples_lost_total{how=\"unwritten\"} 0.5
# HELP cloudbrain_blind 1 while blind
# TYPE cloudbrain_blind gauge
cloudbrain_blind 0
";
        assert_eq!(text(&[lost, blind]), expected);
    }
}
