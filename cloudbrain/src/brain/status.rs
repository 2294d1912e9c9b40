//! Writes the public status page: files that any web server hands out, also while this program is down.
//!
//! Each file is written beside its name and renamed, so whoever loads it gets a whole page, the old one or
//! the new one. What keeps it from being written is a fault like any other, on the page of the monitor:
//! a page that nobody writes any more says how old it may be, but nobody who could help reads it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dashboards::status_file;
use drivers::write_whole;
use model::lang::Lang;

use super::core::Heard;
use super::{Handle, Input, report};

/// How soon a change of the files is followed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const FILES: [(&str, Lang); 2] = [("index.html", Lang::En), ("zh.html", Lang::Zh)];

/// Where it is written, and how often.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    folder: PathBuf,
    every: Duration,
}

/// Writes it again and again until the brain stops.
pub(super) async fn keep(handle: Handle) {
    let mut written: Option<(Wanted, Duration)> = None;
    let mut trouble = None;
    loop {
        // A brain that is busy is asked again; one that is gone is not.
        let wanted = handle.ask(|core, _| wanted(&core.config)).await.unwrap_or(None);
        let now = handle.clock.elapsed();
        let is_done = |wanted: &Wanted| {
            let last = written.as_ref().filter(|(was, _)| was == wanted);
            last.is_some_and(|(was, at)| now < *at + was.every)
        };
        if let Some(wanted) = wanted.filter(|wanted| !is_done(wanted)) {
            let outcome = write(&handle, &wanted).await;
            if !say(&handle, outcome, &mut trouble).await {
                return;
            }
            written = Some((wanted, now));
        }
        if handle.inbox.is_closed() {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn wanted(config: &crate::config::Config) -> Option<Wanted> {
    let page = config.raw.status_page.as_ref()?;
    Some(Wanted { folder: config.folder.join(&page.folder), every: page.every.0 })
}

async fn write(handle: &Handle, wanted: &Wanted) -> Result<(), String> {
    let view = report::status(handle, wanted.every).await.map_err(|refusal| refusal.to_string())?;
    let pages = FILES.map(|(name, lang)| (wanted.folder.join(name), status_file(&view, lang)));
    let folder = wanted.folder.clone();
    let writing = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder).map_err(|error| told(&folder, &error))?;
        for (path, page) in pages {
            write_whole(&path, page.as_bytes()).map_err(|error| told(&path, &error))?;
        }
        Ok(())
    });
    writing.await.unwrap_or_else(|error| Err(format!("writing was broken off: {error}")))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

/// To the log and to the brain, when it is news. Returns whether the brain still listens.
async fn say(handle: &Handle, outcome: Result<(), String>, known: &mut Option<String>) -> bool {
    let error = outcome.as_ref().err();
    if error == known.as_ref() {
        return true;
    }
    match error {
        Some(error) => tracing::error!(%error, "the status page is not written"),
        None => tracing::info!("the status page is written again"),
    }
    *known = error.cloned();
    handle.inbox.send(Input::Heard(Heard::StatusPage(outcome))).await.is_ok()
}
