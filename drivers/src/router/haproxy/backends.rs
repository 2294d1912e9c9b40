//! What stands in the file that HAProxy reads beside its own, and what has to be said to a running
//! one so that it does the same. Pure, so that it can be played through.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use scaler::hands::{HandError, Routing};

use super::HaproxySettings;
use super::socket::{Place, Server, VARIABLE, value_of};
use crate::router::groups::{groups, server_name};
use crate::router::include::head;

/// The servers that are to get requests.
pub(super) type Wanted = BTreeMap<Place, SocketAddr>;

/// What has to be said to a running HAProxy, in this order: who comes is there before who goes is
/// gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) comes: Vec<String>,
    pub(super) goes: Vec<String>,
}

pub(super) fn render(settings: &HaproxySettings, routing: &Routing) -> Result<String, HandError> {
    let mut text = head(routing.stamp());
    let _ = writeln!(text, "global\n    set-var {VARIABLE} {}", value_of(routing.stamp()));
    for (name, route) in groups(routing)? {
        let _ = writeln!(text, "backend {name}");
        for line in &settings.each_backend {
            let _ = writeln!(text, "    {line}");
        }
        for (vm, address) in &route.upstreams {
            let options = settings.options();
            let _ = writeln!(text, "    server {} {address}{options}", server_name(vm));
        }
    }
    Ok(text)
}

/// The backends of such a file.
pub(super) fn backends_of(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.strip_prefix("backend ")).map(str::to_owned).collect()
}

/// The servers of such a file.
pub(super) fn servers_of(text: &str) -> Wanted {
    let (mut servers, mut backend) = (Wanted::new(), "");
    for line in text.lines() {
        backend = line.strip_prefix("backend ").unwrap_or(backend);
        let mut words =
            line.strip_prefix("    server ").into_iter().flat_map(str::split_whitespace);
        if let (Some(name), Some(Ok(address))) = (words.next(), words.next().map(str::parse)) {
            servers.insert((backend.to_owned(), name.to_owned()), address);
        }
    }
    servers
}

pub(super) fn wanted(routing: &Routing) -> Result<Wanted, HandError> {
    let servers = groups(routing)?.into_iter().flat_map(|(backend, route)| {
        let server =
            |(vm, address): (_, &SocketAddr)| ((backend.clone(), server_name(vm)), *address);
        route.upstreams.iter().map(server).collect::<Vec<_>>()
    });
    Ok(servers.collect())
}

/// What leads a running HAProxy from these servers to the wanted ones. Nothing is said of backends
/// that are not `ours`.
pub(super) fn orders(
    settings: &HaproxySettings,
    running: &BTreeMap<Place, Server>,
    wanted: &Wanted,
    ours: &BTreeSet<String>,
) -> Orders {
    let mut orders = Orders::default();
    for (place, address) in wanted {
        orders.comes.extend(coming(settings, place, *address, running.get(place)));
    }
    for (place, server) in running {
        if ours.contains(&place.0) && !wanted.contains_key(place) && !server.is_out {
            orders.goes.push(format!("set server {} state maint", path(place)));
        }
    }
    orders
}

/// Whether a running HAProxy sends requests to the wanted servers and no others.
pub(super) fn follows(
    running: &BTreeMap<Place, Server>,
    wanted: &Wanted,
    ours: &BTreeSet<String>,
) -> bool {
    let is_in = |(place, address): (&Place, &SocketAddr)| {
        running.get(place).is_some_and(|s| !s.is_out && s.address == Some(*address))
    };
    let is_fine = |(place, server): (&Place, &Server)| {
        server.is_out || !ours.contains(&place.0) || wanted.contains_key(place)
    };
    wanted.iter().all(is_in) && running.iter().all(is_fine)
}

fn coming(
    settings: &HaproxySettings,
    place: &Place,
    address: SocketAddr,
    running: Option<&Server>,
) -> Vec<String> {
    let path = path(place);
    let Some(server) = running else {
        let mut orders = vec![format!("add server {path} {address}{}", settings.options())];
        if settings.checks() {
            orders.push(format!("enable health {path}"));
        }
        orders.push(format!("enable server {path}"));
        return orders;
    };
    let mut orders = Vec::new();
    if server.address != Some(address) {
        let (ip, port) = (address.ip(), address.port());
        orders.push(format!("set server {path} addr {ip} port {port}"));
    }
    if server.is_out {
        orders.push(format!("set server {path} state ready"));
    }
    orders
}

