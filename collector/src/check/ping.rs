//! Does a machine answer to ICMP echo requests, how many of them, and how fast?
//!
//! Linux lets a program ping only if it was allowed to; a machine where it was not is set up wrong,
//! and nothing is known of whom it should ping.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use model::unit::Span;
use model::verdict::Phase;
use surge_ping::{Client, Config, ICMP, PingIdentifier, PingSequence, SurgeError};

use super::condition::Unmet;
use super::spec::{Common, Problem, check_kind, is_host};
use super::{Ground, Judging, Kind, Readings};
use crate::probe::exchange::{Place, addresses};
use crate::probe::failure::{Failure, Trace};

/// What is sent along; the size of a usual ping.
const PAYLOAD: [u8; 56] = [0x55; 56];
/// More would be a burden, and take longer than a look should.
const MAX_PACKETS: u16 = 20;
/// Of the time of a look, this share is for the packets; the rest is for the name.
const PACKETS_SHARE: f64 = 0.8;

check_kind! {
    /// A machine answers to ICMP echo requests.
    PingCheck {
        /// A name or an address.
        host: String,
        /// How many are sent, one after the other.
        #[serde(default = "packets")]
        packets: u16,
        /// How many of a hundred may get lost; with all of them lost the check fails anyhow.
        #[serde(default)]
        max_loss_percent: u8,
        /// How long an answer may take, in the mean.
        rtt_below: Option<Span>,
    }
}

/// What came of the packets.
#[derive(Debug, Default)]
struct Echoes {
    sent: u16,
    times: Vec<Duration>,
}

fn packets() -> u16 {
    3
}

impl Kind for PingCheck {
    fn word(&self) -> &'static str {
        "ping"
    }

    fn common(&self) -> Common<'_> {
        self.common()
    }

    fn destination(&self) -> String {
        self.host.clone()
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !is_host(&self.host) && self.host.parse::<IpAddr>().is_err() {
            let message = format!("{:?} is no host; write a name or an address", self.host);
            problems.push(Problem::error("host", message));
        }
        if !(1..=MAX_PACKETS).contains(&self.packets) {
            let message = format!("{} packets; write 1 to {MAX_PACKETS}", self.packets);
            problems.push(Problem::error("packets", message));
        }
        if self.max_loss_percent >= 100 {
            let message = "a machine that answers nothing is down; write less than 100";
            problems.push(Problem::error("max_loss_percent", message));
        }
        if self.rtt_below.is_some_and(|rtt| rtt.0 >= self.patience()) {
            let message = format!(
                "each of {} packets is waited for {:?} at most; write less, or a longer timeout",
                self.packets,
                self.patience()
            );
            problems.push(Problem::error("rtt_below", message));
        }
        problems
    }

    fn look<'a, 'c: 'a>(
        &'a self,
        ground: &'a Ground,
        trace: &'a mut Trace<'c>,
        readings: &'a mut Readings,
    ) -> Judging<'a> {
        Box::pin(async move {
            let place = Place::Name { host: &self.host, port: 0, family: self.family };
            let found = addresses(place, ground.names(), trace).await?;
            let no_address = || Failure::theirs(Phase::Dns, "no address");
            let address = found.first().ok_or_else(no_address)?.ip();
            trace.begin(Phase::Connect);
            let echoes = ping(address, self.packets, self.patience()).await?;
            readings.add("check_ping_loss_ratio", echoes.loss());
            if let Some(mean) = echoes.mean() {
                readings.add("check_ping_rtt_seconds", mean.as_secs_f64());
            }
            self.judge(&echoes)
        })
    }
}

impl PingCheck {
    /// How long one answer is waited for.
    fn patience(&self) -> Duration {
        self.timeout.0.mul_f64(PACKETS_SHARE) / u32::from(self.packets.max(1))
    }

