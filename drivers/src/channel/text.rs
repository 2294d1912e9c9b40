//! Brings messages within the limit of a service, by meaning: whole lines and whole names.
//!
//! A service cuts or refuses what is too long exactly in the storm, when people need it. So what
//! does not fit is left out line by line and counted; the first line always survives. If even that
//! is too long, it ends after a whole name and says how many more there are.
//!
//! Limits are counted after escaping, in the units of the service: bytes, characters, or UTF-16
//! units.

use alerter::hands::Parcel;
use alerter::message::{Message, MessageKind};
use model::lang::Lang;
use model::signal::Severity;

/// The longest line that says how many were left out, as its reader sees it.
const LEFT_OUT: &str = "… 100000 more lines";

/// The room on one message of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) max: usize,
    pub(super) measure: fn(&str) -> usize,
    /// Escapes one line.
    pub(super) render: fn(&str) -> String,
    pub(super) newline: &'static str,
}

/// What goes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Escaped, the first one first.
    pub(super) lines: Vec<String>,
    /// How many of the messages are told.
    pub(super) taken: usize,
}

/// How bad the worst of those is that are no end; None if all are.
pub(super) fn worst_open(messages: &[Message]) -> Option<Severity> {
    let open = messages.iter().filter(|message| message.kind != MessageKind::Resolved);
    open.map(|message| message.severity).max()
}

impl Sheet {
    /// With some of the room kept for what the service wants beside.
    pub(super) fn less(self, room: usize) -> Self {
        Self { max: self.max.saturating_sub(room), ..self }
    }

    /// One message as it is, several as a digest: one line each, as many as fit.
    pub(super) fn write(&self, parcel: &Parcel<'_>) -> Written {
        match parcel.messages {
            [only] => Written { lines: self.fit(&only.text, only.lang), taken: 1 },
            several => self.digest(several),
        }
    }

    /// The lines of a text, as many as fit, and how many did not.
    fn fit(&self, text: &str, lang: Lang) -> Vec<String> {
        let mut source = text.lines();
        let first =
            shorten(source.next().unwrap_or_default(), lang, |line| self.cost(line) <= self.max);
        let mut used = self.cost(&first);
        let mut lines = vec![(self.render)(&first)];
        let rest: Vec<&str> = source.collect();
        let whole: usize = rest.iter().map(|line| self.cost(line) + self.break_cost()).sum();
        let reserve = if used + whole <= self.max { 0 } else { self.notice_cost() };
        for (place, line) in rest.iter().enumerate() {
            let cost = self.cost(line) + self.break_cost();
            if used + cost + reserve > self.max {
                let left_out = left_out(rest.len() - place, lang);
                if used + self.cost(&left_out) + self.break_cost() <= self.max {
                    lines.push((self.render)(&left_out));
                }
                break;
            }
            used += cost;
            lines.push((self.render)(line));
        }
        lines
    }

    fn digest(&self, messages: &[Message]) -> Written {
        let lang = messages.first().map(|message| message.lang).unwrap_or_default();
        let longest_heading = heading(messages.len(), lang);
        let mut used = self.cost(&longest_heading);
        let mut lines = Vec::new();
        for message in messages {
            let room = self.max.saturating_sub(used + self.break_cost());
            let line = format!("• {}", first_line(message));
            let line = match lines.is_empty() {
                true => shorten(&line, lang, |line| self.cost(line) <= room),
                false if self.cost(&line) <= room => line,
                false => break,
            };
            used += self.cost(&line) + self.break_cost();
            lines.push((self.render)(&line));
        }
        let taken = lines.len();
        lines.insert(0, (self.render)(&heading(taken, lang)));
        Written { lines, taken }
    }

    fn cost(&self, line: &str) -> usize {
        (self.measure)(&(self.render)(line))
    }

    fn break_cost(&self) -> usize {
        (self.measure)(self.newline)
    }

    fn notice_cost(&self) -> usize {
        self.cost(LEFT_OUT) + self.break_cost()
    }
}

