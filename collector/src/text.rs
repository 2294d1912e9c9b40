//! Makes words of a monitored system fit to be repeated: short, and without tricks.
//!
//! Control characters could rewrite a terminal, and direction marks could make a line read
//! otherwise than it is. Escaping for a page is the page's own work.

use std::borrow::Cow;

/// At most `max_chars` characters, on one line; a cut is marked with `…`.
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    cleaned(text, max_chars).into_owned()
}

/// Likewise, and without a copy of what is clean already, as nearly all is.
pub(crate) fn cleaned(text: &str, max_chars: usize) -> Cow<'_, str> {
    if text.len() <= max_chars && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text.trim());
    }
    Cow::Owned(rewritten(text, max_chars))
}

fn rewritten(text: &str, max_chars: usize) -> String {
    let mut kept: Vec<char> = text.chars().filter_map(harmless).take(max_chars + 1).collect();
    if kept.len() > max_chars {
        kept.truncate(max_chars);
        kept.push('…');
    }
    kept.into_iter().collect::<String>().trim().to_owned()
}

/// The first `max_bytes` of something that may be no text at all.
pub(crate) fn clean_bytes(bytes: &[u8], max_bytes: usize) -> String {
    let start = &bytes[..bytes.len().min(max_bytes)];
    clean(String::from_utf8_lossy(start).trim_end_matches('\u{fffd}'), max_bytes)
}

fn harmless(c: char) -> Option<char> {
    let is_invisible = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    match c {
        '\n' | '\r' | '\t' => Some(' '),
        _ if c.is_control() || is_invisible => None,
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mislead_a_reader_is_dropped() {
        assert_eq!(clean("a\u{1b}[2Jb\n\u{202e}c\0", 200), "a[2Jb c");
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(clean("  \r\n ", 9), "");
    }

    #[test]
    fn a_letter_cut_in_two_is_left_out() {
        assert_eq!(clean_bytes("维护".as_bytes(), 4), "维");
        assert_eq!(clean_bytes(b"\x1f\x8b\x08x", 512), "\u{fffd}x");
    }
}