    fn judge(&self, echoes: &Echoes) -> Result<Unmet, Failure> {
        let sent = echoes.sent;
        let Some(mean) = echoes.mean() else {
            let packets = if sent == 1 { "packet" } else { "packets" };
            let hint = format!("no answer to {sent} {packets}, each within {:?}", self.patience());
            return Err(Failure::theirs(Phase::Connect, hint));
        };
        let mut unmet = Unmet::default();
        let (lost, allowed) = (usize::from(sent) - echoes.times.len(), self.max_loss_percent);
        unmet.unless(echoes.loss() * 100.0 <= f64::from(allowed), || {
            format!("{lost} of {sent} packets are lost, want at most {allowed} %")
        });
        if let Some(wanted) = self.rtt_below {
            unmet.unless(mean < wanted.0, || {
                let mean_ms = mean.as_secs_f64() * 1000.0;
                format!("an answer takes {mean_ms:.1} ms in the mean, want below {wanted}")
            });
        }
        Ok(unmet)
    }
}

impl Echoes {
    fn loss(&self) -> f64 {
        1.0 - self.times.len() as f64 / f64::from(self.sent.max(1))
    }

    fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.times.len()).ok().filter(|count| *count > 0)?;
        Some(self.times.iter().sum::<Duration>() / count)
    }
}

async fn ping(address: IpAddr, packets: u16, patience: Duration) -> Result<Echoes, Failure> {
    let kind = if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
    let client = Client::new(&Config::builder().kind(kind).build()).map_err(|e| fault(&e))?;
    let mut pinger = client.pinger(address, identifier()).await;
    pinger.timeout(patience);
    let mut echoes = Echoes::default();
    for sequence in 0..packets {
        echoes.sent += 1;
        match pinger.ping(PingSequence(sequence), &PAYLOAD).await {
            Ok((_, took)) => echoes.times.push(took),
            Err(SurgeError::IOError(error)) => return Err(fault(&error)),
            // Nothing came, or something that is no answer.
            Err(_) => {}
        }
    }
    Ok(echoes)
}

/// A raw socket hears the answers to all pings of this machine, so no two looks may use the same.
/// (The other sort of socket is given one by the kernel.)
fn identifier() -> PingIdentifier {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = std::process::id() as u16;
    PingIdentifier(own.wrapping_add(NEXT.fetch_add(1, Relaxed)))
}

fn fault(error: &io::Error) -> Failure {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Failure::from_error(Phase::Connect, error);
    }
    Failure::Setup {
        what: "this program may not ping".to_owned(),
        remedy: "as root: sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or \
                 setcap cap_net_raw+ep \"$(command -v cloudbrain)\""
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> PingCheck {
        serde_json::from_str(text).unwrap()
    }

    fn told(check: &PingCheck, sent: u16, times_ms: &[u64]) -> String {
        let times = times_ms.iter().copied().map(Duration::from_millis).collect();
        match check.judge(&Echoes { sent, times }).and_then(Unmet::into_failure) {
            Ok(()) => "good".to_owned(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn loss_and_time_are_judged() {
        let check = check(
            r#"{"name": "gw", "host": "gw", "packets": 4, "max_loss_percent": 25,
                "rtt_below": "20ms"}"#,
        );
        assert_eq!(told(&check, 4, &[1, 2, 3, 4]), "good");
        assert_eq!(told(&check, 4, &[1, 2, 3]), "good");
        assert_eq!(
            told(&check, 4, &[30, 40]),
            "condition: 2 of 4 packets are lost, want at most 25 %; \
             an answer takes 35.0 ms in the mean, want below 20ms"
        );
        assert_eq!(told(&check, 4, &[]), "connect: no answer to 4 packets, each within 1s");
    }

    #[test]
    fn want_of_permission_is_told_with_the_words_to_type() {
        let failure = fault(&io::Error::from(io::ErrorKind::PermissionDenied)).to_string();
        assert!(failure.contains("sysctl -w net.ipv4.ping_group_range=\"0 2147483647\""));
        assert!(failure.contains("setcap cap_net_raw+ep"), "{failure}");
        let no_route = fault(&io::Error::from_raw_os_error(101));
        assert!(matches!(no_route, Failure::Ours { .. }), "{no_route}");
    }
}
