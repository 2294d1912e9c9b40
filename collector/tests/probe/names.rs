//! Names against resolvers that lie, loop, break off, or say nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use collector::poller::ProbeAddress;
use collector::probe::names::{NameError, Names};
use expect_test::expect;
use model::verdict::Family;
use proptest::prelude::*;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::looks::{LONG, SHORT, probe, told};
use crate::resolver::{Asked, Flags, POINTER_TO_QUESTION, Reply, record, resolver, wire_name};

/// Answers as the first label of the name says.
fn answer(asked: &Asked) -> Reply {
    let bytes = |records: &[Vec<u8>]| Reply::Bytes(asked.message(Flags::default(), records));
    let cname = |to: &str| record(&POINTER_TO_QUESTION, Asked::CNAME, &wire_name(to));
    let own = match asked.kind {
        Asked::A => asked.address_record("192.0.2.1"),
        _ => asked.address_record("2001:db8::1"),
    };
    match asked.name.split('.').next().unwrap() {
        "well" => bytes(&[own]),
        "four" if asked.kind == Asked::A => bytes(&[own]),
        "nothing" | "four" => bytes(&[]),
        "nxdomain" => asked.refused_with(3),
        "formerr" => asked.refused_with(1),
        "servfail" => asked.refused_with(2),
        "notimp" => asked.refused_with(4),
        "refused" => asked.refused_with(5),
        "odd-rcode" => asked.refused_with(11),
        "alias" => bytes(&[
            cname("well.yy.com"),
            record(&wire_name("well.yy.com"), asked.kind, &own[own.len() - data_length(asked)..]),
        ]),
        "alias-of-itself" => bytes(&[cname(&asked.name)]),
        "dead-alias" => bytes(&[cname("nothing.yy.com")]),
        "for-another" => bytes(&[record(
            &wire_name("evil.yy.com"),
            asked.kind,
            &own[own.len() - data_length(asked)..],
        )]),
        "too-long" if !asked.is_tcp => truncated(asked),
        "too-long" => bytes(&vec![own; 300]),
        "cut-off" if !asked.is_tcp => truncated(asked),
        "rubbish" => Reply::Bytes(vec![0xff; 100]),
        "empty" => Reply::Bytes(Vec::new()),
        "half" => Reply::Bytes(asked.message(Flags::default(), &[own])[..20].to_vec()),
        "promises" => {
            let mut message = asked.message(Flags::default(), &[own]);
            message[7] = 50;
            Reply::Bytes(message)
        }
        "loop" => {
            let at = u8::try_from(asked.message(Flags::default(), &[]).len()).unwrap();
            bytes(&[record(&[0xc0, at], asked.kind, &[1, 2, 3, 4])])
        }
        "wrong-length" => bytes(&[record(&POINTER_TO_QUESTION, asked.kind, &[1, 2, 3])]),
        "other-id" => {
            let mut message = asked.message(Flags::default(), &[own]);
            message[0] ^= 0xff;
            Reply::Bytes(message)
        }
        _ => Reply::Silence,
    }
}

fn data_length(asked: &Asked) -> usize {
    if asked.kind == Asked::A { 4 } else { 16 }
}

fn truncated(asked: &Asked) -> Reply {
    Reply::Bytes(asked.message(Flags { is_truncated: true, ..Flags::default() }, &[]))
}

