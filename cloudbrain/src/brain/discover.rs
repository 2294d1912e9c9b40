//! Finds the exporters that are to be scraped: one task for each list, refreshed again and again.
//!
//! What a list says passes the brake of `collector`; what is believed goes to the brain, which makes
//! targets of it and keeps the brake, so that a restart does not forget what there was.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use collector::prometheus::discovery::{
    Brake, Defaults, Discovery, Endpoint, FileLists, ListService, Refreshed, Source, TargetGroup,
};
use collector::prometheus::http::{Access, HttpUrl, Secret, TlsRoots};
use model::clock::SharedClock;
use tokio::sync::mpsc;

use super::Input;
use super::core::Heard;
use crate::config::sources::{RawHttpSd, RawScrape, Scheme};
use crate::config::{Config, Scrape};

/// Files are looked at for a change this often.
const FILES_EVERY: Duration = Duration::from_secs(5);
/// A service that tells of targets gets this long.
const SERVICE_WITHIN: Duration = Duration::from_secs(10);

/// What one list says now.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The name of the scrape, and which of its lists.
    pub list: ListName,
    pub endpoints: Vec<Endpoint>,
    pub brake: Brake,
    /// What people should know: a held list, targets refused, a file that cannot be read.
    pub troubles: Vec<String>,
}

/// One list of one scrape: `node/file_sd`, `node/http_sd/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ListName(pub String);

impl ListName {
    /// The scrape that it belongs to.
    pub fn scrape(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

/// Starts a task for each list of the files. `brakes` is what was believed before a restart.
pub fn spawn(
    config: &Config,
    roots: &TlsRoots,
    mut brakes: BTreeMap<ListName, Brake>,
    clock: &SharedClock,
    sender: &mpsc::Sender<Input>,
) -> anyhow::Result<()> {
    for scrape in &config.scrapes {
        for (name, every, source) in lists(&config.folder, scrape, roots)? {
            let brake = brakes.remove(&name).unwrap_or_default();
            let discovery = Discovery::new(source, defaults(&scrape.raw), brake);
            tokio::spawn(refresh(name, discovery, every, clock.clone(), sender.clone()));
        }
    }
    Ok(())
}

async fn refresh(
    name: ListName,
    mut discovery: Discovery,
    every: Duration,
    clock: SharedClock,
    sender: mpsc::Sender<Input>,
) {
    let mut told = None;
    loop {
        let refreshed = discovery.refresh(clock.now()).await;
        let found = Found {
            list: name.clone(),
            endpoints: discovery.targets().collect(),
            brake: discovery.brake().clone(),
            troubles: troubles(&refreshed),
        };
        if told.as_ref() != Some(&found) {
            told = Some(found.clone());
            if sender.send(Input::Heard(Heard::Found(found))).await.is_err() {
                return; // The brain is shutting down.
            }
        }
        tokio::time::sleep(every).await;
    }
}

fn troubles(refreshed: &Refreshed) -> Vec<String> {
    let held = refreshed.held.map(|held| {
        format!(
            "{} of {} targets are missing in the list and still looked at, for {} more lists",
            held.missing, held.of, held.refreshes_left
        )
    });
    let refused = refreshed.refused.iter();
    let refused = refused.map(|refusal| format!("{}: {}", refusal.what, refusal.why));
    let errors = refreshed.errors.iter().map(|error| {
        let first: &dyn Error = error;
        let chain = std::iter::successors(Some(first), |&error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    });
    held.into_iter().chain(refused).chain(errors).collect()
}

fn lists(
    folder: &Path,
    scrape: &Scrape,
    roots: &TlsRoots,
) -> anyhow::Result<Vec<(ListName, Duration, Source)>> {
    let raw = &scrape.raw;
    let name = |list: &str| ListName(format!("{}/{list}", raw.name));
    let mut lists = Vec::new();
    if !raw.targets.is_empty() {
        let group = TargetGroup { targets: raw.targets.clone(), labels: BTreeMap::new() };
        lists.push((name("targets"), Duration::MAX, Source::Static(vec![group])));
    }
    if !raw.file_sd.is_empty() {
        let paths = raw.file_sd.iter().map(|path| folder.join(path));
        lists.push((name("file_sd"), FILES_EVERY, Source::Files(FileLists::new(paths)?)));
    }
    for (index, RawHttpSd { url, refresh }) in raw.http_sd.iter().enumerate() {
        let (url, every) = (HttpUrl::parse(url)?, refresh.0);
        let service = ListService::new(url, &access(scrape), every, SERVICE_WITHIN, roots.clone())?;
        let name = name(&format!("http_sd/{index}"));
        lists.push((name, every, Source::Service(Box::new(service))));
    }
    Ok(lists)
}

fn defaults(raw: &RawScrape) -> Defaults {
    let mut labels = raw.labels.clone();
    labels.insert("job".to_owned(), raw.name.clone());
    let scheme = match raw.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    Defaults {
        scheme: scheme.to_owned(),
        metrics_path: raw.path.clone(),
        params: BTreeMap::new(),
        labels,
    }
}

/// How an exporter is told who we are.
pub fn access(scrape: &Scrape) -> Access {
    let bearer = scrape.bearer.as_ref();
    bearer.map_or(Access::Open, |secret| Access::Bearer(Secret::new(secret.reveal())))
}
