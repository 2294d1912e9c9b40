//! Looking at one target that shows its figures in the Prometheus text format.
//!
//! Each look brings one row: the samples of the page, and what a Prometheus would say of the look
//! itself (`up`, how long it took, how many samples were taken and refused). A look that fails
//! says `up` 0 and ends all series of the target, so that no old value is taken for the present
//! one; where the fault is our own, `up` ends as well.
//!
//! What the page says is [`page`](super::page)'s, how it is fetched the client's.
//!
//! A page that is not whole is not taken: the lines that are missing would look ended.
//!
//! When to look is up to the poller. Labels are not rewritten here, and pages are not redirected.

use std::time::Duration;

use hyper::header::CONTENT_TYPE;
use model::clock::SharedClock;
use model::series::{ABSENT, Labels, Row, STALE};
use model::time::Time;
use model::verdict::Phase;

use super::client::{self, Bounds, GetError, HttpClient};
use super::http::{Access, Header, HeaderError, HttpUrl, TlsRoots};
use super::page::{Page, Reading};
use super::text::Format;
use crate::look::{Answer, Look};
use crate::pool::LabelPool;
use crate::text::clean;
use crate::watch::{Looking, Watcher};

/// The longest page accepted, in bytes, unless told otherwise.
pub const DEFAULT_BODY_BYTES: usize = 16 << 20;
/// The most series of one target, unless told otherwise.
pub const DEFAULT_SERIES: usize = 10_000;

const ACCEPT: &str = "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,\
                      */*;q=0.1";

/// What each look says of itself, as the first columns of its row.
const OWN_METRICS: [&str; 4] =
    ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_refused"];

/// One page to look at, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeTarget {
    pub url: HttpUrl,
    /// What all series of the target have: `job`, `instance`, and whatever else is known of it.
    pub labels: Labels,
    /// How often the poller looks.
    pub interval: Duration,
    /// The most that one look may take.
    pub timeout: Duration,
    pub limits: ScrapeLimits,
    /// Whether times on the page count; if not, all samples have the time of the look.
    pub honor_timestamps: bool,
    pub access: Access,
    pub headers: Vec<Header>,
    /// Whether the page may come compressed; where not told, unless it comes from this machine.
    pub gzip: Option<bool>,
}

/// What one target may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrapeLimits {
    pub series: usize,
    /// As the page comes, and as it is inflated.
    pub body_bytes: usize,
}

/// Looks at one target again and again, and remembers its page and connection in between.
#[derive(Debug)]
pub struct ScrapeWatch {
    timeout: Duration,
    body_bytes: usize,
    client: HttpClient,
    page: Page,
}

impl ScrapeTarget {
    /// A target with the limits that fit most: every 15 s, 10 s for a look, nothing to log in with.
    pub fn new(url: HttpUrl, labels: Labels) -> Self {
        Self {
            url,
            labels,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            limits: ScrapeLimits::default(),
            honor_timestamps: true,
            access: Access::Open,
            headers: Vec::new(),
            gzip: None,
        }
    }
}

impl Default for ScrapeLimits {
    fn default() -> Self {
        Self { series: DEFAULT_SERIES, body_bytes: DEFAULT_BODY_BYTES }
    }
}

impl ScrapeWatch {
    /// Opens nothing yet; fails only for a header that cannot be sent.
    pub fn new(target: ScrapeTarget, roots: TlsRoots) -> Result<Self, HeaderError> {
        let seconds = target.timeout.as_secs_f64().to_string();
        let mut headers = vec![
            Header::new("Accept", ACCEPT),
            Header::new("X-Prometheus-Scrape-Timeout-Seconds", &seconds),
        ];
        headers.extend(target.headers);
        let own = OWN_METRICS.map(Labels::metric).to_vec();
        Ok(Self {
            timeout: target.timeout,
            body_bytes: target.limits.body_bytes,
            client: HttpClient::new(target.url, &target.access, &headers, target.gzip, roots)?,
            page: Page::new(target.labels, own, target.limits.series, target.honor_timestamps),
        })
    }

    /// Keeps the labels of its series together with those of other targets.
    #[must_use]
    pub fn sharing(mut self, pool: LabelPool) -> Self {
        self.page = self.page.sharing(pool);
        self
    }

