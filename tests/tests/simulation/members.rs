//! What operators do about who belongs: invite, seat, remove, readmit, vote, leave, block, change keys and rules.

use interhub_domain::body::KeyReason;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HubId, NetworkId};
use interhub_domain::registry::{Standing, State};
use interhub_node::sync::Ledger;

use super::hub::{Ask, Invitation};
use super::world::World;

/// Which of these things happen in one simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Politics {
    /// Hubs are removed and readmitted.
    pub(crate) removals: bool,
    /// Hubs leave and come back.
    pub(crate) leaving: bool,
    /// Keys change.
    pub(crate) keys: bool,
}

/// One operator deciding something at a machine that runs. Much of it is refused, to guests for instance, and that is fine.
pub(crate) fn decide(world: &mut World<'_>, machine: usize, politics: Politics) {
    let hub = world.hubs[machine].clone();
    let ledger = hub.ledger();
    let roster = ledger.roster();
    // Of two machines with one key, the other would be locked out.
    let alone = world.hubs.iter().filter(|other| other.id == hub.id).count() == 1;
    let members: Vec<HubId> = roster.members.keys().copied().collect();
    let Some(target) = world.dice.pick(&members).copied() else {
        return;
    };
    let pending: Vec<_> = roster
        .ballots
        .all()
        .filter(|one| one.state == State::Pending)
        .map(|one| one.id)
        .collect();
    let (what, done) = match world.dice.below(14) {
        0..=2 => ("votes to seat", ledger.vote_to_seat(target).is_ok()),
        3 if politics.removals => ("removes", ledger.remove(target, "simulated").is_ok()),
        4 if politics.removals => ("readmits", ledger.readmit(target).is_ok()),
        5 => {
            let guests = 2 + u32::try_from(world.dice.below(9)).unwrap();
            ("changes the rules for", ledger.change_rules(guests).is_ok())
        }
        6 => ("blocks", ledger.block(target, world.dice.one_in(2)).is_ok()),
        7 if politics.leaving && world.dice.one_in(3) => ("leaves, not", ledger.leave().is_ok()),
        8 if politics.keys && alone => ("rotates its key, not", ledger.rotate_key().is_ok()),
        9 if politics.keys && alone && world.dice.one_in(2) => {
            let recovered = ledger.recover_key(&hub.recovery_key(), KeyReason::Lost, None, None);
            ("recovers its key, not", recovered.is_ok())
        }
        _ => match world.dice.pick(&pending).copied() {
            Some(id) => {
                let withdraw = world.dice.one_in(6);
                ("votes about", ledger.vote(id, withdraw).is_ok())
            }
            None => return,
        },
    };
    let outcome = if done { "" } else { ": refused" };
    world.tell(format_args!("{} {what} {}{outcome}", hub.name, target.short()));
}

/// A machine asks another one for admission, over the network. What comes of it shows later.
pub(crate) fn join(world: &mut World<'_>, newcomer: usize, inviter: usize, network: NetworkId) {
    let ledger = world.hubs[inviter].ledger();
    let mut seed = [0x60; 32];
    for byte in &mut seed {
        *byte = u8::try_from(world.dice.below(256)).unwrap();
    }
    let secret = SigningKey::from(seed);
    if ledger.open_invitation(public_key(&secret), i64::MAX).is_err() {
        return;
    }
    let invitation = Invitation {
        network,
        address: world.hubs[inviter].address.clone(),
        inviter_key: public_key(&world.hubs[inviter].key()),
        secret,
        decisions: ledger.roster().ballots.heads(),
    };
    world.hubs[newcomer].ask(Ask::Join(invitation));
    let (one, other) = (world.hubs[newcomer].name.clone(), world.hubs[inviter].name.clone());
    world.tell(format_args!("{one} asks {other} to be admitted"));
}

/// Whether a machine's hub is outside by its own roster, and could ask to come in: it is new, or has left.
pub(crate) fn is_outside(world: &World<'_>, machine: usize) -> bool {
    let hub = &world.hubs[machine];
    let Some(ledger) = hub.running() else { return false };
    if ledger.network().is_none() || hub.is_recovering() {
        return true;
    }
    let roster = ledger.roster();
    let own = roster.members.get(&hub.id);
    own.is_some_and(|own| own.standing == Standing::Left)
}

/// Machines whose hub belongs, by its own roster.
pub(crate) fn belonging(world: &World<'_>) -> Vec<usize> {
    let belongs = |machine: &usize| {
        let hub = &world.hubs[*machine];
        let is_active = |ledger: std::sync::Arc<Ledger>| ledger.roster().is_active(hub.id);
        !hub.is_recovering() && hub.running().is_some_and(is_active)
    };
    (0..world.hubs.len()).filter(belongs).collect()
}
