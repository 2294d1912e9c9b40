//! A program on this machine: for every way to people that nobody has thought of.
//!
//! It is started once per message, gets one JSON object on its standard input, and says by its exit
//! code what became of it: 0 delivered, 78 (`EX_CONFIG` of `sysexits.h`) never send it again, all
//! others try again. The first line of its standard error is shown to people; its standard output
//! is thrown away. The key of the message is the same however often it comes, and it is the
//! program's work to deliver it once.
//!
//! At the deadline it is killed with everything it started that is still in its process group, and
//! whatever it left running in there ends with it, too. Then nobody knows whether the message
//! arrived.
//!
//! What comes from monitored systems is in the JSON only, never in arguments, environment or a shell.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Answer, Channel, ChannelError, Pace, Parcel, Receipt};
use model::unit::Span;
use rustix::process::{Pid, Signal, kill_process_group};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::Kind;
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::text::clean;

/// "Configuration error": trying again is of no use.
const NEVER_AGAIN: i32 = 78;
/// How much of the standard error is kept, in bytes.
const MAX_ERROR_BYTES: usize = 4 << 10;
const MAX_DETAIL_CHARS: usize = 200;
/// How long to wait for what is still in the pipe once the program has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program on this machine. The address of a person is passed on as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptSettings {
    pub name: String,
    /// The program and its arguments. A path with a slash is relative to the main file.
    pub program: Vec<String>,
    /// What it finds in its environment, beside `PATH`.
    #[serde(default)]
    pub environment: std::collections::BTreeMap<String, Text>,
    #[serde(default = "deadline")]
    pub timeout: Span,
    /// Messages in any one minute, at most; no limit if left out.
    pub per_minute: Option<PerMinute>,
}

struct ScriptChannel {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    deadline: Duration,
    pace: Option<Pace>,
}

impl Kind for ScriptSettings {
    fn word(&self) -> &'static str {
        "script"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        self.environment.values_mut().map(|text| ("environment", text)).collect()
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(Problem::new("program", "write [path, argument, ...]"));
        };
        let deadline = self.timeout.0;
        if deadline.is_zero() || deadline > Duration::from_secs(300) {
            return Err(Problem::new("timeout", "write 1s to 5m"));
        }
        let program = match program.contains('/') {
            true => ground.folder.join(program),
            false => PathBuf::from(program),
        };
        let environment = self.environment.iter();
        Ok(Arc::new(ScriptChannel {
            name: self.name.clone(),
            program,
            arguments: arguments.to_vec(),
            environment: environment.map(|(k, v)| (k.clone(), v.value().to_owned())).collect(),
            deadline,
            pace: self.per_minute.map(|most| pace(Some(most), 0)),
        }))
    }
}

impl ScriptChannel {
    async fn tell(&self, parcel: Parcel<'_>) -> Result<Receipt, ChannelError> {
        let message = &parcel.messages[0];
        let input = json!({
            "version": 1,
            "channel": self.name,
            "key": message.key,
            "to": message.to,
            "address": parcel.address,
            "message": message,
        });
        let mut child = self.spawn()?;
        let family = Family(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let mut said = Said::of(child.stderr.take());
        let input = format!("{input}\n");
        let ended = timeout(self.deadline, run(&mut child, input.as_bytes(), &mut said)).await;
        drop(family);
        // Those that could still write are gone, but for one that left the family.
        let _ = timeout(LAST_WORDS, said.listen()).await;
        let said = self.hide(&first_line(&said.first));
        match ended {
            Ok(Ok(status)) => judge(status, &said),
            Ok(Err(error)) => Err(ChannelError::Unclear(error.to_string())),
            Err(_) => {
                let _ = child.wait().await; // It was killed.
                Err(ChannelError::Unclear(format!("killed after {:?} {said}", self.deadline)))
            }
        }
    }

    fn spawn(&self) -> Result<Child, ChannelError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        if !self.environment.iter().any(|(name, _)| name == "PATH") {
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command.spawn().map_err(|error| {
            let detail = format!("{} cannot be started: {error}", self.program.display());
            ChannelError::Retry { detail, after: None }
        })
    }

    fn hide(&self, said: &str) -> String {
        let secrets = self.environment.iter().map(|(_, value)| value);
        let secrets = secrets.filter(|value| value.len() >= 8);
        secrets.fold(said.to_owned(), |said, secret| said.replace(secret.as_str(), "***"))
    }
}

impl Channel for ScriptChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answer<'a, Result<Receipt, ChannelError>> {
        Box::pin(self.tell(parcel))
    }

    fn pace(&self) -> Option<Pace> {
        self.pace
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for ScriptChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptChannel({} by {})", self.name, self.program.display())
    }
}

/// The process group of a program; killed when this is dropped, whatever is left of it.
struct Family(Option<Pid>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Nobody may be left, which is as good.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Hands the input over and waits for the end. What it says is read all the time, so that it never
/// waits for us.
async fn run(child: &mut Child, input: &[u8], said: &mut Said) -> std::io::Result<ExitStatus> {
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(input).await; // It may not care for its input.
        }
    };
    let talk = async { tokio::join!(feed, said.listen()) };
    tokio::select! {
        status = child.wait() => return status,
        _ = talk => {}
    }
    child.wait().await
}

/// What it writes on its standard error.
struct Said {
    pipe: Option<ChildStderr>,
    /// The beginning; the rest is read and forgotten.
    first: Vec<u8>,
}

impl Said {
    fn of(pipe: Option<ChildStderr>) -> Self {
        Self { pipe, first: Vec::new() }
    }

    async fn listen(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            let room = MAX_ERROR_BYTES.saturating_sub(self.first.len());
            self.first.extend_from_slice(&buffer[..read.min(room)]);
        }
    }
}

fn judge(status: ExitStatus, said: &str) -> Result<Receipt, ChannelError> {
    match status.code() {
        Some(0) => Ok(Receipt::of(1)),
        Some(NEVER_AGAIN) => Err(ChannelError::Refused(format!("exit {NEVER_AGAIN}: {said}"))),
        Some(code) => {
            Err(ChannelError::Retry { detail: format!("exit {code}: {said}"), after: None })
        }
        None => Err(ChannelError::Unclear(format!("ended by {status}: {said}"))),
    }
}

fn first_line(said: &[u8]) -> String {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
    clean(&String::from_utf8_lossy(line), MAX_DETAIL_CHARS)
}

fn deadline() -> Span {
    Span::secs(30)
}
