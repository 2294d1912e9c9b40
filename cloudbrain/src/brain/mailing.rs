//! Weekly and monthly reports, mailed to whoever owns a project: what was promised and kept, as one
//! screen, in the reader's language.
//!
//! A mail is made beside the brain and handed to it with the name of its period. That the period was
//! told and what goes out are recorded in one transaction, so that whatever dies, nobody is told twice
//! and nobody is left out. A brain that was away in the morning makes up for it, for three days.
//!
//! Mails of one series to one person are one thread. They go by channels that take reports, and never
//! wake anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alerter::message::{Message, MessageKind, RootState, View};
use availability::{Period, Shape, WeekStart};
use dashboards::report::mail_text;
use jiff::tz::TimeZone;
use model::id::{IncidentId, Object, PersonId};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;

use super::Handle;
use super::core::{Core, Heard};
use super::report::{company, report};
use crate::config::Config;
use crate::config::raw::RawReportMail;

/// The name under which it is remembered which periods were told.
pub const ROOM: &str = "report-mail";
/// A mail that could not be made in time is made up for within this time.
const LATE_WITHIN: Duration = Duration::from_secs(3 * 86_400);
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The newest period that was told, by its shape: `week` to `2026-W46`.
pub type Told = BTreeMap<String, String>;

/// The mails about one period.
#[derive(Debug)]
pub struct Mails {
    /// The shape and the period, if this is the mail that is due; None if somebody asked for one.
    pub series: Option<(String, String)>,
    pub messages: Vec<Message>,
}

