//! The rules of a fleet: the built-in ones, changed and added to by files.
//!
//! What a file says of a built-in rule replaces that part of it and is checked with the rest, at
//! the place in the file. Tests in the files are kept for `cloudbrain check`, which runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alerter::rule::RuleName;
use scaler::policy::Finding;

use super::Reader;
use super::yaml::{Document, Problem};
use crate::rules::check::check;
use crate::rules::raw::{RawRule, RawRules, RawTest};
use crate::rules::{Checked, RuleSet, builtin, trial};

/// The rules in force, and the tests of all files.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub set: RuleSet,
    /// Where each rule of the set stands, the last file that says something of it.
    pub files: BTreeMap<RuleName, PathBuf>,
    /// The rules that are switched off, as they would be, and where that is said.
    pub off: BTreeMap<RuleName, (Checked, PathBuf)>,
    tests: Vec<FileTests>,
}

/// What one file has its rules tried on.
#[derive(Clone, Debug)]
struct FileTests {
    document: Document,
    /// The rules of this file that are switched on.
    own: Vec<RuleName>,
    tests: Vec<RawTest>,
}

impl Rules {
    /// The built-in rules alone.
    pub fn built_in() -> (Self, Vec<Problem>) {
        let now = crate::clock::real().now();
        let mut reader = Reader { problems: Vec::new(), lacks_projects: false, now };
        let rules = reader.rules(None);
        (rules, reader.problems)
    }

    /// Tries the rules on the data of their files' tests, the built-in ones too if so wanted. What
    /// does not come out as expected is an error.
    pub fn try_out(&self, with_builtin: bool) -> Vec<Problem> {
        let wanted =
            |file: &&FileTests| with_builtin || !file.document.path.starts_with("built-in");
        let tried = self.tests.iter().filter(wanted).flat_map(|file| {
            let findings = trial::run(&self.set, &file.own, &file.tests);
            findings.into_iter().map(|finding| file.document.place(&finding))
        });
        tried.collect()
    }

    /// How many tests the files of the user have.
    pub fn test_count(&self) -> usize {
        let own = self.tests.iter().filter(|file| !file.document.path.starts_with("built-in"));
        own.map(|file| file.tests.len()).sum()
    }
}

/// A rule as it is known so far, and where.
struct Known {
    raw: RawRule,
    file: usize,
    number: usize,
    is_changed: bool,
}

impl Reader {
    /// Reads the built-in rules, and those of a folder. A folder that is not there has none.
    pub(super) fn rules(&mut self, folder: Option<&Path>) -> Rules {
        let mut documents: Vec<Document> = builtin::documents().collect();
        let built_in = documents.len();
        if let Some(folder) = folder.filter(|folder| folder.exists()) {
            documents.extend(self.documents(folder));
        }
        let mut known: BTreeMap<RuleName, Known> = BTreeMap::new();
        let mut rules = Rules::default();
        for (file, document) in documents.iter().enumerate() {
            let Some(raw) = self.keep(document.parse::<RawRules>()) else { continue };
            let own = raw.rules.iter().filter(|rule| rule.enabled != Some(false));
            let own = own.filter_map(|rule| rule.name.clone()).collect();
            let tests = FileTests { document: document.clone(), own, tests: raw.tests };
            rules.tests.push(tests);
            for (number, rule) in raw.rules.into_iter().enumerate() {
                self.know(&mut known, document, rule, (file, number), file < built_in);
            }
        }
        for (name, known) in known {
            let Known { raw, file, number, .. } = known;
            let (checked, findings) = check(&raw);
            for finding in findings {
                let path = format!("rules.{number}.{}", finding.path);
                self.problems.push(documents[file].place(&Finding { path, ..finding }));
            }
            let (Some(checked), path) = (checked, documents[file].path.clone()) else { continue };
            if raw.enabled == Some(false) {
                rules.off.insert(name, (checked, path));
            } else {
                rules.files.insert(name.clone(), path);
                rules.set.insert(name, checked);
            }
        }
        rules
    }

    fn know(
        &mut self,
        known: &mut BTreeMap<RuleName, Known>,
        document: &Document,
        rule: RawRule,
        (file, number): (usize, usize),
        is_built_in: bool,
    ) {
        let path = format!("rules.{number}");
        let Some(name) = rule.name.clone() else {
            return self.find(document, path, "a rule without a name; write name: a_name");
        };
        let raw = match known.get(&name) {
            Some(before) if before.is_changed => {
                let message = format!("a second rule {name}; keep one");
                return self.find(document, format!("{path}.name"), message);
            }
            Some(before) => rule.over(&before.raw),
            None => rule,
        };
        known.insert(name, Known { raw, file, number, is_changed: !is_built_in });
    }
}
