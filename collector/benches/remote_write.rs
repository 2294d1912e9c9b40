//! What one pushed sample costs: `cargo bench -p collector --bench remote_write`.
//!
//! 40 requests as a fleet of agents sends them: 100 VMs of 25 metrics each, one sample a series,
//! seven labels, about 400 kB before compression. `steady` has seen the series before, `first` has
//! not; `snappy_alone` is the share that no decoder can save.

use std::fmt::Write;

use collector::prometheus::remote_write::Decoder;
use divan::Bencher;
use divan::counter::ItemsCount;

const VMS: usize = 1_000;
const VMS_PER_REQUEST: usize = 100;
const METRICS: usize = 25;
const ROUNDS: usize = 4;
const SAMPLES: usize = VMS * METRICS * ROUNDS;

fn main() {
    divan::main();
}

#[divan::bench]
fn steady(bencher: Bencher<'_, '_>) {
    let (requests, decoder) = (requests(), Decoder::default());
    for request in &requests {
        decoder.decode(request).expect("a good request");
    }
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| decode_all(&decoder, &requests));
}

#[divan::bench]
fn first(bencher: Bencher<'_, '_>) {
    let requests = requests();
    let requests = &requests[..VMS / VMS_PER_REQUEST];
    bencher
        .counter(ItemsCount::new(VMS * METRICS))
        .with_inputs(Decoder::default)
        .bench_refs(|decoder| decode_all(decoder, requests));
}

#[divan::bench]
fn snappy_alone(bencher: Bencher<'_, '_>) {
    let (requests, mut room) = (requests(), vec![0; 1 << 20]);
    bencher.counter(ItemsCount::new(SAMPLES)).bench_local(|| {
        for request in &requests {
            let mut decoder = snap::raw::Decoder::new();
            divan::black_box(decoder.decompress(request, &mut room).expect("a good block"));
        }
    });
}

fn decode_all(decoder: &Decoder, requests: &[Vec<u8>]) -> usize {
    requests.iter().map(|body| decoder.decode(body).expect("a good request").rows.len()).sum()
}

fn requests() -> Vec<Vec<u8>> {
    let rounds = (0..ROUNDS).flat_map(|round| {
        let firsts = (0..VMS).step_by(VMS_PER_REQUEST);
        firsts.map(move |first| request(first..first + VMS_PER_REQUEST, round))
    });
    rounds.collect()
}

fn request(vms: std::ops::Range<usize>, round: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for vm in vms {
        for metric in 0..METRICS {
            let at = 1_772_445_600_000 + 15_000 * round as u64 + vm as u64;
            let value = ((vm * 31 + metric * 7 + round * 13) % 1000) as f64 / 10.0;
            field(&mut message, 1, &series(vm, metric, at, value));
        }
    }
    snap::raw::Encoder::new().compress_vec(&message).expect("small enough")
}

fn series(vm: usize, metric: usize, at: u64, value: f64) -> Vec<u8> {
    let mut name = String::new();
    write!(name, "node_some_metric_{metric:02}_total").expect("a string takes all");
    let labels = [
        ("__name__", name),
        ("host", format!("hv-{:02}", vm % 40)),
        ("instance", format!("vm-{vm:04}")),
        ("job", "agent".to_owned()),
        ("module", format!("mod-{:02}", vm / 20)),
        ("owner", format!("team-{:02}", vm / 20 % 10)),
        ("project", format!("prj-{}", vm / 20 % 5)),
    ];
    let mut series = Vec::new();
    for (name, value) in &labels {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut series, 1, &label);
    }
    let mut sample = vec![1 << 3 | 1];
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(2 << 3);
    varint(&mut sample, at);
    field(&mut series, 2, &sample);
    series
}

fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
