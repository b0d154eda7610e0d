//! What node and child say to each other: a header of ten bytes, then one message in postcard's encoding.

use std::io::{self, Read, Write};

use interhub_domain::document::CountRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Begins every frame: a marker, and the version of this language. Both sides are one program, so that another version
/// is a broken child.
const MARK: [u8; 5] = *b"ihub\x01";
/// Length of a frame's header: marker, kind, length of the message (big-endian).
const HEADER: usize = 10;
/// Longest message either way. A saved document, a change and a reading are a few hundred KiB at most.
pub(super) const MAX_MESSAGE: usize = 8 << 20;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The child is ready: nothing else.
    Ready = 1,
    /// A change to judge.
    Request = 2,
    /// What became of it.
    Outcome = 3,
}

/// A message that is too long to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over {MAX_MESSAGE} bytes")]
pub(super) struct TooLong;

/// One frame, whole.
pub(super) fn encode<T: Serialize>(kind: Kind, message: &T) -> Result<Vec<u8>, TooLong> {
    let mut frame = Vec::with_capacity(1_024);
    frame.extend_from_slice(&MARK);
    frame.push(kind as u8);
    frame.extend_from_slice(&[0; 4]);
    // Our own plain types: nothing but their length can be wrong with them.
    let mut frame = postcard::to_extend(message, frame).map_err(|_| TooLong)?;
    let length = frame.len() - HEADER;
    let length_bytes = u32::try_from(length).map_err(|_| TooLong)?.to_be_bytes();
    if length > MAX_MESSAGE {
        return Err(TooLong);
    }
    frame[HEADER - 4..HEADER].copy_from_slice(&length_bytes);
    Ok(frame)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a frame of this version")
}

/// Reads one frame's message, of this kind. `None`: the other side has closed before it began.
pub(super) fn read(source: &mut impl Read, kind: Kind) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; HEADER];
    let first = source.read(&mut header)?;
    if first == 0 {
        return Ok(None);
    }
    source.read_exact(&mut header[first..])?;
    let [m0, m1, m2, m3, m4, code, length @ ..] = header;
    let length = u32::from_be_bytes(length) as usize;
    if [m0, m1, m2, m3, m4] != MARK || code != kind as u8 || length > MAX_MESSAGE {
        return Err(malformed());
    }
    let mut message = Vec::new();
    // The buffer grows with what comes, not with what is promised.
    source.take(length as u64).read_to_end(&mut message)?;
    if message.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}

/// The message of a frame, and nothing behind it.
pub(super) fn decode<T: DeserializeOwned>(message: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(message) {
        Ok((value, [])) => Ok(value),
        _ => Err(malformed()),
    }
}

/// The same for a request, which borrows from the message.
pub(super) fn decode_request(message: &[u8]) -> io::Result<CountRequest<'_>> {
    match postcard::take_from_bytes(message) {
        Ok((request, [])) => Ok(request),
        _ => Err(malformed()),
    }
}

/// Writes a whole frame.
pub(super) fn write(sink: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    sink.write_all(frame)?;
    sink.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_domain::document::{CountOutcome, Counted, Reading, Refusal, Shown};
    use interhub_domain::ids::DocumentKind;
    use interhub_domain::profile::HubProfile;
    use proptest::prelude::*;

    use super::*;

    fn request() -> CountRequest<'static> {
        CountRequest {
            kind: DocumentKind::Event,
            snapshot: Some(b"saved"),
            change: b"change",
            actor: [7; 24],
            seq: 3,
        }
    }

    fn outcomes() -> Vec<CountOutcome> {
        let counted = Counted {
            hash: [1; 32],
            snapshot: vec![1, 2, 3],
            heads: vec![[1; 32]],
            shown: Shown {
                reading: Reading::HubProfile(HubProfile::default()),
                conflicts: Vec::new(),
            },
            stuck: false,
        };
        vec![
            CountOutcome::Counted(Box::new(counted)),
            CountOutcome::Waiting(vec![[2; 32]]),
            CountOutcome::Refused(Refusal::Schema("an event needs a start".into())),
        ]
    }

    #[test]
    fn messages_come_back_as_they_went() {
        let frame = encode(Kind::Request, &request()).unwrap();
        let message = read(&mut frame.as_slice(), Kind::Request).unwrap().unwrap();
        assert_eq!(decode_request(&message).unwrap(), request());
        for outcome in outcomes() {
            let frame = encode(Kind::Outcome, &outcome).unwrap();
            let message = read(&mut frame.as_slice(), Kind::Outcome).unwrap().unwrap();
            assert_eq!(decode::<CountOutcome>(&message).unwrap(), outcome);
        }
    }

    #[test]
    fn what_is_cut_off_of_another_kind_or_too_long_is_no_frame() {
        let frame = encode(Kind::Outcome, &outcomes()[1]).unwrap();
        assert!(read(&mut [].as_slice(), Kind::Outcome).unwrap().is_none());
        for end in 1..frame.len() {
            assert!(read(&mut &frame[..end], Kind::Outcome).is_err(), "{end}");
        }
        assert!(read(&mut frame.as_slice(), Kind::Request).is_err());
        let mut long = frame.clone();
        long[6..10].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(read(&mut long.as_slice(), Kind::Outcome).is_err());
        let mut other = frame;
        other[4] = 2;
        assert!(read(&mut other.as_slice(), Kind::Outcome).is_err());
        assert_eq!(encode(Kind::Ready, &vec![0u8; MAX_MESSAGE]), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<CountOutcome>(&bytes);
            let _ = decode_request(&bytes);
            let _ = read(&mut bytes.as_slice(), Kind::Outcome);
        }

        #[test]
        fn an_altered_outcome_is_another_one_or_an_error(which in 0usize..3, at in any::<prop::sample::Index>(), with in 1u8..) {
            let mut bytes = encode(Kind::Outcome, &outcomes()[which]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= with;
            if let Ok(Some(message)) = read(&mut bytes.as_slice(), Kind::Outcome) {
                let _ = decode::<CountOutcome>(&message);
            }
        }
    }
}