/// Looks until the brain stops.
pub(super) async fn mail(handle: Handle) {
    loop {
        match handle.ask(|core, now| due(&core.config, &core.told_reports, now)).await {
            Ok(due) => {
                for one in due {
                    tell(&handle, one).await;
                }
            }
            Err(error) => tracing::debug!(error, "reports are mailed later"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A period whose report is due.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Due {
    shape: String,
    /// As people write it: `2026-W46`.
    label: String,
    /// As it is asked for, so that projects whose weeks begin on Sunday have their own: `last-week`.
    asked: &'static str,
    /// Nothing is sent: it was over before this brain ever ran.
    is_past: bool,
}

async fn tell(handle: &Handle, due: Due) {
    let Due { shape, label, asked, is_past } = due;
    let Ok(people) = handle.ask(|core, _| readers(&core.config)).await else { return };
    let mut messages = Vec::new();
    for (person, lang) in people.into_iter().filter(|_| !is_past) {
        match letter(handle, &person, lang, asked).await {
            Ok(message) => messages.extend(
                message
                    .map(|message| Message { key: format!("report-{label}-{person}"), ..message }),
            ),
            // All or nobody, so that who was left out is not taken for told.
            Err(error) => {
                tracing::warn!(%person, period = label, error, "reports are mailed later");
                return;
            }
        }
    }
    tracing::info!(period = label, mails = messages.len(), "reports");
    let _ = handle.tell(Heard::Mails(Mails { series: Some((shape, label)), messages })).await;
}

/// Which reports are due: of the last week and month, if they are wanted and were not told.
fn due(config: &Config, told: &Told, now: Time) -> Vec<Due> {
    let Some(wanted) = config.raw.availability.mail.as_ref() else { return Vec::new() };
    let zone = TimeZone::get(&config.raw.timezone).unwrap_or(TimeZone::UTC);
    let series = [(wanted.weekly, "last-week"), (wanted.monthly, "last-month")];
    let asked = series.into_iter().filter(|(is_wanted, _)| *is_wanted);
    let due = asked.filter_map(|(_, asked)| {
        let period = Period::parse(asked, &zone, WeekStart::Monday, now).ok()?;
        due_of(wanted, &period, asked, told, now)
    });
    due.collect()
}

fn due_of(
    wanted: &RawReportMail,
    period: &Period,
    asked: &'static str,
    told: &Told,
    now: Time,
) -> Option<Due> {
    let shape = name_of(period.shape());
    let label = period.label();
    let at = period.until() + wanted.at.since_midnight();
    if now < at || told.get(&shape) == Some(&label) {
        return None;
    }
    let is_past = !told.contains_key(&shape) || now.since(at) > LATE_WITHIN;
    Some(Due { shape, label, asked, is_past })
}

fn name_of(shape: Shape) -> String {
    format!("{shape:?}").to_lowercase()
}

/// Who is mailed reports: the owners of projects who have a way for them and did not decline.
fn readers(config: &Config) -> BTreeMap<PersonId, Lang> {
    let owners: BTreeSet<&PersonId> =
        config.projects.values().flat_map(|project| &project.owners).collect();
    let mut readers = BTreeMap::new();
    for owner in owners {
        // A schedule may stand where a person stands: a report is for whoever owns the project.
        let Some(person) = config.raw.people.get(owner).filter(|person| person.reports) else {
            continue;
        };
        match super::outbox::takes_reports(config, owner) {
            true => drop(readers.insert(owner.clone(), person.language)),
            false => tracing::info!(person = %owner, "no channel of this owner takes reports"),
        }
    }
    readers
}

/// The mail to one person about a period, as people write one; none if there is nothing to account for.
///
/// # Errors
/// If there is no such period, or the record cannot be read; the sentence says why.
pub async fn letter(
    handle: &Handle,
    person: &PersonId,
    lang: Lang,
    period: &str,
) -> Result<Option<Message>, String> {
    let said = |refusal: super::report::Refusal| refusal.to_string();
    let now = company(handle, period.to_owned(), Some(person.clone()), lang).await.map_err(said)?;
    let Some(first) = now.projects.first() else { return Ok(None) };
    let zone = TimeZone::get(&first.zone).unwrap_or(TimeZone::UTC);
    let at = handle.clock.now();
    let read = Period::parse(&now.period, &zone, WeekStart::Monday, at).ok();
    let shape = read.as_ref().map_or_else(|| "other".to_owned(), |read| name_of(read.shape()));
    let before = match read.and_then(|read| read.before()) {
        Some(before) => company(handle, before.label(), Some(person.clone()), lang).await.ok(),
        None => None,
    };
    let worst = report(handle, first.project.clone(), now.period.clone(), lang).await.ok();
    let Some(text) = mail_text(&now, before.as_ref(), worst.as_ref(), lang) else {
        return Ok(None);
    };
    let incident = IncidentId::parse(&format!("report-{shape}")).map_err(|e| e.to_string())?;
    Ok(Some(Message {
        key: format!("report-{}-{person}", now.period),
        to: person.clone(),
        is_report: true,
        kind: MessageKind::Update,
        view: View::Owner,
        incident,
        root: Object::Project(first.project.clone()),
        more_roots: Vec::new(),
        state: RootState::Degraded,
        severity: Severity::Info,
        affected: Vec::new(),
        affected_more: 0,
        businesses: now.projects.iter().map(|row| row.project.clone()).collect(),
        lang,
        text,
        at,
    }))
}

/// Who can be sent a report that somebody asks for, and in which language.
///
/// # Errors
/// If there is no such person, or no channel of theirs takes reports; the sentence says what to do.
pub fn reader(core: &Core, person: &PersonId) -> Result<Lang, String> {
    let Some(known) = core.config.raw.people.get(person) else {
        let people: Vec<&str> = core.config.raw.people.keys().map(PersonId::as_str).collect();
        return Err(format!(
            "nobody is called {:?}; known are {}",
            person.as_str(),
            people.join(", ")
        ));
    };
    match super::outbox::takes_reports(&core.config, person) {
        true => Ok(known.language),
        false => Err(format!(
            "no channel of {person} takes reports; give {person} an address on one of kind email, \
             script or inbox"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::TimeOfDay;

    const HOUR: i64 = 3_600_000;

    /// In UTC; 2026-11-16 is a Monday.
    fn monday(hour: i64) -> Time {
        Time::from_millis(1_794_787_200_000 + hour * HOUR)
    }

    fn told(label: &str) -> Told {
        BTreeMap::from([("week".to_owned(), label.to_owned())])
    }

    fn looked(told: &Told, now: Time) -> Option<String> {
        let wanted = RawReportMail { weekly: true, monthly: false, at: TimeOfDay::default() };
        let period = Period::parse("last-week", &TimeZone::UTC, WeekStart::Monday, now).unwrap();
        let due = due_of(&wanted, &period, "last-week", told, now)?;
        Some(format!("{}{}", due.label, if due.is_past { " past" } else { "" }))
    }

    #[test]
    fn a_week_is_told_on_monday_at_nine_and_once() {
        assert_eq!(monday(0).to_string(), "2026-11-16T00:00:00Z");
        assert_eq!(looked(&told("2026-W45"), monday(8)), None);
        assert_eq!(looked(&told("2026-W45"), monday(9)).as_deref(), Some("2026-W46"));
        assert_eq!(looked(&told("2026-W46"), monday(10)), None);
    }

    #[test]
    fn a_brain_that_was_away_makes_up_for_it_and_a_new_one_begins_with_the_next() {
        assert_eq!(looked(&told("2026-W45"), monday(9 + 72)).as_deref(), Some("2026-W46"));
        assert_eq!(looked(&told("2026-W45"), monday(10 + 72)).as_deref(), Some("2026-W46 past"));
        assert_eq!(looked(&Told::new(), monday(8)), None, "it is due yet");
        assert_eq!(looked(&Told::new(), monday(30)).as_deref(), Some("2026-W46 past"));
    }
}
