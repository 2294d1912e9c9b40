//! Whether a request makes sense: a person of the files, an object of the fleet, an end that is
//! ahead and not too far, a reason.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{Object, PersonId};
use model::time::Time;
use model::topology::Topology;
use model::unit::Span;

use super::Refusal;
use crate::config::Config;

/// The longest silence.
pub const LONGEST_SILENCE: Span = Span::secs(90 * 86_400);
/// The longest window that is opened by hand, and the longest snooze.
pub const LONGEST_WINDOW: Span = Span::secs(31 * 86_400);
/// The shortest of all: less is over before anybody would have been told.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest comment, in characters.
const MAX_COMMENT_CHARS: usize = 500;
/// More than these at a time are a sign that a file should say it.
pub const MAX_SILENCES: usize = 1000;
pub const MAX_WINDOWS: usize = 200;
/// Objects of one window; what they stand on is shorter to say.
pub const MAX_OBJECTS: usize = 100;

/// Whether the files know the person.
pub fn person(config: &Config, by: &PersonId) -> Result<(), Refusal> {
    if config.raw.people.contains_key(by) {
        return Ok(());
    }
    let people: Vec<&str> = config.raw.people.keys().map(PersonId::as_str).collect();
    let people = people.join(", ");
    Err(Refusal::new(
        format!("nobody is called {:?}; known are {people}", by.as_str()),
        format!("没有名为 {by} 的人；已知的有 {people}"),
    ))
}

/// The comment, cleaned. Whoever meets a silence at night wants to know why.
pub fn comment(written: &str) -> Result<String, Refusal> {
    let printable = written.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text: String = printable.collect::<String>().trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::new(
            "the comment is missing; say why, for those who meet it at night",
            "缺少说明；请写明原因，供其他人查看",
        ));
    }
    let chars = text.chars().count();
    if chars > MAX_COMMENT_CHARS {
        return Err(Refusal::new(
            format!("a comment of {chars} characters; write at most {MAX_COMMENT_CHARS}"),
            format!("说明有 {chars} 个字符；最多 {MAX_COMMENT_CHARS} 个"),
        ));
    }
    Ok(text)
}

/// When it ends, by a length or a moment.
pub fn end(
    lasting: Option<Span>,
    until: Option<&str>,
    now: Time,
    longest: Span,
) -> Result<Time, Refusal> {
    let end = match (lasting, until) {
        (Some(lasting), None) => now + lasting.0.min(longest.0 + SHORTEST),
        (None, Some(until)) => moment(until)?,
        _ => {
            return Err(Refusal::new(
                "the end is missing; write either for: 2h, or until: 2026-12-01T10:00:00Z",
                "缺少结束时间；请填写 for: 2h 或 until: 2026-12-01T10:00:00Z",
            ));
        }
    };
    between(now, end, longest)
}

/// Whether an end is ahead, and not too far.
pub fn between(now: Time, end: Time, longest: Span) -> Result<Time, Refusal> {
    if end < now + SHORTEST {
        return Err(Refusal::new(
            format!("the end {end} is not ahead; it is {now} now"),
            format!("结束时间 {end} 不在将来；现在是 {now}"),
        ));
    }
    if end > now + longest.0 {
        return Err(Refusal::new(
            format!("this would last too long; at most {longest} are taken"),
            format!("持续时间过长；最长 {longest}"),
        ));
    }
    Ok(end)
}

fn moment(text: &str) -> Result<Time, Refusal> {
    let stamp: jiff::Timestamp = text.parse().map_err(|_| {
        Refusal::new(
            format!("until {text:?} is no moment; write for example 2026-12-01T10:00:00Z"),
            format!("until {text:?} 不是有效时间；例如 2026-12-01T10:00:00Z"),
        )
    })?;
    Ok(Time::from_millis(stamp.as_millisecond()))
}

/// Whether the fleet has the object. A silence of a name that is misspelled silences nothing, and
/// nobody would notice before it matters.
pub fn object(topology: &Topology, config: &Config, object: &Object) -> Result<(), Refusal> {
    let known = namesakes(topology, config, object);
    if known.contains(object.name()) {
        return Ok(());
    }
    let similar = |name: &&&str| strsim::jaro_winkler(name, object.name());
    let nearest = known.iter().max_by(|a, b| similar(a).total_cmp(&similar(b)));
    let nearest = nearest.filter(|name| similar(name) > 0.75);
    let kind = object.kind();
    Err(match nearest {
        Some(name) => Refusal::new(
            format!("no {object} is known; did you mean {kind}/{name}?"),
            format!("没有 {object}；是否指 {kind}/{name}？"),
        ),
        None => Refusal::new(
            format!("no {object} is known; write kind/name, for example host/h1 or vm/web-01"),
            format!("没有 {object}；请写成 类型/名称，例如 host/h1 或 vm/web-01"),
        ),
    })
}

/// All names of the same kind.
fn namesakes<'a>(topology: &'a Topology, config: &'a Config, object: &Object) -> BTreeSet<&'a str> {
    match object {
        Object::Switch(_) => topology.switches.iter().map(|id| id.as_str()).collect(),
        Object::Host(_) => topology.hosts.keys().map(|id| id.as_str()).collect(),
        Object::Vm(_) => topology.vms.keys().map(|id| id.as_str()).collect(),
        Object::Module(_) => topology.modules.keys().map(|id| id.as_str()).collect(),
        Object::Project(_) => topology.projects.keys().map(|id| id.as_str()).collect(),
        Object::DataSource(_) => topology.data_sources.keys().map(|id| id.as_str()).collect(),
        Object::Collector(_) => topology.collectors.iter().map(|id| id.as_str()).collect(),
        Object::Channel(_) => config.channels.iter().map(|channel| channel.name()).collect(),
        Object::Pool(_) => config.scaler.pools.keys().map(|flavor| flavor.as_str()).collect(),
        Object::Vantage(_) => config.vantages.keys().map(|vantage| vantage.as_str()).collect(),
    }
}
