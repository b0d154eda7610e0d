//! The one place where a node is built, owned and stopped.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use interhub_domain::beacon::BEACON_EVERY_MS;
use interhub_domain::document::{Counter, InProcessCounter};
use interhub_domain::ids::HubId;
use interhub_domain::profile::HubProfile;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::child::{self, ChildCounter, Counting};
use crate::clock::{SharedClock, Stopwatch};
use crate::command::picture::Painters;
use crate::command::webhook::Callers;
use crate::command::{Answer, Class, CommandError, Commands, Neighbours};
use crate::config::Config;
use crate::data_folder::{
    DataFolder, DataFolderError, drop_recovery, prepare_identity, prepared_identity, recovery_of, settle_identity,
};
use crate::feed;
use crate::feed::fetch::Fetcher;
use crate::identity::Identity;
use crate::metrics;
use crate::peer::connect::JoinError;
use crate::peer::net::{Net, TcpNet};
use crate::peer::status::PeerStatus;
use crate::peer::{JoinRequest, Joined, PeerOptions, Peers};
use crate::picture;
use crate::projection::read::Views;
use crate::projection::search::Search;
use crate::projection::search::tantivy::TantivyIndex;
use crate::rpc;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::rocks::RocksStore;
use crate::store::{Store, catalogue, migrate};
use crate::sync::{
    KeyError, KeyKeeper, Ledger, LedgerHost, LedgerOptions, NextIdentity, Notice, OwnHub, RecoveryRecord,
};
use crate::task::{Blocking, TaskContext, Tasks};
use crate::web::{self, AdminState, PublicDirectory, WebState};
use crate::webhook;

/// A node that is told to stop has so long before it is cut off.
pub const STOP_WITHIN: Duration = Duration::from_secs(9);
/// The text index is renewed at most this often.
const SEARCH_EVERY: Duration = Duration::from_millis(200);
/// A beacon says this often how far the own logs are.
const BEACON_EVERY: Duration = Duration::from_millis(BEACON_EVERY_MS.unsigned_abs());
/// What was erased is forced out of the files so long after, together with what is erased meanwhile: each time costs a flush of
/// everything.
const FORCE_OUT_AFTER: Duration = Duration::from_secs(1);
/// Of the time, forcing out takes at most one part in so many,
const FORCE_OUT_PART: u32 = 10;
/// but what was erased never waits longer than this; nor does another attempt.
const FORCE_OUT_AGAIN: Duration = Duration::from_mins(1);
/// The covered years are looked at this often.
const ROLL_EVERY: Duration = Duration::from_hours(6);
/// So often records of members are looked through for those who moved on long ago.
const MOVED_ON_EVERY: Duration = Duration::from_hours(1);
/// So often links to members' pages that have ended are forgotten.
const OWN_PAGES_EVERY: Duration = Duration::from_hours(1);
/// So often some of the members whose pages are old are asked whether they are still true.
const ASK_EVERY: Duration = Duration::from_hours(1);

/// How a node is started.
#[derive(Clone)]
pub struct NodeOptions {
    /// Time and randomness.
    pub clock: SharedClock,
    /// Neither calls other hubs nor answers them.
    pub without_peers: bool,
    /// Times and bounds towards other hubs.
    pub peers: PeerOptions,
    /// Where changes of other hubs are judged.
    pub counting: Counting,
}

/// Why a node does not start. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] DataFolderError),
    /// A port is taken.
    #[error("{what} cannot listen on {address}: {reason}; stop what uses it, or change {field} in interhub.toml")]
    Listen {
        /// Which.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: String,
        /// Where to change it.
        field: &'static str,
    },
    /// Something else, in its own words.
    #[error("{0}")]
    Other(String),
}

/// Shortens the way of errors that say enough by themselves.
fn other(error: impl std::fmt::Display) -> StartError {
    StartError::Other(error.to_string())
}

/// A running node.
pub struct Node {
    /// Where it answers other hubs; `None` without peers.
    pub federation: Option<SocketAddr>,
    /// Where its pages are.
    pub web: SocketAddr,
    /// What operators ask for, in process.
    pub commands: Commands,
    /// Everything that runs.
    pub tasks: Tasks,
    /// Cancelled when the node has to start anew, because its key changed.
    pub restart: CancellationToken,
    counter: Option<ChildCounter>,
    ready: Arc<AtomicBool>,
    _folder: DataFolder,
}

