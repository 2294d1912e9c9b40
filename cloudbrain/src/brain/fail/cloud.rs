//! A provider that is somebody else's: each call goes to whoever listens on a socket.
//!
//! A test that judges what became of VMs must not ask the program it kills. So the test itself keeps
//! the VMs, with a ledger of its own, and can be told to answer wrongly, late or never. One call is one
//! connection: a line of JSON there, a line back.

use std::path::PathBuf;
use std::time::Duration;

use model::id::VmId;
use scaler::hands::{Answer, CreateOrder, HandError, Provider, Shortage, Sighting};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::fail_point;

/// So long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Observe,
    Create(CreateOrder),
    Destroy(VmId),
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Seen(Sighting),
    Done,
    Failed(String),
    Full(String),
}

/// The one cloud of a test.
#[derive(Debug)]
pub struct Cloud {
    socket: PathBuf,
}

impl Cloud {
    /// The cloud of this process, if a test gave it one.
    pub fn of_test() -> Option<Self> {
        let socket = super::folder()?.join("cloud.sock");
        socket.exists().then_some(Self { socket })
    }

    async fn ask(&self, call: Call) -> Result<Reply, HandError> {
        let failed = |error: std::io::Error| HandError::Failed(format!("no cloud: {error}"));
        let mut line = serde_json::to_vec(&call).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let exchange = async {
            let stream = UnixStream::connect(&self.socket).await?;
            let (read, mut write) = stream.into_split();
            write.write_all(&line).await?;
            fail_point!("sent: ", word(&call));
            let mut answer = String::new();
            BufReader::new(read).read_line(&mut answer).await?;
            Ok(serde_json::from_str(&answer)?)
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        answer.map_err(|_| HandError::TimedOut(PATIENCE))?.map_err(failed)
    }

    async fn order(&self, call: Call) -> Result<(), HandError> {
        let flavor = match &call {
            Call::Create(order) => Some(order.flavor.clone()),
            Call::Observe | Call::Destroy(_) => None,
        };
        match (self.ask(call).await?, flavor) {
            (Reply::Done, _) => Ok(()),
            (Reply::Full(detail), Some(flavor)) => {
                Err(HandError::NoCapacity { flavor, shortage: Shortage::Room, detail })
            }
            (Reply::Failed(why) | Reply::Full(why), _) => Err(HandError::Failed(why)),
            (Reply::Seen(_), _) => Err(HandError::Failed("an answer to nothing".to_owned())),
        }
    }
}

fn word(call: &Call) -> &'static str {
    match call {
        Call::Observe => "observe",
        Call::Create(_) => "create",
        Call::Destroy(_) => "destroy",
    }
}

impl Provider for Cloud {
    fn name(&self) -> &str {
        "cloud"
    }

    fn observe(&self) -> Answer<'_, Result<Sighting, HandError>> {
        Box::pin(async {
            match self.ask(Call::Observe).await? {
                Reply::Seen(sighting) => Ok(sighting),
                Reply::Failed(why) | Reply::Full(why) => Err(HandError::Failed(why)),
                Reply::Done => Err(HandError::Failed("an answer to nothing".to_owned())),
            }
        })
    }

    fn create<'a>(&'a self, order: &'a CreateOrder) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.order(Call::Create(order.clone())))
    }

    fn destroy<'a>(&'a self, vm: &'a VmId) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.order(Call::Destroy(vm.clone())))
    }
}
