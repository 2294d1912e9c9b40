//! The pools: how many VMs of each flavor are ready to be taken.

use maud::{Markup, html};

use super::{cell, head, note_cell};
use crate::view::PoolView;
use crate::voice::Voice;
use crate::words;

pub(super) fn section(pools: &[PoolView], voice: &Voice) -> Markup {
    html! {
        section #pools {
            h2 { (voice.say(words::POOLS)) }
            @if pools.is_empty() {
                p.calm { (voice.say(words::NO_POOLS)) }
            } @else {
                (table(pools, voice))
            }
        }
    }
}

fn table(pools: &[PoolView], voice: &Voice) -> Markup {
    let heads = [
        words::FLAVOR,
        words::POOL_READY,
        words::POOL_BOOTING,
        words::POOL_TOTAL,
        words::POOL_NOTE,
    ];
    let [_, ready, booting, total, note] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for pool in pools {
                    tr {
                        th scope="row" { (pool.flavor) }
                        (cell(ready, of(pool.ready, pool.wanted_ready, voice)))
                        (cell(booting, pool.booting))
                        (cell(total, of(pool.total, pool.max_total, voice)))
                        (note_cell(note, &pool.note))
                    }
                }
            }
        }
    }
}

fn of(count: u32, whole: u32, voice: &Voice) -> String {
    voice.fill(words::POOL_READY_OF, &[&count.to_string(), &whole.to_string()])
}