/// The database, the ledger and the views of a data folder, without anything that runs.
pub struct Opened {
    /// The folder, locked.
    pub folder: DataFolder,
    /// Its configuration.
    pub config: Config,
    /// Its keys.
    pub identity: Identity,
    /// The logs.
    pub ledger: Arc<Ledger>,
    /// The views.
    pub views: Arc<Views>,
    /// The text index.
    pub search: Arc<Search>,
    /// The process that judges, if one does.
    pub counter: Option<ChildCounter>,
}

/// Opens a data folder. `federation_port` is the port listened on, for an address that says `:0`.
pub fn open(
    path: &Path,
    clock: &SharedClock,
    federation_port: Option<u16>,
    counting: &Counting,
) -> Result<Opened, StartError> {
    let folder = DataFolder::open(path)?;
    let config = folder.config()?;
    open_folder(folder, config, clock, federation_port, counting)
}

fn open_folder(
    folder: DataFolder,
    config: Config,
    clock: &SharedClock,
    federation_port: Option<u16>,
    counting: &Counting,
) -> Result<Opened, StartError> {
    let mut identity = folder.identity()?;
    let rocks = RocksStore::open(&folder.database(), config.storage_cache_bytes()).map_err(other)?;
    let store: Store = Arc::new(rocks);
    migrate::prepare(&*store, &**clock).map_err(other)?;
    let counter = ChildCounter::of(counting);
    let open_as = |identity: &Identity| {
        let judge: Box<dyn Counter> = match &counter {
            Some(child) => Box::new(child.clone()),
            None => Box::new(InProcessCounter),
        };
        let options = LedgerOptions {
            store: store.clone(),
            clock: clock.clone(),
            own: own_hub(&config, identity, federation_port)?,
            counter: judge,
        };
        Ledger::open_as(options, identity.hub, identity.key_number).map_err(other)
    };
    let mut ledger = open_as(&identity)?;
    if let Some(next) = prepared_identity(folder.path())? {
        // A change of key was interrupted. If the registry here does not say that it was made, other hubs may say so later.
        let named = (next.key_number, next.public_key());
        if ledger.own_keys().is_ok_and(|keys| keys.current == named) {
            settle_identity(folder.path())?;
            identity = next;
            ledger = open_as(&identity)?;
        }
    }
    if let Some(place) = folder.place() {
        ledger.lies_at(place).map_err(other)?;
    }
    let ledger = Arc::new(ledger);
    if ledger.is_key_replaced() {
        tracing::error!("this hub has another key by now, which this node does not have; see `interhub key show`");
    }
    let database = match catalogue::get(&*store, &MetaKey::DatabaseId).map_err(other)? {
        Some(MetaValue(bytes)) => bytes
            .try_into()
            .map_err(|_| other("the database's id is damaged; restore a backup"))?,
        None => return Err(other("the database has no id; restore a backup")),
    };
    let index = TantivyIndex::open(&folder.search()).map_err(other)?;
    let search = Arc::new(Search::open(store.clone(), Box::new(index), database).map_err(other)?);
    let views = Arc::new(Views::new(store, search.clone()).following(ledger.member_changes()));
    if ledger.needs_rebuild().map_err(other)? {
        tracing::info!("rebuilding documents and projections");
        ledger.rebuild(&mut |_| {}).map_err(other)?;
    }
    Ok(Opened {
        folder,
        config,
        identity,
        ledger,
        views,
        search,
        counter,
    })
}

fn own_hub(config: &Config, identity: &Identity, federation_port: Option<u16>) -> Result<OwnHub, StartError> {
    let address = match (config.federation_address.strip_suffix(":0"), federation_port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => config.federation_address.clone(),
    };
    let profile = HubProfile {
        name: config.name.clone(),
        timezone: config.timezone.clone(),
        locality: config.locality.clone(),
        country: config.country.clone(),
        at: config.point().map_err(other)?,
        web_url: config.web_url.clone(),
        description: String::new(),
    };
    Ok(OwnHub {
        key: identity.signing_key(),
        recovery_key: identity.recovery_public,
        slug: config.slug.clone(),
        address,
        profile,
    })
}

