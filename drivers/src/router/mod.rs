//! What sends traffic to VMs: one file per kind of router, one line for each in [`RouterSpec`].
//!
//! [`builtin`] is a small proxy of our own, of which [`proxy`] is what runs inside its process. The
//! others are routers that a company has anyway: [`nginx`] and [`haproxy`] are told by a file of
//! ours that their own configuration includes, [`exec`] by a script of the user's.
//!
//! All of them keep one promise, that of [`Router::push`]: when it returns, no request is sent to a
//! VM that the routing lacks. Exit 0 of a reload is no such thing, so each driver looks whether the
//! router *follows* before it says so, and says of which VMs it cannot count what is under way.
//!
//! Drivers remember nothing that matters: which routing is in force stands in the router and in its
//! file, so that whoever comes next (another brain, an operator's reload) finds the same.

pub mod builtin;
pub mod exec;
mod groups;
pub mod haproxy;
mod include;
pub mod nginx;
pub mod proxy;
mod siblings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::unit::Span;
use scaler::hands::Router;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What routers are made on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The program that is a router when started as `exe router --folder FOLDER --listen ADDR`.
    pub exe: PathBuf,
    /// Where the built-in routers have their folders.
    pub data: PathBuf,
    /// Where relative paths of programs and files start from.
    pub folder: PathBuf,
}

impl Ground {
    /// A path of the files, for programs that start from folders of their own.
    fn path(&self, written: &Path) -> PathBuf {
        let path = self.folder.join(written);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// A command whose program has a slash in it starts from there, too.
    fn command(&self, words: &[String]) -> Vec<String> {
        let mut words = words.to_vec();
        if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
            *program = self.path(Path::new(program)).to_string_lossy().into_owned();
        }
        words
    }
}

/// One thing that is wrong in the settings of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it stands under: `include`.
    pub field: &'static str,
    /// With what to write instead.
    pub message: String,
}

impl Problem {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// One kind of router, as written.
trait Kind {
    /// As it is written in files.
    fn word(&self) -> &'static str;
    fn name(&self) -> &str;
    /// After so long without a word of it no traffic comes to it any more, the user says.
    fn waive_after(&self) -> Option<Span>;
    fn problems(&self) -> Vec<Problem>;
    /// What of the machine it has to itself: files, addresses, sockets.
    fn places(&self) -> Vec<String>;
    /// Makes the hand, without reaching for the router.
    fn open(&self, ground: &Ground) -> Arc<dyn Router>;
}

/// Lists the kinds once: for the files, and for whoever asks them something.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($settings:ty),)*) => {
        /// A router as written in a file: `- nginx: {name: edge, include: ...}`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum RouterSpec {
            $($(#[$doc])* $kind(Box<$settings>),)*
        }

        impl RouterSpec {
            fn kind(&self) -> &dyn Kind {
                match self { $(Self::$kind(settings) => &**settings,)* }
            }
        }
    };
}

kinds! {
    /// The HTTP proxy that is built in, as a process of its own.
    Builtin(builtin::BuiltinSettings),
    /// An nginx of this machine.
    Nginx(nginx::NginxSettings),
    /// An HAProxy of this machine.
    Haproxy(haproxy::HaproxySettings),
    /// Any other, by a program of yours.
    Exec(exec::ExecSettings),
}

impl RouterSpec {
    /// The key it is written under: `nginx`.
    pub fn word(&self) -> &'static str {
        self.kind().word()
    }

    pub fn name(&self) -> &str {
        self.kind().name()
    }

    /// After so long without a word of it, its acknowledgement is not waited for; never, if None.
    pub fn waive_after(&self) -> Option<Span> {
        self.kind().waive_after()
    }

    /// Whether the brain starts it, and must not begin without it.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Builtin(_))
    }

    /// What is wrong in its settings as such; nobody is reached for.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.kind().problems();
        if self.name().is_empty() {
            problems.push(Problem::new("name", "is empty; write for example edge"));
        }
        if self.waive_after().is_some_and(|after| after.0 < WAIVE_AT_LEAST) {
            let message = "a router is silent for longer than that when its machine restarts; \
                           write 1m or more, and only if traffic is led elsewhere by then";
            problems.push(Problem::new("waive_after", message));
        }
        problems
    }

    /// What of the machine it has to itself, and must share with no other: files, addresses, sockets.
    pub fn places(&self) -> Vec<String> {
        self.kind().places()
    }

    /// Makes the hand, without reaching for the router.
    pub fn open(&self, ground: &Ground) -> Arc<dyn Router> {
        self.kind().open(ground)
    }
}

/// Nobody's health check takes a router out of DNS or VIP sooner than this.
const WAIVE_AT_LEAST: std::time::Duration = std::time::Duration::from_secs(60);
