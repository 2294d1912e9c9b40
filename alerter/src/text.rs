//! The text of a message: who suffers because of what, since when, what was done about it.
//!
//! The first line says it all, for an owner in `owner`, for operations in `operations`. What
//! follows is the same for both: what is new, numbers and at most ten names a line, evidence.

use model::id::Object;
use model::lang::Lang;
use model::time::Time;
use model::topology::Topology;
use model::zone::Zone;

use crate::beside::Known;
use crate::event::Bilingual;
use crate::facts::{Facts, ModuleLoss};
use crate::lines::Lines;
use crate::message::{MessageKind, View};
use crate::state::{Call, Told};
use crate::words::{lasting, row, severity, sources, thing, vms};
use crate::{beside, operations, owner};

/// All that a text is made of.
#[derive(Debug)]
pub(crate) struct Speaker<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) topology: &'a Topology,
    /// In which the recipient reads times.
    pub(crate) zone: &'a Zone,
    /// What the recipient was told before.
    pub(crate) told: Option<&'a Told>,
    /// The recipient had put the incident off until now.
    pub(crate) is_snooze_over: bool,
    /// Why this message comes, if not for what happened.
    pub(crate) call: Option<&'a Call>,
    /// What other rooms know of the incident.
    pub(crate) known: Option<&'a Known>,
    pub(crate) reasons: Vec<Bilingual>,
    pub(crate) lang: Lang,
    pub(crate) now: Time,
}