impl Node {
    /// Starts the node of a data folder.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(path: &Path, options: NodeOptions) -> Result<Self, StartError> {
        let folder = DataFolder::open(path)?;
        let config = folder.config()?;
        // Ports first: whoever finds them taken has changed nothing.
        let federation = if options.without_peers {
            None
        } else {
            let address = config.federation_socket().map_err(other)?;
            Some(listen("federation", "federation_listen", address).await?)
        };
        let web_listener = listen("the web", "web_listen", config.web_socket().map_err(other)?).await?;
        let web_address = web_listener.local_addr().map_err(other)?;
        let federation_address = match &federation {
            Some(listener) => Some(listener.local_addr().map_err(other)?),
            None => None,
        };

        let tasks = Tasks::new(Blocking::Threads);
        let port = federation_address.map(|address| address.port());
        let opened = open_folder(folder, config, &options.clock, port, &options.counting)?;
        let Opened {
            folder,
            config,
            identity,
            ledger,
            views,
            search,
            counter,
        } = opened;
        let restart = CancellationToken::new();
        ledger.keep_keys_with(Arc::new(FolderKeeper {
            folder: folder.path().to_owned(),
            identity: identity.clone(),
            restart: restart.clone(),
        }));
        if let Some((record, signature)) = recovery_of(folder.path())? {
            ledger.recover_with(RecoveryRecord { record, signature });
        }
        if ledger.network().is_some() {
            ledger.vouch().map_err(other)?;
            ledger.publish_profile().map_err(other)?;
            ledger.publish_address().map_err(other)?;
        }
        let commands = Commands {
            ledger: ledger.clone(),
            views: views.clone(),
            clock: options.clock.clone(),
            tasks: tasks.clone(),
            neighbours: Arc::new(OnceLock::new()),
            timezone: config.timezone.clone(),
            counter: counter.clone(),
            fetcher: Fetcher::new(config.feeds_from_private_networks).map_err(other)?,
            looking: Arc::default(),
            feeds_changed: Arc::default(),
            receivers: Callers::new().map_err(other)?,
            webhooks_changed: Arc::default(),
            webhooks_writing: Arc::default(),
            painters: Painters::new(config.feeds_from_private_networks).map_err(other)?,
            shows_pictures: config.pictures,
            counting: Arc::default(),
            importing_members: Arc::new(tokio::sync::Semaphore::new(1)),
            web_address: address_of_pages(&config, web_address),
            asking_for_links: Arc::new(tokio::sync::Semaphore::new(crate::command::own_page::MAX_ASKING)),
            writing_to_members: Arc::default(),
            mailer: config.mailer().map_err(other)?,
        };

        follow_search(&tasks, &ledger, search);
        roll_years(&tasks, &ledger);
        if let Some(counter) = &counter {
            child::look_after(&tasks, &ledger, counter);
        }
        force_out(&tasks, &ledger);
        sign_beacons(&tasks, &ledger);
        if let Some(listener) = federation {
            let peers = start_peers(&tasks, &ledger, &identity, listener, &options)?;
            let _ = commands.neighbours.set(peers);
        }
        feed::poll::start(&commands);
        webhook::deliver::start(&commands);
        picture::poll::start(&commands);
        if commands.sends_mail() && !config.web_url.starts_with("https://") {
            tracing::warn!(
                "links in mail to members lead nowhere beyond this machine: set web_url to an https address in interhub.toml"
            );
        }
        erase_who_moved_on(&commands, config.erase_moved_on_after_days);
        sweep_own_pages(&commands);
        ask_members(&commands, config.ask_members_after_days);
        serve_clients(&tasks, &commands, folder.path()).await?;
        let ready = Arc::new(AtomicBool::new(false));
        serve_web(&tasks, &commands, &config, web_listener, ready.clone()).await?;
        ready.store(true, Ordering::SeqCst);
        Ok(Self {
            federation: federation_address,
            web: web_address,
            commands,
            tasks,
            restart,
            counter,
            ready,
            _folder: folder,
        })
    }

    /// Stops everything in order and returns the names of what had to be cut off. What was acknowledged is on the disk
    /// already; stopping only ends what runs.
    pub async fn stop(self) -> Vec<String> {
        self.ready.store(false, Ordering::SeqCst);
        let late = self.tasks.stop(STOP_WITHIN).await;
        if let Some(counter) = &self.counter {
            counter.stop();
        }
        if let Err(error) = self.commands.ledger.make_durable() {
            tracing::error!(%error, "the last writes could not be synced");
        }
        late.into_iter().map(|task| task.name).collect()
    }
}

