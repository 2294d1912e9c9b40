//! The page "Is the monitor healthy?" with the real binary: a source that does not answer stands
//! first, with what to do; what nobody watches is said.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::common::Fleet;

/// An exporter that wants a token we do not have.
fn guarded_exporter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]); // Whoever hung up gets no answer.
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    address
}

#[test]
fn a_source_that_does_not_answer_stands_first_with_what_to_do() {
    let exporter = guarded_exporter();
    let mut fleet = Fleet::prepare("monitor", |main| {
        let scrape = format!(
            "collector:\n  scrapes:\n    - {{name: guarded, interval: 1s, timeout: 1s, \
             targets: [\"{exporter}\"]}}\n"
        );
        main.replace("collector:\n", &scrape)
    });
    fleet.start_brain();
    fleet.wait_until_up(2);
    let source = fleet.wait("the source to be told of", |fleet| {
        let view = fleet.get("/api/monitor")?;
        let sources = view["sources"].as_array()?.clone();
        sources.into_iter().find(|s| s["name"] == "guarded" && s["state"] == "silent")
    });
    assert_eq!((source["asked"].as_u64(), source["answered"].as_u64()), (Some(1), Some(0)));
    let remedy = source["error"]["remedy"].as_str().expect("what to do");
    assert!(remedy.contains("token of the target"), "{remedy}");
    let page = fleet.page("/monitor").expect("a page");
    let sources = page.split(r#"id="sources""#).nth(1).expect("the sources");
    let first = sources.split("<tr>").nth(2).expect("a first source");
    assert!(first.contains("guarded") && first.contains("→"), "{first}");
    let faults = page.split(r#"id="faults""#).nth(1).expect("the targets");
    assert!(faults.contains("does not let us look"), "{faults}");
    for told in ["The monitor sees", "passive agents", "provider of VMs", "edge", "as measured"] {
        assert!(page.contains(told), "{told}");
    }
    let bar = page.split("<nav").nth(1).expect("a bar");
    assert!(bar.contains(r#"href="/explore""#));
}