impl Written {
    pub(super) fn joined(&self, newline: &str) -> String {
        self.lines.join(newline)
    }
}

/// What says it all.
pub(super) fn first_line(message: &Message) -> &str {
    message.text.lines().next().unwrap_or_default()
}

/// A heading of at most so many characters: the first line, or how many a digest tells.
pub(super) fn title(parcel: &Parcel<'_>, taken: usize, max_chars: usize) -> String {
    let lang = parcel.messages.first().map(|message| message.lang).unwrap_or_default();
    let line = match parcel.messages {
        [only] => clean(first_line(only), usize::MAX),
        _ => heading(taken, lang),
    };
    shorten(&line, lang, |line| chars(line) <= max_chars)
}

fn heading(count: usize, lang: Lang) -> String {
    lang.pick(format!("{count} messages, one line each:"), format!("{count} 条消息，每条一行："))
}

fn left_out(count: usize, lang: Lang) -> String {
    lang.pick(format!("… {count} more lines"), format!("… {count} 行未显示"))
}

/// A line that fits: whole, or up to a whole name with the number of those left out, or, where
/// there are no names, up to a whole character.
pub(super) fn shorten(line: &str, lang: Lang, fits: impl Fn(&str) -> bool) -> String {
    if fits(line) {
        return line.to_owned();
    }
    let separators = [", ", "、", "; ", "；"];
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for separator in separators {
        cuts.extend(line.match_indices(separator).map(|(at, found)| (at, at + found.len())));
    }
    cuts.sort_unstable();
    let mut more = 0;
    let mut end = line.len();
    for (at, after) in cuts.into_iter().rev() {
        more += names_in(&line[after..end]);
        end = at;
        let kept = &line[..at];
        let short =
            lang.pick(format!("{kept} … and {more} more"), format!("{kept} …，另有 {more} 个"));
        if fits(&short) {
            return short;
        }
    }
    let ends: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
    let count = ends.partition_point(|at| fits(&format!("{}…", &line[..*at])));
    format!("{}…", &line[..count.checked_sub(1).map_or(0, |place| ends[place])])
}

/// A part between two commas is one name, or a name and a count of further ones.
fn names_in(part: &str) -> usize {
    let counted = part.split_once(" and ").and_then(|(_, rest)| rest.split_once(" more"));
    let counted =
        counted.or_else(|| part.split_once("另有 ").and_then(|(_, r)| r.split_once(" 个")));
    1 + counted.and_then(|(count, _)| count.parse::<usize>().ok()).unwrap_or(0)
}

/// At most `max_chars` characters of what a service said, on one line and without tricks; a cut is
/// marked with `…`.
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    let mut kept: Vec<char> =
        text.chars().filter_map(harmless).take(max_chars.saturating_add(1)).collect();
    if kept.len() > max_chars {
        kept.truncate(max_chars);
        kept.push('…');
    }
    kept.into_iter().collect::<String>().trim().to_owned()
}

/// Control characters could rewrite a terminal, direction marks make a line read otherwise.
fn harmless(c: char) -> Option<char> {
    let is_invisible = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    match c {
        '\n' | '\r' | '\t' => Some(' '),
        _ if c.is_control() || is_invisible => None,
        _ => Some(c),
    }
}

/// For services whose markup has no escapes that all their programs know: each sign of it becomes
/// one that looks like it and means nothing.
pub(super) fn defuse(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    for (place, c) in line.chars().filter_map(harmless).enumerate() {
        plain.push(match c {
            '[' => '［',
            ']' => '］',
            '<' => '＜',
            '>' => '＞',
            '*' => '＊',
            '`' => '＇',
            '#' if place == 0 => '＃',
            '@' => '＠',
            c => c,
        });
    }
    plain
}

/// For HTML, and whatever takes its three escapes.
pub(super) fn escape(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars().filter_map(harmless) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For services that take plain text.
pub(super) fn plain(line: &str) -> String {
    line.chars().filter_map(harmless).collect()
}

pub(super) fn bytes(text: &str) -> usize {
    text.len()
}

pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}