async fn listen(what: &'static str, field: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen {
        what,
        address,
        reason: error.to_string(),
        field,
    })
}

/// Keeps the text index in step with the projections.
fn follow_search(tasks: &Tasks, ledger: &Arc<Ledger>, search: Arc<Search>) {
    let mut notices = ledger.notices();
    let blocking = tasks.clone();
    tasks.spawn("projection", "search index", move |context| async move {
        loop {
            let step = search.clone();
            let more = match blocking.blocking("search index", move || step.follow()).await {
                Ok(Ok(followed)) => followed.more,
                Ok(Err(error)) => {
                    tracing::error!(%error, "search index could not be renewed");
                    false
                }
                Err(_) => return,
            };
            if more && !context.is_cancelled() {
                continue;
            }
            let changed = async {
                loop {
                    match notices.recv().await {
                        Ok(Notice::Changed) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return true,
                        Ok(_) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => return false,
                    }
                }
            };
            let goes_on = tokio::select! {
                biased;
                () = context.cancelled() => false,
                changed = changed => changed,
            };
            if !goes_on || !context.sleep(SEARCH_EVERY).await {
                return;
            }
        }
    });
}

fn roll_years(tasks: &Tasks, ledger: &Arc<Ledger>) {
    let ledger = ledger.clone();
    let blocking = tasks.clone();
    tasks.spawn("projection", "covered years", move |context: TaskContext| async move {
        loop {
            let step = ledger.clone();
            match blocking
                .blocking("covered years", move || step.roll_covered_years())
                .await
            {
                Ok(Err(error)) => tracing::error!(%error, "occurrences could not be extended"),
                Ok(Ok(())) => {}
                Err(_) => return,
            }
            if !context.sleep(ROLL_EVERY).await {
                return;
            }
        }
    });
}

/// Erases records of members who moved on, once the hub does not want to keep them any longer.
fn erase_who_moved_on(commands: &Commands, days: u32) {
    if days == 0 {
        return;
    }
    let erasing = commands.clone();
    commands
        .tasks
        .spawn("member", "who moved on", move |context: TaskContext| async move {
            // First the other hubs have a moment to say what has happened since this node last ran.
            while context.sleep(MOVED_ON_EVERY).await {
                match erasing.erase_who_moved_on(days).await {
                    Ok(0) => {}
                    Ok(members) => tracing::info!(members, "records of members who moved on were erased"),
                    Err(error) => tracing::error!(%error, "records of members who moved on could not be erased"),
                }
            }
        });
}

/// Forgets links to members' pages, and browsers on them, that have ended.
fn sweep_own_pages(commands: &Commands) {
    let sweeping = commands.clone();
    commands
        .tasks
        .spawn("member", "own pages", move |context: TaskContext| async move {
            while context.sleep(OWN_PAGES_EVERY).await {
                if let Err(error) = sweeping.sweep_own_pages().await {
                    tracing::error!(%error, "links to members' pages that have ended could not be forgotten");
                }
            }
        });
}

/// Asks members from time to time whether what their pages say is still true.
fn ask_members(commands: &Commands, days: u32) {
    if days == 0 || !commands.sends_mail() {
        return;
    }
    let asking = commands.clone();
    commands
        .tasks
        .spawn("member", "still true", move |context: TaskContext| async move {
            while context.sleep(ASK_EVERY).await {
                let asked = tokio::select! {
                    biased;
                    () = context.cancelled() => return,
                    asked = asking.ask_members(days) => asked,
                };
                match asked {
                    Ok(0) => {}
                    Ok(members) => tracing::info!(members, "members were asked whether their pages are still true"),
                    Err(error) => {
                        tracing::error!(%error, "members could not be asked whether their pages are still true");
                    }
                }
            }
        });
}

