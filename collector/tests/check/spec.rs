//! What is wrong with a check is found when it is read, with what to write instead.

use collector::check::CheckSpec;
use expect_test::expect;

/// What a file with this check would be told: the reader's error, or the check's problems.
fn problems(text: &str) -> String {
    match serde_saphyr::from_str::<CheckSpec>(text) {
        Err(error) => {
            let told = error.without_snippet().to_string();
            let first = told.lines().next().unwrap_or_default().to_owned();
            first.split(" at line").next().unwrap_or_default().to_owned()
        }
        Ok(spec) if spec.problems().is_empty() => "good".to_owned(),
        Ok(spec) => {
            let told = spec.problems().into_iter().map(|problem| {
                let word = if problem.is_error { "" } else { "warning: " };
                format!("{word}{}: {}", problem.field, problem.message)
            });
            told.collect::<Vec<_>>().join("\n  ")
        }
    }
}

#[test]
fn each_fault_is_told_with_the_way_out() {
    let told: String = [
        "http: {name: a, url: 'http://x/'}",
        "http: {name: 'a b', url: 'http://x/'}",
        "http: {name: a, url: 'http://x/', interval: 5s, timeout: 9s}",
        "http: {name: a, url: 'http://x/', interval: 0, timeout: 0}",
        "http: {name: a, url: 'http://x/', confirm_down: 0, latency_below: 10s}",
        "http: {name: a, url: 'ftp://x/'}",
        "http: {name: a, url: 'http://user:secret@x/'}",
        "http: {name: a, url: 'http://x/?t=${env:T}'}",
        "http: {name: a, url: 'http://x/', status: [777]}",
        "http: {name: a, url: 'http://x/', body_matches: ['a(']}",
        "http: {name: a, url: 'http://x/', json: ['/a = 1']}",
        "http: {name: a, url: 'http://x/', method: HEAD, body_contains: [ok]}",
        "http: {name: a, url: 'http://x/', redirects: 6}",
        "http: {name: a, url: 'http://x/', method: POST, redirects: 1}",
        "http: {name: a, url: 'http://x/', headers: {'X Y': a, Connection: b, Z: \"a\\nb\"}}",
        "http: {name: a, url: 'http://x/', body_lacks: ['']}",
        "http: {name: a, url: 'http://x/', tls: {}}",
        "http: {name: a, url: 'https://x/', tls: {insecure: true}}",
        "http: {name: a, url: 'https://x/', tls: {server_name: 'a b'}}",
        "tcp: {name: a, address: 'x:1', tls: {ca: nothing}}",
        "tcp: {name: a, address: x}",
        "tcp: {name: a, address: 'x:1', send: a, send_hex: '00'}",
        "tcp: {name: a, address: 'x:1', send_hex: '0'}",
        "dns: {name: a, query: 'a..b'}",
        "dns: {name: a, query: example.com, type: AA}",
        "dns: {name: a, query: example.com, server: ns.example.com}",
        "dns: {name: a, query: example.com, rcode: NXDOMAIN, answers: [10.0.0.1]}",
        "dns: {name: a, query: 10.0.0.1, family: ipv4}",
        "ping: {name: a, host: 'http://x'}",
        "ping: {name: a, host: x, packets: 0, max_loss_percent: 100}",
        "ping: {name: a, host: x, packets: 20, rtt_below: 1s}",
        "pong: {name: a}",
    ]
    .iter()
    .map(|text| format!("{text}\n  {}\n", problems(text)))
    .collect();
    expect![[r#"
        http: {name: a, url: 'http://x/'}
          good
        http: {name: 'a b', url: 'http://x/'}
          ' ' in check name "a b"; allowed are a-z A-Z 0-9 . _ - : @ /
        http: {name: a, url: 'http://x/', interval: 5s, timeout: 9s}
          timeout: a timeout longer than the interval would let looks pile up; write less
        http: {name: a, url: 'http://x/', interval: 0, timeout: 0}
          interval: 0 is no time; write for example 5s
          timeout: 0 is no time; write for example 5s
        http: {name: a, url: 'http://x/', confirm_down: 0, latency_below: 10s}
          confirm_down: 0 looks confirm nothing; write at least 1
          latency_below: a look that takes as long ends at its timeout; write less than that
        http: {name: a, url: 'ftp://x/'}
          "ftp://x/" is no address of a page; write for example https://shop.example.com/health
        http: {name: a, url: 'http://user:secret@x/'}
          user, password and ${...} do not belong into an address; write headers
        http: {name: a, url: 'http://x/?t=${env:T}'}
          user, password and ${...} do not belong into an address; write headers
        http: {name: a, url: 'http://x/', status: [777]}
          "777" is no HTTP status; write for example 200, 200-299 or 2xx
        http: {name: a, url: 'http://x/', body_matches: ['a(']}
          "a(" is no regular expression: unclosed group
        http: {name: a, url: 'http://x/', json: ['/a = 1']}
          "/a = 1" is no JSON condition: there is none of == != < <= > >= exists missing; write for example /status == "ok", queue.length < 100 or /version exists
        http: {name: a, url: 'http://x/', method: HEAD, body_contains: [ok]}
          method: an answer to HEAD has no body to judge; write GET
        http: {name: a, url: 'http://x/', redirects: 6}
          redirects: at most 5 redirects are followed; write 0 to 5
        http: {name: a, url: 'http://x/', method: POST, redirects: 1}
          redirects: only GET and HEAD without a body are sent on; write 0
        http: {name: a, url: 'http://x/', headers: {'X Y': a, Connection: b, Z: "a\nb"}}
          headers.Connection: this header follows from the request; leave it out
          headers.X Y: no name of a header; write for example X-Token
          headers.Z: its value cannot be sent: one line of plain ASCII is what a header holds
        http: {name: a, url: 'http://x/', body_lacks: ['']}
          body_lacks: an empty text stands in every body; leave it out
        http: {name: a, url: 'http://x/', tls: {}}
          tls: the url is plain http; write https:// there
        http: {name: a, url: 'https://x/', tls: {insecure: true}}
          warning: tls.insecure: any certificate is taken, also that of a stranger in between; better write ca: ${file:PATH} with the certificate that is to be trusted
        http: {name: a, url: 'https://x/', tls: {server_name: 'a b'}}
          tls.server_name: no name of a server; write for example shop.example.com
        tcp: {name: a, address: 'x:1', tls: {ca: nothing}}
          tls.ca: holds no certificate in PEM form; write "${file:PATH}" of one that does
        tcp: {name: a, address: x}
          "x" is no address; write host:port, for example db.example.com:5432 or [::1]:22
        tcp: {name: a, address: 'x:1', send: a, send_hex: '00'}
          send_hex: send is there, too; keep one of them
        tcp: {name: a, address: 'x:1', send_hex: '0'}
          "0" are no hexadecimal digits, two a byte; write for example "0a 0b ff"
        dns: {name: a, query: 'a..b'}
          query: "a..b" is no name; write for example example.com
        dns: {name: a, query: example.com, type: AA}
          unknown variant `AA`, expected one of A, AAAA, CNAME, MX, TXT, NS, SRV, PTR, SOA
        dns: {name: a, query: example.com, server: ns.example.com}
          "ns.example.com" is no address of a DNS server; write for example 10.0.0.53, 10.0.0.53:5353 or ::1
        dns: {name: a, query: example.com, rcode: NXDOMAIN, answers: [10.0.0.1]}
          answers: with this rcode there are no answers; leave out one of them
        dns: {name: a, query: 10.0.0.1, family: ipv4}
          query: "10.0.0.1" is no name; write for example example.com
          family: ask for type: A or type: AAAA instead
        ping: {name: a, host: 'http://x'}
          host: "http://x" is no host; write a name or an address
        ping: {name: a, host: x, packets: 0, max_loss_percent: 100}
          packets: 0 packets; write 1 to 20
          max_loss_percent: a machine that answers nothing is down; write less than 100
        ping: {name: a, host: x, packets: 20, rtt_below: 1s}
          rtt_below: each of 20 packets is waited for 200ms at most; write less, or a longer timeout
        pong: {name: a}
          unknown variant `pong`, expected one of tcp, dns, ping, http
    "#]].assert_eq(&told);
}
