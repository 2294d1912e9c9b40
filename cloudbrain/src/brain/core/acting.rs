//! What people ask for is checked, handed to the alerter, and told in the journal; and the windows
//! of the files are handed over as their days come.
//!
//! The outcome goes back once it is on record: whoever was told that a thing is silenced can rely
//! on it, whatever happens to this process.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::act::{Act, Scope, Silence, Window};
use model::id::{CheckId, IncidentId, Object, PersonId, SilenceId, WindowId};
use model::signal::{Signal, SignalState};
use model::time::Time;
use serde_json::{Value, json};
use store::{Change, JournalRow};

use crate::brain::acts::check::{self, LONGEST_SILENCE, LONGEST_WINDOW};
use crate::brain::acts::correct::{CorrectWish, checked};
use crate::brain::acts::labels::{self, LabelSilences};
use crate::brain::acts::release::ReleaseWish;
use crate::brain::acts::{
    Outcome, Refusal, Request, SilenceWish, SnoozeWish, Wanted, WindowWish, planned, view,
};

use crate::brain::report::corrected::CORRECTION;
use crate::brain::report::released::RELEASE;

use super::Core;

/// Windows are handed over anew after this long.
const PLAN_EVERY: Duration = Duration::from_secs(3600);

impl Core {
    /// Does what somebody asks for, or says why not.
    pub(super) fn act(&mut self, wanted: Wanted, now: Time) {
        let Wanted { request, from, reply } = wanted;
        let outcome = match request {
            Request::Snooze { incident, wish } => self.snooze(&incident, wish, &from, now),
            Request::Silence(wish) => self.silence(wish, &from, now),
            Request::Expire { silence, by } => self.expire(silence, by, &from, now),
            Request::Open(wish) => self.open_window(&wish, &from, now),
            Request::End { window, by } => self.end_window(window, &by, &from, now),
            Request::Apply(wish) => self.apply(&wish, &from, now),
            Request::Hold(wish) => self.hold(wish, &from, now),
            Request::Correct(wish) => self.correct(wish, &from, now),
            Request::Release(wish) => self.release(&wish, &from, now),
            Request::Unhold { hold, by } => self.unhold(&hold, &by, &from, now),
        };
        self.pending.replies.push((reply, outcome));
    }

    fn snooze(
        &mut self,
        incident: &IncidentId,
        wish: SnoozeWish,
        from: &str,
        now: Time,
    ) -> Outcome {
        check::person(&self.config, &wish.by)?;
        let until = check::end(wish.lasting, wish.until.as_deref(), now, LONGEST_WINDOW)?;
        let recipients = self.alerter.recipients(&self.settings, &self.topology, incident);
        let Some(recipients) = recipients else {
            let zh = format!("故障 {incident} 不存在或已结束");
            return Err(Refusal::missing(format!("no incident {incident} is open"), zh));
        };
        let by = wish.by;
        if !recipients.contains(&by) {
            let told: Vec<&str> = recipients.iter().map(PersonId::as_str).collect();
            let told = told.join(", ");
            return Err(Refusal::new(
                format!(
                    "{by} is told nothing of {incident}, so there is nothing to put off; told are {told}"
                ),
                format!("{by} 不会收到 {incident} 的通知，无需暂缓；会收到通知的有 {told}"),
            ));
        }
        let text = format!("incident {incident} until {until}");
        self.note_act(&by, "snooze", None, &text, from, now);
        let done = json!({"incident": incident, "by": by, "until": until});
        self.do_act(Act::Snoozed { incident: incident.clone(), by, until }, now);
        Ok(done)
    }

    fn silence(&mut self, wish: SilenceWish, from: &str, now: Time) -> Outcome {
        let silence = self.checked_silence(wish, now)?;
        let covered: Vec<(Object, CheckId)> = match &silence.scope {
            Scope::Object { .. } => Vec::new(),
            Scope::Labels(matchers) => {
                let tests = labels::compile(matchers)?;
                let known = self.posted.labels();
                let covered = known.filter(|(_, _, labels)| labels::all_match(&tests, labels));
                covered.map(|(object, check, _)| (object.clone(), check.clone())).collect()
            }
        };
        let object = silence.scope.object().cloned();
        let (id, until, comment) = (&silence.id, silence.until, &silence.comment);
        let text = format!("{id} of {} until {until}: {comment}", view::covers(&silence.scope));
        self.note_act(&silence.by, "silence", object, &text, from, now);
        let done = value(&view::silence_view(&silence, Vec::new(), now));
        self.do_act(Act::Silenced { silence, covers: covered }, now);
        self.label_silences = LabelSilences::of(self.alerter.silences());
        Ok(done)
    }

