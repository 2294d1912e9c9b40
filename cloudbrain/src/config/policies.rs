//! The policy folder: policies and pools, checked against the rest of the files.
//!
//! What a policy can get wrong by itself is known by `scaler::policy`. Whether the module, the
//! flavor and the pool are there, and whether an expression can be read, is known here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::id::ModuleId;
use model::unit::Span;
use query::{Expression, Kind as ValueKind};
use scaler::policy::lint::{History, lint};
use scaler::policy::{Finding, Measure, Metric, Policy, RawPolicy};
use scaler::pool::{Pool, RawPool};
use serde::Deserialize;

use super::accounting::RawAccountingPolicy;
use super::raw::RawConfig;
use super::timetable::{self, Timetable};
use super::yaml::{Document, Problem};
use super::{Config, Measured, Module, Reader, unknown};

/// What the policy folder holds, with the file each came from.
#[derive(Default)]
pub(super) struct Policies {
    policies: Vec<(Document, Policy)>,
    pools: Vec<(Document, Pool)>,
    pub(super) accountings: Vec<(Document, RawAccountingPolicy)>,
}

impl Policies {
    /// The file that the policy of each module stands in.
    pub(super) fn files(&self) -> BTreeMap<ModuleId, PathBuf> {
        let policies = self.policies.iter();
        policies.map(|(file, policy)| (policy.module.clone(), file.path.clone())).collect()
    }
}

impl Reader {
    pub(super) fn read_policies(&mut self, folder: &Path) -> Policies {
        let mut policies = Policies::default();
        for document in self.documents(folder) {
            let Some(Kind { kind }) = self.keep(document.parse()) else { continue };
            match kind {
                PolicyFile::ScalingPolicy => {
                    let raw: Option<RawPolicy> = self.keep(document.parse());
                    let checked = raw.map(scaler::policy::check);
                    if let Some(policy) = self.take(&document, checked) {
                        policies.policies.push((document, policy));
                    }
                }
                PolicyFile::Pool => {
                    let raw: Option<RawPool> = self.keep(document.parse());
                    let checked = raw.map(scaler::pool::check);
                    if let Some(pool) = self.take(&document, checked) {
                        policies.pools.push((document, pool));
                    }
                }
                PolicyFile::AccountingPolicy => {
                    if let Some(raw) = self.keep(document.parse()) {
                        policies.accountings.push((document, raw));
                    }
                }
            }
        }
        policies
    }

    fn take<T>(
        &mut self,
        document: &Document,
        checked: Option<(Option<T>, Vec<Finding>)>,
    ) -> Option<T> {
        let (value, findings) = checked?;
        self.problems.extend(findings.iter().map(|finding| document.place(finding)));
        value
    }

    pub(super) fn check_policies(
        &mut self,
        main: &Document,
        raw: &RawConfig,
        modules: &BTreeMap<ModuleId, Module>,
        files: Policies,
    ) -> (scaler::state::Config, BTreeMap<ModuleId, Timetable>) {
        let mut config =
            scaler::state::Config { brake: raw.brake, tick: raw.tick.0, ..Default::default() };
        let mut timetables = BTreeMap::new();
        let flavors: Vec<&str> = raw.flavors.keys().map(|flavor| flavor.as_str()).collect();
        for (document, pool) in files.pools {
            if !raw.flavors.contains_key(&pool.flavor) {
                let message = unknown("flavor", pool.flavor.as_str(), &flavors);
                self.find(&document, "flavor", message);
            }
            let flavor = pool.flavor.clone();
            if config.pools.insert(flavor.clone(), pool).is_some() {
                self.find(&document, "flavor", format!("a second pool of {flavor}; keep one"));
            }
        }
        for (document, policy) in files.policies {
            self.check_policy(&document, modules, &flavors, &config, &policy);
            let module = policy.module.clone();
            timetables.insert(module.clone(), self.timetable(&document, &config, &policy));
            if config.policies.insert(module.clone(), policy).is_some() {
                let message = format!("E5: a second policy for {module}; keep one");
                self.find(&document, "module", message);
            }
        }
        if !config.pools.is_empty() && raw.providers.is_empty() {
            self.find(main, "providers", "pools need a provider; add one under providers");
        }
        config.domains = modules.iter().map(|(id, m)| (id.clone(), m.domains.clone())).collect();
        (config, timetables)
    }

