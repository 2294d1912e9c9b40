//! The page of one decision: what is stored with it, and what came of it, in the reader's language.

use axum::extract::{Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::{Html, Response};
use dashboards::view::decision::{AfterView, DecisionView, LimitRow, MoveRow, ReadingView};
use model::id::ModuleId;
use model::lang::Lang;
use model::time::Time;
use scaler::reason::{Decision, Inputs, Limit, LimitOutcome, Reading};
use serde::Deserialize;

use super::data::ApiError;
use super::pages::{Page, Reader, lost, trouble};
use super::scaling::{Replay, came_of, decisions, waits_now};
use crate::brain::Handle;
use crate::brain::aftermath::Aftermath;
use crate::chinese;

/// When it was made, in milliseconds since the epoch; without it, it is looked for among the newest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    at: Option<i64>,
}

/// So many decisions of the module are looked through.
const MOST: usize = 1000;

pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path((module, id)): Path<(String, String)>,
    Query(Moment { at }): Query<Moment>,
) -> Page {
    let reader = Reader::of(&headers);
    let Ok(module) = ModuleId::parse(&module) else { return Err(lost(reader)) };
    let (from, until) = (at.unwrap_or(0), at.unwrap_or(i64::MAX - 1));
    let (from, until) = (Time::from_millis(from), Time::from_millis(until));
    let found = decisions(&handle, &module, from, until, MOST).await.map_err(failed)?;
    let Some(decision) = found.into_iter().find(|decision| decision.id.as_str() == id) else {
        return Err(lost(reader));
    };
    let after = came_of(&handle, &decision).await.map_err(failed)?;
    let waits = waits_now(&handle, &module).await.map_err(failed)?;
    let asked = handle.ask(|core, now| (core.config.raw.timezone.clone(), now)).await;
    let (zone, now) = asked.map_err(trouble)?;
    let view = view(&decision, &after, waits, reader.lang);
    Ok(Html(dashboards::decision_page(&view, &reader.at(now, zone))))
}

fn failed(ApiError(_, why): ApiError) -> Response {
    trouble(why)
}

fn view(decision: &Decision, after: &Aftermath, waits: Option<String>, lang: Lang) -> DecisionView {
    let turned = |text: String| if lang == Lang::Zh { chinese::chinese(&text) } else { text };
    let comes = !decision.is_hold() && decision.mode.acts();
    let limits = decision.limits.iter().map(|limit| limit_row(limit, lang));
    let moves = decision.moves.iter().map(|moved| MoveRow {
        vm: moved.vm.clone(),
        to: moved.to,
        why: turned(moved.why.clone()),
    });
    let Inputs { serving, warming, readings, .. } = &decision.inputs;
    DecisionView {
        id: decision.id.clone(),
        module: decision.module.clone(),
        at: decision.at,
        mode: decision.mode.as_str(),
        from: decision.from,
        to: decision.to,
        reason: reason(&decision.reason, lang),
        serving: *serving,
        warming: *warming,
        readings: readings.iter().map(|one| reading_view(one, &decision.inputs, lang)).collect(),
        said: decision.inputs.said().into_iter().map(turned).collect(),
        limits: limits.collect(),
        moves: moves.collect(),
        owed: decision.short,
        waits: waits.map(turned),
        after: comes.then(|| after_view(after)),
        replays: match Replay::of(decision) {
            Replay::Identical => Some(true),
            Replay::Differs => Some(false),
            Replay::TooOld => None,
        },
    }
}

fn reason(reason: &scaler::reason::Reason, lang: Lang) -> String {
    match lang {
        Lang::En => reason.to_string(),
        Lang::Zh => chinese::chinese(&reason.in_chinese()),
    }
}

fn reading_view(reading: &Reading, inputs: &Inputs, lang: Lang) -> ReadingView {
    let asks = inputs.asks.iter().find(|ask| ask.metric == reading.name);
    ReadingView {
        metric: reading.name.clone(),
        value: reading.value,
        min: reading.min,
        max: reading.max,
        fresh: reading.fresh,
        of: reading.serving,
        oldest_s: reading.oldest_sample_s,
        asks: asks.map(|ask| (ask.to, reason(&ask.reason, lang))),
        fault: reading.fault.clone(),
    }
}

fn limit_row(limit: &Limit, lang: Lang) -> LimitRow {
    LimitRow {
        name: limit.name.clone(),
        from: limit.from,
        to: limit.to,
        applies: limit.outcome != LimitOutcome::NotApplicable,
        detail: match lang {
            Lang::En => limit.detail.clone(),
            Lang::Zh => limit.detail_in_chinese(),
        },
    }
}

fn after_view(after: &Aftermath) -> AfterView {
    AfterView {
        served_after_s: after.served_after_ms.map(|ms| ms as f64 / 1000.0),
        load: after.load,
        expected: after.expected,
        overtaken: after.overtaken_at,
    }
}