    fn checked_silence(&self, wish: SilenceWish, now: Time) -> Result<Silence, Refusal> {
        let comment = check::comment(&wish.comment)?;
        let scope = self.scope(wish.on, wish.check, wish.matchers)?;
        let (mut id, mut begin) = (None, now);
        let until = match wish.foreign {
            None => {
                check::person(&self.config, &wish.by)?;
                check::end(wish.lasting, wish.until.as_deref(), now, LONGEST_SILENCE)?
            }
            // An Alertmanager's people are not ours.
            Some(foreign) => {
                (id, begin) = (foreign.id, foreign.from.max(now));
                check::between(now, foreign.until, LONGEST_SILENCE)?
            }
        };
        if until <= begin {
            let en = format!("the end {until} is not after the beginning {begin}");
            return Err(Refusal::new(en, format!("结束时间 {until} 不晚于开始时间 {begin}")));
        }
        if let Some(id) = &id
            && self.alerter.silence(id).is_none()
        {
            return Err(no_silence(id));
        }
        if id.is_none() && self.alerter.silences().count() >= check::MAX_SILENCES {
            let most = check::MAX_SILENCES;
            return Err(Refusal::new(
                format!("{most} silences are in force; end some, or silence what is above them"),
                format!("已有 {most} 条静默；请先结束一些，或静默其上层对象"),
            ));
        }
        let id = id.unwrap_or_else(|| self.alerter.next_silence());
        Ok(Silence { id, scope, from: begin, until, by: wish.by, comment })
    }

    fn scope(
        &self,
        on: Option<Object>,
        check: Option<CheckId>,
        matchers: Vec<alerter::act::LabelMatcher>,
    ) -> Result<Scope, Refusal> {
        match (on, matchers.is_empty()) {
            (Some(on), true) => {
                check::object(&self.topology, &self.config, &on)?;
                Ok(Scope::Object { on, check })
            }
            (None, false) if check.is_none() => {
                labels::compile(&matchers)?;
                Ok(Scope::Labels(matchers))
            }
            _ => Err(Refusal::new(
                "write what to silence: either on (an object, with a check if you like) or matchers",
                "请填写静默对象：on（对象，可加 check）或 matchers，二选一",
            )),
        }
    }

    fn expire(&mut self, id: SilenceId, by: Option<PersonId>, from: &str, now: Time) -> Outcome {
        by.iter().try_for_each(|by| check::person(&self.config, by))?;
        let Some(silence) = self.alerter.silence(&id).filter(|known| known.until > now) else {
            return Err(no_silence(&id));
        };
        let text = format!("{id} of {}", view::covers(&silence.scope));
        let done = value(&view::silence_view(silence, Vec::new(), now));
        let who = by.unwrap_or_else(|| silence.by.clone());
        let object = silence.scope.object().cloned();
        self.note_act(&who, "silence expired", object, &text, from, now);
        self.do_act(Act::Expired(id), now);
        self.label_silences = LabelSilences::of(self.alerter.silences());
        Ok(done)
    }

    fn open_window(&mut self, wish: &WindowWish, from: &str, now: Time) -> Outcome {
        check::person(&self.config, &wish.by)?;
        let comment = check::comment(&wish.comment)?;
        let until = check::end(wish.lasting, wish.until.as_deref(), now, LONGEST_WINDOW)?;
        if wish.on.is_empty() {
            let en = "write what is worked on, for example host/h1";
            return Err(Refusal::new(en, "请填写维护对象，例如 host/h1"));
        }
        if wish.on.len() > check::MAX_OBJECTS {
            let (count, most) = (wish.on.len(), check::MAX_OBJECTS);
            return Err(Refusal::new(
                format!("{count} objects; name at most {most}, or what they stand on"),
                format!("对象有 {count} 个；最多 {most} 个，或改为其上层对象"),
            ));
        }
        wish.on.iter().try_for_each(|on| check::object(&self.topology, &self.config, on))?;
        if self.alerter.windows().count() >= check::MAX_WINDOWS {
            let most = check::MAX_WINDOWS;
            return Err(Refusal::new(
                format!("{most} windows are open or planned for today; end some"),
                format!("今天已有 {most} 个维护窗口；请先结束一些"),
            ));
        }
        let id = self.alerter.next_window();
        let on = wish.on.iter().cloned().collect();
        let window = Window { id, on, from: now, until, by: Some(wish.by.clone()), comment };
        self.note_window(&wish.by, "maintenance start", &window, from, now);
        let done = value(&view::window_view(&window, &self.config.raw.timezone));
        self.do_act(Act::Opened(window), now);
        Ok(done)
    }

