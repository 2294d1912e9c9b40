//! The routers: deaf in the wrong moment.

use world::fleet::{API, WEB};
use world::trouble::{Routing, Trouble};

use crate::{OF_API, OF_WEB, fault, go_on, orders, play, serving};

#[test]
fn while_a_router_is_deaf_no_program_is_stopped() {
    // Cluster autoscaler #1907, AWS load balancer controller #885: the VM ended before the router knew.
    let faults = [
        fault(3.0, 6.0, Trouble::Load { module: OF_API, percent: 10 }),
        fault(3.2, 5.0, Trouble::Router(0, Routing::Deaf)),
    ];
    let mut world = play(&faults, 3.3);
    let before = orders(&world, "Undeploy");
    go_on(&mut world, 5.0);
    assert_eq!(orders(&world, "Undeploy"), before);
    go_on(&mut world, 7.0);
    assert!(serving(&world, API) >= 2);
}

#[test]
fn a_router_with_an_old_file_is_brought_up_to_date() {
    let faults = [
        fault(3.0, 4.0, Trouble::Load { module: OF_WEB, percent: 150 }),
        fault(3.5, 3.6, Trouble::Router(0, Routing::OldFile)),
    ];
    let (mut world, before) = (play(&faults, 3.49), play(&faults, 3.49));
    go_on(&mut world, 3.6);
    assert_eq!(serving(&world, WEB), serving(&before, WEB));
}
