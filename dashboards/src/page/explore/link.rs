//! The address of what somebody explores, for links on all pages.

use model::metric;

use crate::promql::quoted;
use crate::view::explore::{Range, Show, Wish};

/// Of a text in a query, only these are written as they are.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Where a wish is shown; what is as it is by itself is left out.
pub(in crate::page) fn path(wish: &Wish) -> String {
    let mut fields = vec![("q", wish.query.as_str()), ("range", wish.range.as_str())];
    if let Range::Between { from, until } = &wish.range {
        fields.extend([("from", from.as_str()), ("to", until.as_str())]);
    }
    if wish.show != Show::default() {
        fields.push(("show", wish.show.as_str()));
    }
    fields.push(("filter", &wish.filter));
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let fields: Vec<String> =
        fields.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("/explore?{}", fields.join("&"))
}

/// The load of all VMs of a module, a host, or of one VM, over the last hours.
pub(in crate::page) fn load_of(label: &str, value: &str) -> String {
    let query = format!("{}{{{label}={}}}", metric::LOAD1_PER_CORE, quoted(value));
    path(&Wish { query, range: Range::SixHours, ..Wish::default() })
}

/// For a part of a path or a query.
pub(in crate::page) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(byte.into());
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_all_that_was_asked_and_nothing_that_breaks_it() {
        let (from, until) = ("2026-03-02T10:00+01:00".to_owned(), "now & then".to_owned());
        let wish = Wish {
            query: "a{b=\"é\"} + 1".to_owned(),
            range: Range::Between { from, until },
            show: Show::Values,
            filter: "x#y".to_owned(),
        };
        assert_eq!(
            path(&wish),
            "/explore?q=a%7Bb%3D%22%C3%A9%22%7D%20%2B%201&range=between\
             &from=2026-03-02T10%3A00%2B01%3A00&to=now%20%26%20then&show=values&filter=x%23y"
        );
    }

    #[test]
    fn a_module_leads_to_its_load() {
        let path = load_of("module", "shop/web");
        let expected = "/explore?q=load1_per_core%7Bmodule%3D%22shop%2Fweb%22%7D&range=6h";
        assert_eq!(path, expected);
    }
}