    fn end_window(&mut self, id: WindowId, by: &PersonId, from: &str, now: Time) -> Outcome {
        check::person(&self.config, by)?;
        let found = self.alerter.windows().find(|window| window.id == id && window.until > now);
        let planned = self.config.maintenance.iter().find(|window| window.name == id);
        match (found, planned) {
            (Some(window), _) if window.by.is_some() => {
                let window = window.clone();
                self.note_window(by, "maintenance end", &window, from, now);
                self.do_act(Act::Ended(id), now);
                Ok(value(&view::window_view(&window, &self.config.raw.timezone)))
            }
            (_, Some(planned)) => {
                let file = planned.file.display();
                Err(Refusal::new(
                    format!("{id} stands in {file}; take it out there, and it ends at once"),
                    format!("{id} 写在 {file} 中；从文件中删除后立即结束"),
                ))
            }
            _ => Err(Refusal::missing(
                format!("no maintenance window {id} is open"),
                format!("维护窗口 {id} 不存在或已结束"),
            )),
        }
    }

    fn correct(&mut self, wish: CorrectWish, from: &str, now: Time) -> Outcome {
        let corrected = checked(self, wish, now)?;
        let object = Some(corrected.object());
        self.note_act(&corrected.by, CORRECTION, object, &corrected.line(), from, now);
        Ok(value(&corrected))
    }

    fn release(&mut self, wish: &ReleaseWish, from: &str, now: Time) -> Outcome {
        wish.check(self)?;
        self.note_act(&wish.by, RELEASE, Some(wish.object()), &wish.line(), from, now);
        Ok(value(wish))
    }

    fn do_act(&mut self, act: Act, now: Time) {
        self.alert(alerter::Event::Act(Box::new(act)), now);
    }

    pub(super) fn note_act(
        &mut self,
        who: &PersonId,
        what: &str,
        object: Option<Object>,
        text: &str,
        from: &str,
        now: Time,
    ) {
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: who.to_string(),
            what: what.to_owned(),
            object,
            text: format!("{text} (from {from})"),
        }));
    }

    /// A row for each object, so that the past of each can be told.
    fn note_window(&mut self, who: &PersonId, what: &str, window: &Window, from: &str, now: Time) {
        let Window { id, on, until, comment, .. } = window;
        let text = format!("{id} until {until}: {comment}");
        for object in on {
            self.note_act(who, what, Some(object.clone()), &text, from, now);
        }
    }

    /// Hands over which windows of the files are open or to come, when that may have changed.
    pub(super) fn plan(&mut self, now: Time) {
        // A clock that is set back does not stop it.
        if self.plan_due.is_some_and(|due| due > now && due <= now + PLAN_EVERY) {
            return;
        }
        self.plan_due = Some(now + PLAN_EVERY);
        let key = |window: &Window| (window.id.clone(), window.from);
        let known = self.alerter.windows().filter(|window| window.by.is_none());
        let mut gone: BTreeMap<_, Window> = known.map(|w| (key(w), w.clone())).collect();
        let windows = planned(&self.config.maintenance, now);
        let mut rows: Vec<(&str, Window)> = Vec::new();
        for window in &windows {
            if gone.remove(&key(window)).as_ref() != Some(window) {
                rows.push(("maintenance planned", window.clone()));
            }
        }
        let gone = gone.into_values().filter(|window| window.until > now);
        rows.extend(gone.map(|window| ("maintenance taken back", window)));
        if rows.is_empty() {
            return;
        }
        for (what, window) in rows {
            self.note_planned(what, &window, now);
        }
        self.do_act(Act::Planned(windows), now);
    }

    fn note_planned(&mut self, what: &str, window: &Window, now: Time) {
        let Window { id, on, from, until, comment, .. } = window;
        for object in on {
            self.pending.changes.push(Change::Journal(JournalRow {
                at: now,
                who: "files".to_owned(),
                what: what.to_owned(),
                object: Some(object.clone()),
                text: format!("{id} from {from} until {until}: {comment}"),
            }));
        }
    }

    /// Says which silences by label cover what was posted, before that is heard.
    pub(super) fn label(&mut self, signals: &[Signal], now: Time) {
        if self.label_silences.is_empty() {
            return;
        }
        for Signal { object, check, state, .. } in signals {
            let labels = self.posted.labels_of(object, check);
            let labels = labels.filter(|_| *state != SignalState::Ok);
            let silences = labels.map(|labels| self.label_silences.covering(labels));
            let silences = silences.unwrap_or_default();
            let before = self.alerter.silences_by_label(object, check);
            if before.map_or(silences.is_empty(), |before| *before == silences) {
                continue;
            }
            let (object, check) = (object.clone(), check.clone());
            self.do_act(Act::Labelled { object, check, silences }, now);
        }
    }
}

fn value(view: &impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}

fn no_silence(id: &SilenceId) -> Refusal {
    Refusal::missing(format!("no silence {id} is in force"), format!("静默 {id} 不存在或已结束"))
}
