//! What stands in the file that nginx includes, and what is read back from it.
//!
//! One upstream per module, and a server on loopback that tells which routing its worker follows:
//! as it stands in the same file, whoever answers with a stamp follows that stamp's upstreams.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::id::VmId;
use scaler::hands::{HandError, Routing, Stamp};

use super::NginxSettings;
use crate::router::groups::groups;
use crate::router::include::head;

/// Where the stamp is told.
pub(super) const PATH: &str = "/cloudbrain";

/// A module that nobody serves keeps its upstream, or whatever refers to it could not be loaded.
const NOBODY: &str = "server 127.0.0.1:1 down; # nobody serves";

/// What a worker says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) stamp: Stamp,
    pub(super) worker: u32,
}

pub(super) fn render(settings: &NginxSettings, routing: &Routing) -> Result<String, HandError> {
    let mut text = head(routing.stamp());
    for (name, route) in groups(routing)? {
        text += &format!("upstream {name} {{\n");
        for directive in &settings.each_upstream {
            text += &format!("    {directive};\n");
        }
        for (vm, address) in &route.upstreams {
            let _ = writeln!(text, "    server {address}; # {vm}");
        }
        if route.upstreams.is_empty() {
            let _ = writeln!(text, "    {NOBODY}");
        }
        text += "}\n";
    }
    let Stamp { epoch, generation } = routing.stamp();
    let listen = settings.check;
    let _ = write!(
        text,
        "server {{\n    listen {listen};\n    access_log off;\n    keepalive_timeout 0;\n    \
         default_type text/plain;\n    location = {PATH} {{\n        \
         return 200 \"epoch {epoch} generation {generation} worker $pid\\n\";\n    }}\n    \
         location / {{\n        return 404;\n    }}\n}}\n"
    );
    Ok(text)
}

/// The VMs that such a file sends requests to.
pub(super) fn vms_of(text: &str) -> BTreeSet<VmId> {
    let servers = text.lines().filter_map(|line| line.strip_prefix("    server "));
    servers.filter_map(|server| VmId::parse(server.split_once("; # ")?.1).ok()).collect()
}

/// Reads what a worker said.
pub(super) fn word_of(body: &str) -> Option<Word> {
    let mut words = body.split_whitespace();
    let mut number = |name: &str| match (words.next(), words.next()) {
        (Some(word), Some(number)) if word == name => number.parse::<u64>().ok(),
        _ => None,
    };
    let stamp = Stamp { epoch: number("epoch")?, generation: number("generation")? };
    Some(Word { stamp, worker: u32::try_from(number("worker")?).ok()? })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use model::id::ModuleId;
    use scaler::hands::Route;

    use super::*;
    use crate::router::include::stamp_of;

    fn routing() -> Routing {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let vm = |id| VmId::parse(id).unwrap();
        let web = Route {
            domains: vec!["shop.test".to_owned()],
            upstreams: [(vm("vm-1"), at(21001)), (vm("vm-2"), at(21003))].into(),
        };
        let module = |id| ModuleId::parse(id).unwrap();
        let modules = [(module("shop/web"), web), (module("shop/api"), Route::default())].into();
        Routing { epoch: 1, generation: 42, modules, ..Routing::default() }
    }

    #[test]
    fn the_file_holds_all_of_a_routing_and_is_read_back() {
        let mut settings = NginxSettings::named("edge", "/etc/nginx/cloudbrain.conf".into());
        settings.each_upstream = vec!["least_conn".to_owned()];
        let text = render(&settings, &routing()).unwrap();
        expect_test::expect![[r#"
            # Written by cloudbrain, anew with each change: do not edit.
            # routing {"epoch":1,"generation":42}
            upstream shop.api {
                least_conn;
                server 127.0.0.1:1 down; # nobody serves
            }
            upstream shop.web {
                least_conn;
                server 127.0.0.1:21001; # vm-1
                server 127.0.0.1:21003; # vm-2
            }
            server {
                listen 127.0.0.1:8099;
                access_log off;
                keepalive_timeout 0;
                default_type text/plain;
                location = /cloudbrain {
                    return 200 "epoch 1 generation 42 worker $pid\n";
                }
                location / {
                    return 404;
                }
            }
        "#]]
        .assert_eq(&text);
        assert_eq!(stamp_of(&text), routing().stamp());
        assert_eq!(vms_of(&text), ["vm-1", "vm-2"].map(|id| VmId::parse(id).unwrap()).into());
    }

    #[test]
    fn what_a_worker_says_is_read_and_nothing_else_is() {
        let word = Word { stamp: Stamp { epoch: 1, generation: 42 }, worker: 7 };
        assert_eq!(word_of("epoch 1 generation 42 worker 7\n"), Some(word));
        for strange in ["", "<html>404</html>", "epoch 1 generation x worker 7", "epoch 1"] {
            assert_eq!(word_of(strange), None, "{strange}");
        }
    }
}