#[tokio::test]
async fn whose_fault_it_is_that_a_name_has_no_address() {
    let names = Names::of_servers(&[resolver(answer).await]);
    let all = "well four nothing nxdomain formerr servfail notimp refused odd-rcode alias \
               alias-of-itself dead-alias for-another too-long cut-off rubbish empty half promises \
               loop wrong-length other-id silent";
    let mut looks = JoinSet::new();
    for (at, name) in all.split_whitespace().enumerate() {
        let names = names.clone();
        looks.spawn(async move {
            let found = timeout(LONG, names.addresses(&format!("{name}.yy.com"), None)).await;
            let told = match found.expect("a resolver's silence has a bound of its own") {
                Ok(found) if found.len() > 4 => format!("{} addresses", found.len()),
                Ok(found) => found.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "),
                // How exactly an answer cannot be read is the library's to say.
                Err(NameError::Unanswered(_)) => "no answer".to_owned(),
                Err(error) => error.to_string(),
            };
            (at, format!("{name:<16}{told}\n"))
        });
    }
    let mut seen = looks.join_all().await;
    seen.sort();
    expect![[r#"
        well            192.0.2.1 2001:db8::1
        four            192.0.2.1
        nothing         the name has no address
        nxdomain        there is no such name (NXDOMAIN)
        formerr         no answer
        servfail        the resolver answers SERVFAIL
        notimp          no answer
        refused         no answer
        odd-rcode       the resolver answers rcode 11
        alias           192.0.2.1 2001:db8::1
        alias-of-itself the name has no address
        dead-alias      the name has no address
        for-another     the name has no address
        too-long        600 addresses
        cut-off         no answer
        rubbish         no answer
        empty           no answer
        half            no answer
        promises        no answer
        loop            no answer
        wrong-length    no answer
        other-id        no answer
        silent          no answer
    "#]]
    .assert_eq(&seen.into_iter().map(|(_, line)| line).collect::<String>());
}

#[tokio::test]
async fn one_family_may_be_asked_for_and_an_address_is_its_own_name() {
    let names = Names::of_servers(&[resolver(answer).await]);
    let find = async |name: &str, family| match names.addresses(name, Some(family)).await {
        Ok(found) => format!("{found:?}"),
        Err(error) => error.to_string(),
    };
    expect!["[192.0.2.1]"].assert_eq(&find("well.yy.com", Family::Ipv4).await);
    expect!["[2001:db8::1]"].assert_eq(&find("well.yy.com", Family::Ipv6).await);
    expect!["the name has no IPv6 address"].assert_eq(&find("four.yy.com", Family::Ipv6).await);
    expect!["[::1]"].assert_eq(&find("::1", Family::Ipv6).await);
    expect!["the name has no IPv4 address"].assert_eq(&find("::1", Family::Ipv4).await);
    let long = "x".repeat(64);
    let invalid = find(&format!("{long}.yy.com"), Family::Ipv4).await;
    assert_eq!(invalid, format!("{long}.yy.com is no valid name"));
}

#[tokio::test]
async fn each_look_asks_anew() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let names = Names::of_servers(&[resolver(move |question: &Asked| {
        counter.fetch_add(1, Ordering::Relaxed);
        answer(question)
    })
    .await]);
    for name in ["well.yy.com", "nxdomain.yy.com"] {
        let before = asked.load(Ordering::Relaxed);
        let first = names.addresses(name, None).await;
        let once = asked.load(Ordering::Relaxed);
        assert_eq!(names.addresses(name, None).await, first);
        assert_eq!(asked.load(Ordering::Relaxed) - once, once - before, "{name}");
    }
}

#[tokio::test]
async fn the_system_knows_its_own_name() {
    let found = Names::system().addresses("localhost", Some(Family::Ipv4)).await.unwrap();
    assert_eq!(found, [IpAddr::from([127, 0, 0, 1])]);
}

#[tokio::test]
async fn a_silent_resolver_blinds_us_and_a_missing_name_is_a_fault_of_theirs() {
    let names = Names::of_servers(&[resolver(answer).await]);
    let mut seen = String::new();
    for host in ["silent", "nxdomain", "nothing", "servfail", "refused"] {
        let host = format!("{host}.yy.com");
        let address = ProbeAddress::Resolve { host, port: 80, family: None };
        seen += &(told(&probe(address, names.clone(), SHORT).await) + "\n");
    }
    expect![[r#"
        blind: the resolver gave no answer within 400ms
        unhealthy, dns: there is no such name (NXDOMAIN)
        unhealthy, dns: the name has no address
        unhealthy, dns: the resolver answers SERVFAIL
        blind: the resolver does not answer: REFUSED
    "#]]
    .assert_eq(&seen);
}

/// Nobody listens there: our resolver is down, which says nothing about any name.
#[tokio::test]
async fn a_closed_port_of_the_resolver_blinds_us() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let names = Names::of_servers(&[closed]);
    let address = ProbeAddress::Resolve { host: "www.yy.com".to_owned(), port: 80, family: None };
    let told = told(&probe(address, names, LONG).await);
    assert!(told.starts_with("blind: the resolver does not answer"), "{told}");
}

/// How an answer is spoilt: some bytes of it, or all that follows the question.
#[derive(Clone, Debug)]
enum Spoil {
    Bytes(Vec<(prop::sample::Index, u8)>),
    Rest(Vec<u8>),
}

fn spoils() -> impl Strategy<Value = Spoil> {
    let byte = (any::<prop::sample::Index>(), any::<u8>());
    prop_oneof![
        proptest::collection::vec(byte, 1..5).prop_map(Spoil::Bytes),
        proptest::collection::vec(any::<u8>(), 0..600).prop_map(Spoil::Rest),
    ]
}

fn spoilt(asked: &Asked, spoils: &[Spoil]) -> Reply {
    let number: usize = asked.name.split('.').next().unwrap().parse().unwrap();
    let record = asked.address_record(if asked.kind == Asked::A { "192.0.2.1" } else { "::1" });
    let mut message = asked.message(Flags::default(), &[record.clone(), record]);
    match &spoils[number] {
        Spoil::Bytes(bytes) => {
            for (at, byte) in bytes {
                // Behind the id: an answer to nothing is dropped, which is another test.
                let at = 2 + at.index(message.len() - 2);
                message[at] = *byte;
            }
        }
        Spoil::Rest(rest) => {
            message.truncate(asked.message(Flags::default(), &[]).len());
            message.extend(rest);
        }
    }
    Reply::Bytes(message)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Many at once, since an answer that cannot be read is waited past.
    #[test]
    fn a_spoilt_answer_does_no_harm(spoils in proptest::collection::vec(spoils(), 32)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let spoils: Arc<[Spoil]> = spoils.into();
            let count = spoils.len();
            let server: SocketAddr = resolver(move |asked: &Asked| spoilt(asked, &spoils)).await;
            let names = Names::of_servers(&[server]);
            let mut looks = JoinSet::new();
            for number in 0..count {
                let names = names.clone();
                looks.spawn(async move {
                    let host = format!("{number}.yy.com");
                    timeout(Duration::from_millis(300), names.addresses(&host, None)).await
                });
            }
            looks.join_all().await
        });
        for addresses in found.into_iter().flatten().flatten() {
            prop_assert!((1..=60).contains(&addresses.len()));
        }
    }
}
