//! Machines that answer to a ping.

use collector::look::Answer;
use collector::probe::Prober;

use crate::common::{clock, rows, spec, watch};

#[tokio::test]
async fn this_machine_answers_where_we_may_ask() {
    let anywhere = "127.0.0.1:1".parse().expect("an address");
    let spec = spec("ping: {name: gw, host: 127.0.0.1, packets: 4, rtt_below: 500ms}", anywhere);
    let timeout = spec.common().timeout.0;
    let look = watch(spec, Prober::new()).look(timeout, &clock()).await;
    match &look.answer {
        Answer::Up => {
            let told = rows(&look);
            assert!(told.contains("check_ping_loss_ratio 0\n"), "{told}");
            assert!(told.contains("check_ping_rtt_seconds\n"), "{told}");
        }
        // Not everywhere may tests ping; then that is what is told.
        Answer::Misconfigured { remedy, .. } => {
            assert!(remedy.contains("net.ipv4.ping_group_range"), "{remedy}");
            assert_eq!(look.rows, []);
        }
        other @ (Answer::Down { .. } | Answer::Blind { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn many_looks_at_one_machine_do_not_hear_each_other() {
    let anywhere = "127.0.0.1:1".parse().expect("an address");
    let looks = (0..20).map(|_| {
        let spec = spec("ping: {name: gw, host: 127.0.0.1, packets: 5}", anywhere);
        tokio::spawn(async move {
            let timeout = spec.common().timeout.0;
            watch(spec, Prober::new()).look(timeout, &clock()).await.answer
        })
    });
    for look in looks.collect::<Vec<_>>() {
        let answer = look.await.expect("it does not panic");
        assert!(matches!(answer, Answer::Up | Answer::Misconfigured { .. }), "{answer:?}");
    }
}
