//! How a vantage reaches its brain: over HTTP, with a token, perhaps through a proxy with TLS.

use std::time::Duration;

use hyper::Method;

use crate::channel::Trust;
use crate::http::{Carrier, Endpoint, Failure, Question};

/// For connection and answer. The brain counts on no batch being under way for longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A list of ten thousand targets is shorter.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A brain that is asked and told.
#[derive(Clone, Debug)]
pub struct Uplink {
    brain: Endpoint,
    carrier: Carrier,
    token: Token,
}

/// It is never shown.
#[derive(Clone)]
struct Token(String);

/// What the brain said.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Uplink {
    /// None if the address is none. Nobody is reached for yet.
    pub fn new(brain: &str, token: String, trust: &Trust) -> Option<Self> {
        let carrier = Carrier::new(trust.config.clone(), MAX_ANSWER_BYTES);
        Some(Self { brain: Endpoint::parse(brain)?, carrier, token: Token(token) })
    }

    /// # Errors
    /// In words, if no answer came.
    pub async fn get(&self, path: &str) -> Result<Said, String> {
        self.ask(Method::GET, path, String::new()).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// In words, if no answer came; it may have arrived all the same.
    pub async fn post(&self, path: &str, body: String) -> Result<Said, String> {
        self.ask(Method::POST, path, body).await
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Said, String> {
        let to = self.brain.below(path).ok_or_else(|| format!("{path:?} is no path"))?;
        let headers = vec![("authorization", format!("Bearer {}", self.token.0))];
        let question = Question { to, method, headers, body };
        match self.carrier.ask(&question, PATIENCE).await {
            Ok(reply) if reply.is_cut => Err("the answer is too long".to_owned()),
            Ok(reply) => Ok(Said { status: reply.status, body: reply.body }),
            Err(Failure::Unsent(why) | Failure::Unclear(why)) => Err(why),
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
