//! The lines of one text, which cannot grow too long: each has a bound, and so has the sum.
//!
//! What does not fit is left out by what it means and not by where it stands: the first line and
//! the moment always stay, the sentences go before the lists, and of a list the last lines are
//! counted. No line is cut that is made of legal names.

use model::lang::Lang;

use crate::message::MAX_TEXT_CHARS;

/// More than the longest line of the longest names; what is longer yet was written by hand.
const MAX_LINE_CHARS: usize = 2_400;
/// Room for a line that says how much was left out.
const COUNT_CHARS: usize = 60;
/// How many lines of a short list are enough.
const MAX_SHORT: usize = 10;

/// What takes its room first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Always,
    Sentence,
    Short,
    Long,
}

/// One sentence, or the lines of one list.
#[derive(Debug)]
struct Part {
    rank: Rank,
    lines: Vec<String>,
    left_out: usize,
    /// What a list has more of.
    things: &'static str,
}

/// A text of at most [`MAX_TEXT_CHARS`].
#[derive(Debug)]
pub(crate) struct Lines {
    parts: Vec<Part>,
    lang: Lang,
}

impl Lines {
    /// The first line says it all.
    pub(crate) fn begin(first: &str, lang: Lang) -> Self {
        let mut lines = Self { parts: Vec::new(), lang };
        lines.always(first);
        lines
    }

    /// A short line without which the text is worth little.
    pub(crate) fn always(&mut self, line: &str) {
        self.put(Rank::Always, [line.to_owned()], "");
    }

    pub(crate) fn add(&mut self, line: &str) {
        self.put(Rank::Sentence, [line.to_owned()], "");
    }

    /// A list of which a few lines are enough.
    pub(crate) fn short_list(&mut self, lines: Vec<String>, things: &'static str) {
        self.put(Rank::Short, lines, things);
    }

    /// A list that takes whatever room the rest has left.
    pub(crate) fn long_list(
        &mut self,
        lines: impl ExactSizeIterator<Item = String>,
        things: &'static str,
    ) {
        self.put(Rank::Long, lines, things);
    }

    /// What would not fit if there were nothing else is counted, and not made.
    fn put<L>(&mut self, rank: Rank, lines: L, things: &'static str)
    where
        L: IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
    {
        let (lines, mut room) = (lines.into_iter(), MAX_TEXT_CHARS);
        let all = lines.len();
        let fits = |line: &String| {
            let left = room.checked_sub(line.chars().count());
            room = left.unwrap_or_default();
            left.is_some()
        };
        let lines: Vec<String> = lines.map(bounded).take_while(fits).collect();
        let left_out = all - lines.len();
        self.parts.push(Part { rank, lines, left_out, things });
    }

    pub(crate) fn finish(mut self) -> String {
        let lists = self.parts.iter().filter(|part| part.is_list()).count();
        let mut room = MAX_TEXT_CHARS - COUNT_CHARS * (lists + 1);
        let mut by_rank: Vec<&mut Part> = self.parts.iter_mut().collect();
        by_rank.sort_by_key(|part| part.rank);
        for part in by_rank {
            part.fit(&mut room);
        }
        let sentences = self.parts.iter().filter(|part| !part.is_list());
        let left_out: usize = sentences.map(|part| part.left_out).sum();
        let lang = self.lang;
        let mut lines: Vec<String> =
            self.parts.into_iter().flat_map(|part| part.written(lang)).collect();
        if left_out > 0 {
            lines.push(format!("… {left_out} {}", lang.pick("more lines", "行未显示")));
        }
        lines.join("\n")
    }
}

impl Part {
    fn is_list(&self) -> bool {
        self.rank >= Rank::Short
    }

    /// Leaves out the last lines, for which there is no room.
    fn fit(&mut self, room: &mut usize) {
        let most = if self.rank == Rank::Short { MAX_SHORT } else { usize::MAX };
        let fits = |line: &&String| match room.checked_sub(line.chars().count() + 1) {
            Some(left) => {
                *room = left;
                true
            }
            None => false,
        };
        let shown = self.lines.iter().take(most).take_while(fits).count();
        self.left_out += self.lines.len() - shown;
        self.lines.truncate(shown);
    }

    /// With the count of what a list has more.
    fn written(mut self, lang: Lang) -> Vec<String> {
        if self.is_list() && self.left_out > 0 {
            let (more, things) = (self.left_out, self.things);
            self.lines.push(
                lang.pick(format!("… and {more} more {things}"), format!("… 另有 {more} {things}")),
            );
        }
        self.lines
    }
}

fn bounded(line: String) -> String {
    match line.chars().count() > MAX_LINE_CHARS {
        true => line.chars().take(MAX_LINE_CHARS - 1).chain(['…']).collect(),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_within_its_limit_and_says_what_it_left_out() {
        let mut lines = Lines::begin("first", Lang::En);
        for _ in 0..30 {
            lines.add(&"名".repeat(200));
        }
        let text = lines.finish();
        assert!(text.chars().count() <= MAX_TEXT_CHARS);
        assert!(text.ends_with("… 11 more lines"), "{text}");
    }

    #[test]
    fn a_first_line_without_end_is_cut_and_the_moment_stays() {
        let mut lines = Lines::begin(&"名".repeat(9_999), Lang::En);
        (0..30).for_each(|_| lines.add(&"x".repeat(300)));
        lines.always("Since noon");
        let text = lines.finish();
        assert!(text.chars().count() <= MAX_TEXT_CHARS);
        assert!(text.starts_with("名") && text.contains("…\n"), "{text}");
        assert!(text.contains("\nSince noon\n"), "{text}");
    }

    #[test]
    fn what_is_cut_is_the_long_list_and_not_what_stands_behind_it() {
        let many = |name: &str| -> Vec<String> {
            (0..200).map(|n| format!("{name} {n}: {}", "x".repeat(50))).collect()
        };
        let mut lines = Lines::begin("first", Lang::En);
        lines.long_list(many("module").into_iter(), "modules");
        lines.short_list(many("cost"), "costs");
        lines.add("why");
        let text = lines.finish();
        assert!(text.chars().count() <= MAX_TEXT_CHARS);
        assert!(text.contains("\ncost 9: ") && text.contains("\n… and 190 more costs\nwhy"));
        assert!(text.contains("\nmodule 40: ") && text.contains(" more modules\ncost 0: "));
        assert!(text.ends_with("\nwhy"), "{text}");
    }
}
