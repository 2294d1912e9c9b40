//! Far sides in a bad mood: silent, endless, gone, a stranger, or of any bytes at all.

use std::sync::Arc;
use std::time::Duration;

use drivers::channel::Trust;
use proptest::prelude::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::common::{Scratch, alone, ground, open, problem, told};
use crate::far_side::{FarSide, Mood, answer};
use crate::services::{
    Settings, channel, dingtalk, feishu, pagerduty, slack_bot, slack_hook, telegram, wecom,
};

/// Whatever a service does, its channel comes back in time and knows what it does not know.
#[tokio::test]
async fn a_far_side_that_does_not_answer_may_have_taken_it() {
    for settings in
        [dingtalk as Settings, wecom, feishu, slack_hook, slack_bot, telegram, pagerduty]
    {
        for mood in [Mood::Hangs, Mood::Closes, Mood::Says(b"rubbish\r\n\r\n".to_vec())] {
            let far_side = FarSide::start(mood.clone()).await;
            let mut ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
            if matches!(mood, Mood::Hangs) {
                ground.patience = Duration::from_millis(300);
            }
            let channel = open(settings(&format!("http://{}", far_side.address)), &ground).unwrap();
            let outcome = told(&channel.deliver(alone(&problem())).await);
            assert!(outcome.starts_with("perhaps: "), "{mood:?}: {outcome}");
            assert!(!outcome.contains("access_token") && outcome.len() < 400, "{outcome}");
        }
    }
}

/// Whatever bytes come back, what came of it is one of the four, in few words.
fn ends_in_few_words(bytes: &[u8]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        for settings in [dingtalk as Settings, feishu, slack_hook, slack_bot, telegram, pagerduty] {
            let far_side = FarSide::start(Mood::Says(bytes.to_vec())).await;
            let outcome = channel(settings, &far_side).deliver(alone(&problem())).await;
            let outcome = told(&outcome);
            prop_assert!(outcome.chars().count() < 300 + bytes.len(), "{outcome}");
            prop_assert!(!outcome.contains('\u{1b}') && !outcome.contains('\n'), "{outcome}");
        }
        Ok(())
    })
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let bodies = prop::sample::select(vec![
        r#"{"errcode":0,"errmsg":"ok"}"#,
        r#"{"code":11232,"msg":"frequency limited"}"#,
        r#"{"ok":true,"ts":"1.2","result":{"message_id":42}}"#,
        r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":5}}"#,
        "ok",
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..6);
    (bodies, 200..600_u16, changes).prop_map(|(body, status, changes)| {
        let Mood::Says(mut bytes) = answer(status, "retry-after: 7\r\n", body) else {
            unreachable!("an answer says something")
        };
        for (place, byte, how) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        ends_in_few_words(&bytes)?;
    }

    #[test]
    fn an_answer_with_faults_is_an_answer(bytes in mutated()) {
        ends_in_few_words(&bytes)?;
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_a_bound() {
    for settings in [dingtalk as Settings, wecom, feishu, slack_bot, telegram] {
        let far_side = FarSide::start(Mood::Endless).await;
        let outcome = told(&channel(settings, &far_side).deliver(alone(&problem())).await);
        assert!(
            outcome.starts_with("perhaps: 127.0.0.1: an answer that is not its own"),
            "{outcome}"
        );
    }
    let far_side = FarSide::start(Mood::Endless).await;
    let outcome = told(&channel(slack_hook, &far_side).deliver(alone(&problem())).await);
    assert!(outcome.starts_with("never: 127.0.0.1: xxx") && outcome.len() < 400, "{outcome}");
}

#[tokio::test]
async fn who_is_not_there_has_surely_not_got_it() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("it is bound"); // Nobody listens, nobody else can.
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    let channel = open(wecom(&format!("http://{address}")), &ground).unwrap();
    let outcome = told(&channel.deliver(alone(&problem())).await);
    assert!(outcome.starts_with("again: 127.0.0.1: Connection refused"), "{outcome}");
}

#[tokio::test]
async fn https_is_spoken_with_whom_is_trusted_and_with_nobody_else() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate with its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mood = answer(200, "", r#"{"errcode":0}"#);
    let far_side = FarSide::start_with(mood, Some(acceptor)).await;
    let settings = wecom(&format!("https://localhost:{}", far_side.address.port()));
    let scratch = Scratch::new();
    let trusting = ground(scratch.path(), Trust::only(vec![cert.der().clone()]));
    let outcome = open(settings.clone(), &trusting).unwrap().deliver(alone(&problem())).await;
    assert_eq!(told(&outcome), "1 told");
    let stranger = ground(scratch.path(), Trust::only(Vec::new()));
    let outcome = open(settings, &stranger).unwrap().deliver(alone(&problem())).await;
    assert!(told(&outcome).starts_with("again: localhost: TLS: "), "{outcome:?}");
    assert_eq!(far_side.asked_count(), 1, "nothing is said to a stranger");
}
