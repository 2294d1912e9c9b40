//! Asks a running brain, over plain HTTP on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer of the brain is bounded, like everything that comes in.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// What the journal calls us.
const COMMAND_LINE: &str = "the command line";
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// GETs a path of the API and reads its JSON.
pub async fn get_json<T: DeserializeOwned>(brain: SocketAddr, path: &str) -> anyhow::Result<T> {
    let text = get_text(brain, path).await?;
    serde_json::from_str(&text).with_context(|| format!("reading what {brain} answered to {path}"))
}

/// POSTs JSON to a path of the API and reads the JSON it answers.
pub(super) async fn post_json<T: DeserializeOwned>(
    brain: SocketAddr,
    path: &str,
    body: &impl Serialize,
) -> anyhow::Result<T> {
    let body = Full::from(serde_json::to_vec(body).context("forming the request")?);
    let request = Request::post(format!("http://{brain}{path}")).header(USER_AGENT, COMMAND_LINE);
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    let text = ask(brain, path, request.context("forming the request")?).await?;
    serde_json::from_str(&text).with_context(|| format!("reading what {brain} answered to {path}"))
}

/// DELETEs what a path of the API names, and reads the JSON it answers.
pub(super) async fn delete_json<T: DeserializeOwned>(
    brain: SocketAddr,
    path: &str,
) -> anyhow::Result<T> {
    let request = Request::delete(format!("http://{brain}{path}"));
    let request = request.header(USER_AGENT, COMMAND_LINE).body(Full::default());
    let text = ask(brain, path, request.context("forming the request")?).await?;
    serde_json::from_str(&text).with_context(|| format!("reading what {brain} answered to {path}"))
}

/// GETs a path and reads the body. A status other than 2xx is an error with the body as its reason.
pub async fn get_text(brain: SocketAddr, path: &str) -> anyhow::Result<String> {
    let request = Request::get(format!("http://{brain}{path}")).body(Full::default());
    ask(brain, path, request.context("forming the request")?).await
}

async fn ask(
    brain: SocketAddr,
    path: &str,
    request: Request<Full<bytes::Bytes>>,
) -> anyhow::Result<String> {
    let asking = async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let response = client.request(request).await.with_context(|| {
            format!("no brain answers on {brain}; start it with `cloudbrain serve`, or say --brain")
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            bail!("{brain} answered {status} to {path}: {}", reason(&text));
        }
        Ok(text)
    };
    match tokio::time::timeout(ANSWER_WITHIN, asking).await {
        Ok(answer) => answer,
        Err(_) => bail!("{brain} did not answer within {} s", ANSWER_WITHIN.as_secs()),
    }
}

/// The sentence of a refusal; whatever was answered if it holds none.
fn reason(answer: &str) -> String {
    let said: Option<serde_json::Value> = serde_json::from_str(answer).ok();
    let sentence = said.as_ref().and_then(|said| said["error"].as_str());
    sentence.unwrap_or(answer).to_owned()
}
