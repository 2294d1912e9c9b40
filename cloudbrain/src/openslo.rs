//! Promises in the form of OpenSLO v1, for other tools.
//!
//! Each project with a target is an SLO with an SLI. The SLI is the nearest that a ratio can come to our
//! account: the share of moments at which all that its modules are measured by is well. A ratio knows no
//! confirmation and no unknown time, and no maintenance; so each SLO says by which policy cloudbrain
//! itself accounts, and that this is the word that counts. Month and zone are those of the policy.

use std::collections::BTreeMap;

use availability::{Indicator, Target, Terms};
use model::id::ProjectId;
use serde_json::{Value, json};

use crate::config::Config;
use crate::config::accounting::AccountingPolicy;

const VERSION: &str = "openslo/v1";
/// OpenSLO wants names as DNS has them.
const MOST_CHARS: usize = 63;
/// When the first month begins; each month after it is another.
const FIRST_MONTH: &str = "2026-01-01 00:00:00";

/// What there is to print, and who is left out of it since nothing is promised.
#[derive(Debug)]
pub struct Export {
    /// For each project an SLO, and its SLI after it.
    pub documents: Vec<Value>,
    pub without_target: Vec<ProjectId>,
}

/// All promises of the files.
///
/// # Errors
/// If two projects would have one name.
pub fn export(config: &Config) -> Result<Export, String> {
    let (mut documents, mut without_target) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, &ProjectId> = BTreeMap::new();
    for project in config.projects.keys() {
        let policy = config.accountings.of(project);
        let Some(target) = policy.terms.target else {
            without_target.push(project.clone());
            continue;
        };
        let name = name_of(project, &mut names)?;
        let zone = policy.zone.iana_name().unwrap_or(&config.raw.timezone);
        documents.push(objective(&name, project, target, policy, zone));
        documents.push(indicator(&name, project, &query(config, project)));
    }
    Ok(Export { documents, without_target })
}

fn objective(
    name: &str,
    project: &ProjectId,
    target: Target,
    policy: &AccountingPolicy,
    zone: &str,
) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": {
            "name": format!("{name}-availability"),
            "displayName": format!("Availability of {project}"),
            "annotations": {"cloudbrain/policy": policy.terms.id()},
        },
        "spec": {
            "description": description(&policy.terms),
            "service": name,
            "indicatorRef": format!("{name}-availability"),
            "timeWindow": [{
                "duration": "1M",
                "isRolling": false,
                "calendar": {"startTime": FIRST_MONTH, "timeZone": zone},
            }],
            "budgetingMethod": "Occurrences",
            "objectives": [{
                "displayName": target.to_string(),
                "target": f64::from(target.millionths()) / 1e6,
            }],
        },
    })
}

fn description(terms: &Terms) -> String {
    let rules = terms.rules().join(", ");
    format!("By {}: {rules}. The report of cloudbrain is what counts.", terms.id())
}

fn indicator(name: &str, project: &ProjectId, query: &str) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "SLI",
        "metadata": {
            "name": format!("{name}-availability"),
            "displayName": format!("Availability of {project}"),
        },
        "spec": {
            "description": "1 while all that its modules are measured by is well, 0 while one is not.",
            "ratioMetric": {
                "counter": false,
                "rawType": "success",
                "raw": {"metricSource": {"type": "Prometheus", "spec": {"query": query}}},
            },
        },
    })
}

/// By domains alone, as is usual, or by whatever measures each module.
fn query(config: &Config, project: &ProjectId) -> String {
    let name = project.as_str();
    let modules = config.modules.iter().filter(|(_, module)| module.project == *project);
    let measures = modules.flat_map(|(id, module)| {
        module.measured_by.iter().flatten().map(move |(indicator, _)| (id.as_str(), indicator))
    });
    let all: Vec<(&str, &Indicator)> = measures.collect();
    if all.iter().all(|(_, indicator)| **indicator == Indicator::Domain) {
        return format!("min(probe_success{{project={name:?},domain!=\"\"}})");
    }
    let all = all.into_iter().map(|(module, indicator)| match indicator {
        Indicator::Domain => format!("probe_success{{module={module:?},domain!=\"\"}}"),
        Indicator::Vms => {
            format!("max by (module) (probe_success{{module={module:?},vm!=\"\"}})")
        }
        Indicator::Check(check) => {
            format!("check_up{{project={name:?},check={:?}}}", check.as_str())
        }
    });
    format!("min({})", all.collect::<Vec<_>>().join(" or "))
}

