//! Envelopes from their parts: header bytes, signature, salt and body, and a key that may be anything.

use std::convert::Infallible;

use interhub_domain::envelope::{Envelope, HEADER_LEN, Header, Kind, Sealed, public_key, verify_batch};
use interhub_domain::ids::{Epoch, HeaderHash, LogId, NetworkId, ObjectId};
use interhub_proto::v1;
use prost::Message;
use rand_core::{TryCryptoRng, TryRng};

use crate::convert::{envelope_from_proto, envelope_to_proto};
use crate::{input, world};

/// A public key (32 bytes), then the message. Bytes that are a header are that header for ever; signatures get one verdict
/// alone and in a batch; a body that passes is within its limit and is the one the header commits to.
pub fn check(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let key: [u8; 32] = std::array::from_fn(|_| input::byte(&mut rest));
    let Ok(message) = v1::Envelope::decode(rest) else {
        return false;
    };
    let header_bytes = message.header.clone();
    let read = envelope_from_proto(message);
    assert_eq!(
        Header::decode(&header_bytes).is_ok(),
        header_bytes.len() == HEADER_LEN && header_bytes.starts_with(b"interhub-env-v1\0")
    );
    let Ok(envelope) = read else { return false };
    assert_eq!(
        envelope.header.encode().as_slice(),
        header_bytes,
        "what was signed is sent on"
    );
    assert_eq!(envelope.hash(), HeaderHash(*blake3::hash(&header_bytes).as_bytes()));
    assert_eq!(
        envelope_from_proto(envelope_to_proto(&envelope)).as_ref(),
        Ok(&envelope)
    );
    one_verdict(&envelope, key);
    let fits = envelope.check_body().is_ok();
    if let Some(sealed) = &envelope.sealed {
        let limit = envelope.header.kind.max_body();
        let whole = sealed.body.len() <= limit && sealed.commitment() == envelope.header.commitment;
        assert_eq!(fits, whole);
        let signed = Envelope::sign(envelope.header, sealed.clone(), &world::key(1));
        assert_eq!(signed.verify(&public_key(&world::key(1))), Ok(()));
        assert_eq!(signed.check_body().is_ok(), sealed.body.len() <= limit);
    }
    fits
}

fn one_verdict(envelope: &Envelope, key: [u8; 32]) {
    let honest = Envelope::sign(
        envelope.header,
        Sealed {
            salt: [1; 32],
            body: Vec::new(),
        },
        &world::key(2),
    );
    let alone = envelope.verify(&key).is_ok();
    let both = [(&honest, public_key(&world::key(2))), (envelope, key)];
    assert_eq!(
        verify_batch(&both, Numbers(9)),
        [true, alone],
        "a batch says something else"
    );
}

/// Numbers for the batch, the same each time: a check of the fuzzer has to come out alike when it is replayed.
struct Numbers(u64);

impl TryRng for Numbers {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

/// Seeds: an envelope of each kind, whole and erased.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for code in [1, 2, 3, 7, 8, 200] {
        let envelope = sample(Kind::from_code(code), b"body");
        seeds.push((format!("kind-{code}"), seed(&envelope)));
        if code == 3 {
            let erased = Envelope {
                sealed: None,
                ..envelope
            };
            seeds.push(("erased".into(), seed(&erased)));
        }
    }
    seeds
}

fn seed(envelope: &Envelope) -> Vec<u8> {
    let mut out = public_key(&world::key(1)).to_vec();
    out.extend(envelope_to_proto(envelope).encode_to_vec());
    out
}

/// A signed envelope of the first hub.
pub(crate) fn sample(kind: Kind, body: &[u8]) -> Envelope {
    let header = Header {
        network: NetworkId([9; 16]),
        hub: world::hub(1),
        key_number: 0,
        log: LogId::PUBLIC,
        epoch: Epoch(7),
        seq: 3,
        previous: HeaderHash([4; 32]),
        kind,
        object: ObjectId([5; 16]),
        generation: 1,
        commitment: [0; 32],
    };
    let sealed = Sealed {
        salt: [6; 32],
        body: body.to_vec(),
    };
    Envelope::sign(header, sealed, &world::key(1))
}
