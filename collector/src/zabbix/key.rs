//! The keys of items, taken apart: `vfs.fs.size["/var",pused]` is a name and its parameters.
//!
//! A parameter may be quoted, and may be an array; blanks before it do not count.

/// The longest key that Zabbix takes.
const MAX_KEY_BYTES: usize = 2048;

/// A key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Without their quotes; an array stays as it is written.
    pub(crate) params: Vec<String>,
}

impl Key {
    /// None if it is no key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_KEY_BYTES {
            return None;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return None;
        }
        let params = match rest {
            "" => Vec::new(),
            _ => params(rest.strip_prefix('[')?)?,
        };
        Some(Self { name: name.to_owned(), params })
    }

    /// A parameter; what is left out is empty.
    pub(crate) fn param(&self, at: usize) -> &str {
        self.params.get(at).map_or("", String::as_str)
    }
}

/// Reads up to the closing bracket, which must be the last character.
fn params(mut rest: &str) -> Option<Vec<String>> {
    let mut params = Vec::new();
    loop {
        rest = rest.trim_start_matches(' ');
        let (param, after) = match rest.chars().next()? {
            '"' => quoted(&rest[1..])?,
            '[' => array(rest)?,
            _ => {
                let end = rest.find([',', ']'])?;
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        params.push(param);
        match after.trim_start_matches(' ') {
            "]" => return Some(params),
            after => rest = after.strip_prefix(',')?,
        }
    }
}

fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &rest[at + 1..])),
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                text.push('"');
                chars.next();
            }
            _ => text.push(c),
        }
    }
    None
}

/// An array holds no other array, but may hold brackets in quotes.
fn array(rest: &str) -> Option<(String, &str)> {
    let mut is_quoted = false;
    for (at, c) in rest.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ']' if !is_quoted => return Some((rest[..=at].to_owned(), &rest[at + 1..])),
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_taken_apart() {
        let cases: &[(&str, &[&str])] = &[
            ("system.uptime", &["system.uptime"]),
            ("proc.num[]", &["proc.num", ""]),
            ("vfs.fs.size[/,pused]", &["vfs.fs.size", "/", "pused"]),
            ("vfs.fs.size[ \"/my, disk\" ,pused]", &["vfs.fs.size", "/my, disk", "pused"]),
            (
                "net.tcp.socket.count[,,,,established]",
                &["net.tcp.socket.count", "", "", "", "", "established"],
            ),
            ("k[\"a\\\"b\",[x,\"]\"],]", &["k", "a\"b", "[x,\"]\"]", ""]),
            ("k[a\"b]", &["k", "a\"b"]),
            ("磁盘", &[]),
            ("", &[]),
            ("k[", &[]),
            ("k[a", &[]),
            ("k[\"a]", &[]),
            ("k[a]b", &[]),
            ("k[a]]", &[]),
            ("k]", &[]),
            ("k[[a]", &[]),
        ];
        for (text, expected) in cases {
            let parts: Vec<String> = Key::parse(text)
                .map(|key| std::iter::once(key.name).chain(key.params).collect())
                .unwrap_or_default();
            assert_eq!(parts, *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_not(text in "[a-z.]{0,5}[\\[\\],\" \\\\a-z/é]{0,60}") {
            if let Some(key) = Key::parse(&text) {
                prop_assert!(key.params.iter().map(String::len).sum::<usize>() <= text.len());
            }
        }

        #[test]
        fn a_quoted_parameter_reads_back(params in prop::collection::vec("[a-z, \\[\\]/é\"]{0,12}", 1..5)) {
            let quoted: Vec<String> =
                params.iter().map(|param| format!("\"{}\"", param.replace('"', "\\\""))).collect();
            let key = Key::parse(&format!("k[{}]", quoted.join(","))).unwrap();
            prop_assert_eq!(key.params, params);
        }
    }
}
