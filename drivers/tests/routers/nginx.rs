//! nginx: reloaded under load, broken by hand, kept busy by long connections, killed and restarted.

use std::time::Duration;

use scaler::hands::{HandError, Routing, Uncounted};

use crate::app::App;
use crate::edge::{Edge, comes_and_goes, these};
use crate::load::{Load, get};

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn no_request_fails_while_vms_come_and_go() {
    let mut edge = Edge::nginx(|_| {}).await;
    comes_and_goes(&mut edge, 15).await;
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn a_configuration_that_was_broken_by_hand_keeps_the_last_good_routing() {
    let mut edge = Edge::nginx(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let (good, config) = (edge.include_text(), edge.folder.join("nginx.conf"));
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, written.replace("worker_processes 2;", "worker_proceses 2;")).unwrap();

    let load = Load::start(edge.listen);
    let refused = edge.push(&[("b", &two)]).await.unwrap_err().to_string();
    assert!(refused.contains("worker_proceses"), "{refused}");
    assert!(refused.contains("last good routing stays in force"), "{refused}");
    assert_eq!(edge.include_text(), good, "whoever reloads by hand gets what runs");
    assert_eq!(edge.report().await.unwrap().generation, edge.generation - 1);

    std::fs::write(&config, written).unwrap();
    edge.push(&[("b", &two)]).await.unwrap();
    edge.wait("a is idle", async |edge| edge.is_idle("a").await).await;
    one.kill().await;
    load.end_well().await;
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn a_vm_is_not_idle_before_the_last_worker_that_knew_it_is_gone() {
    let mut edge = Edge::nginx(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let listen = edge.listen;
    let long = tokio::spawn(async move { get(listen, "/hold").await });
    edge.wait("it is under way", async |_| one.holds()).await;
    edge.push(&[("b", &two)]).await.unwrap();
    assert_eq!(edge.report().await.unwrap().uncounted, these(&["a"]));
    // A brain that comes anew does not know what the old worker knows.
    edge.start_over();
    assert_eq!(edge.report().await.unwrap().uncounted, Uncounted::Everything);
    one.let_go();
    edge.wait("a is idle", async |edge| edge.is_idle("a").await).await;
    long.await.unwrap().unwrap();
    assert_eq!(edge.report().await.unwrap().uncounted, Uncounted::Nothing);
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn old_workers_are_not_piled_up_for_a_vm_less() {
    let mut edge = Edge::nginx(|settings| settings.max_old_workers = 0).await;
    let (one, two, three) = (App::start().await, App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let listen = edge.listen;
    let long = tokio::spawn(async move { get(listen, "/hold").await });
    edge.wait("it is under way", async |_| one.holds()).await;
    edge.push(&[("a", &one), ("b", &two), ("c", &three)]).await.unwrap();

    let fewer = edge.push(&[("a", &one), ("b", &two)]).await.unwrap_err().to_string();
    assert!(fewer.contains("1 old workers") && fewer.contains("max_old_workers (0)"), "{fewer}");
    edge.push(&[("a", &one), ("b", &two), ("c", &three), ("d", &three)]).await.unwrap();
    let mut ill = edge.routing(&[("a", &one), ("b", &two)]);
    ill.urgent = ill.generation;
    edge.router.push(&ill).await.unwrap();
    one.let_go();
    long.await.unwrap().unwrap();
    edge.wait("all is idle", async |edge| edge.is_idle("c").await).await;
    edge.push(&[("a", &one)]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn after_a_kill_it_goes_on_with_the_newest_file() {
    let mut edge = Edge::nginx(|_| {}).await;
    let (one, two) = (App::start().await, App::start().await);
    edge.push(&[("a", &one)]).await.unwrap();
    let old = edge.include_text();
    edge.power_off();
    let silent = edge.report().await.unwrap_err().to_string();
    assert!(silent.contains("nginx does not run"), "{silent}");
    edge.push(&[("b", &two)]).await.unwrap_err();
    edge.start_process();
    edge.wait("it answers", async |edge| edge.report().await.is_ok()).await;
    one.kill().await;
    get(edge.listen, "/").await.unwrap();
    // Nobody saw the workers of before leave, so it is not claimed until it was pushed again.
    assert!(edge.report().await.unwrap().generation < edge.generation);
    edge.generation -= 1;
    edge.push(&[("b", &two)]).await.unwrap();
    assert_eq!(edge.report().await.unwrap().generation, edge.generation);

    // Somebody puts back a file of yesterday and restarts it.
    edge.power_off();
    std::fs::write(edge.include(), old).unwrap();
    edge.start_process();
    edge.wait("it answers", async |edge| edge.report().await.is_ok()).await;
    assert!(edge.report().await.unwrap().generation < edge.generation, "it does not claim more");
    edge.generation -= 1;
    edge.push(&[("b", &two)]).await.unwrap();
    get(edge.listen, "/").await.unwrap();
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn a_brain_of_the_past_is_refused_and_one_of_a_later_reign_is_not() {
    let mut edge = Edge::nginx(|_| {}).await;
    let app = App::start().await;
    let (first, second) = (edge.routing(&[("a", &app)]), edge.routing(&[("b", &app)]));
    edge.router.push(&second).await.unwrap();
    edge.start_over();
    let stale = edge.router.push(&first).await;
    assert!(
        matches!(&stale, Err(HandError::Refused(why)) if why.contains("in force")),
        "{stale:?}"
    );
    edge.router.push(&second).await.unwrap();
    edge.router.push(&Routing { epoch: 1, generation: 1, ..first }).await.unwrap();
    assert!(edge.router.push(&second).await.is_err());
    let report = edge.report().await.unwrap();
    assert_eq!((report.epoch, report.generation), (1, 1));
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn a_push_that_was_cut_off_anywhere_is_simply_pushed_again() {
    let mut edge = Edge::nginx(|_| {}).await;
    let app = App::start().await;
    edge.push(&[("a", &app)]).await.unwrap();
    let load = Load::start(edge.listen);
    for cut_ms in (0..60).step_by(6) {
        let routing = edge.routing(&[("a", &app), ("b", &app)]);
        edge.push_and_die(&routing, Duration::from_millis(cut_ms)).await;
        let report = edge.report().await.unwrap();
        assert!(
            report.generation == routing.generation || report.generation + 1 == routing.generation
        );
        edge.router.push(&routing).await.unwrap();
        assert_eq!(edge.report().await.unwrap().generation, routing.generation);
    }
    load.end_well().await;
}

/// A brain that died between the first word of a new worker and the leave of the last old one finds
/// its file there and a worker that follows it; that says nothing of the others.
#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn a_push_that_nobody_saw_through_is_not_claimed_until_it_is_made_again() {
    let mut edge = Edge::nginx(|_| {}).await;
    let app = App::start().await;
    edge.push(&[("a", &app)]).await.unwrap();
    let kept = edge.include().with_file_name("cloudbrain.conf.last-good");
    let older = std::fs::read_to_string(&kept).unwrap();
    let routing = edge.routing(&[("a", &app), ("b", &app)]);
    edge.router.push(&routing).await.unwrap();
    std::fs::write(&kept, &older).unwrap();
    edge.start_over();
    let report = edge.report().await.unwrap();
    assert_eq!(report.generation, routing.generation - 1);
    assert_eq!(report.uncounted, Uncounted::Everything);
    edge.router.push(&routing).await.unwrap();
    assert_eq!(edge.report().await.unwrap().generation, routing.generation);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), edge.include_text());
}

#[tokio::test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
async fn what_is_missing_is_told_with_what_to_write() {
    let edge = Edge::nginx(|_| {}).await;
    let config = edge.folder.join("nginx.conf");
    let written = std::fs::read_to_string(&config).unwrap();
    let without =
        written.replace("include ", "# include ").replace("http://shop.web", "http://[::1]:1");
    std::fs::write(&config, without).unwrap();
    edge.signal(rustix::process::Signal::HUP);
    edge.wait("nobody answers there", async |edge| edge.report().await.is_err()).await;
    let said = edge.router.prepare().await.unwrap_err().to_string();
    assert!(said.contains("does not include") && said.contains("cloudbrain.conf;"), "{said}");
}
