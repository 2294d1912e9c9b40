//! The channels: with their secrets, and whether they can be what the file says.
//!
//! What a channel can get wrong is known by `drivers::channel`, which makes each once here, without
//! reaching for anybody; here it gets the line it stands in. Nothing is ever told to nobody: each
//! person needs a channel that leads there.

use std::path::Path;

use drivers::channel::{ChannelSpec, Ground, Trust};
use model::clock::{FixedClock, SharedClock};
use model::id::ChannelId;
use model::time::Time;

use super::raw::{RawConfig, RawPerson};
use super::secret::Secret;
use super::yaml::Document;
use super::{Reader, unknown};

impl Reader {
    /// The channels with their secrets, relative to the main file.
    pub(super) fn channels(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Vec<ChannelSpec> {
        let clock = SharedClock::new(FixedClock(Time::default()));
        let (data, trust) = (folder.join(&raw.store), Trust::only(Vec::new()));
        let ground = Ground::new(raw.fleet.clone(), data, folder.to_owned(), clock, trust);
        let mut channels = Vec::new();
        for (index, written) in raw.channels.iter().enumerate() {
            let mut channel = written.clone();
            let resolve = |text: &str| Secret::resolve(text, folder).map(|s| s.reveal().to_owned());
            let mut problems = channel.fill(resolve);
            // What a text holds that could not be read is not known, so nothing else is said.
            if problems.is_empty() {
                problems.extend(channel.open(&ground).err());
            }
            for problem in problems {
                let at = format!("channels.{index}.{}.{}", written.word(), problem.field);
                self.find(document, at, problem.message);
            }
            channels.push(channel);
        }
        channels
    }

    /// Names, and who is reached by them.
    pub(super) fn check_ways(&mut self, document: &Document, raw: &RawConfig) {
        let channels: Vec<&str> = raw.channels.iter().map(ChannelSpec::name).collect();
        for (index, name) in channels.iter().enumerate() {
            let at = format!("channels.{index}");
            if channels[..index].contains(name) {
                let message = format!("a second channel {name:?}; give it another name");
                self.find(document, at.clone(), message);
            }
            if let Err(error) = ChannelId::parse(name) {
                self.find(document, at, error.to_string());
            }
        }
        for (person, settings) in &raw.people {
            self.check_ways_to(document, raw, &format!("people.{person}"), settings);
        }
    }

    fn check_ways_to(&mut self, document: &Document, raw: &RawConfig, at: &str, to: &RawPerson) {
        let channels: Vec<&str> = raw.channels.iter().map(ChannelSpec::name).collect();
        if to.ways().is_empty() {
            let message = "no channel leads there; write channel: NAME, or channels: [NAME, ...]";
            self.find(document, at, message);
        }
        if to.channel.is_some() && !to.channels.is_empty() {
            let message = "write channel or channels, not both";
            self.find(document, format!("{at}.channels"), message);
        }
        for way in to.ways() {
            let field = if to.channel.is_some() { "channel" } else { "channels" };
            let Some(channel) = raw.channels.iter().find(|channel| channel.name() == way) else {
                let message = unknown("channel", way, &channels);
                self.find(document, format!("{at}.{field}"), message);
                continue;
            };
            let address = to.addresses.get(way).map(String::as_str);
            if let Err(message) = channel.reaches(address) {
                let message = format!("{way} does not lead there: {message}");
                self.find(document, format!("{at}.addresses"), message);
            }
        }
        for name in to.addresses.keys().filter(|name| !channels.contains(&name.as_str())) {
            let message = unknown("channel", name, &channels);
            self.find(document, format!("{at}.addresses"), message);
        }
    }
}
