//! One hub of a simulation: what survives its crashes, and the node of its present run.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use interhub_domain::document::InProcessCounter;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HeaderHash, HubId, NetworkId};
use interhub_domain::profile::HubProfile;
use interhub_node::clock::{Clock, ManualClock, SharedClock};
use interhub_node::peer::net::Net;
use interhub_node::peer::status::{Direction, PeerStatus};
use interhub_node::peer::{Host, JoinRequest, PeerOptions, Peers};
use interhub_node::sync::{
    KeyError, KeyKeeper, Ledger, LedgerHost, LedgerOptions, NextIdentity, OwnHub, RecoveryRecord, invitation_message,
};
use interhub_node::task::{Blocking, TaskContext, Tasks};
use tokio::sync::{broadcast, mpsc};

use super::disk::{Contents, Disk};
use super::withheld::{Withheld, Withholding};

/// The federation port of every hub.
pub(crate) const PORT: u16 = 7400;
/// 2026-11-22, Unix milliseconds.
pub(crate) const BEGAN_MS: i64 = 1_795_305_600_000;
/// Beacons, and what else a node does by itself, in simulated time: more often than real nodes do, so that short runs see it.
const BY_ITSELF_EVERY: Duration = Duration::from_secs(20);

/// The simulated network.
pub(crate) struct SimNet;

impl Net for SimNet {
    type Stream = turmoil::net::TcpStream;
    type Listener = turmoil::net::TcpListener;

    fn connect(&self, address: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let address = address.to_owned();
        async move { turmoil::net::TcpStream::connect(address).await }
    }

    fn accept(&self, listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send {
        listener.accept()
    }
}

/// The time that all clocks of a simulation err from.
#[derive(Default)]
pub(crate) struct SimTime {
    elapsed_ms: AtomicI64,
    /// All clocks went on by so much at once: while nothing happened, this time went by.
    skipped_ms: AtomicI64,
}

impl SimTime {
    /// So much simulated time has passed.
    pub(crate) fn set(&self, elapsed: Duration) {
        let elapsed = i64::try_from(elapsed.as_millis()).unwrap();
        self.elapsed_ms.store(elapsed, Ordering::SeqCst);
    }

    /// Nothing happens for so long.
    pub(crate) fn skip(&self, time: Duration) {
        let time = i64::try_from(time.as_millis()).unwrap();
        self.skipped_ms.fetch_add(time, Ordering::SeqCst);
    }

    fn now_ms(&self) -> i64 {
        let elapsed = turmoil::sim_elapsed().map(|elapsed| i64::try_from(elapsed.as_millis()).unwrap());
        let elapsed = elapsed.unwrap_or_else(|| self.elapsed_ms.load(Ordering::SeqCst));
        BEGAN_MS + elapsed + self.skipped_ms.load(Ordering::SeqCst)
    }
}

/// Wall time with an error of its own, and random numbers from a seed.
struct SimClock {
    time: Arc<SimTime>,
    random: Arc<ManualClock>,
    skew_ms: Arc<AtomicI64>,
    /// A machine whose memory was rolled back takes this for now until it has started.
    remembered_ms: Mutex<Option<i64>>,
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let remembered = *self.remembered_ms.lock().unwrap();
        remembered.unwrap_or_else(|| self.time.now_ms() + self.skew_ms.load(Ordering::SeqCst))
    }

    fn random(&self, bytes: &mut [u8]) {
        self.random.random(bytes);
    }
}

/// One run of a hub's node.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    number: u64,
    opened_ms: i64,
}

/// A copy of a hub's folder.
#[derive(Clone)]
pub(crate) struct Backup {
    pub(crate) contents: Contents,
    keys: Keys,
    /// The run it was made in.
    pub(crate) run: u64,
}

/// The keys in a hub's folder.
#[derive(Clone, PartialEq, Eq)]
struct Keys {
    number: u16,
    seed: [u8; 32],
}

/// What a hub is asked to do over the network.
pub(crate) enum Ask {
    /// Join with this invitation.
    Join(Invitation),
}

/// An invitation as its link carries it.
#[derive(Clone)]
pub(crate) struct Invitation {
    pub(crate) network: NetworkId,
    pub(crate) address: String,
    pub(crate) inviter_key: [u8; 32],
    pub(crate) secret: SigningKey,
    pub(crate) decisions: std::collections::BTreeSet<HeaderHash>,
}

