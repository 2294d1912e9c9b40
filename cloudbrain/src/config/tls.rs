//! TLS to data sources, as written in the files: a few keys for all kinds.
//!
//! Databases call the same things by many names (`sslmode` and `sslrootcert`, `--ssl-mode`,
//! `--tls --cacert`); here they are called as in the checks of a project. What the texts hold is
//! checked as the files are read, so that a key that does not belong to its certificate is told with
//! its line, and not by the first look.

use std::path::Path;

use collector::datasource::{Password, Tls, TlsOptions, Verify};
use scaler::policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reader;
use super::yaml::Document;

/// TLS to a data source. `tls: {}` asks for it with all that is usual: the certificate must be
/// valid, for the host of the address, and from a CA that this machine trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTls {
    /// Trusted instead of whom this machine trusts: certificates in PEM form, usually
    /// `${file:PATH}`. As `sslrootcert`, `--ssl-ca`, `--cacert`.
    pub ca: Option<String>,
    /// The name that the certificate must be for, if it is not the host of the address.
    pub server_name: Option<String>,
    /// Who we are, for a server that wants to know: PEM, usually `${file:PATH}`. As `sslcert`,
    /// `--ssl-cert`, `--cert`.
    pub client_cert: Option<String>,
    /// Its key, without a passphrase. As `sslkey`, `--ssl-key`, `--key`.
    pub client_key: Option<String>,
    /// What is asked of the server's certificate. `full`: as `sslmode=verify-full`,
    /// `VERIFY_IDENTITY`; `ca`: as `verify-ca`, `VERIFY_CA`; `none`: as `require`, `REQUIRED`,
    /// `--insecure`.
    pub verify: Verify,
}

impl Reader {
    /// How TLS is spoken to one data source; `at` is where it is written.
    pub(super) fn tls(
        &mut self,
        document: &Document,
        at: &str,
        raw: &RawTls,
        folder: &Path,
    ) -> Option<Tls> {
        let mut filled = |key: &str, written: &Option<String>| match written {
            None => Some(None),
            Some(text) => {
                let secret = self.secret(document, &format!("{at}.{key}"), Some(text), folder);
                secret.map(|secret| Some(secret.reveal().to_owned()))
            }
        };
        let (ca, client_cert) = (filled("ca", &raw.ca), filled("client_cert", &raw.client_cert));
        let client_key = filled("client_key", &raw.client_key);
        let options = TlsOptions {
            ca: ca?,
            server_name: raw.server_name.clone(),
            client_cert: client_cert?,
            client_key: client_key?.map(Password::new),
            verify: raw.verify,
        };
        if raw.verify == Verify::None {
            let message = "any certificate is taken, and whoever stands in between can read the \
                           password; better write ca: \"${file:PATH}\" with the certificate that \
                           is to be trusted, and verify: ca if its name does not fit";
            let finding = Finding::warning(format!("{at}.verify"), message);
            self.problems.push(document.place(&finding));
        }
        let tls = Tls::new(options);
        tls.map_err(|error| self.find(document, format!("{at}.{}", error.key()), error.to_string()))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use expect_test::{Expect, expect};
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use crate::config::load;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    /// What is said of one data source with this `tls`.
    #[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
    fn check(name: &str, tls: &str, expected: Expect) {
        let path =
            std::env::temp_dir().join(format!("cloudbrain-tls-{name}-{}", std::process::id()));
        let folder = Folder(path);
        fs::create_dir_all(folder.0.join("projects")).unwrap();
        fs::create_dir_all(folder.0.join("policies")).unwrap();
        let made = || generate_simple_self_signed(["a".to_owned()]).unwrap();
        let (CertifiedKey { cert, signing_key }, other) = (made(), made());
        for (file, text) in [
            ("client.pem", cert.pem()),
            ("client.key", signing_key.serialize_pem()),
            ("other.key", other.signing_key.serialize_pem()),
        ] {
            fs::write(folder.0.join(file), text).unwrap();
        }
        let main = "fleet: test\nchannels: [inbox: {name: inbox, path: inbox.jsonl}]\n\
                    people: {ops: {channel: inbox}}\noperations: [ops]\n";
        fs::write(folder.0.join("cloudbrain.yaml"), main).unwrap();
        let project = format!(
            "apiVersion: cloudbrain/v1\nkind: Project\nname: shop\nowners: {{dev: [ops]}}\n\
             data_sources:\n  - mysql:\n      name: orders\n      address: \"db:3306\"\n      \
             tls: {tls}\n"
        );
        fs::write(folder.0.join("projects/shop.yaml"), project).unwrap();
        let loaded = load(&folder.0.join("cloudbrain.yaml"));
        let mut said = loaded.problems.iter().map(|p| format!("{p}\n")).collect::<String>();
        if let Some(config) = loaded.config {
            let source = config.data_sources.values().next().unwrap();
            said += &format!("{:?}\n", source.tls);
        }
        expected.assert_eq(&said.replace(&folder.0.display().to_string(), "."));
    }

    #[test]
    fn tls_is_read_as_it_is_written() {
        check(
            "usual",
            "{}",
            expect![[r#"
            Some(Tls { server_name: None, verify: Full, .. })
        "#]],
        );
        check(
            "whole",
            "{ca: \"${file:client.pem}\", server_name: db.example.com, client_cert: \"${file:client.pem}\", client_key: \"${file:client.key}\", verify: ca}",
            expect![[r#"
                Some(Tls { server_name: Some("db.example.com"), verify: Ca, .. })
            "#]],
        );
        check(
            "none",
            "{verify: none}",
            expect![[r#"
            ./projects/shop.yaml:9: warning: data_sources.0.mysql.tls.verify: any certificate is taken, and whoever stands in between can read the password; better write ca: "${file:PATH}" with the certificate that is to be trusted, and verify: ca if its name does not fit
            Some(Tls { server_name: None, verify: None, .. })
        "#]],
        );
    }

    #[test]
    fn each_mistake_has_its_line_and_what_to_write() {
        check(
            "no-file",
            "{ca: \"${file:nowhere}\"}",
            expect![[r#"
            ./projects/shop.yaml:9: error: data_sources.0.mysql.tls.ca: secret file ./nowhere cannot be read: No such file or directory (os error 2)
        "#]],
        );
        check(
            "a-path",
            "{ca: client.pem}",
            expect![[r#"
            ./projects/shop.yaml:9: error: data_sources.0.mysql.tls.ca: holds no certificate in PEM form; write "${file:PATH}" of one that does
        "#]],
        );
        check(
            "half",
            "{client_cert: \"${file:client.pem}\"}",
            expect![[r#"
            ./projects/shop.yaml:9: error: data_sources.0.mysql.tls.client_cert: client_cert and client_key belong together; write both or neither
        "#]],
        );
        check(
            "no-key",
            "{client_cert: \"${file:client.pem}\", client_key: \"${file:other.key}\"}",
            expect![[r#"
                ./projects/shop.yaml:9: error: data_sources.0.mysql.tls.client_key: is not the key of client_cert; write the two that belong together
            "#]],
        );
        check(
            "a-word",
            "{verify: yes}",
            expect![[r#"
            ./projects/shop.yaml:9: error: unknown value "yes"; write one of full, ca, none
        "#]],
        );
        check(
            "unknown",
            "{sslmode: verify-full}",
            expect![[r#"
            ./projects/shop.yaml:9: error: unknown key "sslmode"; write one of ca, server_name, client_cert, client_key, verify
        "#]],
        );
    }
}
