//! The public status page: where it is written, and how often. Which projects are on it stands in their
//! own files: what an owner did not call public is shown to nobody.

use std::path::PathBuf;

use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reader;
use super::raw::RawConfig;
use super::yaml::Document;
use scaler::policy::Finding;

/// More often would be work for nobody: browsers load it each minute.
const SHORTEST: Span = Span::secs(1);
/// A page that is older is believed by nobody.
const LONGEST: Span = Span::secs(86_400);

/// A page for those who use what runs here, as files that any web server hands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStatusPage {
    /// `index.html` and `zh.html` are written there. Relative to this file; made if it is not there.
    pub folder: PathBuf,
    #[serde(default = "minute")]
    pub every: Span,
}

fn minute() -> Span {
    Span::secs(60)
}

impl Reader {
    pub(super) fn check_status_page(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        is_public: bool,
    ) {
        let Some(page) = &raw.status_page else { return };
        if page.every.0 < SHORTEST.0 || page.every.0 > LONGEST.0 {
            let message = format!("write {SHORTEST} to {LONGEST}; 1m is usual");
            self.find(document, "status_page.every", message);
        }
        if page.folder.as_os_str().is_empty() {
            self.find(document, "status_page.folder", "write a folder, for example status");
        }
        if !is_public && !self.lacks_projects {
            let message = "no project is on it; write public: true in the file of one";
            let finding = Finding::warning("status_page", message);
            self.problems.push(document.place(&finding));
        }
    }
}