/// One hub: what survives its crashes, and the ledger of its present run.
pub(crate) struct SimHub {
    /// Its place among the hubs of the simulation.
    pub(crate) number: usize,
    /// Its name in the simulated network.
    pub(crate) name: String,
    /// Where others call it: of a copied machine, the address of the original.
    pub(crate) address: String,
    /// Its disk.
    pub(crate) disk: Arc<Disk>,
    /// Of its first key.
    pub(crate) id: HubId,
    /// By so much its clock is ahead, also while it runs.
    skew_ms: Arc<AtomicI64>,
    time: Arc<SimTime>,
    recovery_seed: Mutex<[u8; 32]>,
    keys: Mutex<Keys>,
    /// Its folder is a new one, and finds its hub by what this says. `None` once it has.
    recovering: Mutex<Option<RecoveryRecord>>,
    /// A next key laid beside the present one: a start takes it if the registry names it.
    prepared: Mutex<Option<Keys>>,
    run: Mutex<Run>,
    /// The next start remembers the present run: its number and time.
    rolled_back: AtomicBool,
    /// Its folder is one that was brought back: it does not know every run that it wrote.
    restored: AtomicBool,
    ledger: Mutex<Option<Arc<Ledger>>>,
    asking: Mutex<Option<mpsc::UnboundedSender<Ask>>>,
    peers: Mutex<Option<Arc<Peers<SimNet>>>>,
    wants_restart: AtomicBool,
    /// Whose events it passes on to nobody, from its next start on.
    pub(crate) withheld: Withheld,
    /// What came of the last joining.
    pub(crate) joined: Mutex<Option<Result<(), String>>>,
}

