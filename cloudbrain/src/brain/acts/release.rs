//! A new version of a module goes out, and whoever sends it says so: a pipeline, or a person. What breaks
//! directly after it is held for its doing.

use model::id::{ModuleId, Object, PersonId};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::brain::core::Core;
use crate::brain::report::released::line;

/// The longest name of a version, in characters.
const MAX_VERSION_CHARS: usize = 100;

/// What goes out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseWish {
    pub module: ModuleId,
    /// As its makers call it: a number, a tag, a commit; one word.
    pub version: String,
    /// Who sends it. A pipeline is in no file, so any name is taken.
    pub by: PersonId,
}

impl ReleaseWish {
    /// As the journal has it.
    pub fn line(&self) -> String {
        line(&self.version)
    }

    pub fn object(&self) -> Object {
        Object::Module(self.module.clone())
    }

    /// Whether it makes sense: a module of the files, and a version that is one word.
    pub fn check(&self, core: &Core) -> Result<(), Refusal> {
        let id = &self.module;
        if !core.config.modules.contains_key(id) {
            return Err(Refusal::missing(format!("no module {id}"), format!("没有模块 {id}")));
        }
        let is_word = |c: char| !c.is_whitespace() && !c.is_control();
        let chars = self.version.chars().count();
        if !(1..=MAX_VERSION_CHARS).contains(&chars) || !self.version.chars().all(is_word) {
            return Err(Refusal::new(
                format!(
                    "a version is one word of 1 to {MAX_VERSION_CHARS} characters, for example 1.4.2"
                ),
                format!("版本应为 1 到 {MAX_VERSION_CHARS} 个字符且不含空白，例如 1.4.2"),
            ));
        }
        Ok(())
    }
}
