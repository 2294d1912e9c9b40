//! What was released before an outage, as the journal has it.

use std::time::Duration;

use dashboards::view::report::ReleaseView;
use model::id::{ModuleId, Object};
use model::time::Time;
use store::JournalRow;

/// How the journal calls one.
pub const RELEASE: &str = "release";
/// What breaks so soon after a release is held for its doing: the VMs of a module get a new program one
/// after another.
const BREAKS_WITHIN: Duration = Duration::from_secs(900);

const VERSION: &str = "version ";

/// One line of the journal: `version 1.4.2`.
pub fn line(version: &str) -> String {
    format!("{VERSION}{version}")
}

/// The last release of a module that may have broken what broke at `from`. `rows` are in the order in
/// which they were written.
pub(super) fn before(rows: &[JournalRow], module: &ModuleId, from: Time) -> Option<ReleaseView> {
    let object = Object::Module(module.clone());
    let is_ours = |row: &&JournalRow| row.what == RELEASE && row.object.as_ref() == Some(&object);
    let is_near = |row: &&JournalRow| row.at <= from && from.since(row.at) <= BREAKS_WITHIN;
    let row = rows.iter().rev().filter(is_ours).find(is_near)?;
    let version = row.text.strip_prefix(VERSION)?.split(' ').next()?;
    let before_s = from.since(row.at).as_secs();
    Some(ReleaseView { version: version.to_owned(), by: row.who.clone(), before_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: i64, module: &str, text: &str) -> JournalRow {
        JournalRow {
            at: Time::from_millis(second * 1000),
            who: "gitlab".to_owned(),
            what: RELEASE.to_owned(),
            object: Some(format!("module/{module}").parse().unwrap()),
            text: text.to_owned(),
        }
    }

    fn told(rows: &[JournalRow], second: i64) -> Option<String> {
        let found = before(rows, &"shop/web".parse().unwrap(), Time::from_millis(second * 1000))?;
        Some(format!("{} by {}, {} s before", found.version, found.by, found.before_s))
    }

    #[test]
    fn the_last_release_of_the_module_within_a_quarter_of_an_hour_counts() {
        let first = row(1000, "shop/web", "version 1.4.2 (from cloudbrain-cli)");
        let second = row(1100, "shop/web", &line("1.4.3"));
        let rows = [first, second, row(1150, "shop/api", "version 9")];
        assert_eq!(told(&rows, 1090).unwrap(), "1.4.2 by gitlab, 90 s before");
        assert_eq!(told(&rows, 1200).unwrap(), "1.4.3 by gitlab, 100 s before");
        assert_eq!(told(&rows, 999), None, "it broke before");
        assert_eq!(told(&rows, 1100 + 901), None, "it went well for long enough");
        assert_eq!(told(&[row(1000, "shop/web", "something else")], 1001), None);
    }
}
