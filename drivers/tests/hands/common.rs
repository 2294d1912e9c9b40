//! What the tests of this crate share: a scratch folder, the example program, patience.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// How long a test waits for what must come; far beyond what a slow machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of its own for one test, removed at its end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let name = format!("drivers-{}-{}", std::process::id(), number());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A VM may still write there; it ends soon after this process, if not before.
        let _ = (0..50).find(|_| std::fs::remove_dir_all(&self.0).is_ok());
    }
}

/// `examples/vm.rs`, which `cargo test` builds beside the tests.
pub(crate) fn example() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    let example = target.join("examples/vm");
    assert!(example.exists(), "no {}: cargo build -p drivers --examples", example.display());
    example
}

/// A number that no other test of this process gets.
fn number() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The first of sixteen ports that no other test of this process uses, and that the kernel gives
/// to no connection.
pub(crate) fn port_block() -> u16 {
    20_000 + number() * 16
}

/// Waits until a thing is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