/// Where people reach the pages: as the operator says, or else where they are served on this machine.
fn address_of_pages(config: &Config, listening: SocketAddr) -> String {
    if !config.web_url.is_empty() {
        return config.web_url.trim_end_matches('/').to_owned();
    }
    let ip = match listening.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, listening.port()))
}

/// Forces what was erased out of the files of the database.
fn force_out(tasks: &Tasks, ledger: &Arc<Ledger>) {
    let ledger = ledger.clone();
    let mut notices = ledger.notices();
    let blocking = tasks.clone();
    tasks.spawn("store", "force out", move |context: TaskContext| async move {
        let mut pause = FORCE_OUT_AFTER;
        loop {
            if ledger.has_to_force_out() {
                if !context.sleep(pause).await {
                    return;
                }
                let (step, watch) = (ledger.clone(), Stopwatch::start());
                match blocking.blocking("force out", move || step.force_out()).await {
                    Ok(Ok(_)) => {
                        // Whatever is erased, and however slow the disk, this takes a small part of its time.
                        let took = Duration::from_millis(watch.elapsed_ms());
                        pause = (took * FORCE_OUT_PART).clamp(FORCE_OUT_AFTER, FORCE_OUT_AGAIN);
                    }
                    Ok(Err(error)) => {
                        tracing::error!(%error, "what was erased could not be forced out of the files");
                        pause = FORCE_OUT_AGAIN;
                    }
                    Err(_) => return,
                }
                continue;
            }
            let erased = async {
                loop {
                    match notices.recv().await {
                        Ok(Notice::Erased) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return true,
                        Ok(_) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => return false,
                    }
                }
            };
            let goes_on = tokio::select! {
                biased;
                () = context.cancelled() => false,
                erased = erased => erased,
            };
            if !goes_on {
                return;
            }
        }
    });
}

/// Signs a beacon now and every five minutes.
fn sign_beacons(tasks: &Tasks, ledger: &Arc<Ledger>) {
    let ledger = ledger.clone();
    let blocking = tasks.clone();
    tasks.spawn("sync", "beacons", move |context: TaskContext| async move {
        loop {
            let step = ledger.clone();
            // Decisions become old, and what they forbid with them.
            match blocking.blocking("roster", move || step.renew_roster()).await {
                Ok(Err(error)) => tracing::error!(%error, "the roster could not be renewed"),
                Ok(Ok(())) => {}
                Err(_) => return,
            }
            let step = ledger.clone();
            // What waits for the first exchange with another hub waits no longer than two rounds of this.
            match blocking
                .blocking("beacon", move || step.replay().and_then(|()| step.sign_beacon()))
                .await
            {
                Ok(Err(error)) => tracing::error!(%error, "no beacon could be signed"),
                Ok(Ok(_)) => {}
                Err(_) => return,
            }
            if !context.sleep(BEACON_EVERY).await {
                return;
            }
        }
    });
}

fn start_peers(
    tasks: &Tasks,
    ledger: &Arc<Ledger>,
    identity: &Identity,
    listener: TcpListener,
    options: &NodeOptions,
) -> Result<Arc<dyn Neighbours>, StartError> {
    let host = LedgerHost::new(ledger.clone());
    let forward = host.clone().forward(ledger.notices());
    tasks.spawn("sync", "changes to sessions", move |context| async move {
        tokio::select! {
            biased;
            () = context.cancelled() => {}
            () = forward => {}
        }
    });
    let peers = Peers::start(
        host,
        &identity.seed,
        Some(listener),
        TcpNet,
        options.peers.clone(),
        tasks,
        options.clock.clone(),
    )
    .map_err(other)?;
    Ok(Arc::new(PeersAsNeighbours(peers)))
}

