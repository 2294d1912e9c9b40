//! Hands samples to a real Prometheus: remote write 1.0, as little of it as that takes.
//!
//! A write request is protobuf (a list of series, each with labels and samples), then snappy.

use crate::memory::Memory;

pub(crate) fn write_request(memory: &Memory) -> Vec<u8> {
    let mut request = Vec::new();
    for (labels, points) in &memory.0 {
        let mut series = Vec::new();
        for (name, value) in labels.iter() {
            let mut label = Vec::new();
            bytes_field(1, name.as_bytes(), &mut label);
            bytes_field(2, value.as_bytes(), &mut label);
            bytes_field(1, &label, &mut series);
        }
        for (time, value) in points.times.iter().zip(&points.values) {
            let mut sample = vec![0x09]; // Field 1, eight bytes.
            sample.extend_from_slice(&value.to_le_bytes());
            sample.push(0x10); // Field 2, a varint.
            varint(*time as u64, &mut sample);
            bytes_field(2, &sample, &mut series);
        }
        bytes_field(1, &series, &mut request);
    }
    snap::raw::Encoder::new().compress_vec(&request).unwrap()
}

fn bytes_field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
