//! What Prometheus, Grafana and their kin expect of a store of samples: remote write in, PromQL
//! out, and operations of the store.
//!
//! A push is acknowledged only once its samples are durable. What the store refuses is counted and
//! named there, and the rest of the push is kept: a sender would repeat a refused push for ever.
//!
//! A query runs off the runtime's threads and ends at its deadline.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector::prometheus::remote_write::{RemoteWriteError, check_headers};
use model::series::Matcher;
use model::time::Time;
use query::api::{self, ErrorType, ParameterError};
use query::source::SourceError;
use query::{Expression, Limits, QueryError};
use samples::{DeleteError, Samples};

use super::data::{ApiError, unavailable};
use crate::brain::Handle;
use crate::brain::recorder::Recorder;

/// A query gets this long, if it does not ask for less.
const QUERY_WITHIN: Duration = Duration::from_secs(30);

/// Why a question has no answer, as Prometheus says it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Parameter(String),
    #[error(transparent)]
    Unreadable(#[from] ParameterError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Failure {
    fn kind(&self) -> ErrorType {
        match self {
            Self::Parameter(_) | Self::Unreadable(_) => ErrorType::BadData,
            Self::Query(error) => ErrorType::of(error),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Query(error.into())
    }
}

/// What a request asks: of the query string and of the form, in this order.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: Option<String>, form: &[u8]) -> Self {
        let query = query.unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, Failure> {
        let missing = || Failure::Parameter(format!("the parameter {name:?} is missing"));
        self.get(name).ok_or_else(missing)
    }

    fn expression(&self) -> Result<Expression, Failure> {
        Ok(Expression::parse(self.need("query")?).map_err(QueryError::from)?)
    }

    fn time(&self, name: &str, otherwise: Time) -> Result<i64, Failure> {
        Ok(self.get(name).map(api::time_ms).transpose()?.unwrap_or(otherwise.millis()))
    }

    /// The selectors under `match[]`; a series has to match one of them.
    fn selectors(&self) -> Result<Vec<Vec<Matcher>>, Failure> {
        Ok(self.all("match[]").map(api::matchers).collect::<Result<_, _>>()?)
    }

    fn deadline(&self) -> Result<Duration, Failure> {
        let Some(text) = self.get("timeout") else { return Ok(QUERY_WITHIN) };
        let millis = u64::try_from(api::duration_ms(text)?).unwrap_or(0);
        Ok(Duration::from_millis(millis).min(QUERY_WITHIN))
    }
}

/// `/api/v1/query`: an expression at one moment.
pub(super) async fn query(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    form: Bytes,
) -> Response {
    let (parameters, clock) = (Parameters::of(query, &form), handle.clock.clone());
    answer(&handle, move |samples, out| {
        let expression = parameters.expression()?;
        let at = parameters.time("time", clock.now())?;
        let ends = clock.elapsed() + parameters.deadline()?;
        let stop = || clock.elapsed() > ends;
        let limits = Limits { stop: &stop, ..Limits::default() };
        api::value(&expression.instant(samples, at, limits)?, &[], out);
        Ok(())
    })
    .await
}

/// `/api/v1/query_range`: an expression at each step of a time.
pub(super) async fn query_range(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    form: Bytes,
) -> Response {
    let (parameters, clock) = (Parameters::of(query, &form), handle.clock.clone());
    answer(&handle, move |samples, out| {
        let expression = parameters.expression()?;
        let start = api::time_ms(parameters.need("start")?)?;
        let end = api::time_ms(parameters.need("end")?)?;
        let step = api::duration_ms(parameters.need("step")?)?;
        if step <= 0 {
            return Err(Failure::Parameter("the step must be above 0".to_owned()));
        } else if end < start {
            return Err(Failure::Parameter("the end lies before the start".to_owned()));
        }
        let ends = clock.elapsed() + parameters.deadline()?;
        let stop = || clock.elapsed() > ends;
        let limits = Limits { stop: &stop, ..Limits::default() };
        api::series(&expression.range(samples, start, end, step, limits)?, &[], out);
        Ok(())
    })
    .await
}

/// `/api/v1/series`: the labels of the series that match.
pub(super) async fn series(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    form: Bytes,
) -> Response {
    let parameters = Parameters::of(query, &form);
    answer(&handle, move |samples, out| {
        let selectors = parameters.selectors()?;
        if selectors.is_empty() {
            return Err(Failure::Parameter("no match[] parameter is there".to_owned()));
        }
        let mut found = Vec::new();
        for selector in &selectors {
            found.extend(samples.series(selector)?);
        }
        found.sort();
        found.dedup();
        api::label_sets(&found, &[], out);
        Ok(())
    })
    .await
}

