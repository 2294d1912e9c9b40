//! The program on the VMs: it takes its time over each request, says which VM it runs on, and dies of
//! SIGTERM on the spot, so that a request which was still under way is seen to fail.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// Requests take from one to this many milliseconds, in turn.
const SLOWEST_MS: u64 = 20;

/// Serves until it is killed. `vm` is what it answers with.
pub fn serve(port: u16, vm: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).context("listening")?;
    for (number, stream) in (0_u64..).zip(listener.incoming()) {
        let (Ok(stream), vm) = (stream, vm.to_owned()) else { continue };
        // A client that goes away is no news to anybody.
        std::thread::spawn(move || answer_all(stream, &vm, number).is_ok());
    }
    Ok(())
}

fn answer_all(mut stream: TcpStream, vm: &str, mut number: u64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut kept = Vec::new();
    loop {
        let Some(end) = kept.windows(4).position(|four| four == b"\r\n\r\n") else {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                read => kept.extend_from_slice(&buffer[..read]),
            }
            continue;
        };
        let head = String::from_utf8_lossy(&kept[..end]).to_lowercase();
        kept.drain(..end + 4);
        if !head.starts_with("get /ready") {
            std::thread::sleep(Duration::from_millis(1 + number * 7 % SLOWEST_MS));
        }
        number += 1;
        let closes = head.contains("connection: close") || head.contains("http/1.0");
        let says = if closes { "connection: close\r\n" } else { "" };
        let length = vm.len() + 1;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{says}\r\n{vm}\n");
        stream.write_all(answer.as_bytes())?;
        if closes {
            return Ok(());
        }
    }
}
