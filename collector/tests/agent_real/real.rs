//! A real agent of Zabbix, on a free port, with a configuration and a folder of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

pub(crate) struct RealAgent {
    pub(crate) address: SocketAddr,
    process: Child,
    folder: PathBuf,
}

impl RealAgent {
    pub(crate) fn start(program: &str) -> Self {
        let name = program.rsplit('/').next().unwrap();
        let address = free_address();
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pid_file = folder.join("agent.pid");
        let own = match name {
            "zabbix_agentd" => "AllowRoot=1\n".to_owned(),
            _ => format!("ControlSocket={}\n", folder.join("agent.sock").display()),
        };
        let text = format!(
            "Server=127.0.0.1\nListenIP=127.0.0.1\nListenPort={}\nHostname=real\nLogType=console\n\
             PidFile={}\n{own}",
            address.port(),
            pid_file.display(),
        );
        let config = folder.join("agent.conf");
        fs::write(&config, text).unwrap();
        let process = Command::new(program)
            .arg("-f")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| panic!("{program} runs: {error}"));
        Self { address, process, folder }
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        // The agent ends its own children on SIGTERM only.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// They take no port above 32767, so not one that Linux gives out by itself.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 5_000).unwrap();
    loop {
        let port = 21_000 + (first + NEXT.fetch_add(1, Relaxed)) % 5_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return SocketAddr::from(([127, 0, 0, 1], port));
        }
    }
}