fn seed_of(purpose: u8, number: usize) -> [u8; 32] {
    let mut seed = [purpose; 32];
    seed[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    seed
}

impl SimHub {
    /// A hub whose clock errs by so much.
    pub(crate) fn new(number: usize, name: &str, skew_ms: i64, time: Arc<SimTime>) -> Arc<Self> {
        let seed = seed_of(1, number);
        Arc::new(Self {
            number,
            name: name.to_owned(),
            address: format!("{name}:{PORT}"),
            disk: Disk::new(),
            id: HubId::of_first_key(&public_key(&SigningKey::from(seed))),
            skew_ms: Arc::new(AtomicI64::new(skew_ms)),
            time,
            recovery_seed: Mutex::new(seed_of(2, number)),
            keys: Mutex::new(Keys { number: 0, seed }),
            recovering: Mutex::new(None),
            prepared: Mutex::new(None),
            run: Mutex::default(),
            rolled_back: AtomicBool::new(false),
            restored: AtomicBool::new(false),
            ledger: Mutex::new(None),
            asking: Mutex::new(None),
            peers: Mutex::new(None),
            wants_restart: AtomicBool::new(false),
            withheld: Withheld::default(),
            joined: Mutex::new(None),
        })
    }

    /// Another machine with a copy of this hub's folder.
    pub(crate) fn copied(&self, number: usize, name: &str, backup: &Backup) -> Arc<Self> {
        Arc::new(Self {
            number,
            name: name.to_owned(),
            address: self.address.clone(),
            disk: Disk::with(&backup.contents),
            id: self.id,
            skew_ms: Arc::new(AtomicI64::new(self.skew_ms())),
            time: self.time.clone(),
            recovery_seed: Mutex::new(*self.recovery_seed.lock().unwrap()),
            keys: Mutex::new(backup.keys.clone()),
            recovering: Mutex::new(None),
            prepared: Mutex::new(None),
            run: Mutex::default(),
            rolled_back: AtomicBool::new(false),
            restored: AtomicBool::new(false),
            ledger: Mutex::new(None),
            asking: Mutex::new(None),
            peers: Mutex::new(None),
            wants_restart: AtomicBool::new(false),
            withheld: Withheld::default(),
            joined: Mutex::new(None),
        })
    }

    /// How the lines to the other hubs are, in words.
    pub(crate) fn lines(&self) -> String {
        let peers = self.peers.lock().unwrap().clone();
        let lines = peers.map_or_else(Vec::new, |peers| peers.status());
        let line = |line: PeerStatus| {
            let how = line.direction.map_or("away", Direction::name);
            let (lag, error) = (line.lag_envelopes.unwrap_or(0), line.last_error.unwrap_or_default());
            format!("{} {how}, lag {lag} {error}", line.hub.short())
        };
        lines.into_iter().map(line).collect::<Vec<_>>().join("; ")
    }

    /// Whether others reach this machine: a copy runs under no address of its own.
    pub(crate) fn is_called(&self) -> bool {
        self.address == format!("{}:{PORT}", self.name)
    }

    /// The key it signs with in its present run.
    pub(crate) fn key(&self) -> SigningKey {
        SigningKey::from(self.keys.lock().unwrap().seed)
    }

    /// The number of that key.
    pub(crate) fn key_number(&self) -> u16 {
        self.keys.lock().unwrap().number
    }

    /// Its recovery key, which it printed once.
    pub(crate) fn recovery_key(&self) -> SigningKey {
        SigningKey::from(*self.recovery_seed.lock().unwrap())
    }

    /// By so much its clock is ahead.
    pub(crate) fn skew_ms(&self) -> i64 {
        self.skew_ms.load(Ordering::SeqCst)
    }

    /// Its clock goes on by so much, whatever that of others does.
    pub(crate) fn set_clock_on(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.skew_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// Its disk is replaced by an empty one, in a folder with the key it has now. Not if another one lies beside that.
    pub(crate) fn empty(&self) {
        self.disk.restore(&Contents::new());
        self.rolled_back.store(false, Ordering::SeqCst);
    }

    /// Its folder and its recovery key are gone, and a new folder draws others: these seeds.
    pub(crate) fn lose_keys(&self, seed: [u8; 32], recovery_seed: [u8; 32]) {
        self.empty();
        *self.keys.lock().unwrap() = Keys { number: 0, seed };
        *self.prepared.lock().unwrap() = None;
        *self.recovery_seed.lock().unwrap() = recovery_seed;
        let record = RecoveryRecord::sign(&self.recovery_key(), &self.key(), self.time.now_ms());
        *self.recovering.lock().unwrap() = Some(record);
    }

    /// Whether its folder is a new one that has not found its hub.
    pub(crate) fn is_recovering(&self) -> bool {
        self.recovering.lock().unwrap().is_some()
    }

    /// Whether a next key lies beside the present one.
    pub(crate) fn has_prepared(&self) -> bool {
        self.prepared.lock().unwrap().is_some()
    }

    /// Its present run.
    pub(crate) fn run_number(&self) -> u64 {
        self.run.lock().unwrap().number
    }

    /// The ledger of the present run.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        self.running().unwrap()
    }

    /// The same; `None` while the machine is down or starts.
    pub(crate) fn running(&self) -> Option<Arc<Ledger>> {
        self.ledger.lock().unwrap().clone()
    }

    /// A copy of its folder, as a backup or a snapshot of the machine has it.
    pub(crate) fn back_up(&self) -> Backup {
        Backup {
            contents: self.disk.contents(),
            keys: self.keys.lock().unwrap().clone(),
            run: self.run_number(),
        }
    }

    /// Whether this backup has the keys of now.
    pub(crate) fn has_keys_of(&self, backup: &Backup) -> bool {
        *self.keys.lock().unwrap() == backup.keys
    }

    /// Lays the key of another copy of its folder beside the present one, as a change that was interrupted leaves it.
    pub(crate) fn lay_key_of(&self, other: &Backup) {
        *self.prepared.lock().unwrap() = Some(other.keys.clone());
    }

    /// Puts an old folder in place of the present one. With the memory of that time too, its next start is none: the
    /// machine goes on in the run it was in, as it was then.
    pub(crate) fn restore(&self, backup: &Backup, with_memory: bool) {
        self.disk.restore(&backup.contents);
        *self.keys.lock().unwrap() = backup.keys.clone();
        self.rolled_back.store(with_memory, Ordering::SeqCst);
        self.restored.store(true, Ordering::SeqCst);
    }

    /// Whether its folder was ever replaced by an older one.
    pub(crate) fn was_restored(&self) -> bool {
        self.restored.load(Ordering::SeqCst)
    }

    /// What its clock says.
    pub(crate) fn clock_ms(&self) -> i64 {
        self.time.now_ms() + self.skew_ms()
    }

    /// The machine is down: nothing of its run is left but the disk.
    pub(crate) fn forget_run(&self) {
        *self.ledger.lock().unwrap() = None;
        *self.asking.lock().unwrap() = None;
    }

    /// Its key was replaced, and it has to start anew to sign with the new one.
    pub(crate) fn takes_restart(&self) -> bool {
        self.wants_restart.swap(false, Ordering::SeqCst)
    }

    /// Asks the running node for something.
    pub(crate) fn ask(&self, ask: Ask) -> bool {
        let asking = self.asking.lock().unwrap();
        asking.as_ref().is_some_and(|asking| asking.send(ask).is_ok())
    }

    /// A ledger over any disk of this hub, as its node opens it. The clock comes back too.
    pub(crate) fn open_over(&self, disk: Arc<Disk>, random: u64) -> Result<(Ledger, SharedClock), String> {
        let clock = Arc::new(self.clock(random));
        Ok((self.open_with(disk, clock.clone())?, clock))
    }

    fn clock(&self, random: u64) -> SimClock {
        SimClock {
            time: self.time.clone(),
            random: ManualClock::new(0, (self.number as u64) << 32 | random),
            skew_ms: self.skew_ms.clone(),
            remembered_ms: Mutex::new(None),
        }
    }

    fn open_with(&self, disk: Arc<Disk>, clock: Arc<SimClock>) -> Result<Ledger, String> {
        let keys = self.keys.lock().unwrap().clone();
        let recovering = self.recovering.lock().unwrap().clone();
        let id = match recovering {
            Some(_) => HubId::of_first_key(&public_key(&SigningKey::from(keys.seed))),
            None => self.id,
        };
        let options = LedgerOptions {
            store: disk,
            clock,
            own: OwnHub {
                key: SigningKey::from(keys.seed),
                recovery_key: public_key(&self.recovery_key()),
                slug: self.address.split(':').next().unwrap_or_default().to_owned(),
                address: self.address.clone(),
                profile: HubProfile {
                    name: format!("Hub {}", self.name),
                    ..HubProfile::default()
                },
            },
            counter: Box::new(InProcessCounter),
        };
        let ledger = Ledger::open_as(options, id, keys.number).map_err(|error| error.to_string())?;
        if let Some(record) = recovering {
            ledger.recover_with(record);
        }
        if ledger.needs_rebuild().map_err(|error| error.to_string())? {
            ledger.rebuild(&mut |_| {}).map_err(|error| error.to_string())?;
        }
        Ok(ledger)
    }

    /// A new run: memory gone, disk as it is. An error only if the machine stopped meanwhile.
    pub(crate) fn open(self: &Arc<Self>) -> Result<(Arc<Ledger>, SharedClock), String> {
        let run = {
            let mut run = self.run.lock().unwrap();
            if !self.rolled_back.load(Ordering::SeqCst) {
                *run = Run {
                    number: run.number + 1,
                    opened_ms: self.time.now_ms() + self.skew_ms(),
                };
            }
            *run
        };
        let clock = Arc::new(self.clock(run.number));
        *clock.remembered_ms.lock().unwrap() = Some(run.opened_ms);
        let mut ledger = self.open_with(self.disk.clone(), clock.clone())?;
        let prepared = self.prepared.lock().unwrap().clone();
        if let Some(next) = prepared {
            let named = (next.number, public_key(&SigningKey::from(next.seed)));
            if ledger.own_keys().is_ok_and(|keys| keys.current == named) {
                *self.keys.lock().unwrap() = next;
                ledger = self.open_with(self.disk.clone(), clock.clone())?;
                *self.prepared.lock().unwrap() = None;
            }
        }
        let ledger = Arc::new(ledger);
        *clock.remembered_ms.lock().unwrap() = None;
        self.rolled_back.store(false, Ordering::SeqCst);
        ledger.keep_keys_with(Arc::new(Keeper(Arc::downgrade(self))));
        *self.ledger.lock().unwrap() = Some(ledger.clone());
        Ok((ledger, clock))
    }

    /// Its node, until the machine stops.
    pub(crate) async fn node(self: Arc<Self>) -> turmoil::Result {
        match self.clone().serve().await {
            Ok(()) => Ok(()),
            // A machine that stopped in the middle says nothing; the world takes it down.
            Err(_) if self.disk.is_stopped() => std::future::pending().await,
            Err(error) => panic!("{} does not start: {error}", self.name),
        }
    }

    async fn serve(self: Arc<Self>) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let (ledger, clock) = self.open()?;
        ledger.vouch().map_err(|error| text(&error))?;
        ledger.publish_profile().map_err(|error| text(&error))?;
        ledger.publish_address().map_err(|error| text(&error))?;
        let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await;
        let listener = listener.map_err(|error| text(&error))?;
        let tasks = Tasks::new(Blocking::Inline);
        let host = LedgerHost::new(ledger.clone());
        let forward = host.clone().forward(ledger.notices());
        tasks.spawn("sync", "changes", |_| forward);
        let host: Arc<dyn Host> = if self.withheld.lock().unwrap().is_empty() {
            host
        } else {
            let changes = broadcast::channel(1_024).0;
            let withheld = self.withheld.clone();
            let heard = host.changes();
            let withholding = Arc::new(Withholding {
                host,
                withheld,
                changes,
            });
            let forward = withholding.clone().forward(heard);
            tasks.spawn("sync", "what is not withheld", |_| forward);
            withholding
        };
        let options = PeerOptions {
            keepalive: Duration::from_secs(2),
            keepalive_timeout: Duration::from_secs(3),
            retry_max: Duration::from_secs(10),
            ..PeerOptions::default()
        };
        let seed = self.keys.lock().unwrap().seed;
        let peers =
            Peers::start(host, &seed, Some(listener), SimNet, options, &tasks, clock).map_err(|error| text(&error))?;
        let peers = Arc::new(peers);
        *self.peers.lock().unwrap() = Some(peers.clone());
        let by_itself = ledger.clone();
        tasks.spawn("sync", "by itself", move |context: TaskContext| async move {
            loop {
                // Errors only as the machine stops.
                let _ = by_itself.renew_roster();
                let _ = by_itself.replay().and_then(|()| by_itself.sign_beacon());
                if !context.sleep(BY_ITSELF_EVERY).await {
                    return;
                }
            }
        });
        let (sender, mut asks) = mpsc::unbounded_channel();
        *self.asking.lock().unwrap() = Some(sender);
        while let Some(Ask::Join(invitation)) = asks.recv().await {
            let joined = self.join(&ledger, &peers, &invitation).await;
            if joined.is_ok() {
                peers.call_now();
            }
            *self.joined.lock().unwrap() = Some(joined);
        }
        std::future::pending().await
    }

    async fn join(&self, ledger: &Ledger, peers: &Peers<SimNet>, invitation: &Invitation) -> Result<(), String> {
        let network = invitation.network;
        if let Some(request) = ledger.recovering(network) {
            let joined = peers.join(&invitation.address, invitation.inviter_key, &request).await;
            let joined = joined.map_err(|error| error.to_string())?;
            let found = ledger.enter_recovered(network, &joined.registry, &invitation.decisions);
            return found.map(drop).map_err(|error| error.to_string());
        }
        let (accept, accept_signature) = ledger.sign_accept(network).map_err(|error| error.to_string())?;
        let invitation_key = public_key(&invitation.secret);
        let message = invitation_message(network, ledger.own().public_key(), invitation_key);
        let request = JoinRequest {
            next_keys: Vec::new(),
            admission: Vec::new(),
            network,
            invitation_key,
            invitation_signature: invitation.secret.sign(&message).to_bytes(),
            accept,
            accept_signature,
        };
        let joined = peers.join(&invitation.address, invitation.inviter_key, &request).await;
        let joined = joined.map_err(|error| error.to_string())?;
        ledger
            .enter_network(network, &joined.registry, &invitation.decisions)
            .map_err(|error| error.to_string())?;
        ledger.publish_profile().map_err(|error| error.to_string())
    }
}

