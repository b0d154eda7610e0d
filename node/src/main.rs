//! The `interhubd` program: makes a data folder, serves it, rebuilds it.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use interhub_node::child::{self, Counting};
use interhub_node::clock::{Clock as _, SharedClock, SystemClock};
use interhub_node::config::Config;
use interhub_node::data_folder::{DataFolder, keep_recovery};
use interhub_node::identity::{Identity, NewKeys, RecoveryKey};
use interhub_node::node::{self, Node, NodeOptions};
use interhub_node::peer::PeerOptions;
use interhub_node::sync::RecoveryRecord;
use interhub_node::telemetry::{self, LogFormat};
use tokio::signal::unix::{SignalKind, signal};

/// The node of a community hub: stores its events and members, and exchanges them with other hubs.
#[derive(Parser)]
#[command(name = "interhubd", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the data folder of a new hub.
    Init(Box<Init>),
    /// Serve a hub until SIGTERM or SIGINT.
    Serve(Serve),
    /// Compute documents and projections again from the log, while the node is stopped.
    Rebuild(Data),
    /// Judge changes for the node at the other end of standard input. Started by the node.
    #[command(name = child::SUBCOMMAND, hide = true)]
    Count,
}

#[derive(Args)]
struct Data {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "INTERHUB_DATA")]
    data: PathBuf,
}

#[derive(Args)]
struct Init {
    #[command(flatten)]
    data: Data,
    /// Short name: 2 to 40 lower-case letters, digits and inner hyphens.
    #[arg(long)]
    slug: String,
    /// The name people use.
    #[arg(long)]
    name: String,
    /// IANA time zone, for instance Europe/London.
    #[arg(long)]
    timezone: String,
    /// Town.
    #[arg(long)]
    locality: Option<String>,
    /// Country, two letters.
    #[arg(long)]
    country: Option<String>,
    /// Where the hub is, for instance 52.4751,-1.8848.
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    at: Option<String>,
    /// Where other hubs' nodes reach this one: address and port to listen on.
    #[arg(long, value_name = "ADDR")]
    federation_listen: Option<String>,
    /// The same as seen from outside, for invitations.
    #[arg(long, value_name = "HOST:PORT")]
    federation_address: Option<String>,
    /// Address and port of the web pages.
    #[arg(long, value_name = "ADDR")]
    web_listen: Option<String>,
    /// The address people type to see them.
    #[arg(long, value_name = "URL")]
    web_url: Option<String>,
    /// Make the folder of a hub whose data and key are gone: its recovery key. `interhub join` finds the hub then.
    #[arg(long, value_name = "RECOVERY-KEY")]
    recover: Option<RecoveryKey>,
    /// Make the folder of a hub whose key and recovery key are gone. It prints new ones; once the voting hubs have given
    /// them to the hub (`interhub hub rekey`) and seven days have passed, `interhub join` finds it.
    #[arg(long, conflicts_with = "recover")]
    lost_keys: bool,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    data: Data,
    /// Neither call other hubs nor answer them.
    #[arg(long)]
    without_peers: bool,
    /// Format of the log on standard error.
    #[arg(long, value_enum)]
    log_format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage(&error),
    };
    let done = match arguments.command {
        Command::Init(arguments) => init(*arguments),
        Command::Serve(arguments) => serve(&arguments),
        Command::Rebuild(arguments) => rebuild(&arguments),
        Command::Count => child::serve().map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the source said.
            let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(std::io::stderr(), "interhubd: {line}");
            ExitCode::FAILURE
        }
    }
}

/// Wrong usage as one line that says what to do next, and exit code 2. Help and version are no error.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let asked = !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if asked {
        // Nothing is left to do if even that cannot be written.
        let _ = error.print();
    } else {
        let rendered = error.render().to_string();
        let head = rendered.split("\n\n").next().unwrap_or(&rendered);
        let head = head.strip_prefix("error: ").unwrap_or(head);
        let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.trim_end_matches('.');
        let _ = writeln!(
            std::io::stderr(),
            "interhubd: {line}; `interhubd --help` lists what there is"
        );
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn init(arguments: Init) -> anyhow::Result<()> {
    let defaults = Config::default();
    let config = Config {
        slug: arguments.slug,
        name: arguments.name,
        timezone: arguments.timezone,
        locality: arguments.locality.unwrap_or_default(),
        country: arguments.country.unwrap_or_default(),
        at: arguments.at.unwrap_or_default(),
        federation_listen: arguments
            .federation_listen
            .unwrap_or(defaults.federation_listen.clone()),
        federation_address: arguments.federation_address.unwrap_or_default(),
        web_listen: arguments.web_listen.unwrap_or(defaults.web_listen.clone()),
        web_url: arguments.web_url.unwrap_or_default(),
        ..defaults
    };
    config.check()?;
    let (mut identity, recovery) = Identity::generate(&SystemClock);
    if let Some(recovery) = arguments.recover {
        identity.recovery_public = recovery.public_key();
        return init_recovered(&arguments.data.data, &config, &identity, &recovery);
    }
    if arguments.lost_keys {
        return init_lost(&arguments.data.data, &config, &identity, &recovery);
    }
    let folder = DataFolder::create(&arguments.data.data, &config, &identity)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "The hub {} is made: {}", config.slug, identity.hub)?;
    writeln!(out)?;
    writeln!(
        out,
        "Write down its recovery key and keep it on paper. It is not stored, and not shown again:"
    )?;
    writeln!(out)?;
    writeln!(out, "    {recovery}")?;
    writeln!(out)?;
    let data = folder.path().display();
    writeln!(out, "Next: interhubd serve --data {data}")?;
    writeln!(
        out,
        "then: interhub --data {data} network create NAME, or interhub --data {data} join LINK"
    )?;
    Ok(())
}

