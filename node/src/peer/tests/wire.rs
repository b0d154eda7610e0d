//! The door: what goes out comes back in, what is malformed is refused, and equality is cheap.

use std::collections::BTreeSet;

use interhub_domain::envelope::{Envelope, Header, Kind, Sealed};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, ObjectId};
use interhub_domain::session::{
    Farewell, Frame, Hello, MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES, MAX_FRAME_BYTES, MAX_ROWS,
};
use interhub_proto::v1;
use proptest::prelude::*;
use prost::Message;

use super::super::convert::{frame_from_proto, frame_to_proto};
use super::toy::{NETWORK, hub};

fn hello(streams: BTreeSet<HubId>) -> Frame {
    Frame::Hello(Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(1),
        epoch: Epoch::new(1_795_000_000, 0xffff_ffff),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        streams,
        features: Vec::new(),
    })
}

fn envelope(body: Option<Vec<u8>>) -> Envelope {
    let header = Header {
        network: NETWORK,
        hub: hub(1),
        key_number: 3,
        log: LogId::PUBLIC,
        epoch: Epoch(7),
        seq: u64::MAX,
        previous: HeaderHash([4; 32]),
        kind: Kind::Unknown(200),
        object: ObjectId([5; 16]),
        generation: 6,
        commitment: [7; 32],
    };
    Envelope {
        header,
        signature: [8; 64],
        sealed: body.map(|body| Sealed { salt: [9; 32], body }),
    }
}

fn row(seq: u64) -> (RowKey, Head) {
    (
        RowKey {
            log: LogId::PUBLIC,
            hub: hub(1),
            epoch: Epoch(u64::MAX),
        },
        Head {
            seq,
            hash: HeaderHash([1; 32]),
        },
    )
}

#[test]
fn every_frame_comes_back_as_it_went() {
    let frames = [
        hello(BTreeSet::new()),
        hello(BTreeSet::from([hub(2), hub(3)])),
        Frame::Streams(BTreeSet::from([hub(4)])),
        Frame::Frontier {
            shared: Some([1; 32]),
            common: None,
        },
        Frame::Frontier {
            shared: None,
            common: Some([2; 32]),
        },
        Frame::Rows {
            rows: vec![row(0), row(u64::MAX)],
            complete: true,
        },
        Frame::Envelopes(vec![
            envelope(None),
            envelope(Some(Vec::new())),
            envelope(Some(vec![1, 2, 3])),
        ]),
        Frame::Goodbye {
            code: Farewell::Limit,
            reason: "too much".to_owned(),
        },
        Frame::Unknown,
    ];
    for frame in frames {
        let bytes = frame_to_proto(&frame).encode_to_vec();
        let back = v1::Frame::decode(&bytes[..]).unwrap();
        assert_eq!(frame_from_proto(back).unwrap(), frame);
    }
}

/// Hello and Frontier of both sides, for two hubs without pair or group logs.
#[test]
fn equality_costs_less_than_200_bytes() {
    let frontier = Frame::Frontier {
        shared: Some([1; 32]),
        common: None,
    };
    let one_side = frame_to_proto(&hello(BTreeSet::new())).encoded_len() + frame_to_proto(&frontier).encoded_len();
    println!("equal: {} bytes of frames", 2 * one_side);
    assert!(2 * one_side <= 200);
}

#[test]
fn the_largest_frames_fit_the_limit() {
    let rows = Frame::Rows {
        rows: vec![row(u64::MAX); MAX_ROWS],
        complete: true,
    };
    assert!(frame_to_proto(&rows).encoded_len() < MAX_FRAME_BYTES);
    let small = vec![envelope(Some(vec![0; MAX_BATCH_BYTES / MAX_BATCH_ENVELOPES])); MAX_BATCH_ENVELOPES];
    assert!(frame_to_proto(&Frame::Envelopes(small)).encoded_len() < MAX_FRAME_BYTES);
}

#[test]
fn texts_are_cut_and_cleaned() {
    let mut message = frame_to_proto(&hello(BTreeSet::new()));
    if let Some(v1::frame::Kind::Hello(hello)) = &mut message.kind {
        hello.software = format!("\u{1b}[31m{}", "x".repeat(1_000));
    }
    let Ok(Frame::Hello(hello)) = frame_from_proto(message) else {
        panic!("a Hello")
    };
    assert_eq!(hello.software.len(), 200);
    assert!(hello.software.starts_with("[31mx"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(frame) = v1::Frame::decode(&bytes[..]) {
            let _ = frame_from_proto(frame);
        }
    }

    /// A valid frame with one byte altered is another frame or an error, never a panic.
    #[test]
    fn any_altered_byte_is_survived(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let frame = Frame::Envelopes(vec![envelope(Some(vec![1, 2, 3])), envelope(None)]);
        let mut bytes = frame_to_proto(&frame).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= with;
        if let Ok(frame) = v1::Frame::decode(&bytes[..]) {
            let _ = frame_from_proto(frame);
        }
    }
}
