//! The pages in a real browser: complete without JavaScript, live with it, light and dark, English
//! and Chinese, wide and on a phone. Their pictures are left in `tests/out`.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Fleet, http};
use serde_json::{Value, json};

/// A browser, spoken to by the WebDriver protocol.
struct Browser {
    driver: SocketAddr,
    process: Child,
    session: String,
    profile: PathBuf,
}

impl Browser {
    fn start(name: &str, javascript: bool) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let driver = free.local_addr().expect("it listens");
        drop(free);
        let profile = std::env::temp_dir().join(format!("chromium-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&profile).expect("a folder of ours");
        let process = Command::new("chromedriver")
            .arg(format!("--port={}", driver.port()))
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let mut browser = Self { driver, process, session: String::new(), profile };
        browser.open_session(javascript);
        browser
    }

    fn open_session(&mut self, javascript: bool) {
        let profile = self.profile.display();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--user-data-dir={profile}/data"),
        ];
        let mut options = json!({"args": arguments});
        if !javascript {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}
        }}});
        for _ in 0..50 {
            let opened = http(self.driver, "POST", "/session", "", &wanted.to_string());
            if let Some((200, answer)) = opened {
                let answer: Value = serde_json::from_str(&answer).expect("WebDriver answers JSON");
                self.session = answer["value"]["sessionId"].as_str().expect("an id").to_owned();
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("chromedriver opens no session");
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let (status, answer) =
            http(self.driver, method, &path, "", &body).expect("chromedriver answers");
        let answer: Value = serde_json::from_str(&answer).expect("WebDriver answers JSON");
        assert_eq!(status, 200, "{method} {path}: {answer:#}");
        answer["value"].clone()
    }

    fn size(&self, width: u32, height: u32) {
        // Chromium makes no window narrower than 500; a device's measures may be.
        let metrics = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params":
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}});
        self.call("POST", "/goog/cdp/execute", &metrics);
    }

    fn prefer(&self, scheme: &str) {
        let media = json!({"cmd": "Emulation.setEmulatedMedia", "params":
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]}});
        self.call("POST", "/goog/cdp/execute", &media);
    }

    fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({"url": url}));
    }

    fn eval(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    fn source(&self) -> String {
        self.call("GET", "/source", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Saves the whole page as a picture.
    fn picture(&self, name: &str) {
        let capture = json!({"cmd": "Page.captureScreenshot", "params":
            {"format": "png", "captureBeyondViewport": true}});
        let answer = self.call("POST", "/goog/cdp/execute", &capture);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/out");
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let bytes = from_base64(answer["data"].as_str().expect("a picture"));
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("a folder of ours");
    }

    fn complaints(&self) -> Vec<String> {
        let entries = self.call("POST", "/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or("").to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = http(self.driver, "DELETE", &format!("/session/{}", self.session), "", "");
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(u32::from(c - b'A')),
        b'a'..=b'z' => Some(u32::from(c - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(c - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = text.bytes().filter_map(digit).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        let all = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.extend(&all[..group.len() - 1]);
    }
    bytes
}

/// By the names of their pictures. Each follows the slash.
const PAGES: [(&str, &str); 6] = [
    ("page", ""),
    ("reports", "reports?period=today"),
    ("report", "reports/shop?period=this-month"),
    ("monitor", "monitor"),
    ("explore", "explore?q=load1_per_core&range=15m"),
    ("explore-error", "explore?q=sum(load1_per_core%7D"),
];
const OVERFLOW: &str =
    "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// A fleet in trouble, which is when the page must be good: one host is down.
fn troubled(name: &str) -> (Fleet, String) {
    let fleet = Fleet::start(name);
    fleet.wait_until_up(2);
    let host = fleet.busy_host();
    fleet.kill_host(&host);
    fleet.wait("owner and operations to be told", |fleet| (fleet.inbox().len() >= 2).then_some(()));
    (fleet, host)
}

#[test]
#[ignore = "needs chromium and chromedriver; tests/run installs them and lifts this"]
fn the_page_tells_the_story_in_a_real_browser() {
    let (fleet, _) = troubled("browser");
    let url = format!("http://{}/", fleet.listen);
    let browser = Browser::start("live", true);
    browser.size(1280, 900);
    browser.open(&url);
    for (scheme, lang) in [("light", "en"), ("dark", "en"), ("light", "zh"), ("dark", "zh")] {
        browser.eval(&format!("document.cookie = 'lang={lang};path=/'"));
        browser.prefer(scheme);
        let incident = newest_incident(&fleet);
        let review = format!("{incident}/review");
        let pages = PAGES.into_iter().chain([("incident", &*incident), ("review", &*review)]);
        for (page, path) in pages {
            for (width, name) in [(1280, "wide"), (360, "phone")] {
                browser.size(width, 900);
                browser.open(&format!("{url}{path}"));
                let overflow = browser.eval(OVERFLOW);
                assert_eq!(overflow, 0, "{page} {name} {scheme} {lang} scrolls sideways");
                browser.picture(&format!("{page}-{name}-{scheme}-{lang}"));
            }
        }
    }
    let back = |scheme: &str| {
        browser.prefer(scheme);
        browser.eval("return getComputedStyle(document.body).backgroundColor")
    };
    assert_ne!(back("light"), back("dark"), "dark is dark");
    let lang = browser.eval("return document.documentElement.lang");
    assert!(lang.as_str().is_some_and(|lang| lang.starts_with("zh")), "{lang}");
    is_live(&browser, &fleet);
    the_monitor_page_is_live(&browser, &fleet);
    assert_eq!(browser.complaints(), Vec::<String>::new(), "the console is clean");
}

/// The path of its page.
fn newest_incident(fleet: &Fleet) -> String {
    let all = fleet.get("/api/incidents").expect("the brain answers");
    format!("incidents/{}", all[0]["id"].as_str().expect("one is there"))
}

/// The page follows the fleet without being loaded again.
fn is_live(browser: &Browser, fleet: &Fleet) {
    browser.size(1280, 900);
    browser.open(&format!("http://{}/", fleet.listen));
    browser.eval("window.loadedOnce = true");
    let before = fleet.get("/api/overview").expect("the brain answers")["pools"][0].clone();
    let path = fleet.folder.join("policies/pool-small.yaml");
    let text = std::fs::read_to_string(&path).expect("the example");
    std::fs::write(&path, text.replace("ready: 4", "ready: 7")).expect("a folder of ours");
    fleet.wait("the pool to grow", |fleet| {
        let pool = fleet.get("/api/overview")?["pools"][0].clone();
        (pool["wanted_ready"] == 7 && pool["ready"] != before["ready"]).then_some(())
    });
    let newest = fleet
        .vm_pids()
        .into_keys()
        .max_by_key(|vm| vm.trim_start_matches("vm-").parse::<u32>().unwrap_or(0));
    let newest = newest.expect("there are VMs");
    fleet.wait("the new VM to be on the open page", |_| {
        let shown = browser
            .eval("return window.loadedOnce && document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .contains(&newest)
            || browser.source().contains(&newest);
        (shown && browser.eval("return window.loadedOnce === true") == json!(true)).then_some(())
    });
}

/// It asks again by itself, and keeps what the reader has opened.
fn the_monitor_page_is_live(browser: &Browser, fleet: &Fleet) {
    browser.open(&format!("http://{}/monitor", fleet.listen));
    browser.eval("window.loadedOnce = true");
    let now = "return document.getElementById('as-of').textContent";
    let before = browser.eval(now);
    fleet.wait("the page to be renewed", |_| {
        let is_same = browser.eval("return window.loadedOnce === true") == json!(true);
        (is_same && browser.eval(now) != before).then_some(())
    });
}

#[test]
#[ignore = "needs chromium and chromedriver; tests/run installs them and lifts this"]
fn the_page_is_complete_without_javascript() {
    let (fleet, host) = troubled("nojs");
    let browser = Browser::start("nojs", false);
    browser.open(&format!("http://{}/", fleet.listen));
    let source = browser.source();
    let incident = format!("host {host} is down");
    for words in ["h1", "h2", "shop/web", &incident, "<svg", "<table"] {
        assert!(source.contains(words), "{words:?} is on the page without JavaScript");
    }
    browser.open(&format!("http://{}/monitor", fleet.listen));
    let source = browser.source();
    for words in ["The monitor sees", "passive agents", "as measured"] {
        assert!(source.contains(words), "{words:?} is on the page without JavaScript");
    }
    browser.open(&format!("http://{}/reports/shop?period=this-month", fleet.listen));
    let source = browser.source();
    for words in ["shop/web", "shop-standard@1", "Minutes down of each day", "all projects"] {
        assert!(source.contains(words), "{words:?} is on the page without JavaScript");
    }
    browser.open(&format!("http://{}/explore?q=load1_per_core", fleet.listen));
    let source = browser.source();
    for words in ["<svg", "series over 1 h", "Labels of load1_per_core"] {
        assert!(source.contains(words), "{words:?} is on the page without JavaScript");
    }
}
