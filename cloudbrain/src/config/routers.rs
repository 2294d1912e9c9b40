//! The routers: whether they can be what the file says.
//!
//! What a router can get wrong in itself is known by `drivers::router`; here it gets the line it
//! stands in, and what two of them must not share is found. Whether the router is there, includes
//! what it must, and listens to us is seen when the brain starts: a file must be checked on machines
//! where none runs.

use std::collections::BTreeSet;

use super::Reader;
use super::raw::RawConfig;
use super::yaml::Document;

impl Reader {
    pub(super) fn check_routers(&mut self, document: &Document, raw: &RawConfig) {
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        for (index, router) in raw.routers.iter().enumerate() {
            let at = format!("routers.{index}");
            for problem in router.problems() {
                let path = format!("{at}.{}.{}", router.word(), problem.field);
                self.find(document, path, problem.message);
            }
            if !names.insert(router.name()) {
                let message = format!("a second router {:?}; give it another name", router.name());
                self.find(document, at.clone(), message);
            }
            for place in router.places() {
                if !places.insert(place.clone()) {
                    let message = format!("{place} belongs to another router; write another one");
                    self.find(document, at.clone(), message);
                }
            }
        }
        if !raw.routers.is_empty() && raw.routers.iter().all(|r| r.waive_after().is_some()) {
            let message = "with waive_after on every router nobody is left whose word counts; leave \
                           it out at one at least";
            self.find(document, "routers", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config;

    #[test]
    fn what_no_router_can_be_is_refused_with_its_line() {
        let folder =
            std::env::temp_dir().join(format!("cloudbrain-routers-{}", std::process::id()));
        for part in ["projects", "policies"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let file = "fleet: test
routers:
  - nginx: {name: a, include: /x/a.conf, check: 10.0.0.1:80, program: []}
  - nginx: {name: a, include: /x/a.conf, each_upstream: ['least_conn;']}
  - haproxy: {name: b, include: /x/b.cfg, socket: /x/b.sock, waive_after: 5s}
  - exec: {name: '', program: [], timeout: 1h}
";
        fs::write(folder.join("cloudbrain.yaml"), file).unwrap();
        let loaded = config::load(&folder.join("cloudbrain.yaml"));
        let typo = file.replace("include: /x/b.cfg", "inclde: /x/b.cfg");
        fs::write(folder.join("cloudbrain.yaml"), typo).unwrap();
        let mistyped = config::load(&folder.join("cloudbrain.yaml"));
        fs::remove_dir_all(&folder).unwrap();
        let place = format!("{}/", folder.display());
        let problems = loaded.problems.iter().chain(&mistyped.problems);
        let problems = problems.map(|p| p.to_string().replace(&place, ""));
        let problems: Vec<String> = problems.filter(|p| !p.contains("operations")).collect();
        expect_test::expect![[r#"
            cloudbrain.yaml:3: error: routers.0.nginx.program: is empty; write for example [sudo, nginx]
            cloudbrain.yaml:3: error: routers.0.nginx.check: only this machine may ask there; write for example 127.0.0.1:8099
            cloudbrain.yaml:4: error: routers.1.nginx.each_upstream: one directive each, without semicolon; write for example [least_conn]
            cloudbrain.yaml:4: error: routers.1: a second router "a"; give it another name
            cloudbrain.yaml:4: error: routers.1: /x/a.conf belongs to another router; write another one
            cloudbrain.yaml:5: error: routers.2.haproxy.waive_after: a router is silent for longer than that when its machine restarts; write 1m or more, and only if traffic is led elsewhere by then
            cloudbrain.yaml:6: error: routers.3.exec.program: is empty; write [path, argument, ...]
            cloudbrain.yaml:6: error: routers.3.exec.timeout: write 1s to 2m
            cloudbrain.yaml:6: error: routers.3.exec.name: is empty; write for example edge
            cloudbrain.yaml:5: error: unknown key "inclde"; did you mean "include"?
        "#]].assert_eq(&(problems.join("\n") + "\n"));
    }
}
