//! Whether the table of posted alerts can do what it says.
//!
//! The first rule whose labels are all there says which object an alert is about. So a rule that
//! stands behind one that takes all it would is never come to: that is a warning, since nothing is
//! lost by it but what its writer meant.

use scaler::policy::Finding;

use super::Reader;
use super::raw::RawAlerts;
use super::yaml::Document;

impl Reader {
    pub(super) fn check_alerts(&mut self, document: &Document, alerts: &RawAlerts) {
        for (index, rule) in alerts.objects.iter().enumerate() {
            if let Some(problem) = rule.problem() {
                self.find(document, format!("alerts.objects.{index}.object"), problem);
                continue;
            }
            let before = alerts.objects[..index].iter();
            let shadow = before.enumerate().find(|(_, before)| before.leaves_nothing_to(rule));
            let Some((place, before)) = shadow else { continue };
            let number = place + 1;
            let message = if before == rule {
                format!("the same as rule {number} of the list; remove it")
            } else {
                format!(
                    "it is never come to: rule {number}, {:?}, takes all that it would; put it before \
                     that one, or remove it",
                    before.object
                )
            };
            self.warn(document, format!("alerts.objects.{index}.object"), message);
        }
        self.check_alert_names(document, alerts);
    }

    fn check_alert_names(&mut self, document: &Document, alerts: &RawAlerts) {
        let lists = [("down", &alerts.down), ("apps", &alerts.apps)];
        for (list, names) in lists {
            for (index, name) in names.iter().enumerate() {
                if names[..index].contains(name) {
                    let message = format!("{name} stands here twice; keep one");
                    self.warn(document, format!("alerts.{list}.{index}"), message);
                }
            }
        }
        for (index, name) in alerts.apps.iter().enumerate() {
            if alerts.down.contains(name) {
                let message = format!("{name} stands under down, too, which counts; keep one");
                self.warn(document, format!("alerts.apps.{index}"), message);
            }
        }
    }

    fn warn(&mut self, document: &Document, path: String, message: String) {
        self.problems.push(document.place(&Finding::warning(path, message)));
    }
}
