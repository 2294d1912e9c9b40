//! Figures that the core does not know: the disk that all of it is written to, and messages that do
//! not arrive.

use rustix::fs::statvfs;
use store::OutgoingStatus;

use super::Figure;
use crate::brain::Handle;

/// Messages that are looked at, the newest.
const MESSAGES: usize = 200;

/// What can be told of it; what cannot leaves a gap.
pub(super) async fn outside(handle: &Handle) -> Vec<Figure> {
    let mut figures = Vec::new();
    if let Ok(folder) = handle.ask(|core, _| core.config.store_folder()).await
        && let Ok(size) = statvfs(&folder)
        && size.f_blocks > 0
    {
        let used = 1.0 - size.f_bavail as f64 / size.f_blocks as f64;
        let name = "cloudbrain_store_disk_utilization";
        figures.push(Figure::one(name, "share of the data folder's disk that is in use", used));
    }
    if let Ok(messages) = handle.store.messages(None, MESSAGES).await {
        let failing = messages.iter().filter(|row| {
            let is_tried = row.status == OutgoingStatus::Waiting && row.error.is_some();
            is_tried || row.status == OutgoingStatus::Refused
        });
        let (name, count) = ("cloudbrain_messages_failing", failing.count() as f64);
        figures.push(Figure::one(name, "of the newest messages, those tried in vain", count));
    }
    figures
}