/// A folder with a new key, which the recovery key has signed; which hub it is, the network says.
fn init_recovered(path: &Path, config: &Config, identity: &Identity, recovery: &RecoveryKey) -> anyhow::Result<()> {
    let folder = DataFolder::create(path, config, identity)?;
    let signed = RecoveryRecord::sign(&recovery.signing_key(), &identity.signing_key(), SystemClock.now_ms());
    keep_recovery(folder.path(), &signed.record, &signed.signature)?;
    let mut out = std::io::stdout().lock();
    let data = folder.path().display();
    writeln!(
        out,
        "A new key for {} is made, and signed with the recovery key, which stays the same.",
        config.slug
    )?;
    writeln!(out, "Next: interhubd serve --data {data}")?;
    writeln!(
        out,
        "then: interhub --data {data} join LINK, with an invitation of any hub of its network"
    )?;
    Ok(())
}

/// A folder with new keys, which the voting hubs have to give to the hub.
fn init_lost(path: &Path, config: &Config, identity: &Identity, recovery: &RecoveryKey) -> anyhow::Result<()> {
    let folder = DataFolder::create(path, config, identity)?;
    let signed = RecoveryRecord::sign(&recovery.signing_key(), &identity.signing_key(), SystemClock.now_ms());
    keep_recovery(folder.path(), &signed.record, &signed.signature)?;
    let keys = NewKeys {
        public_key: identity.public_key(),
        recovery_key: recovery.public_key(),
    };
    let mut out = std::io::stdout().lock();
    let data = folder.path().display();
    writeln!(
        out,
        "New keys for {} are made. Write down the new recovery key and keep it on paper:",
        config.slug
    )?;
    writeln!(out, "\n    {recovery}\n")?;
    writeln!(
        out,
        "Send this to the voting hubs, in a way that shows them who you are. It is not secret:"
    )?;
    writeln!(out, "\n    interhub hub rekey {} --keys {keys}\n", config.slug)?;
    writeln!(
        out,
        "When more than half of them have run it, and seven days have passed:"
    )?;
    writeln!(out, "    interhubd serve --data {data}")?;
    writeln!(
        out,
        "then: interhub --data {data} join LINK, with an invitation of any hub of its network"
    )?;
    Ok(())
}

fn serve(arguments: &Serve) -> anyhow::Result<()> {
    // The configuration says how to log; what goes wrong before that is the error itself.
    let config = DataFolder::open(&arguments.data.data)?.config()?;
    let format = match arguments.log_format {
        Some(Format::Json) => LogFormat::Json,
        Some(Format::Text) => LogFormat::Text,
        None => config.log_format,
    };
    telemetry::init(format, &config.log_filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve_until_told(arguments));
    runtime.shutdown_background();
    match served? {
        After::Stop => Ok(()),
        After::Again => {
            // The process takes its own place, so that nothing of the old key is left in it.
            let error = std::process::Command::new(std::env::current_exe()?)
                .args(std::env::args_os().skip(1))
                .exec();
            Err(error).context("the node cannot start again with its new key; start it by hand")
        }
    }
}

/// What comes after a node has stopped.
enum After {
    Stop,
    Again,
}

async fn serve_until_told(arguments: &Serve) -> anyhow::Result<After> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let clock: SharedClock = SystemClock::shared();
    let options = NodeOptions {
        clock,
        without_peers: arguments.without_peers,
        peers: PeerOptions::default(),
        counting: Counting::by_this_program(),
    };
    let node = Node::start(&arguments.data.data, options).await?;
    let federation = node
        .federation
        .map_or_else(|| "none".to_owned(), |address| address.to_string());
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "ready federation={federation} web={}", node.web)?;
        out.flush()?;
    }
    tracing::info!(%federation, web = %node.web, "ready");
    // Not started by systemd: nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let after = tokio::select! {
        biased;
        _ = terminate.recv() => After::Stop,
        _ = interrupt.recv() => After::Stop,
        () = node.restart.cancelled() => After::Again,
    };
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    for name in node.stop().await {
        tracing::warn!(name, "task was cut off");
    }
    Ok(after)
}

fn rebuild(arguments: &Data) -> anyhow::Result<()> {
    let clock: SharedClock = SystemClock::shared();
    let opened = node::open(&arguments.data, &clock, None, &Counting::by_this_program())?;
    let count = opened.ledger.rebuild(&mut |_| {})?;
    opened.search.rebuild()?;
    opened.search.follow_all()?;
    writeln!(std::io::stdout().lock(), "rebuilt {count} documents")?;
    Ok(())
}
