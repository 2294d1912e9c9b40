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
            let is_the_one = to.channel.as_deref() == Some(way);
            let field = if is_the_one { "channel" } else { "channels" };
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

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config;

    /// Each example of docs/channels.md, with some text for each secret.
    fn examples() -> Vec<String> {
        let text = include_str!("../../../docs/channels.md");
        let blocks = text.split("```yaml\n").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
        blocks.map(with_secrets).collect()
    }

    fn with_secrets(block: &str) -> String {
        let mut parts = block.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (_, rest) = part.split_once('}').expect("a reference ends");
            filled += &format!("${{file:key}}{rest}");
        }
        filled
    }

    #[test]
    fn every_example_of_the_docs_is_taken() {
        let folder = std::env::temp_dir().join(format!("cloudbrain-docs-{}", std::process::id()));
        for part in ["projects", "policies"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::write(folder.join("key"), "a-secret").unwrap();
        let examples = examples();
        assert!(examples.len() > 10, "{}", examples.len());
        for example in examples {
            fs::write(folder.join("cloudbrain.yaml"), format!("fleet: test\n{example}")).unwrap();
            let loaded = config::load(&folder.join("cloudbrain.yaml"));
            let problems = loaded.problems.iter().map(ToString::to_string);
            let others: Vec<_> = problems.filter(|p| !p.contains("operations view")).collect();
            assert!(others.is_empty(), "{others:?}\n{example}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_leads_to_nobody_is_refused_with_its_line() {
        let folder = std::env::temp_dir().join(format!("cloudbrain-ways-{}", std::process::id()));
        for part in ["projects", "policies"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let file = "fleet: test
operations: [ann]
channels:
  - inbox: {name: file, path: inbox}
  - inbox: {name: file, path: inbox}
  - email: {name: mail, server: smtp.example, from: a@b.example}
  - wecom: {name: we com, url: 'https://h/${env:CLOUDBRAIN_NO_SUCH}'}
people:
  ann: {}
  bob: {channel: mail}
  eve: {channel: file, channels: [fil], addresses: {fie: x}}
  joe: {channel: mail, addresses: {mail: joe}}
";
        fs::write(folder.join("cloudbrain.yaml"), file).unwrap();
        let loaded = config::load(&folder.join("cloudbrain.yaml"));
        let place = format!("{}/", folder.display());
        let problems = loaded.problems.iter().map(|p| p.to_string().replace(&place, ""));
        let mut problems: Vec<String> = problems.collect();
        problems.sort();
        fs::remove_dir_all(&folder).unwrap();
        expect_test::expect![[r#"
            cloudbrain.yaml:10: error: people.bob.addresses: mail does not lead there: mail needs an address
            cloudbrain.yaml:11: error: people.eve.addresses: unknown channel "fie"; known are file, file, mail, we com
            cloudbrain.yaml:11: error: people.eve.channels: unknown channel "fil"; known are file, file, mail, we com
            cloudbrain.yaml:11: error: people.eve.channels: write channel or channels, not both
            cloudbrain.yaml:12: error: people.joe.addresses: mail does not lead there: "joe" is no address of mail; write ann@shop.example
            cloudbrain.yaml:5: error: channels.1: a second channel "file"; give it another name
            cloudbrain.yaml:7: error: channels.3.wecom.url: the environment has no CLOUDBRAIN_NO_SUCH; set it
            cloudbrain.yaml:7: error: channels.3: ' ' in channel name "we com"; allowed are a-z A-Z 0-9 . _ - : @ /
            cloudbrain.yaml:9: error: people.ann: no channel leads there; write channel: NAME, or channels: [NAME, ...]
        "#]].assert_eq(&(problems.join("\n") + "\n"));
    }
}
