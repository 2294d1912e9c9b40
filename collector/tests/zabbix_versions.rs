//! Servers of other versions than the one that Debian has, as far as their documentation tells
//! how they behave: who may bear a token where, what is said to a wrong login, what half a page
//! looks like. A real 6.0 is in `zabbix_real.rs`.

#![expect(clippy::unwrap_used, reason = "a made-up server that fails ends the test")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector::zabbix::api::{Access, Login};
use collector::zabbix::brake::Brake;
use collector::zabbix::error::ApiError;
use collector::zabbix::mapping::RawMapping;
use collector::zabbix::poll::EventState;
use collector::zabbix::secret::Secret;
use collector::zabbix::watch::{Limits, Settings, ZabbixWatch};
use expect_test::{Expect, expect};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::clock::{FixedClock, SharedClock};
use model::time::Time;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A made-up server: its version, and how it answers when a token is right.
struct Made {
    version: &'static str,
    /// What it says of its version the first time, if that was another one then.
    was: Mutex<Option<&'static str>>,
    /// What was asked, a line each.
    log: Mutex<Vec<String>>,
    answer: fn(method: &str, params: &Value) -> Result<Value, String>,
}

/// What goes out: JSON-RPC, or a body that is none.
type Reply = Result<Value, String>;

impl Made {
    fn reply(&self, request: &Value, bearer: Option<&str>) -> Reply {
        let method = request["method"].as_str().unwrap();
        let params = &request["params"];
        let in_body = request.get("auth").and_then(Value::as_str);
        let names: Vec<&str> = params
            .as_object()
            .map(|params| params.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let how = match (in_body, bearer) {
            (None, None) => "openly",
            (Some(_), None) => "token in body",
            (None, Some(_)) => "token in header",
            (Some(_), Some(_)) => "token twice",
        };
        let login =
            if method == "user.login" { format!(" by {}", names.join(" ")) } else { String::new() };
        self.log.lock().unwrap().push(format!("{method} {how}{login}"));
        if method == "apiinfo.version" {
            let told = self.was.lock().unwrap().take().unwrap_or(self.version);
            return Ok(json!({ "result": told }));
        }
        if method == "user.login" {
            let is_right = params["password"] == "right";
            return Ok(if is_right {
                json!({"result": "session"})
            } else {
                error(-32500, "Incorrect user name or password or account is temporarily blocked.")
            });
        }
        let major: u32 = self.version.split('.').next().unwrap().parse().unwrap();
        if in_body.is_some() && self.version >= "7.2" {
            return Ok(error(-32600, "Invalid parameter \"/\": unexpected parameter \"auth\"."));
        }
        let token = if major >= 7 || self.version >= "6.4" { bearer.or(in_body) } else { in_body };
        if !matches!(token, Some("session" | "token")) {
            return Ok(error(-32602, "Not authorized."));
        }
        (self.answer)(method, params).map(|result| json!({ "result": result }))
    }
}

fn error(code: i64, data: &str) -> Value {
    json!({"error": {"code": code, "message": "Invalid params.", "data": data}})
}

async fn serve(made: Arc<Made>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api_jsonrpc.php", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let made = made.clone();
            let service = service_fn(move |request| answer(made.clone(), request));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

async fn answer(
    made: Arc<Made>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let bearer =
        request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let bearer = bearer.as_deref().and_then(|value| value.strip_prefix("Bearer "));
    let body = match made.reply(&request, bearer) {
        Ok(mut reply) => {
            reply["jsonrpc"] = json!("2.0");
            reply.to_string()
        }
        Err(body) => body,
    };
    Ok(Response::new(Full::from(body)))
}

fn watch(url: String, login: Login) -> ZabbixWatch {
    let settings = Settings {
        source: "zabbix".parse().unwrap(),
        access: Access { url, login, authority: None, call_timeout: Duration::from_secs(5) },
        mapping: RawMapping::default(),
        export: None,
        limits: Limits::default(),
    };
    let clock = SharedClock::new(FixedClock(Time::from_millis(1_000_000)));
    ZabbixWatch::new(settings, &Brake::default(), clock).unwrap()
}

fn password(word: &str) -> Login {
    Login::Password { user: "Admin".to_owned(), password: Secret::new(word) }
}

async fn made(
    version: &'static str,
    answer: fn(&str, &Value) -> Result<Value, String>,
) -> (Arc<Made>, String) {
    let made = Arc::new(Made { version, was: Mutex::default(), log: Mutex::default(), answer });
    (made.clone(), serve(made).await)
}

fn check(made: &Made, expected: &Expect) {
    expected.assert_eq(&(made.log.lock().unwrap().join("\n") + "\n"));
}

fn nothing(_: &str, _: &Value) -> Result<Value, String> {
    Ok(json!([]))
}

#[tokio::test]
async fn each_version_is_logged_in_to_in_its_own_way() {
    let mut told = String::new();
    for version in ["5.0.46", "6.0.14", "6.4.21", "7.0.0", "7.2.3"] {
        let (made, url) = made(version, nothing).await;
        watch(url, password("right")).topology(&Brake::default()).await.unwrap();
        told += &format!("{version}: {}\n", made.log.lock().unwrap().join(", "));
    }
    expect![[r#"
        5.0.46: apiinfo.version openly, user.login openly by password user, host.get token in body
        6.0.14: apiinfo.version openly, user.login openly by password username, host.get token in body
        6.4.21: apiinfo.version openly, user.login openly by password username, host.get token in header
        7.0.0: apiinfo.version openly, user.login openly by password username, host.get token in header
        7.2.3: apiinfo.version openly, user.login openly by password username, host.get token in header
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn an_upgrade_under_us_is_noticed() {
    let (old, url) = made("7.2.0", nothing).await;
    *old.was.lock().unwrap() = Some("6.0.14");
    let watch = watch(url, Login::Token(Secret::new("token")));
    watch.topology(&Brake::default()).await.unwrap();
    check(
        &old,
        &expect![[r#"
        apiinfo.version openly
        host.get token in body
        apiinfo.version openly
        host.get token in header
    "#]],
    );
}

#[tokio::test]
async fn a_wrong_password_is_said_once_to_the_server() {
    let (made, url) = made("7.0.0", nothing).await;
    let watch = watch(url, password("wrong"));
    for _ in 0..5 {
        let refused = watch.events(&EventState::default()).await.unwrap_err();
        assert!(matches!(refused, ApiError::Login { .. }), "{refused:?}");
    }
    check(
        &made,
        &expect![[r#"
        apiinfo.version openly
        user.login openly by password username
    "#]],
    );
}

#[tokio::test]
async fn a_refused_token_is_no_loop() {
    let (made, url) = made("7.0.0", nothing).await;
    let refused = watch(url, Login::Token(Secret::new("old"))).topology(&Brake::default()).await;
    assert!(matches!(refused, Err(ApiError::Session(_))), "{refused:?}");
    check(
        &made,
        &expect![[r#"
        apiinfo.version openly
        host.get token in header
    "#]],
    );
}

/// As PHP does when its memory ends: half a page, with status 200.
fn half_pages(method: &str, params: &Value) -> Result<Value, String> {
    if method != "event.get" || params["limit"] == 1 {
        return Ok(if method == "event.get" { json!([{"eventid": "9"}]) } else { json!([]) });
    }
    match params["limit"].as_u64() {
        Some(limit) if limit > 300 => {
            Err("{\"jsonrpc\":\"2.0\",\"result\":[{\"eventid\":".to_owned())
        }
        _ => Ok(json!([{"eventid": "10", "objectid": "7", "clock": "1", "value": "0"}])),
    }
}

#[tokio::test]
async fn half_a_page_is_asked_for_in_smaller_ones() {
    let (_, url) = made("6.0.14", half_pages).await;
    let watch = watch(url, password("right"));
    let begun = watch.events(&EventState::default()).await.unwrap().state;
    let read = watch.events(&begun).await.unwrap().state;
    assert_eq!(read.tail.cursor.map(|id| id.0), Some(10));
    assert_eq!(watch.stats().failed_calls, 2, "1000 and 500 were too much");
}
