//! A file of messages: each stands in it once.

use std::fs;

use alerter::hands::{Channel, ChannelError};
use alerter::message::Message;
use drivers::channel::inbox::InboxChannel;

use crate::common::{Scratch, alone, problem};

fn named(key: &str) -> Message {
    Message { key: key.to_owned(), ..problem() }
}

fn keys(scratch: &Scratch) -> Vec<String> {
    let text = fs::read_to_string(scratch.path().join("inbox")).expect("the file");
    let read = |line: &str| serde_json::from_str::<Message>(line).ok();
    text.lines().map(|line| read(line).map_or("torn".to_owned(), |found| found.key)).collect()
}

fn inbox(scratch: &Scratch) -> InboxChannel {
    InboxChannel::new("file".to_owned(), scratch.path().join("inbox"))
}

#[tokio::test]
async fn a_message_stands_in_the_file_once_however_often_it_is_handed_over() {
    let scratch = Scratch::new();
    let channel = inbox(&scratch);
    for key in ["1", "1", "2"] {
        channel.deliver(alone(&named(key))).await.unwrap();
    }
    let next_brain = inbox(&scratch);
    for key in ["2", "3"] {
        next_brain.deliver(alone(&named(key))).await.unwrap();
    }
    channel.deliver(alone(&named("3"))).await.unwrap();
    assert_eq!(keys(&scratch), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_closed_and_its_message_written_whole() {
    let scratch = Scratch::new();
    let torn = serde_json::to_string(&named("1")).unwrap();
    fs::write(scratch.path().join("inbox"), &torn[..torn.len() - 5]).unwrap();
    let channel = inbox(&scratch);
    for key in ["1", "1", "2"] {
        channel.deliver(alone(&named(key))).await.unwrap();
    }
    assert_eq!(keys(&scratch), ["torn", "1", "2"]);
}

#[tokio::test]
async fn a_file_that_was_taken_away_begins_anew() {
    let scratch = Scratch::new();
    let channel = inbox(&scratch);
    channel.deliver(alone(&named("1"))).await.unwrap();
    fs::remove_file(scratch.path().join("inbox")).unwrap();
    channel.deliver(alone(&named("2"))).await.unwrap();
    assert_eq!(keys(&scratch), ["2"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_may_be_writable_later() {
    let scratch = Scratch::new();
    let channel = InboxChannel::new("file".to_owned(), scratch.path().join("no/such/folder"));
    let error = channel.deliver(alone(&named("1"))).await.unwrap_err();
    assert!(matches!(error, ChannelError::Retry { after: None, .. }), "{error}");
}