fn path((backend, server): &Place) -> String {
    format!("{backend}/{server}")
}

#[cfg(test)]
mod tests {
    use model::id::{ModuleId, VmId};
    use model::unit::Span;
    use scaler::hands::Route;

    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn routing(vms: &[(&str, u16)]) -> Routing {
        let upstreams = vms.iter().map(|(id, port)| (VmId::parse(id).unwrap(), at(*port)));
        let route = Route { domains: Vec::new(), upstreams: upstreams.collect() };
        let modules = [(ModuleId::parse("shop/web").unwrap(), route)].into();
        Routing { generation: 42, modules, ..Routing::default() }
    }

    fn settings() -> HaproxySettings {
        let mut settings = HaproxySettings::named("edge", "/c.cfg".into(), "/s.sock".into());
        settings.each_backend = vec!["balance leastconn".to_owned()];
        settings.slow_start = Some(Span::secs(10));
        settings
    }

    /// What HAProxy would be like after these orders.
    fn obey(running: &mut BTreeMap<Place, Server>, orders: &Orders) {
        for order in orders.comes.iter().chain(&orders.goes) {
            let words: Vec<&str> = order.split(' ').collect();
            let (backend, server) = words[2].split_once('/').unwrap();
            let place = (backend.to_owned(), server.to_owned());
            match words[..] {
                ["add", "server", _, address, ..] => {
                    let address = address.parse().ok();
                    running.insert(place, Server { address, is_out: true });
                }
                ["enable", "server", _] | ["set", "server", _, "state", "ready"] => {
                    running.get_mut(&place).unwrap().is_out = false;
                }
                ["set", "server", _, "state", "maint"] => {
                    running.get_mut(&place).unwrap().is_out = true;
                }
                _ => panic!("{order}"),
            }
        }
    }

    #[test]
    fn the_file_holds_all_of_a_routing() {
        let text = render(&settings(), &routing(&[("vm-1", 1), ("vm_2", 2)])).unwrap();
        expect_test::expect![[r#"
            # Written by cloudbrain, anew with each change: do not edit.
            # routing {"epoch":0,"generation":42}
            global
                set-var proc.cloudbrain str(0.42)
            backend shop.web
                balance leastconn
                server vm-1 127.0.0.1:1 slowstart 10000ms
                server vm_5F2 127.0.0.1:2 slowstart 10000ms
        "#]]
        .assert_eq(&text);
        assert_eq!(backends_of(&text), ["shop.web".to_owned()].into());
        let wanted = wanted(&routing(&[("vm-1", 1), ("vm_2", 2)])).unwrap();
        assert_eq!(servers_of(&text), wanted);
    }

    #[test]
    fn any_routing_leads_to_any_other_and_whoever_comes_is_first() {
        let ours = ["shop.web".to_owned()].into();
        let (one, two) = (routing(&[("a", 1), ("b", 2)]), routing(&[("b", 2), ("c", 3)]));
        let mut running = BTreeMap::new();
        for routing in [&one, &two, &one, &routing(&[]), &two] {
            let wanted = wanted(routing).unwrap();
            assert!(!follows(&running, &wanted, &ours), "{running:?}");
            let orders = orders(&settings(), &running, &wanted, &ours);
            obey(&mut running, &orders);
            assert!(follows(&running, &wanted, &ours), "{orders:?}");
        }
        let nothing = super::orders(&settings(), &running, &wanted(&two).unwrap(), &ours);
        assert_eq!(nothing, Orders::default());
    }

    #[test]
    fn the_users_own_backends_are_left_alone() {
        let place = ("legacy".to_owned(), "one".to_owned());
        let running = [(place, Server { address: Some(at(9)), is_out: false })].into();
        let ours = ["shop.web".to_owned()].into();
        let orders = orders(&settings(), &running, &Wanted::new(), &ours);
        assert_eq!(orders, Orders::default());
        assert!(follows(&running, &Wanted::new(), &ours));
    }
}
