//! The user's program: the example of docs/routers.md as it stands there, and programs that go wrong.

use std::path::Path;
use std::sync::Arc;

use drivers::router::RouterSpec;
use drivers::router::exec::ExecSettings;
use model::unit::Span;
use scaler::hands::{HandError, Router, Routing, Uncounted};

use crate::app::App;
use crate::edge::{Edge, Which, folder, ground};
use crate::load::get;

fn open(folder: &Path, program: &[&str]) -> Arc<dyn Router> {
    let settings = ExecSettings {
        name: "far".to_owned(),
        program: program.iter().map(|word| (*word).to_owned()).collect(),
        timeout: Span::secs(20),
        push_every: Span::secs(0),
        waive_after: None,
    };
    let spec = RouterSpec::Exec(Box::new(settings));
    assert_eq!(spec.problems(), []);
    spec.open(&ground(folder))
}

fn shell(script: &str) -> Arc<dyn Router> {
    open(Path::new("/"), &["sh", "-c", script])
}

/// The script of the docs.
fn example() -> String {
    let docs = include_str!("../../../docs/routers.md");
    let (_, script) = docs.split_once("```sh\n#!/bin/sh\n").expect("the docs have a script");
    format!("#!/bin/sh\n{}", script.split("```").next().expect("it ends"))
}

#[tokio::test]
#[ignore = "needs the Debian packages nginx-light, jq and curl; tests/run installs them and lifts this"]
async fn the_example_of_the_docs_drives_an_nginx() {
    let mut edge = Edge::nginx(|_| {}).await;
    let Which::Nginx(settings) = edge.which.clone() else { unreachable!("it was made one") };
    let script = edge.folder.join("router-ssh");
    std::fs::write(&script, example()).unwrap();
    let (script, check) = (script.display().to_string(), settings.check.to_string());
    let (include, config) =
        (settings.include.display().to_string(), settings.config.display().to_string());
    // What the docs call `ssh edge-a` is a shell of this machine here.
    let words = ["sh", &script, "sh -c", &include, &config, &check];
    let far = open(&edge.folder, &words);
    let (one, two) = (App::start().await, App::start().await);
    let routing = edge.routing(&[("a", &one)]);
    far.push(&routing).await.unwrap();
    get(edge.listen, "/").await.unwrap();
    let report = far.observe().await.unwrap();
    assert_eq!(
        (report.generation, &report.uncounted),
        (routing.generation, &Uncounted::Everything)
    );

    let newer = edge.routing(&[("b", &two)]);
    far.push(&newer).await.unwrap();
    let stale = far.push(&routing).await;
    assert!(matches!(stale, Err(HandError::Refused(_))), "{stale:?}");

    std::fs::write(&config, "nonsense;").unwrap();
    let good = edge.include_text();
    let refused = edge.routing(&[("a", &one)]);
    let said = far.push(&refused).await.unwrap_err().to_string();
    assert!(said.contains("nonsense"), "{said}");
    assert_eq!(edge.include_text(), good);
}

#[tokio::test]
async fn what_becomes_of_a_push_is_told_by_the_exit_code_and_a_look() {
    let routing = Routing { generation: 7, ..Routing::default() };
    let says = r#"echo '{"epoch": 0, "generation": 6}'"#;
    let pushed = shell(says).push(&routing).await.unwrap_err().to_string();
    assert!(pushed.contains("generation 6 of epoch 0 is said to be in force"), "{pushed}");

    let fails = shell("echo no way >&2; exit 3").push(&routing).await;
    assert!(matches!(&fails, Err(HandError::Failed(why)) if why == "no way"), "{fails:?}");
    let refuses = shell("echo not mine >&2; exit 78").push(&routing).await;
    assert!(matches!(&refuses, Err(HandError::Refused(why)) if why == "not mine"), "{refuses:?}");

    let counts = r#"echo '{"generation": 7, "uncounted": "nothing",
        "upstreams": {"vm-1": {"in_flight": 3}}}'"#;
    shell(counts).push(&routing).await.unwrap();
    let report = shell(counts).observe().await.unwrap();
    assert_eq!(report.upstreams[&"vm-1".parse().unwrap()].in_flight, 3);
    assert_eq!(report.uncounted, Uncounted::Nothing);

    let strange = shell("echo hello").observe().await.unwrap_err().to_string();
    assert!(strange.contains("no report"), "{strange}");
    let newer = shell(r#"echo '{"epoch": 1, "generation": 1}'"#).push(&routing).await;
    assert!(matches!(newer, Err(HandError::Refused(_))), "{newer:?}");
}

#[tokio::test]
async fn it_is_given_the_whole_routing() {
    let folder = folder();
    let seen = folder.join("seen");
    let script = format!("cat >> {}; echo '{{\"generation\": 0}}'", seen.display());
    let routing = Routing { epoch: 2, generation: 7, urgent: 5, ..Routing::default() };
    shell(&script).push(&routing).await.unwrap_err();
    let seen = std::fs::read_to_string(seen).unwrap();
    expect_test::expect![[r#"
        {"do":"observe","router":"far","version":1}
        {"do":"push","router":"far","routing":{"epoch":2,"generation":7,"modules":{},"urgent":5},"version":1}
        {"do":"observe","router":"far","version":1}
    "#]]
    .assert_eq(&seen);
    std::fs::remove_dir_all(folder).unwrap();
}
