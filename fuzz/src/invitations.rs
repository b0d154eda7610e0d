//! Invitation links, as somebody pastes them.

use std::collections::BTreeSet;

use interhub_domain::ids::{HeaderHash, NetworkId};
use interhub_domain::invitation::{Checked, Invitation, MAX_ADDRESSES, MAX_DECISIONS, MAX_LINK, read_link};
use interhub_domain::registry::MAX_ADDRESS;

/// A link that is read can be written and read again, and everything in it is within its limits.
pub fn check(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = read_link(&text) else { return false };
    assert!(text.trim().len() <= MAX_LINK);
    assert!((1..=MAX_ADDRESSES).contains(&read.addresses.len()));
    assert!(read.decisions.len() <= MAX_DECISIONS);
    for address in &read.addresses {
        let printable = address.chars().all(|character| character.is_ascii_graphic());
        assert!(
            printable && address.len() <= MAX_ADDRESS,
            "{address:?} is dialled and shown"
        );
    }
    assert_eq!(read_link(&write(&read)), Ok(read));
    true
}

/// The link that says this.
pub(crate) fn write(checked: &Checked) -> String {
    Invitation {
        version: 1,
        network: checked.network.0.to_vec(),
        inviter_key: checked.inviter_key.to_vec(),
        addresses: checked.addresses.clone(),
        secret: checked.secret.to_vec(),
        expires: checked.expires,
        decisions: checked.decisions.iter().map(|id| id.0.to_vec()).collect(),
        check: Vec::new(),
    }
    .link()
}

/// Seeds: the shortest link, and one with as much as there may be.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let shortest = Checked {
        network: NetworkId([9; 16]),
        inviter_key: [1; 32],
        addresses: vec!["hub.example:7400".into()],
        secret: [2; 32],
        expires: 1_800_000_000,
        decisions: BTreeSet::new(),
    };
    let longest = Checked {
        addresses: vec![
            "a.example:7400".into(),
            "192.0.2.7:1".into(),
            "[2001:db8::7]:65535".into(),
        ],
        decisions: (0..16).map(|number| HeaderHash([number; 32])).collect(),
        ..shortest.clone()
    };
    let seed = |name: &str, checked: &Checked| (name.to_owned(), format!(" {}\n", write(checked)).into_bytes());
    vec![seed("shortest", &shortest), seed("longest", &longest)]
}
