//! The capacity: what each flavor has, what it could still get and what would stop it, and for how long.
//!
//! The worst comes first in words: who would starve if all wanted their most, then the flavors.

use maud::{Markup, html};

use super::{cell, fact, glyph, head, short_cell};
use crate::view::Health;
use crate::view::capacity::{
    BoundView, CapacityView, Days, FlavorCapacity, LimitView, ProviderWord, TrendView,
};
use crate::voice::Voice;
use crate::words;

pub(super) fn sections(view: &CapacityView, voice: &Voice) -> Markup {
    html! {
        (verdict(view, voice))
        @for flavor in &view.flavors {
            (section(flavor, voice))
        }
        @if !view.starving.is_empty() { (starving(view, voice)) }
    }
}

fn verdict(view: &CapacityView, voice: &Voice) -> Markup {
    let health = if view.is_well() { Health::Up } else { Health::Down };
    let told = match view.starving.len() {
        0 => voice.say(words::ALL_FIT).to_owned(),
        count => voice.fill(words::SOME_STARVE, &[&count.to_string()]),
    };
    html! {
        section.(health.class()) #verdict {
            h1 { (glyph(health)) " " span { (told) } }
            p.quiet {
                (voice.say(words::CAPACITY)) " · " (voice.say(words::AS_OF)) " "
                time #as-of datetime=(voice.now) { (voice.clock(voice.now)) }
                " · " (voice.fill(words::ZONE, &[voice.zone_name()]))
                " · " a href="/api/capacity" { (voice.say(words::ALL_AS_JSON)) }
            }
            @if let Some(provider) = &view.provider { (said(provider, voice)) }
            @if view.flavors.is_empty() { p.calm { (voice.say(words::NO_POOLS)) } }
        }
    }
}

fn said(provider: &ProviderWord, voice: &Voice) -> Markup {
    html! {
        p.quiet {
            (voice.fill(words::PROVIDER_SAID, &[&provider.name])) " "
            @match provider.at {
                Some(at) => { (voice.ago(at)) }
                None => { (voice.say(words::NOTHING_YET)) }
            }
            @if let Some(error) = &provider.error { ": " (error) }
        }
    }
}

fn section(flavor: &FlavorCapacity, voice: &Voice) -> Markup {
    let health = if flavor.is_dry() || flavor.is_low() { Health::Down } else { Health::Up };
    let of = |count: u32, whole: u32| {
        voice.fill(words::POOL_READY_OF, &[&count.to_string(), &whole.to_string()])
    };
    html! {
        section id={ "flavor-" (flavor.flavor) } {
            h2 { (glyph(health)) " " (flavor.flavor) }
            dl.facts {
                (fact(words::ALLOCATED, of(flavor.allocated, flavor.max_total), voice))
                (fact(words::WARN_AT, flavor.warn_at, voice))
                (fact(words::POOL_READY, of(flavor.ready, flavor.wanted_ready), voice))
                (fact(words::POOL_BOOTING, flavor.being_made, voice))
                (fact(words::QUARANTINED, flavor.quarantined, voice))
                (fact(words::POOL_TOTAL, of(flavor.total, flavor.max_total), voice))
                (fact(words::CREATABLE, creatable(flavor, voice), voice))
                (fact(words::LAST_MADE, moment(flavor.last_made, voice), voice))
                @if let Some(waits) = &flavor.waits { (fact(words::ORDERS_WAIT, waits, voice)) }
                (fact(words::LAST_SHORTAGE, shortage(flavor, voice), voice))
                (fact(words::TREND, trend(flavor, voice), voice))
            }
            @if !flavor.bounds.is_empty() { (bounds(&flavor.bounds, voice)) }
        }
    }
}

fn creatable(flavor: &FlavorCapacity, voice: &Voice) -> Markup {
    html! {
        @match flavor.bounds.first() {
            None => { (voice.say(words::NOT_KNOWN)) }
            Some(bound) => {
                strong { (bound.more) } " " (voice.fill(words::BOUND_BY, &[&limit(&bound.limit, voice)]))
            }
        }
    }
}

fn moment(at: Option<model::time::Time>, voice: &Voice) -> Markup {
    html! {
        @match at {
            Some(at) => { (voice.ago(at)) }
            None => { (voice.say(words::NEVER_YET)) }
        }
    }
}

fn shortage(flavor: &FlavorCapacity, voice: &Voice) -> Markup {
    html! {
        @match &flavor.last_shortage {
            Some((at, why)) => { (voice.ago(*at)) ": " (why) }
            None => { (voice.say(words::NEVER_YET)) }
        }
    }
}

fn trend(flavor: &FlavorCapacity, voice: &Voice) -> Markup {
    let history = format!("{:.1}", flavor.history_days);
    html! {
        @match &flavor.trend {
            None => { (voice.fill(words::NO_TREND, &[&history])) }
            Some(trend) => {
                (slope(trend, voice)) " · "
                (voice.fill(words::DAYS_TO, &["80", &days(&trend.to_80, voice)])) " · "
                (voice.fill(words::DAYS_TO, &["100", &days(&trend.to_100, voice)])) " · "
                (voice.fill(words::FROM_DAYS, &[&history]))
            }
        }
    }
}

fn slope(trend: &TrendView, voice: &Voice) -> String {
    let number = |slope: f64| format!("{slope:+.1}");
    let (mid, low, high) = (number(trend.per_day), number(trend.low), number(trend.high));
    voice.fill(words::VMS_A_DAY, &[&mid, &low, &high])
}

fn days(days: &Days, voice: &Voice) -> String {
    let number = |days: f64| format!("{days:.0}");
    let never = || voice.say(words::NOT_AT_THIS_RATE).to_owned();
    let Some(likely) = days.likely else { return never() };
    if likely == 0.0 {
        return voice.say(words::REACHED).to_owned();
    }
    let soonest = days.soonest.map_or_else(|| number(likely), number);
    let latest = days.latest.map_or_else(|| "∞".to_owned(), number);
    voice.fill(words::IN_DAYS, &[&number(likely), &soonest, &latest])
}

fn bounds(bounds: &[BoundView], voice: &Voice) -> Markup {
    let heads = [words::LIMIT, words::MORE_VMS];
    let [_, more] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for bound in bounds {
                    tr {
                        th scope="row" { (limit(&bound.limit, voice)) }
                        (short_cell(more, bound.more))
                    }
                }
            }
        }
    }
}

fn limit(limit: &LimitView, voice: &Voice) -> String {
    match limit {
        LimitView::Pool { total, max_total } => {
            voice.fill(words::LIMIT_POOL, &[&total.to_string(), &max_total.to_string()])
        }
        LimitView::Quota { name, used, limit } => {
            voice.fill(words::LIMIT_QUOTA, &[name, &used.to_string(), &limit.to_string()])
        }
        LimitView::Hosts => voice.say(words::LIMIT_HOSTS).to_owned(),
    }
}

fn starving(view: &CapacityView, voice: &Voice) -> Markup {
    let heads = [words::MODULE, words::FLAVOR, words::LACKS, words::LIMIT];
    let [_, flavor, lacks, by] = heads.map(|word| voice.say(word));
    html! {
        section #starving {
            h2 { (voice.say(words::ALL_TO_MAX)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for one in &view.starving {
                        tr {
                            th scope="row" { (one.module) }
                            (short_cell(flavor, one.flavor.as_str()))
                            (short_cell(lacks, one.lacks))
                            (cell(by, limit(&one.by, voice)))
                        }
                    }
                }
            }
        }
    }
}
