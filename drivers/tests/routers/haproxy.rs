//! HAProxy: changed by its socket under load, reloaded by somebody, restarted with an old file, and
//! where its socket cannot do it, reloaded by us.

use scaler::hands::{HandError, Route, Routing, Uncounted};

use crate::app::App;
use crate::edge::{Edge, comes_and_goes, vm};
use crate::load::{Load, get};

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn no_request_fails_while_vms_come_and_go_and_nothing_is_reloaded() {
    let mut edge = Edge::haproxy(|settings| settings.reload.clear()).await;
    let workers = edge.children();
    comes_and_goes(&mut edge, 30).await;
    assert_eq!(edge.children(), workers);
    edge.wait("who left is forgotten", async |edge| {
        edge.report().await.unwrap().upstreams.len() == 3
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn a_reload_by_somebody_changes_nothing() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    edge.push(&[("a", &one), ("b", &two)]).await.unwrap();
    edge.push(&[("b", &two)]).await.unwrap();
    edge.wait("a is idle", async |edge| edge.is_idle("a").await).await;
    one.kill().await;
    let load = Load::start(edge.listen);
    for _ in 0..3 {
        edge.reload_by_hand().await;
        edge.wait("the old one is gone", async |edge| edge.children().len() == 1).await;
        let report = edge.report().await.unwrap();
        assert_eq!(report.generation, edge.generation);
        assert!(!report.upstreams.contains_key(&vm("a")));
    }
    load.end_well().await;
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn while_an_old_process_lives_nothing_is_counted() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let listen = edge.listen;
    let long = tokio::spawn(async move { get(listen, "/hold").await });
    edge.wait("it is under way", async |edge| {
        edge.report().await.unwrap().upstreams[&vm("a")].in_flight == 1
    })
    .await;
    edge.reload_by_hand().await;
    edge.wait("the new one answers", async |edge| {
        edge.report().await.is_ok_and(|report| report.uncounted == Uncounted::Everything)
    })
    .await;
    edge.push(&[("b", &two)]).await.unwrap();
    assert!(!edge.is_idle("a").await);
    one.let_go();
    edge.wait("a is idle", async |edge| edge.is_idle("a").await).await;
    long.await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn what_is_under_way_is_counted_until_it_is_answered_and_who_left_is_deleted() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let listen = edge.listen;
    let long = tokio::spawn(async move { get(listen, "/hold").await });
    edge.wait("it is under way", async |edge| {
        edge.report().await.unwrap().upstreams[&vm("a")].in_flight == 1
    })
    .await;
    edge.push(&[("b", &two)]).await.unwrap();
    let report = edge.report().await.unwrap();
    assert_eq!((report.upstreams[&vm("a")].in_flight, report.uncounted), (1, Uncounted::Nothing));
    one.let_go();
    edge.wait("it is answered", async |edge| edge.is_idle("a").await).await;
    long.await.unwrap().unwrap();
    edge.wait("a is deleted", async |edge| {
        !edge.report().await.unwrap().upstreams.contains_key(&vm("a"))
    })
    .await;
    // A VM may come back, too.
    edge.push(&[("a", &one), ("b", &two)]).await.unwrap();
    edge.push(&[("a", &one)]).await.unwrap();
    edge.push(&[("a", &one), ("b", &two)]).await.unwrap();
    two.kill().await;
    drop(edge.push(&[("a", &one)]).await);
    get(edge.listen, "/").await.unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn a_new_module_takes_a_reload_and_says_so_where_none_is_to_be_had() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let app = App::start().await;
    edge.push(&[("a", &app)]).await.unwrap();
    let with_api = |edge: &mut Edge| {
        let mut routing = edge.routing(&[("a", &app)]);
        let upstreams = [(vm("api-1"), app.address)].into();
        let route = Route { upstreams, ..Route::default() };
        routing.modules.insert("shop/api".parse().unwrap(), route);
        routing
    };
    let load = Load::start(edge.listen);
    let routing = with_api(&mut edge);
    edge.router.push(&routing).await.unwrap();
    assert!(edge.report().await.unwrap().upstreams.contains_key(&vm("api-1")));
    load.end_well().await;

    let mut poor = Edge::haproxy(|settings| settings.reload.clear()).await;
    let routing = with_api(&mut poor);
    let said = poor.router.push(&routing).await.unwrap_err().to_string();
    assert!(said.contains("no backend shop.api") && said.contains("write `reload:"), "{said}");
    poor.reload_by_hand().await;
    poor.wait("somebody's reload takes it up", async |edge| {
        edge.report().await.is_ok_and(|report| report.generation == edge.generation)
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn where_servers_cannot_be_added_it_is_reloaded() {
    let mut edge =
        Edge::haproxy(|settings| settings.each_backend = vec!["balance static-rr".to_owned()])
            .await;
    comes_and_goes(&mut edge, 4).await;
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn a_file_that_was_broken_by_hand_does_not_stop_what_the_socket_can_do() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let app = App::start().await;
    edge.push(&[("a", &app)]).await.unwrap();
    let config = edge.folder.join("haproxy.cfg");
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, written.replace("mode http", "mod http")).unwrap();
    edge.push(&[("a", &app), ("b", &app)]).await.unwrap();
    let good = edge.include_text();
    let mut routing = edge.routing(&[("a", &app)]);
    let upstreams = [(vm("api-1"), app.address)].into();
    routing.modules.insert("shop/api".parse().unwrap(), Route { upstreams, ..Route::default() });
    let said = edge.router.push(&routing).await.unwrap_err().to_string();
    assert!(said.contains("haproxy -c refuses") && said.contains("mod"), "{said}");
    assert_eq!(edge.include_text(), good, "whoever reloads by hand gets what runs");
    get(edge.listen, "/").await.unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn after_a_kill_it_goes_on_with_the_newest_file_and_an_old_one_is_overwritten() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let old = edge.include_text();
    edge.power_off();
    let silent = edge.report().await.unwrap_err().to_string();
    assert!(silent.contains("stats socket") && silent.contains("level admin"), "{silent}");
    edge.push(&[("b", &two)]).await.unwrap_err();
    edge.start_process();
    edge.wait("it answers", async |edge| edge.report().await.is_ok()).await;
    assert_eq!(edge.report().await.unwrap().generation, edge.generation);
    one.kill().await;
    get(edge.listen, "/").await.unwrap();

    edge.power_off();
    std::fs::write(edge.include(), old).unwrap();
    edge.start_process();
    edge.wait("it answers", async |edge| edge.report().await.is_ok()).await;
    assert!(edge.report().await.unwrap().generation < edge.generation);
    edge.generation -= 1;
    edge.push(&[("b", &two)]).await.unwrap();
    get(edge.listen, "/").await.unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn it_bears_witness_of_a_vm_that_refuses() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let app = App::start().await;
    edge.push(&[("a", &app)]).await.unwrap();
    get(edge.listen, "/").await.unwrap();
    edge.report().await.unwrap();
    app.kill().await;
    for _ in 0..4 {
        assert!(get(edge.listen, "/").await.is_err());
    }
    let upstream = edge.report().await.unwrap().upstreams[&vm("a")];
    assert_eq!((upstream.served, upstream.failed_in_a_row), (1, 4), "{upstream:?}");
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn a_brain_of_the_past_is_refused_and_a_push_that_was_cut_off_is_pushed_again() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let app = App::start().await;
    let (first, second) = (edge.routing(&[("a", &app)]), edge.routing(&[("b", &app)]));
    edge.router.push(&second).await.unwrap();
    edge.start_over();
    let stale = edge.router.push(&first).await;
    assert!(
        matches!(&stale, Err(HandError::Refused(why)) if why.contains("in force")),
        "{stale:?}"
    );
    let load = Load::start(edge.listen);
    for cut_ms in 0..12 {
        let routing = edge.routing(&[("b", &app), (&format!("c{cut_ms}"), &app)]);
        edge.push_and_die(&routing, std::time::Duration::from_millis(cut_ms)).await;
        edge.router.push(&routing).await.unwrap();
        assert_eq!(edge.report().await.unwrap().generation, routing.generation);
    }
    load.end_well().await;
    edge.router.push(&Routing { epoch: 1, generation: 1, ..first }).await.unwrap();
    assert!(edge.router.push(&second).await.is_err());
}

#[tokio::test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
async fn what_somebody_changes_at_the_socket_is_seen_and_put_right() {
    let mut edge = Edge::haproxy(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    let routing = edge.routing(&[("a", &one), ("b", &two)]);
    edge.router.push(&routing).await.unwrap();
    let maint = "set server shop.web/a state maint";
    for by_hand in [vec![maint], vec![maint, "del server shop.web/a"]] {
        by_hand.iter().for_each(|order| edge.say(order));
        for _ in 0..2 {
            let report = edge.report().await.unwrap();
            assert_eq!(report.generation, 0, "it does not do what it was told: {by_hand:?}");
        }
        if by_hand.len() == 1 {
            let report = edge.report().await.unwrap();
            assert!(report.upstreams.contains_key(&vm("a")), "it is wanted, and is not deleted");
        }
        edge.router.push(&routing).await.unwrap();
        assert_eq!(edge.report().await.unwrap().generation, routing.generation);
        assert!(edge.report().await.unwrap().upstreams.contains_key(&vm("a")));
    }
}
