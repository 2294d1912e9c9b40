//! Sentences of our own, in another language.
//!
//! A sense says what it found in one English sentence, with what the other end said inside it. Who
//! reads Chinese wants our part of that in Chinese and the other end's part as it came. So each
//! room lists its sentences as patterns with holes, and a sentence is recognised by what stands
//! between the holes.
//!
//! It never fails: what is in no list stays as it is. A hole is left alone unless the pattern says
//! that a sentence of ours stands in it, so nothing that a monitored system says is translated
//! because it looks like ours, but where it stands alone in such a hole.
//!
//! Work is bounded: the text that is looked at by its length, nested sentences by their depth.

/// A sentence with holes `{}`, and what it is in the other language: `{0}` stands for the first
/// hole as it is, `{0:}` for the first hole as a sentence of ours.
pub type Phrase = (&'static str, &'static str);

/// Longer texts are none of our sentences.
const MAX_BYTES: usize = 4096;
/// A sentence in a sentence, so often.
const MAX_DEPTH: usize = 6;

/// The text in the other language, as far as it is known. Sentences that are joined by semicolons
/// are looked up one by one.
pub fn translate(phrases: &[&[Phrase]], text: &str) -> String {
    if text.len() > MAX_BYTES { text.to_owned() } else { nested(phrases, text, MAX_DEPTH) }
}

fn nested(phrases: &[&[Phrase]], text: &str, depth: usize) -> String {
    if depth == 0 || text.is_empty() {
        return text.to_owned();
    }
    let all = || phrases.iter().copied().flatten();
    let known = all().find_map(|(from, to)| Some((holes(from, text)?, to)));
    if let Some((holes, to)) = known {
        return fill(to, &holes, &|hole| nested(phrases, hole, depth - 1));
    }
    let Some((first, rest)) = text.split_once("; ") else { return text.to_owned() };
    let told = [first, rest].map(|part| nested(phrases, part, depth - 1));
    // Commands have semicolons of their own, which must stay.
    if told == [first, rest] { text.to_owned() } else { told.join("；") }
}

/// What stands in the holes of a pattern, the shortest that fits; None if the text is no such
/// sentence. In a hole stands one sentence or a name; only behind a colon may stand several.
fn holes<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let holes = parts_between(pattern, text)?;
    let (is_open, last) = (pattern.ends_with(": {}"), holes.len().saturating_sub(1));
    let is_one = |(place, hole): (usize, &&str)| !hole.contains("; ") || (is_open && place == last);
    holes.iter().enumerate().all(is_one).then_some(holes)
}

fn parts_between<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty().then(Vec::new);
    };
    let mut holes = Vec::with_capacity(parts.len());
    for part in between {
        let (hole, after) = rest.split_once(part)?;
        holes.push(hole);
        rest = after;
    }
    holes.push(rest.strip_suffix(last)?);
    Some(holes)
}

fn fill(pattern: &str, holes: &[&str], translate: &dyn Fn(&str) -> String) -> String {
    let mut parts = pattern.split('{');
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, after) = part.split_once('}').unwrap_or((part, ""));
        let hole = |place: &str| place.parse().ok().and_then(|place: usize| holes.get(place));
        match place.strip_suffix(':') {
            Some(place) => told += &hole(place).map_or_else(String::new, |hole| translate(hole)),
            None => told += hole(place).copied().unwrap_or_default(),
        }
        told += after;
    }
    told
}

/// What is wrong with a list, for its test: holes that are not there, or that are lost.
pub fn mistakes(phrases: &[Phrase]) -> Vec<String> {
    let wrong = phrases.iter().filter(|(from, to)| {
        let count = from.matches("{}").count();
        let is_there = |place: usize| {
            to.contains(&format!("{{{place}}}")) || to.contains(&format!("{{{place}:}}"))
        };
        !(0..count).all(is_there) || to.matches('{').count() != count
    });
    wrong.map(|(from, to)| format!("{from:?} and {to:?}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOK: &[&[Phrase]] = &[
        &[("agent of {} silent: {}", "{0} 的 agent 无响应：{1:}"), ("refused", "被拒绝")],
        &[("{} of {} lost", "{1} 个中丢失 {0} 个"), ("it said {}", "对方说 {0}")],
    ];

    #[test]
    fn our_part_is_translated_and_the_other_ends_part_is_not() {
        let told = |text: &str| translate(BOOK, text);
        assert_eq!(told("agent of h1 silent: refused"), "h1 的 agent 无响应：被拒绝");
        assert_eq!(told("agent of h1 silent: hi"), "h1 的 agent 无响应：hi");
        assert_eq!(told("2 of 3 lost"), "3 个中丢失 2 个");
        assert_eq!(told("it said refused"), "对方说 refused");
        assert_eq!(told("refused; 2 of 3 lost; what"), "被拒绝；3 个中丢失 2 个；what");
        assert_eq!(told("refused twice"), "refused twice");
        assert_eq!(told("it said no; refused"), "对方说 no；被拒绝");
        assert_eq!(told("GRANT a; GRANT b;"), "GRANT a; GRANT b;");
        assert_eq!(
            told("agent of h silent: refused; refused"),
            "h 的 agent 无响应：被拒绝；被拒绝"
        );
        assert_eq!(told(&"refused; ".repeat(1000)), "refused; ".repeat(1000));
    }

    #[test]
    fn a_lost_hole_is_a_mistake() {
        assert_eq!(BOOK.iter().flat_map(|list| mistakes(list)).collect::<Vec<_>>(), [""; 0]);
        let wrong = [("{} of {}", "{0}"), ("a", "{0}"), ("{}", "{0} {0:}"), ("{}", "{0:}")];
        assert_eq!(mistakes(&wrong).len(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_comes_out(text in "(agent of |silent: |of |lost|refused|; |[a-z{}维]){0,12}") {
            translate(BOOK, &text);
        }
    }
}
