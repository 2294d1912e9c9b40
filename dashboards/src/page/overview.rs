//! The first page, from the most urgent to the least.

use maud::{Markup, html};

use super::{fleet, incidents, modules, monitor, pools, summary};
use crate::view::Overview;
use crate::voice::Voice;

pub(super) fn sections(overview: &Overview) -> Markup {
    let voice = Voice::of(overview);
    html! {
        (summary::section(overview, &voice))
        (incidents::headlines(&overview.incidents, &voice))
        (incidents::section(&overview.incidents, &voice))
        (fleet::section(overview, &voice))
        (modules::section(&overview.modules, &voice))
        (pools::section(&overview.pools, &voice))
        (monitor::brief::section(&overview.monitor, &voice))
    }
}
