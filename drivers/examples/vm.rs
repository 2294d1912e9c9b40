//! What stands in for the `cloudbrain` binary in this crate's tests: `vm` and `router` as the
//! real one runs them, with an agent that answers `1` to everybody, and `serve` as a module's
//! program that tells what it was started with.

use std::error::Error;
use std::path::Path;

use drivers::vm::VmIdentity;
use model::clock::{FixedClock, SharedClock};
use model::time::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let clock = SharedClock::new(FixedClock(Time::default()));
    match arguments[..] {
        ["vm", "--folder", folder] => {
            drivers::vm::detach();
            Ok(drivers::vm::run(Path::new(folder), clock, agent).await?)
        }
        ["router", "--folder", folder, "--listen", address] => {
            drivers::vm::detach();
            Ok(drivers::router::proxy::run(Path::new(folder), address.parse()?, clock).await?)
        }
        ["serve", port] => serve(port.parse()?).await,
        _ => Err("vm --folder F | router --folder F --listen A | serve PORT".into()),
    }
}

async fn agent(listener: TcpListener, _: VmIdentity) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.write_all(b"1").await; // A client that went away is no concern of a test.
    }
}

/// Answers each request with the lines of its own environment that a VM is to set.
async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let names = ["PORT", "CLOUDBRAIN_VM", "CLOUDBRAIN_MODULE", "COLOUR", "CARGO_PKG_NAME"];
    let line = |name: &str| {
        let value = std::env::var_os(name).unwrap_or_default();
        format!("{name}={}\n", value.to_string_lossy())
    };
    let body: String = names.into_iter().map(line).collect();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let _ = stream.read(&mut [0; 4096]).await?;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}
