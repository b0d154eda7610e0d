//! How one input becomes several: bytes behind their length, in the order in which they are taken.

/// Takes one byte; 0 at the end.
pub(crate) fn byte(rest: &mut &[u8]) -> u8 {
    let Some((first, others)) = rest.split_first() else {
        return 0;
    };
    *rest = others;
    *first
}

/// Takes the bytes behind a length of two bytes; all there are if it says more. `None` at the end.
pub(crate) fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([byte(rest), byte(rest)]));
    let (part, others) = rest.split_at(length.min(rest.len()));
    *rest = others;
    Some(part)
}

/// Writes what [`part`] takes.
pub(crate) fn put(out: &mut Vec<u8>, part: &[u8]) {
    let length = u16::try_from(part.len()).expect("a seed's parts are small");
    out.extend(length.to_be_bytes());
    out.extend(part);
}
