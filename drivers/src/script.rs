//! A program of the user's: started once per question, JSON in, JSON out.
//!
//! It gets one JSON object on its standard input. What it writes is read all the time, so that it
//! never waits for us, and only the beginning is kept. At the deadline it is killed with everything
//! it started that is still in its process group, and whatever it left running in there ends with
//! it, too.
//!
//! What comes from monitored systems is in the JSON only, never in arguments, environment or a
//! shell. Values of its environment are secrets: they are not in what is shown of its words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use model::unit::Span;
use rustix::process::{Pid, Signal, kill_process_group};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::channel::text::clean;
use crate::channel::{Problem, Text};

/// How much of the standard error is kept, in bytes.
const MAX_ERROR_BYTES: usize = 4 << 10;
const MAX_DETAIL_CHARS: usize = 200;
/// How long to wait for what is still in the pipes once the program has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Shorter values of the environment are not looked for in what is shown.
const MIN_SECRET_CHARS: usize = 8;

/// The longest time that a program may be given.
const LONGEST: Duration = Duration::from_secs(3600);

/// A program on this machine that does what only its users know how to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    /// The program and its arguments. A path with a slash is relative to the main file.
    pub program: Vec<String>,
    /// What it finds in its environment, beside `PATH`; may hold `${env:NAME}` or `${file:PATH}`.
    #[serde(default)]
    pub environment: BTreeMap<String, Text>,
    /// It is killed when it takes longer.
    #[serde(default = "patience")]
    pub timeout: Span,
}

fn patience() -> Span {
    Span::secs(120)
}

impl ProgramSettings {
    /// `folder` is where relative paths start from.
    pub(crate) fn open(&self, folder: &Path, max_output: usize) -> Result<Script, Problem> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(Problem::new("program", "write [path, argument, ...]"));
        };
        let deadline = self.timeout.0;
        if deadline.is_zero() || deadline > LONGEST {
            return Err(Problem::new("timeout", "write 1s to 1h"));
        }
        let environment = self.environment.iter();
        Ok(Script {
            program: match program.contains('/') {
                true => folder.join(program),
                false => PathBuf::from(program),
            },
            arguments: arguments.to_vec(),
            environment: environment.map(|(k, v)| (k.clone(), v.value().to_owned())).collect(),
            deadline,
            max_output,
        })
    }
}

/// What is to be run.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) deadline: Duration,
    /// How much of the standard output is kept, in bytes; it is thrown away if 0.
    pub(crate) max_output: usize,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) how: How,
    /// The first line of its standard error, fit to be shown, without secrets.
    pub(crate) said: String,
    /// The beginning of its standard output.
    pub(crate) output: Vec<u8>,
    /// There was more of it than is kept.
    pub(crate) is_cut: bool,
}

#[derive(Debug)]
pub(crate) enum How {
    /// It could not be started.
    NotStarted(String),
    Exited(ExitStatus),
    /// Killed at the deadline.
    Killed,
    /// Nobody knows how.
    Lost(String),
}

impl Script {
    /// Runs it to its end. `more` follows its arguments.
    pub(crate) async fn run(&self, more: &[&str], input: &str) -> Ended {
        let mut child = match self.spawn(more) {
            Ok(child) => child,
            Err(error) => {
                let how = format!("{} cannot be started: {error}", self.program.display());
                let how = How::NotStarted(how);
                return Ended { how, said: String::new(), output: Vec::new(), is_cut: false };
            }
        };
        let family = Family(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let mut words = Words {
            error: Heard::of(child.stderr.take(), MAX_ERROR_BYTES),
            output: Heard::of(child.stdout.take(), self.max_output),
        };
        let input = format!("{input}\n");
        let ended =
            timeout(self.deadline, converse(&mut child, input.as_bytes(), &mut words)).await;
        drop(family);
        // Those that could still write are gone, but for one that left the family.
        let _ = timeout(LAST_WORDS, words.listen()).await;
        let how = match ended {
            Ok(Ok(status)) => How::Exited(status),
            Ok(Err(error)) => How::Lost(error.to_string()),
            Err(_) => {
                let _ = child.wait().await; // It was killed.
                How::Killed
            }
        };
        let said = self.hide(&first_line(&words.error.first));
        Ended { how, said, output: words.output.first, is_cut: words.output.is_cut }
    }

    fn spawn(&self, more: &[&str]) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(more);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        if !self.environment.iter().any(|(name, _)| name == "PATH") {
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        let output = if self.max_output == 0 { Stdio::null() } else { Stdio::piped() };
        command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command.spawn()
    }

    /// What is shown of its words has no secret in it.
    pub(crate) fn hide(&self, said: &str) -> String {
        let secrets = self.environment.iter().map(|(_, value)| value);
        let secrets = secrets.filter(|value| value.len() >= MIN_SECRET_CHARS);
        secrets.fold(said.to_owned(), |said, secret| said.replace(secret.as_str(), "***"))
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Script({})", self.program.display())
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

/// Hands the input over and waits for the end.
async fn converse(
    child: &mut Child,
    input: &[u8],
    words: &mut Words,
) -> std::io::Result<ExitStatus> {
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(input).await; // It may not care for its input.
        }
    };
    let talk = async { tokio::join!(feed, words.listen()) };
    tokio::select! {
        status = child.wait() => return status,
        _ = talk => {}
    }
    child.wait().await
}

/// What it writes.
struct Words {
    error: Heard<tokio::process::ChildStderr>,
    output: Heard<tokio::process::ChildStdout>,
}

impl Words {
    async fn listen(&mut self) {
        tokio::join!(self.error.listen(), self.output.listen());
    }
}

/// One of its pipes.
struct Heard<P> {
    pipe: Option<P>,
    most: usize,
    /// The beginning; the rest is read and forgotten.
    first: Vec<u8>,
    is_cut: bool,
}

impl<P: AsyncRead + Unpin> Heard<P> {
    fn of(pipe: Option<P>, most: usize) -> Self {
        Self { pipe, most, first: Vec::new(), is_cut: false }
    }

    async fn listen(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            let room = self.most.saturating_sub(self.first.len());
            self.first.extend_from_slice(&buffer[..read.min(room)]);
            self.is_cut |= read > room;
        }
    }
}

fn first_line(said: &[u8]) -> String {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
    clean(&String::from_utf8_lossy(line), MAX_DETAIL_CHARS)
}
