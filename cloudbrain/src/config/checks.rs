//! The checks of a project: whose they are, and what is wrong with them.
//!
//! What a check can get wrong is known by `collector::check`; here it gets the line it stands in,
//! and its secrets.

use std::path::Path;
use std::sync::Arc;

use collector::check::{CheckSpec, Problem};
use model::id::{ModuleId, ProjectId};
use scaler::policy::Finding;

use super::raw::RawProject;
use super::secret::Secret;
use super::yaml::Document;
use super::{Reader, unknown};

/// A check, and who fails with it.
#[derive(Clone, Debug)]
pub struct Check {
    pub project: ProjectId,
    /// The one it names, or else the first of its project, as domains lead there, too.
    pub module: Option<ModuleId>,
    /// With its secrets.
    pub spec: Arc<CheckSpec>,
}

impl Reader {
    /// The checks of all projects. Secrets are relative to the main file.
    pub(super) fn checks(&mut self, files: &[(Document, RawProject)], folder: &Path) -> Vec<Check> {
        let mut checks = Vec::new();
        for (document, file) in files {
            for (index, written) in file.checks.iter().enumerate() {
                let mut spec = written.clone();
                let at = |field: &str| format!("checks.{index}.{}.{field}", written.word());
                let resolve = |text: &str| Secret::resolve(text, folder);
                let unfilled = spec.fill(|text| resolve(text).map(|s| s.reveal().to_owned()));
                // What a text holds that could not be read is not known, so nothing else is said of it.
                let is_new = |problem: &Problem| unfilled.iter().all(|u| u.field != problem.field);
                let problems = spec.problems().into_iter().filter(is_new);
                for problem in problems.chain(unfilled.clone()) {
                    self.problems.push(document.place(&finding(&at(&problem.field), &problem)));
                }
                let name = spec.common().name;
                if file.checks[..index].iter().any(|other| other.common().name == name) {
                    let message = format!("a second check {name}; rename one");
                    self.find(document, at("name"), message);
                }
                let module = self.module_of(document, file, &spec, &at("module"));
                checks.push(Check { project: file.name.clone(), module, spec: Arc::new(spec) });
            }
        }
        checks
    }

    fn module_of(
        &mut self,
        document: &Document,
        file: &RawProject,
        spec: &CheckSpec,
        at: &str,
    ) -> Option<ModuleId> {
        let names: Vec<&str> = file.modules.iter().map(|module| &*module.name).collect();
        let name = spec.common().module.or(names.first().copied())?;
        if !names.contains(&name) {
            self.find(document, at, unknown("module", name, &names));
        }
        ModuleId::of(&file.name, name).ok()
    }
}

fn finding(path: &str, problem: &Problem) -> Finding {
    match problem.is_error {
        true => Finding::error(path, &problem.message),
        false => Finding::warning(path, &problem.message),
    }
}
