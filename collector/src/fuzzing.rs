//! Doors for the fuzzer (`fuzz/`, `tests/fuzz`) to readers that nobody else calls from outside.
//!
//! Each takes any bytes. What must hold beside "no panic" is asserted here.

use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;

use crate::frame::{encode, read_frame};
use crate::passive::ask::{read_json, read_plain};
use crate::probe::answer::{Broken, Page, Reader};
use crate::probe::content::content;
use crate::zabbix::api::read_answer;
use crate::zabbix::{event, export, history, host, items};

/// So much a frame may bring here; more is refused before it is read.
const MAX_FRAME_BYTES: usize = 1 << 20;

/// A frame of the Zabbix protocol.
pub fn frame(bytes: &[u8]) {
    let mut stream = bytes;
    let read = read_frame(&mut stream, MAX_FRAME_BYTES).now_or_never();
    let Some(Ok(data)) = read else { return };
    assert!(data.len() <= MAX_FRAME_BYTES);
    let again = encode(&data);
    let again = read_frame(&mut &*again, MAX_FRAME_BYTES).now_or_never();
    assert_eq!(again.and_then(Result::ok), Some(data));
}

/// A request of an agent that came by itself.
pub fn active_request(bytes: &[u8]) {
    crate::active::read_request(bytes);
}

/// What an agent answers that was asked for up to three keys.
pub fn agent_answer(bytes: &[u8]) {
    let _ = read_plain(bytes);
    if let Ok(answers) = read_json(bytes, 3) {
        assert!(answers.len() <= 3);
    }
}

/// An application's answer to a probe. It means the same in whatever pieces it comes.
pub fn probe_answer(bytes: &[u8]) {
    let Some((at, answer)) = bytes.split_first() else { return };
    let (first, second) = answer.split_at(usize::from(*at).min(answer.len()));
    let whole = probed(&[answer]);
    // Why it is broken is told of what had come until then, so the words may differ.
    assert_eq!(whole.as_ref().ok(), probed(&[first, second]).as_ref().ok());
    if let Ok(page) = whole {
        let _ = content(&page);
        let _ = crate::monitor_x::judge(&page);
    }
}

fn probed(pieces: &[&[u8]]) -> Result<Page, Broken> {
    let mut reader = Reader::new(true);
    for piece in pieces {
        reader.feed(piece)?;
        if reader.is_done() {
            break;
        }
    }
    reader.finish()
}

/// An answer of a Zabbix server's API, as each question would read it, and a line of its export.
pub fn zabbix_answer(bytes: &[u8]) {
    answered::<host::HostRow>(bytes);
    answered::<items::ItemRow>(bytes);
    answered::<event::EventRow>(bytes);
    answered::<history::HistoryRow>(bytes);
    let _ = export::parse(bytes);
}

fn answered<T: DeserializeOwned>(bytes: &[u8]) {
    let _: Result<Vec<T>, _> = read_answer("any.get", bytes);
}
