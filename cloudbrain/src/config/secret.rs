//! Secrets are references in files, never values: `${env:NAME}`, `${file:PATH}`.
//!
//! What they stand for is never printed: [`Secret`] hides it from every log, page and error.

use std::fmt;
use std::path::Path;

/// A text that may hold secrets. It shows only what the file says.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    written: String,
    value: String,
}

impl Secret {
    /// Puts the secrets in. Paths are relative to `folder`.
    pub fn resolve(written: &str, folder: &Path) -> Result<Self, String> {
        let mut value = String::new();
        let mut rest = written;
        while let Some(start) = rest.find("${") {
            value.push_str(&rest[..start]);
            let reference = &rest[start + 2..];
            let end = reference.find('}').ok_or("a ${ without its }")?;
            value.push_str(&look_up(&reference[..end], folder)?);
            rest = &reference[end + 1..];
        }
        value.push_str(rest);
        Ok(Self { written: written.to_owned(), value })
    }

    /// The text with its secrets, for whoever uses it.
    pub fn reveal(&self) -> &str {
        &self.value
    }
}

fn look_up(reference: &str, folder: &Path) -> Result<String, String> {
    match reference.split_once(':') {
        Some(("env", name)) => env(name),
        Some(("file", path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path).map_err(|error| {
                format!("secret file {} cannot be read: {error}", path.display())
            })?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        _ => Err(format!("${{{reference}}} is no secret; write ${{env:NAME}} or ${{file:PATH}}")),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn env(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the environment has no {name}; set it"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_put_in_and_never_shown() {
        let folder = std::env::temp_dir().join(format!("cloudbrain-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("token"), "canary\n").unwrap();
        let secret = Secret::resolve("http://h/?t=${file:token}&x=1", &folder).unwrap();
        assert_eq!(secret.reveal(), "http://h/?t=canary&x=1");
        assert!(!format!("{secret:?}").contains("canary"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_reference_to_nothing_says_what_is_missing() {
        let refused = |text| Secret::resolve(text, Path::new("/nowhere")).unwrap_err();
        assert!(refused("${env:CLOUDBRAIN_NO_SUCH}").contains("CLOUDBRAIN_NO_SUCH"));
        assert!(refused("${file:x}").contains("/nowhere/x"));
        assert!(refused("${vault:x}").contains("write ${env:NAME}"));
        assert!(refused("${env:X").contains("without its }"));
    }
}