/// `/api/v1/labels`: which labels there are.
pub(super) async fn labels(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    form: Bytes,
) -> Response {
    let parameters = Parameters::of(query, &form);
    answer(&handle, move |samples, out| {
        let selectors = parameters.selectors()?;
        let mut names = if selectors.is_empty() { samples.label_names() } else { Vec::new() };
        for selector in &selectors {
            let found = samples.series(selector)?;
            names.extend(found.iter().flat_map(|labels| labels.iter()).map(|(n, _)| n.to_owned()));
        }
        names.sort();
        names.dedup();
        api::names(&names, &[], out);
        Ok(())
    })
    .await
}

/// `/api/v1/label/NAME/values`: which values a label has.
pub(super) async fn label_values(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::of(query, &[]);
    answer(&handle, move |samples, out| {
        let selectors = parameters.selectors()?;
        let mut values = Vec::new();
        if selectors.is_empty() {
            values = samples.label_values(&name, &[])?;
        }
        for selector in &selectors {
            values.extend(samples.label_values(&name, selector)?);
        }
        values.sort();
        values.dedup();
        api::names(&values, &[], out);
        Ok(())
    })
    .await
}

/// `/api/v1/metadata`: nothing is kept of it, which is what an empty answer says.
pub(super) async fn metadata() -> impl IntoResponse {
    json(StatusCode::OK, br#"{"status":"success","data":{}}"#.to_vec())
}

/// `/api/v1/status/buildinfo`: Grafana asks for it to know which functions it may use.
pub(super) async fn buildinfo() -> impl IntoResponse {
    let version = env!("CARGO_PKG_VERSION");
    let body = format!(
        r#"{{"status":"success","data":{{"application":"cloudbrain","version":"{version}"}}}}"#
    );
    json(StatusCode::OK, body.into_bytes())
}

/// `POST /api/v1/write`: remote write 1.0.
pub(super) async fn write(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let version = text("x-prometheus-remote-write-version");
    let encoding = text(header::CONTENT_ENCODING.as_str());
    check_headers(text(header::CONTENT_TYPE.as_str()), encoding, version)
        .map_err(|error| refused(&handle.recorder, &error))?;
    let (decoder, recorder) = (handle.remote_write.clone(), handle.recorder.clone());
    let written = handle.recorder.run(move |_| {
        let decoded = decoder.decode(&body).map_err(|error| refused(&recorder, &error))?;
        recorder.push(&decoded).map_err(unavailable)
    });
    written.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(recorder: &Recorder, error: &RemoteWriteError) -> ApiError {
    recorder.refuse_push(error.to_string());
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError(status, error.to_string())
}

/// `POST /api/v1/admin/tsdb/flush`: what is in memory goes into parts on disk.
pub(super) async fn flush(State(handle): State<Handle>) -> Result<StatusCode, ApiError> {
    handle.recorder.run(Samples::flush).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/admin/tsdb/compact`: parts on disk come into their final form.
pub(super) async fn compact(State(handle): State<Handle>) -> Result<StatusCode, ApiError> {
    handle.recorder.run(Samples::compact).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/admin/tsdb/delete_series`: samples of the series under `match[]`, from `start` to
/// `end`, are gone.
pub(super) async fn delete_series(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
    form: Bytes,
) -> Response {
    let parameters = Parameters::of(query, &form);
    let asked = || -> Result<_, Failure> {
        let start = parameters.time("start", Time::from_millis(i64::MIN))?;
        let end = parameters.time("end", Time::from_millis(i64::MAX))?;
        let selectors = parameters.selectors()?;
        if selectors.is_empty() {
            return Err(Failure::Parameter("no match[] parameter is there".to_owned()));
        }
        Ok((selectors, start..end))
    };
    let (selectors, times) = match asked() {
        Ok(asked) => asked,
        Err(failure) => return failed(&failure),
    };
    let deleted = handle.recorder.run(move |samples| {
        selectors
            .iter()
            .try_for_each(|selector| samples.delete(selector, times.clone()).map(|_| ()))
    });
    match deleted.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(DeleteError::Matchers(error)) => failed(&error.into()),
        Err(DeleteError::Store(error)) => unavailable(error).into_response(),
    }
}

/// Works out an answer off the runtime's threads.
async fn answer(
    handle: &Handle,
    work: impl FnOnce(&Samples, &mut Vec<u8>) -> Result<(), Failure> + Send + 'static,
) -> Response {
    let worked = handle.recorder.run(move |samples| {
        let mut out = Vec::new();
        work(samples, &mut out).map(|()| out)
    });
    match worked.await {
        Ok(out) => json(StatusCode::OK, out),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> Response {
    let mut out = Vec::new();
    let kind = failure.kind();
    api::error(kind, &failure.to_string(), &mut out);
    json(StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::BAD_REQUEST), out)
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