impl Speaker<'_> {
    pub(crate) fn text(&self, view: View, kind: MessageKind) -> String {
        let mut lines = Lines::begin(&self.first_line(view, kind), self.lang);
        if kind != MessageKind::Resolved {
            self.calls(&mut lines);
            self.broken(view, &mut lines);
            self.news(&mut lines);
        }
        self.losses(&mut lines);
        self.replacements(&mut lines);
        if let (View::Owner, Some(known)) = (view, self.known) {
            beside::costs(known, &self.facts, kind, self.lang, &mut lines);
        }
        if kind == MessageKind::Resolved {
            return lines.finish();
        }
        lines.always(&self.since());
        match view {
            View::Owner => lines.add(&owner::advice(self)),
            View::Operations => {
                self.places(&mut lines);
                if let Some(known) = self.known {
                    beside::rooms(known, self.lang, &mut lines);
                }
            }
        }
        for reason in &self.reasons {
            lines.add(self.lang.pick(&reason.en, &reason.zh));
        }
        if let Some(runbook) = self.facts.complaint.and_then(|word| word.runbook(self.lang)) {
            lines.add(&self.lang.pick(format!("To do: {runbook}"), format!("处理建议：{runbook}")));
        }
        lines.finish()
    }

    /// "Since 2026-03-02 18:00:10 +08:00, for 5 min": nobody likes to reckon at night.
    fn since(&self) -> String {
        let (facts, lang) = (&self.facts, self.lang);
        let for_so_long = lasting(self.now.since(facts.since), lang);
        let since = self.zone.tell(facts.since);
        let since = lang.pick(
            format!("Since {since}, for {for_so_long}"),
            format!("始于 {since}，已持续 {for_so_long}"),
        );
        let Some(root_since) = facts.root_since else { return since };
        let (root, began) = (thing(facts.root, lang), self.zone.tell(root_since));
        since
            + &lang.pick(
                format!("; the trouble of {root} began at {began}"),
                format!("；{root} 的故障始于 {began}"),
            )
    }

    fn first_line(&self, view: View, kind: MessageKind) -> String {
        match (view, kind) {
            (_, MessageKind::Update) => {
                let problem = self.first_line(view, MessageKind::Problem);
                self.lang.pick(format!("Update: {problem}"), format!("更新：{problem}"))
            }
            (View::Owner, MessageKind::Problem) => owner::problem(self),
            (View::Owner, MessageKind::Resolved) => owner::end(self),
            (View::Operations, MessageKind::Problem) => operations::problem(self),
            (View::Operations, MessageKind::Resolved) => operations::end(self),
        }
    }

    /// Whether what suffers has no cause but itself.
    pub(crate) fn is_own_root(&self) -> bool {
        let facts = &self.facts;
        facts.objects.contains(&facts.root) && facts.carried.is_empty()
    }

    /// "host h4, which carries data source orders-db,": the cause, and the link to what suffers; with
    /// the space that Chinese needs behind a name and not behind a bracket.
    pub(crate) fn cause(&self) -> String {
        let (root, lang) = (thing(self.facts.root, self.lang), self.lang);
        if self.facts.carried.is_empty() {
            return lang.pick(root.clone(), format!("{root} "));
        }
        let sources = sources(&self.facts.carried, lang);
        lang.pick(format!("{root}, which carries {sources},"), format!("{root}（承载{sources}）"))
    }

    pub(crate) fn root_names(&self) -> String {
        let names: Vec<&str> = self.facts.roots.iter().map(|root| root.name()).collect();
        row(&names, self.lang)
    }

    /// "; replaced in 4 s", or how far the scaler has come; nothing if it did nothing.
    pub(crate) fn repaired(&self) -> String {
        let (facts, lang) = (&self.facts, self.lang);
        if let Some(took) = facts.all_replaced_in() {
            let took = lasting(took, lang);
            return lang.pick(format!("; replaced in {took}"), format!("；{took}内已替换"));
        }
        match (facts.repairs.len(), facts.replaced_count(), facts.owned_vm_count()) {
            (0, ..) => String::new(),
            (_, 0, _) => lang.pick("; replacement under way", "；正在替换").to_owned(),
            (_, done, of) => lang.pick(
                format!("; {done} of {of} replaced so far"),
                format!("；{of} 台中已替换 {done} 台"),
            ),
        }
    }

    /// " (host.disk: 100 % full)": which check it is that makes a thing work badly.
    pub(crate) fn complaint(&self) -> String {
        self.facts.complaint.map_or_else(String::new, |word| {
            let (check, text) = (&word.check, word.text(self.lang));
            if text.is_empty() {
                return self.lang.pick(format!(" ({check})"), format!("（{check}）"));
            }
            self.lang.pick(format!(" ({check}: {text})"), format!("（{check}：{text}）"))
        })
    }

    /// "; 2 VMs still fail and are told of apart: web-03, web-07".
    pub(crate) fn left_over(&self) -> String {
        let count = self.facts.elsewhere.len();
        if count == 0 {
            return String::new();
        }
        let names = row(&self.facts.elsewhere, self.lang);
        let en = if count == 1 { "still fails and is" } else { "still fail and are" };
        self.lang.pick(
            format!("; {} {en} told of apart: {names}", vms(count, Lang::En)),
            format!("；仍有 {count} 台虚拟机异常，另行通知：{names}"),
        )
    }

    /// Why this recipient, and why now.
    fn calls(&self, lines: &mut Lines) {
        let lang = self.lang;
        match self.call {
            None => {}
            Some(Call::OnDuty(schedule)) => lines.add(&lang.pick(
                format!("You are on duty now ({schedule}); others were told before"),
                format!("现在由您值班（{schedule}），此前已通知他人"),
            )),
            Some(Call::Escalated(waited)) => {
                let waited = lasting(*waited, lang);
                lines.add(&lang.pick(
                    format!("Escalated: nobody has acknowledged for {waited}"),
                    format!("已升级：{waited}内无人认领"),
                ));
            }
        }
    }

    /// That nobody works on it any more. It concerns operations, and owners where they are alone with
    /// it: a fault of their software.
    fn broken(&self, view: View, lines: &mut Lines) {
        let (Some(broken), lang) = (&self.facts.incident.broken, self.lang) else { return };
        if view == View::Owner && !matches!(self.facts.root, Object::Module(_)) {
            return;
        }
        let (by, why) = (&broken.by, lang.pick(&broken.why.en, &broken.why.zh));
        lines.add(&lang.pick(
            format!("{by} had acknowledged it; that no longer counts: {why}"),
            format!("{by} 此前的认领已失效：{why}"),
        ));
    }

    /// What the recipient does not know yet.
    fn news(&self, lines: &mut Lines) {
        let (Some(told), facts, lang) = (self.told, &self.facts, self.lang) else { return };
        if self.is_snooze_over {
            let over = "Your snooze is over; this is how it is now";
            lines.add(lang.pick(over, "暂缓提醒已到期，当前情况如上"));
        }
        if !facts.roots.iter().all(|root| told.roots.contains(*root)) {
            let before: Vec<String> = told.roots.iter().map(|root| thing(root, lang)).collect();
            let before = row(&before, lang);
            lines.add(&lang.pick(
                format!("New: the cause; {before} was named before"),
                format!("新情况：根因有变，此前为 {before}"),
            ));
        }
        let (before, now) = (severity(told.severity, lang), severity(facts.severity, lang));
        if facts.severity > told.severity {
            lines.add(&lang.pick(
                format!("New: severity {now}, was {before}"),
                format!("新情况：级别由{before}升为{now}"),
            ));
        }
        let new = facts.objects.iter().filter(|object| !told.members.contains(object));
        let new: Vec<&str> = new.map(|object| object.name()).collect();
        if !new.is_empty() {
            let names = row(&new, lang);
            lines.add(&lang.pick(format!("New: {names}"), format!("新增：{names}")));
        }
    }

    /// A line for each module with its business, and the names of what it lost.
    fn losses(&self, lines: &mut Lines) {
        let (facts, lang) = (&self.facts, self.lang);
        let modules = facts.modules.iter().map(|module| loss(module, lang));
        lines.long_list(modules, lang.pick("modules", "个模块"));
        let (pool, unknown) = rest(lang);
        for (kind, names) in [(pool, &facts.pool), (unknown, &facts.unknown)] {
            if !names.is_empty() {
                lines.add(&format!("{kind}{}{}", lang.pick(": ", "："), row(names, lang)));
            }
        }
    }

    fn replacements(&self, lines: &mut Lines) {
        let done = self.facts.repairs.iter().filter(|repair| repair.done_at.is_some());
        let pairs = done.filter_map(|repair| {
            let by = repair.replaced_by.as_ref()?;
            Some(format!("{} → {by}", repair.vm))
        });
        let pairs: Vec<String> = pairs.collect();
        if !pairs.is_empty() {
            let pairs = row(&pairs, self.lang);
            lines.add(&self.lang.pick(format!("Replaced: {pairs}"), format!("已替换：{pairs}")));
        }
    }

    /// Whose it is, and which hosts still carry how many VMs.
    fn places(&self, lines: &mut Lines) {
        let lang = self.lang;
        let businesses: Vec<&str> = self.facts.businesses.iter().map(|id| id.as_str()).collect();
        if !businesses.is_empty() {
            let names = row(&businesses, lang);
            lines.add(&lang.pick(format!("Businesses: {names}"), format!("业务：{names}")));
        }
        let hosts = self.facts.hosts.iter().map(|(host, count)| {
            let count = vms(*count, lang);
            lang.pick(format!("{host} ({count} on it now)"), format!("{host}（现有 {count}）"))
        });
        let hosts: Vec<String> = hosts.collect();
        if !hosts.is_empty() {
            let hosts = row(&hosts, lang);
            lines.add(&lang.pick(format!("Hosts: {hosts}"), format!("宿主机：{hosts}")));
        }
    }
}

/// "shop/web: 2 of 5 VMs (web-1, web-2)".
fn loss(module: &ModuleLoss, lang: Lang) -> String {
    let (label, failed, of) = (&module.label, module.vms.len(), module.of);
    let names = row(&module.vms, lang);
    match (failed, lang) {
        (0, _) => label.to_string(),
        (_, Lang::En) => format!("{label}: {failed} of {} ({names})", vms(of, lang)),
        (_, Lang::Zh) => format!("{label}：{of} 台中 {failed} 台（{names}）"),
    }
}

/// What VMs are called that work for no module: those in a pool, those that nobody knows.
pub(crate) fn rest(lang: Lang) -> (&'static str, &'static str) {
    (lang.pick("pool", "资源池"), lang.pick("in no inventory", "不在清单中"))
}