    /// Looks once, within `timeout` or the target's own, whichever is shorter.
    pub async fn look(&mut self, timeout: Duration, clock: &SharedClock) -> Look {
        let (at, began) = (clock.now(), clock.elapsed());
        let timeout = timeout.min(self.timeout);
        let bounds = Bounds { timeout, body_bytes: self.body_bytes };
        let fetched = self.client.get(bounds).await.map_err(|error| self.answer_to(error));
        let page = fetched.and_then(whole_page);
        let took = clock.elapsed().saturating_sub(began);
        match page {
            Ok((body, format)) => taken(at, took, self.page.read(&body, format, at)),
            Err(answer) => {
                // Who could not look does not know whether it is up.
                let up = if matches!(answer, Answer::Blind { .. }) { STALE } else { 0.0 };
                let mut look = Look::new(at, took, answer);
                look.rows.push(with_own(self.page.lost(at), [up, took.as_secs_f64(), 0.0, 0.0]));
                look
            }
        }
    }

    /// Nobody will look again: what the target had has ended, what was said of the looks too.
    pub fn end(&mut self, at: Time) -> Row {
        with_own(self.page.lost(at), [STALE; OWN_METRICS.len()])
    }

    fn answer_to(&self, error: GetError) -> Answer {
        match error {
            GetError::Theirs { phase, hint } => Answer::Down { phase, hint },
            GetError::Ours { reason } => Answer::Blind { reason },
            GetError::TooLarge { limit } => Answer::Misconfigured {
                what: format!("the page is longer than {limit} bytes"),
                remedy: "raise the limit of the target, or let it show less".to_owned(),
            },
        }
    }
}

impl Watcher for ScrapeWatch {
    fn look<'a>(&'a mut self, timeout: Duration, clock: &'a SharedClock) -> Looking<'a> {
        Box::pin(self.look(timeout, clock))
    }

    fn end(&mut self, at: Time) -> Vec<Row> {
        vec![self.end(at)]
    }
}

/// The page and its format, or what the answer says of the target if it is none.
fn whole_page(answer: client::Answer) -> Result<(Vec<u8>, Format), Answer> {
    let status = answer.status;
    let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    match status {
        200 => (),
        401 | 403 => {
            return Err(Answer::Misconfigured {
                what: format!("the target answers {status}: it does not let us in"),
                remedy: "check the user, password or token of the target".to_owned(),
            });
        }
        300..=399 => {
            let to = clean(header("location").unwrap_or("nowhere"), 200);
            return Err(down(Phase::Redirect, format!("redirects to {to}")));
        }
        _ => return Err(down(Phase::Status, format!("status {status}"))),
    }
    let format = Format::of_content_type(header(CONTENT_TYPE.as_str()).unwrap_or_default());
    let is_whole = answer.body.trim_ascii_end().ends_with(b"# EOF");
    if format == Format::OpenMetrics && !is_whole {
        return Err(down(Phase::Body, "the page was cut short: it has no # EOF".to_owned()));
    }
    Ok((answer.body, format))
}

fn taken(at: Time, took: Duration, reading: Reading) -> Look {
    let Reading { row, stamped, taken, unreadable, refused, refused_count } = reading;
    // Not one line of it can be read: somebody else's page, most likely.
    let is_foreign = taken == 0 && unreadable > 0 && unreadable == refused_count;
    let answer = match refused.first().filter(|_| is_foreign) {
        Some(first) => down(Phase::Content, format!("no sample on the page; {}", first.why)),
        None => Answer::Up,
    };
    let up = if answer == Answer::Up { 1.0 } else { 0.0 };
    let own = [up, took.as_secs_f64(), taken as f64, refused_count as f64];
    let mut look = Look::new(at, took, answer);
    look.rows = stamped;
    look.rows.push(with_own(row, own));
    look.refused = refused;
    look.refused_count = refused_count;
    look
}

fn with_own(mut row: Row, own: [f64; OWN_METRICS.len()]) -> Row {
    debug_assert!(row.values[..own.len()].iter().all(|value| value.to_bits() == ABSENT.to_bits()));
    row.values[..own.len()].copy_from_slice(&own);
    row
}

fn down(phase: Phase, hint: String) -> Answer {
    Answer::Down { phase, hint }
}