async fn serve_clients(tasks: &Tasks, commands: &Commands, data: &Path) -> Result<(), StartError> {
    let socket = rpc::socket::AdminSocket::bind(data).map_err(other)?;
    let services = rpc::services(commands).await.map_err(other)?;
    tasks.spawn("rpc", "admin socket", move |context| async move {
        if let Err(error) = socket.serve(services, context.token()).await {
            tracing::error!(%error, "admin socket ended");
        }
    });
    Ok(())
}

async fn serve_web(
    tasks: &Tasks,
    commands: &Commands,
    config: &Config,
    listener: TcpListener,
    ready: Arc<AtomicBool>,
) -> Result<(), StartError> {
    let mut registry = Registry::default();
    metrics::register(&mut registry, commands);
    let fresh = commands.clone();
    let directory = PublicDirectory::new(commands.views.clone(), Box::new(move |hub| fresh.as_of_ms(hub)));
    let state = WebState {
        directory: Arc::new(directory),
        clock: commands.clock.clone(),
        tasks: tasks.clone(),
        registry: Arc::new(registry),
        ready,
        web_url: config.web_url.trim_end_matches('/').to_owned(),
        behind_proxy: config.web_behind_proxy,
    };
    let admin = AdminState {
        commands: commands.clone(),
    };
    let services = rpc::web_services(commands, config.web_behind_proxy)
        .await
        .map_err(other)?;
    let router = web::router(state, Some(admin)).merge(services);
    tasks.spawn("web", "pages", move |context| async move {
        web::serve(listener, router, context.token()).await;
    });
    Ok(())
}

/// Keeps a new own key in the data folder.
struct FolderKeeper {
    folder: PathBuf,
    identity: Identity,
    restart: CancellationToken,
}

impl KeyKeeper for FolderKeeper {
    fn prepare(&self, next: &NextIdentity) -> Result<(), KeyError> {
        let identity = Identity {
            key_number: next.number,
            seed: next.seed,
            ..self.identity.clone()
        };
        prepare_identity(&self.folder, &identity).map_err(|error| KeyError::Folder(error.to_string()))
    }

    fn prepared(&self) -> Result<Option<NextIdentity>, KeyError> {
        let laid = prepared_identity(&self.folder).map_err(|error| KeyError::Folder(error.to_string()))?;
        Ok(laid.map(|laid| NextIdentity {
            number: laid.key_number,
            seed: laid.seed,
        }))
    }

    fn replace(&self, _: &NextIdentity) -> Result<(), KeyError> {
        // Whoever is told twice has done it already.
        if self.prepared()?.is_some() {
            settle_identity(&self.folder).map_err(|error| KeyError::Folder(error.to_string()))?;
        }
        self.restart.cancel();
        Ok(())
    }

    fn found(&self, hub: HubId, number: u16) -> Result<(), KeyError> {
        let identity = Identity {
            hub,
            key_number: number,
            ..self.identity.clone()
        };
        let kept = prepare_identity(&self.folder, &identity)
            .and_then(|()| settle_identity(&self.folder))
            .and_then(|()| drop_recovery(&self.folder));
        kept.map_err(|error| KeyError::Folder(error.to_string()))?;
        self.restart.cancel();
        Ok(())
    }
}

/// The peers' side, as commands need it.
struct PeersAsNeighbours<N>(Peers<N>);

impl<N: Net> Neighbours for PeersAsNeighbours<N> {
    fn status(&self) -> Vec<PeerStatus> {
        self.0.status()
    }

    fn call_now(&self) {
        self.0.call_now();
    }

    fn join<'a>(
        &'a self,
        address: &'a str,
        key: [u8; 32],
        request: &'a JoinRequest,
    ) -> Answer<'a, Result<Joined, CommandError>> {
        let joining: Pin<Box<dyn Future<Output = Result<Joined, CommandError>> + Send + 'a>> = Box::pin(async move {
            self.0.join(address, key, request).await.map_err(|error| {
                let class = match &error {
                    JoinError::Refused(_) => Class::Refused,
                    JoinError::Dial(_) | JoinError::Broken { .. } => Class::Unreachable,
                };
                CommandError::new(class, error.to_string())
            })
        });
        joining
    }
}

/// Where a folder's database is; for benches that measure it.
pub fn database_of(data: &Path) -> PathBuf {
    data.join("db")
}
