//! By what the availability of each module is measured: what its file says, or what is usual.

use std::collections::BTreeMap;
use std::path::PathBuf;

use availability::{Indicator, Pace};
use collector::monitor_x;
use model::id::ModuleId;
use model::unit::Span;

use super::checks::Check;
use super::raw::RawModule;
use super::yaml::Document;
use super::{Monitor, Reader, unknown};

/// What measures a module, each at its own pace; without one at that of the probes.
pub type Indicators = BTreeMap<Indicator, Option<Pace>>;

/// An indicator that looks more seldom, or wants more to be sure, would hold up what is known of its module for
/// days.
const LONGEST: Span = Span::secs(6 * 3_600);
const MOST_CONFIRMED: u32 = 100;

/// All of its checks.
const CHECKS: &str = "checks";
const NO_VMS: &str = "no policy runs VMs of it";

/// What there is to measure modules by.
pub(super) struct Means<'a> {
    pub(super) checks: &'a [Check],
    /// The modules whose VMs a policy runs.
    pub(super) scaled: &'a BTreeMap<ModuleId, PathBuf>,
}

impl Means<'_> {
    /// Of a module that no domain leads to.
    pub(super) fn monitor_of_vms(&self, id: &ModuleId, suffix: &str) -> Result<Monitor, String> {
        if !self.scaled.contains_key(id) {
            return Err(format!("no domain leads to it, and {NO_VMS}"));
        }
        Ok(Monitor { domain: None, path: monitor_x::path(suffix), surprises: Vec::new() })
    }

    /// Its checks, by the pace they are confirmed at; those that look too seldom measure nothing.
    fn checks_of(&self, id: &ModuleId) -> Indicators {
        let own = self.checks.iter().filter(|check| check.module.as_ref() == Some(id));
        let own = own.filter(|check| {
            let common = check.spec.common();
            let most = common.confirm_down.max(common.confirm_up);
            common.interval.0 <= LONGEST.0 && most <= MOST_CONFIRMED
        });
        let own = own.map(|check| {
            let common = check.spec.common();
            let (confirm_down, confirm_up) = (common.confirm_down, common.confirm_up);
            let pace = Pace { each: common.interval.0, confirm_down, confirm_up };
            (Indicator::Check(common.name.clone()), Some(pace))
        });
        own.collect()
    }

    /// What a module is measured by, if its file says nothing of it.
    fn usual(
        &self,
        id: &ModuleId,
        monitor: &Result<Monitor, String>,
    ) -> Result<Indicators, String> {
        let checks = self.checks_of(id);
        match monitor {
            Ok(Monitor { domain: Some(_), .. }) => Ok([(Indicator::Domain, None)].into()),
            Ok(_) => Ok([(Indicator::Vms, None)].into()),
            Err(why) if checks.is_empty() => Err(why.clone()),
            Err(_) => Ok(checks),
        }
    }

    /// What one word of the file means.
    fn named(
        &self,
        id: &ModuleId,
        monitor: &Result<Monitor, String>,
        word: &str,
    ) -> Result<Indicators, String> {
        let checks = self.checks_of(id);
        if word == CHECKS {
            return match checks.is_empty() {
                true => Err(format!(
                    "no check is one of {id} that looks at least each {LONGEST}; write one under checks"
                )),
                false => Ok(checks),
            };
        }
        let indicator: Indicator = word.parse().map_err(|error| format!("{error}"))?;
        match (&indicator, monitor) {
            (Indicator::Domain, Err(why)) => Err(format!("no domain of it is probed: {why}")),
            (Indicator::Domain, Ok(Monitor { domain: None, .. })) => {
                Err("no domain leads to it; write domains, or vms here".to_owned())
            }
            (Indicator::Vms, Err(why)) => Err(format!("its VMs are not probed: {why}")),
            (Indicator::Vms, Ok(_)) if !self.scaled.contains_key(id) => Err(NO_VMS.to_owned()),
            (Indicator::Check(name), _) => match checks.get(&indicator) {
                Some(pace) => Ok([(indicator.clone(), *pace)].into()),
                None => {
                    let known: Vec<String> = checks.keys().map(Indicator::to_string).collect();
                    let known: Vec<&str> =
                        known.iter().filter_map(|name| name.strip_prefix("check/")).collect();
                    let what = format!("check of {id} that looks at least each {LONGEST}");
                    Err(unknown(&what, name.as_str(), &known))
                }
            },
            (Indicator::Domain | Indicator::Vms, Ok(_)) => Ok([(indicator, None)].into()),
        }
    }
}

impl Reader {
    pub(super) fn measured_by(
        &mut self,
        document: &Document,
        (id, module): (&ModuleId, &RawModule),
        monitor: &Result<Monitor, String>,
        means: &Means,
        index: usize,
    ) -> Result<Indicators, String> {
        let Some(words) = &module.measured_by else { return means.usual(id, monitor) };
        let place = format!("modules.{index}.measured_by");
        if words.is_empty() {
            let message = "nothing would measure it; write for example [domain], or leave it out";
            self.find(document, place, message);
            return Err("its file measures it by nothing".to_owned());
        }
        let mut all = Indicators::new();
        for (at, word) in words.iter().enumerate() {
            match means.named(id, monitor, word) {
                Ok(named) => all.extend(named),
                Err(message) => self.find(document, format!("{place}.{at}"), message),
            }
        }
        Ok(all)
    }
}
