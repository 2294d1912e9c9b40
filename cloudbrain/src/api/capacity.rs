//! What could still be made of each flavor, as JSON and as a page.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Html;
use model::lang::Lang;

use super::data::{Answer, ApiError, to_json, unavailable};
use super::pages::Reader;
use crate::brain::{Handle, capacity};
use crate::chinese;

/// `/api/capacity`.
pub(super) async fn capacity(State(handle): State<Handle>) -> Answer {
    to_json(&capacity::view(&handle).await.map_err(unavailable)?)
}

/// `/capacity`.
pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
) -> Result<Html<String>, ApiError> {
    let mut view = capacity::view(&handle).await.map_err(unavailable)?;
    let zone = handle.ask(|core, _| core.config.raw.timezone.clone()).await.map_err(unavailable)?;
    let reader = Reader::of(&headers).at(view.at, zone);
    if reader.lang == Lang::Zh {
        for (_, why) in view.flavors.iter_mut().filter_map(|one| one.last_shortage.as_mut()) {
            *why = chinese::chinese(why);
        }
        for waits in view.flavors.iter_mut().filter_map(|one| one.waits.as_mut()) {
            *waits = chinese::chinese(waits);
        }
    }
    Ok(Html(dashboards::capacity_page(&view, &reader)))
}