/// Keeps a new own key in the simulated folder.
struct Keeper(Weak<SimHub>);

impl KeyKeeper for Keeper {
    fn prepare(&self, next: &NextIdentity) -> Result<(), KeyError> {
        let hub = self.0.upgrade().ok_or(KeyError::NoFolder)?;
        let (number, seed) = (next.number, next.seed);
        *hub.prepared.lock().unwrap() = Some(Keys { number, seed });
        Ok(())
    }

    fn prepared(&self) -> Result<Option<NextIdentity>, KeyError> {
        let hub = self.0.upgrade().ok_or(KeyError::NoFolder)?;
        let prepared = hub.prepared.lock().unwrap().clone();
        Ok(prepared.map(|Keys { number, seed }| NextIdentity { number, seed }))
    }

    fn replace(&self, _: &NextIdentity) -> Result<(), KeyError> {
        let hub = self.0.upgrade().ok_or(KeyError::NoFolder)?;
        let prepared = hub.prepared.lock().unwrap().take();
        if let Some(next) = prepared {
            *hub.keys.lock().unwrap() = next;
        }
        hub.wants_restart.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn found(&self, id: HubId, number: u16) -> Result<(), KeyError> {
        let hub = self.0.upgrade().ok_or(KeyError::NoFolder)?;
        assert_eq!(id, hub.id, "a new folder of {} finds another hub", hub.name);
        assert_eq!(hub.disk.unsynced(), 0, "{} forgets how it found its hub", hub.name);
        hub.keys.lock().unwrap().number = number;
        *hub.recovering.lock().unwrap() = None;
        hub.wants_restart.store(true, Ordering::SeqCst);
        Ok(())
    }
}