    /// Reads the schedules of a policy, and looks at it all with the eyes of the lint.
    fn timetable(
        &mut self,
        document: &Document,
        config: &scaler::state::Config,
        policy: &Policy,
    ) -> Timetable {
        let (timetable, mut findings) = Timetable::read(policy);
        let spans = timetable.spans(self.now, self.now + timetable::LOOK_AHEAD);
        let pool = config.pools.get(&policy.flavor);
        findings.extend(lint(policy, pool, &spans, &History::default()));
        findings.extend(timetable.ambiguous(self.now));
        self.problems.extend(findings.iter().map(|finding| document.place(finding)));
        timetable
    }

    fn check_policy(
        &mut self,
        document: &Document,
        modules: &BTreeMap<ModuleId, Module>,
        flavors: &[&str],
        config: &scaler::state::Config,
        policy: &Policy,
    ) {
        if modules.get(&policy.module).is_some_and(|module| module.program.is_empty()) {
            let message = format!(
                "module {} has no program to run; write program: [path, argument, ...] in its \
                 project file",
                policy.module
            );
            self.find(document, "module", message);
        }
        if !modules.contains_key(&policy.module) && !self.lacks_projects {
            let names: Vec<&str> = modules.keys().map(|module| module.as_str()).collect();
            let message = unknown("module", policy.module.as_str(), &names);
            self.find(document, "module", message);
        }
        if !flavors.contains(&policy.flavor.as_str()) {
            let message = unknown("flavor", policy.flavor.as_str(), flavors);
            return self.find(document, "flavor", message);
        }
        if let Some(program) = policy.ready.exec.as_deref().filter(|program| !may_run(program)) {
            let message =
                format!("{program} is no program that may be run; name one that is there");
            self.problems.push(document.place(&Finding::warning("health.ready.exec", message)));
        }
        // Whether a pool is large enough is a matter of the lint.
        if !config.pools.contains_key(&policy.flavor) {
            let message = format!(
                "no pool of {} VMs; add a file of kind Pool with flavor: {}",
                policy.flavor, policy.flavor
            );
            self.find(document, "flavor", message);
        }
    }

    /// The expressions of all policies.
    pub(super) fn measures(&mut self, files: &Policies) -> Vec<Measured> {
        let mut measures = Vec::new();
        for (document, policy) in &files.policies {
            for (index, metric) in policy.metrics.iter().enumerate() {
                let Some(text) = asked(metric) else { continue };
                match expression(&text) {
                    Ok(expression) => measures.push(Measured {
                        module: policy.module.clone(),
                        name: metric.name.clone(),
                        expression,
                        max_age: metric.max_age,
                    }),
                    Err(problem) => self.find(document, format!("metrics.{index}.expr"), problem),
                }
            }
        }
        measures
    }
}

/// What the lint says of the policies once their past is known, beside what it said without.
pub fn hindsight(config: &Config, histories: &BTreeMap<ModuleId, History>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (module, policy) in &config.scaler.policies {
        let (Some(history), Some(file)) = (histories.get(module), config.policy_files.get(module))
        else {
            continue;
        };
        let Ok(document) = Document::read(file) else { continue };
        let known = lint(policy, None, &[], &History::default());
        let findings = lint(policy, None, &[], history).into_iter();
        let news = findings.filter(|finding| !known.contains(finding));
        problems.extend(news.map(|finding| document.place(&finding)));
    }
    problems
}

/// What is asked of the samples for a metric: its expression, or its mean over a window. In a window
/// there may be samples of a VM that has fallen silent since, so its newest must be young, too.
fn asked(metric: &Metric) -> Option<String> {
    match &metric.measure {
        Measure::Expression(text) => Some(text.clone()),
        Measure::Metric(_) if metric.window.is_zero() => None,
        Measure::Metric(name) => {
            let (window, max_age) = (Span(metric.window), metric.max_age.as_secs_f64());
            Some(format!(
                "avg_over_time({name}{{vm!=\"\"}}[{window}]) and \
                 (time() - timestamp({name}{{vm!=\"\"}}) <= {max_age})"
            ))
        }
    }
}

/// An expression that comes to numbers of one moment.
fn expression(text: &str) -> Result<Expression, String> {
    let expression = Expression::parse(text).map_err(|error| error.to_string())?;
    match expression.kind() {
        ValueKind::Scalar | ValueKind::Vector => Ok(expression),
        ValueKind::Matrix => Err("it comes to values over time; write for example \
                                  avg_over_time(...) around it"
            .to_owned()),
        ValueKind::String => Err("it comes to a text; write an expression with a value".to_owned()),
    }
}

/// The kind of a policy file, read first to know what else to expect.
#[derive(Deserialize)]
struct Kind {
    kind: PolicyFile,
}

#[derive(Deserialize)]
enum PolicyFile {
    ScalingPolicy,
    Pool,
    AccountingPolicy,
}
/// A file that somebody may execute.
fn may_run(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(program);
    found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
