//! Programs on VMs that are processes, with real programs.

use std::time::Duration;

use expect_test::expect;
use scaler::hands::{Deployer, HandError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{PATIENCE, eventually};
use crate::fleet::{TestFleet, is_alive, kill, machine, program};

const GRACE: Duration = Duration::from_secs(20);

/// A fleet with one VM, `web-1`.
async fn one_vm() -> TestFleet {
    let fleet = TestFleet::start().await;
    fleet.create("web-1").await.expect("it starts");
    fleet
}

async fn get(address: std::net::SocketAddr) -> String {
    let wait = async {
        loop {
            // The program was started, which does not mean that it listens.
            if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
                stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it reads");
                let mut text = String::new();
                stream.read_to_string(&mut text).await.expect("it answers");
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the program listens")
}

#[tokio::test]
async fn a_program_runs_with_what_it_was_promised() {
    let fleet = one_vm().await;
    // `vm` is the very program that runs the VM: its folder stands first in the path.
    let serve = program(1, &["vm", "serve", "${PORT}"]);
    fleet.deployer().deploy(&machine("web-1"), &serve).await.unwrap();
    let app = fleet.seen("web-1").await.unwrap().addresses.unwrap().app;
    // The last line is one of cargo's variables: it stands for the secrets in our environment.
    let text = get(app).await.replace(&format!("PORT={}\n", app.port()), "PORT=its port\n");
    expect![[r#"
        PORT=its port
        CLOUDBRAIN_VM=web-1
        CLOUDBRAIN_MODULE=shop/web
        COLOUR=blue
        CARGO_PKG_NAME=
    "#]]
    .assert_eq(text.split("\r\n\r\n").nth(1).unwrap());
}

/// A brain on a store that was restored counts assignments from an earlier one on; a brain that was
/// superseded may come late with anything.
#[tokio::test]
async fn the_order_of_a_later_epoch_counts_whatever_the_assignment() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    let of = |epoch, assignment, seconds| scaler::hands::Program {
        epoch,
        ..program(assignment, &["sleep", seconds])
    };
    deployer.deploy(&machine("web-1"), &of(3, 7, "600")).await.unwrap();
    let running = fleet.pid("web-1", "app.json");
    let late = deployer.deploy(&machine("web-1"), &of(2, 8, "601")).await;
    expect!["refused: it has orders of epoch 3, and this is one of epoch 2"]
        .assert_eq(&late.unwrap_err().to_string());
    deployer.deploy(&machine("web-1"), &of(4, 7, "600")).await.unwrap();
    assert_eq!(fleet.pid("web-1", "app.json"), running, "it runs already, whoever ordered it");
    deployer.deploy(&machine("web-1"), &of(4, 1, "602")).await.unwrap();
    assert_ne!(fleet.pid("web-1", "app.json"), running);
}

#[tokio::test]
async fn a_repeated_order_starts_nothing_and_a_higher_one_replaces() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    deployer.deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    let first = fleet.pid("web-1", "app.json");
    deployer.deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    assert_eq!(fleet.pid("web-1", "app.json"), first);
    deployer.deploy(&machine("web-1"), &program(2, &["sleep", "601"])).await.unwrap();
    assert!(is_alive(fleet.pid("web-1", "app.json")));
    assert!(!is_alive(first));
}

#[tokio::test]
async fn a_late_word_changes_nothing() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    deployer.deploy(&machine("web-1"), &program(2, &["sleep", "600"])).await.unwrap();
    let running = fleet.pid("web-1", "app.json");
    let late = deployer.deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await;
    assert!(matches!(late, Err(HandError::Refused(_))), "{late:?}");
    assert!(is_alive(running));
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
    let late = deployer.deploy(&machine("web-1"), &program(2, &["sleep", "600"])).await;
    assert!(matches!(late, Err(HandError::Refused(_))), "{late:?}");
    deployer.deploy(&machine("web-1"), &program(3, &["sleep", "600"])).await.unwrap();
}

#[tokio::test]
async fn a_program_is_asked_to_stop_with_all_it_started() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    let script = "trap 'echo bye; exit' TERM; sleep 600 & echo $!; wait";
    deployer.deploy(&machine("web-1"), &program(1, &["sh", "-c", script])).await.unwrap();
    let app = fleet.pid("web-1", "app.json");
    let log = || std::fs::read_to_string(fleet.vm_file("web-1", "app.log")).unwrap();
    eventually("the program speaks", || log().ends_with('\n')).await;
    let started: u32 = log().trim().parse().unwrap();
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
    assert_eq!([app, started].map(is_alive), [false; 2]);
    assert_eq!(log(), format!("{started}\nbye\n"));
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
}

#[tokio::test]
async fn a_program_that_will_not_stop_is_killed() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    let script = "trap '' TERM; echo deaf; while :; do sleep 1; done";
    deployer.deploy(&machine("web-1"), &program(1, &["sh", "-c", script])).await.unwrap();
    let app = fleet.pid("web-1", "app.json");
    let log = fleet.vm_file("web-1", "app.log");
    eventually("it is deaf", || std::fs::read_to_string(&log).unwrap() == "deaf\n").await;
    deployer.undeploy(&machine("web-1"), Duration::from_millis(100)).await.unwrap();
    assert!(!is_alive(app));
}