/// `a-z 0-9 -`, and no dash at the ends; no two projects have the same.
fn name_of<'a>(
    project: &'a ProjectId,
    names: &mut BTreeMap<String, &'a ProjectId>,
) -> Result<String, String> {
    let lower = project.as_str().to_ascii_lowercase();
    let most = MOST_CHARS - "-availability".len();
    let name: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(most).collect();
    let name = name.trim_matches('-').to_owned();
    match names.insert(name.clone(), project) {
        Some(other) => Err(format!("{other} and {project} would both be called {name} in OpenSLO")),
        None => Ok(name),
    }
}

/// As YAML, in block form; scalars are written as JSON has them, which YAML reads.
pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                *text += &format!("{indent}{key}:");
                within(value, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                *text += &format!("{indent}- {}", inner.trim_start());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            *text += &format!("{indent}{value}\n");
        }
    }
}

/// What stands behind a key.
fn within(value: &Value, depth: usize, text: &mut String) {
    if value.is_object() || value.is_array() {
        text.push('\n');
        block(value, depth, text);
    } else {
        *text += &format!(" {value}\n");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::expect;
    use query::Expression;

    use super::*;
    use crate::config::load_at;
    use crate::config::yaml::Document;

    fn example() -> Config {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/cloudbrain.yaml");
        let now = model::time::Time::from_millis(1_772_445_751_000);
        load_at(&path, now).config.expect("the example is in order")
    }

    #[test]
    fn a_project_with_a_target_is_an_objective_with_its_indicator() {
        let export = export(&example()).expect("one name each");
        let printed: Vec<String> = export.documents.iter().map(yaml).collect();
        expect![[r#"
            apiVersion: "openslo/v1"
            kind: "SLO"
            metadata:
              annotations:
                cloudbrain/policy: "shop-standard@1"
              displayName: "Availability of shop"
              name: "shop-availability"
            spec:
              budgetingMethod: "Occurrences"
              description: "By shop-standard@1: 99.5% is promised, outages less than 2m apart are one, maintenance does not count, unknown time is neither up nor down, 99% of the probes are promised to be answered within 300ms. The report of cloudbrain is what counts."
              indicatorRef: "shop-availability"
              objectives:
                - displayName: "99.5%"
                  target: 0.995
              service: "shop"
              timeWindow:
                - calendar:
                    startTime: "2026-01-01 00:00:00"
                    timeZone: "UTC"
                  duration: "1M"
                  isRolling: false
            ---
            apiVersion: "openslo/v1"
            kind: "SLI"
            metadata:
              displayName: "Availability of shop"
              name: "shop-availability"
            spec:
              description: "1 while all that its modules are measured by is well, 0 while one is not."
              ratioMetric:
                counter: false
                raw:
                  metricSource:
                    spec:
                      query: "min(probe_success{project=\"shop\",domain!=\"\"})"
                    type: "Prometheus"
                rawType: "success"
        "#]].assert_eq(&printed.join("---\n"));
        assert_eq!(export.without_target, []);
    }

    #[test]
    fn what_is_printed_is_read_as_the_same_by_a_reader_of_yaml() {
        for document in export(&example()).expect("one name each").documents {
            let text = yaml(&document);
            let read: Value = Document { path: "slo.yaml".into(), text }.parse().expect("YAML");
            assert_eq!(read, document);
        }
    }

    #[test]
    fn the_indicator_is_an_expression_that_our_own_reader_takes() {
        let mut config = example();
        let shop: ProjectId = "shop".parse().expect("a good name");
        let texts = [&["domain"][..], &["domain", "vms", "check/front-page"]].map(|names| {
            let module = config.modules.values_mut().next().expect("it has one");
            let measures = names.iter().map(|name| (name.parse().expect("an indicator"), None));
            module.measured_by = Ok(measures.collect());
            query(&config, &shop)
        });
        expect![[r#"
            min(probe_success{project="shop",domain!=""})
            min(probe_success{module="shop/web",domain!=""} or max by (module) (probe_success{module="shop/web",vm!=""}) or check_up{project="shop",check="front-page"})
        "#]]
        .assert_eq(&format!("{}\n{}\n", texts[0], texts[1]));
        for text in texts {
            assert!(Expression::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_are_those_of_dns_and_two_that_become_one_are_refused() {
        let long = "x".repeat(100);
        let ids = ["Shop.EU_1", &long, "shop_eu.1"].map(|text| text.parse().expect("a good name"));
        let mut names = BTreeMap::new();
        let told = ids.each_ref().map(|id| name_of(id, &mut names));
        assert_eq!(told[0].as_deref(), Ok("shop-eu-1"));
        let long = told[1].as_deref().map_or(0, str::len);
        assert_eq!(long + "-availability".len(), MOST_CHARS);
        let both = "Shop.EU_1 and shop_eu.1 would both be called shop-eu-1 in OpenSLO";
        assert_eq!(told[2].as_deref(), Err(&both.to_owned()));
    }
}
