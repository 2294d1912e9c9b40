//! What a report in text says of how long probes took.

use std::fmt::Write as _;
use std::time::Duration;

use model::lang::Lang;
use model::unit::Span;

use super::text::Writer;
use super::took;
use crate::view::latency::{LatencyView, WithinView};

impl Writer {
    pub(super) fn latency(&self, text: &mut String, latency: &LatencyView) {
        Self::line(text, self.say("latency", "响应时间"), &self.times(latency));
        for within in &latency.within {
            let _ = writeln!(text, "    {}", self.within(within, latency));
        }
    }

    /// `p50 84ms, p95 212ms, p99 380ms, slowest 1940ms; 3 of 8640 probes failed`
    fn times(&self, latency: &LatencyView) -> String {
        let names = ["p50", "p95", "p99", self.say("slowest", "最慢")];
        let times = [latency.p50_us, latency.p95_us, latency.p99_us, latency.slowest_us];
        let told = names.iter().zip(times).filter_map(|(name, time)| Some((name, time?)));
        let told: Vec<String> = told.map(|(name, time)| format!("{name} {}", took(time))).collect();
        let LatencyView { probes, failures, .. } = latency;
        let failed = match self.lang {
            Lang::En => format!("{failures} of {probes} probes failed"),
            Lang::Zh => format!("{probes} 次探测中失败 {failures} 次"),
        };
        if told.is_empty() {
            return failed;
        }
        format!("{}{}{failed}", told.join(self.say(", ", "，")), self.say("; ", "；"))
    }

    /// `within 300ms  98.92%  8547 of 8640; target 99% MISSED`
    fn within(&self, within: &WithinView, latency: &LatencyView) -> String {
        let WithinView { count, of, .. } = within;
        let time = Span(Duration::from_micros(within.within_us)).to_string();
        let share = within.share.as_deref().unwrap_or("0");
        let mut text = match self.lang {
            Lang::En => format!("within {time:<7} {share}%  {count} of {of}"),
            Lang::Zh => format!("{time} 内 {share}%  {of} 次中 {count} 次"),
        };
        if let Some(since) = within.since {
            let since = self.moment(since);
            let _ = match self.lang {
                Lang::En => write!(text, "; counted since {since}"),
                Lang::Zh => write!(text, "；自 {since} 起统计"),
            };
        }
        if let (true, Some(target)) = (within.is_target, &latency.target) {
            let _ = write!(text, "{} {target}", self.say("; target", "；目标"));
            text += match latency.is_met {
                Some(true) => self.say(" MET", " 达标"),
                Some(false) => self.say(" MISSED", " 未达标"),
                None => "",
            };
        }
        text
    }
}