#[tokio::test]
async fn a_program_that_keeps_ending_is_started_again_and_can_be_stopped() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    let script = program(1, &["sh", "-c", "echo boom >&2; exit 3"]);
    // It may have ended before it counted as started, or just after.
    match deployer.deploy(&machine("web-1"), &script).await {
        Ok(()) => {}
        Err(error) => {
            assert_eq!(error.to_string(), "failed: it ended with exit status: 3: boom");
        }
    }
    let booms = || {
        let log = std::fs::read_to_string(fleet.vm_file("web-1", "app.log")).unwrap_or_default();
        log.lines().filter(|line| *line == "boom").count()
    };
    eventually("it is started again", || booms() >= 2).await;
    eventually("its end is told", || {
        fleet.json("web-1", "app.json")["detail"] == "it ended with exit status: 3"
    })
    .await;
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
    assert_eq!(fleet.json("web-1", "app.json")["state"], "stopped");
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_with_its_name() {
    let fleet = one_vm().await;
    let missing = program(1, &["no-such-program"]);
    let error = fleet.deployer().deploy(&machine("web-1"), &missing).await.unwrap_err();
    assert!(matches!(&error, HandError::Failed(why) if why.contains("no-such-program")), "{error}");
}

#[tokio::test]
async fn where_there_is_no_vm_nothing_starts_and_nothing_need_stop() {
    let fleet = TestFleet::start().await;
    let deployer = fleet.deployer();
    let error = deployer.deploy(&machine("web-1"), &program(1, &["sleep", "1"])).await.unwrap_err();
    assert!(matches!(error, HandError::Failed(_)), "{error}");
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
    fleet.create("web-1").await.unwrap();
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
}

#[tokio::test]
async fn what_a_dead_vm_left_running_is_stopped() {
    let fleet = one_vm().await;
    let deployer = fleet.deployer();
    deployer.deploy(&machine("web-1"), &program(1, &["sleep", "600"])).await.unwrap();
    let (leader, app) = (fleet.pid("web-1", "run.json"), fleet.pid("web-1", "app.json"));
    kill(leader);
    eventually("the VM is gone", || !is_alive(leader)).await;
    assert!(is_alive(app));
    deployer.undeploy(&machine("web-1"), GRACE).await.unwrap();
    assert!(!is_alive(app));
}

#[tokio::test]
async fn a_log_does_not_grow_for_ever() {
    let fleet = one_vm().await;
    let script = "
        head -c 3000000 /dev/zero
        while [ $(stat -c %s $CLOUDBRAIN_FOLDER/app.log) -gt 1048576 ]; do sleep 0.1; done
        echo emptied
        exec sleep 600
    ";
    fleet.deployer().deploy(&machine("web-1"), &program(1, &["sh", "-c", script])).await.unwrap();
    let log = fleet.vm_file("web-1", "app.log");
    eventually("the log is emptied", || std::fs::read(&log).unwrap() == b"emptied\n").await;
}
