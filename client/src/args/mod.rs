//! The command line: what can be typed. No behaviour.
//!
//! `--hub` has two meanings in the interface: which node to ask (an address), and, for `event list`, whose events (a
//! slug). An address holds `://` and a slug cannot, so the value says which is meant; the flag is declared once at the
//! top, once in `event list`, and added to every other command by [`command`].

pub mod event;
pub mod member;
pub mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use event::EventCommand;
use member::MemberCommand;

/// Id of the `--hub` flag that [`command`] adds to commands without one of their own.
const HUB_ADDRESS: &str = "hub_address";

/// The whole command line.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(
    name = "interhub",
    version,
    about = "Talks to a hub's node",
    long_about = "Talks to a hub's node: the one on this machine through --data DIR, or another through --hub URL \
                  --token TOKEN.",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 node or peer unreachable.",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    subcommand_required = true
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: TopCommand,
}

/// What every command takes.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct GlobalArgs {
    /// Data folder of the node on this machine
    #[arg(long, value_name = "DIR", env = "INTERHUB_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// Address of another node, for instance `https://hub.example`
    #[arg(long, value_name = "URL", id = HUB_ADDRESS)]
    pub hub: Option<String>,
    /// Token for --hub
    #[arg(
        long,
        value_name = "TOKEN",
        env = "INTERHUB_TOKEN",
        hide_env_values = true,
        global = true
    )]
    pub token: Option<String>,
    /// Answer with one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// No notes and no progress, only the result
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum TopCommand {
    /// Found a network, or show the one this hub belongs to
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Make an invitation for one hub
    Invite(InviteArgs),
    /// Join a network with an invitation
    Join {
        /// The link of the invitation
        #[arg(value_name = "LINK")]
        link: String,
    },
    /// The hubs of the network
    #[command(subcommand)]
    Hub(HubCommand),
    /// The keys of this hub
    #[command(subcommand)]
    Key(KeyCommand),
    /// The events of the network, and this hub's own
    #[command(subcommand)]
    Event(Box<EventCommand>),
    /// Figures of the node
    Status,
    /// The hubs this node talks to, or tries to
    Peers,
    /// What is held and of no effect: refused, void, or waiting for a week and longer
    Quarantine {
        /// At most so many entries
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Go on where a list ended: its `next`
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// A year of this hub in numbers
    Report {
        /// Which
        #[arg(long, value_name = "YEAR", allow_negative_numbers = true)]
        year: i32,
        /// A table of the months with a header line, for spreadsheets
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Members of this hub, and the cards of those of other hubs
    #[command(subcommand)]
    Member(Box<MemberCommand>),
    /// What this hub counts for itself, beside its events
    #[command(subcommand)]
    Counter(CounterCommand),
    /// Programs that are told of changes over HTTP
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// What people sign in with, and programs call with
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print changes as they happen, one a line, until interrupted
    Watch {
        /// Begin behind this change: its token
        #[arg(long, value_name = "TOKEN")]
        from: Option<String>,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; made if it is not there
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// `interhub counter ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum CounterCommand {
    /// Begin to count something, or give it another name and unit
    Define {
        /// What commands call it, for instance coffee
        #[arg(value_name = "SLUG")]
        slug: String,
        /// What reports call it; the slug if not given
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        name: String,
        /// Of what, for instance kg
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        unit: String,
    },
    /// Everything that is counted
    List,
    /// Count an amount
    Add {
        /// Of what: the slug
        #[arg(value_name = "SLUG")]
        slug: String,
        /// How much, with at most three decimals; below zero takes back
        #[arg(value_name = "AMOUNT", allow_negative_numbers = true, value_parser = value::thousandths)]
        thousandths: i64,
        /// For which day; today if not given
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        note: String,
    },
    /// What was counted in a year, one entry a line
    Entries {
        /// Of what: the slug
        #[arg(value_name = "SLUG")]
        slug: String,
        /// Which year
        #[arg(long, value_name = "YEAR", allow_negative_numbers = true)]
        year: i32,
    },
    /// Take an entry back
    Remove {
        /// Of what: the slug
        #[arg(value_name = "SLUG")]
        slug: String,
        /// Its id, as `counter entries` shows it
        #[arg(value_name = "ENTRY")]
        entry: String,
    },
    /// Count something no more, and forget everything that was counted
    Delete {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
}

/// `interhub webhook ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum WebhookCommand {
    /// Send every change from now on to an address; the secret that messages are signed with is shown once
    Create {
        /// Where to
        #[arg(value_name = "URL")]
        url: String,
        /// What to call it
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        label: String,
        /// It may be on the hub's own network or this machine, and http will do
        #[arg(long)]
        private_network: bool,
    },
    /// Every address, and how it goes there
    List,
    /// Send a message that says nothing, and whatever waits
    Test {
        /// Its id, as the list shows it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Send nothing more
    Delete {
        /// Its id, as the list shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// `interhub token ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown once
    Create {
        /// What it lets its bearer do
        #[arg(long, value_enum)]
        role: Role,
        /// What to call it, for instance who has it
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        label: String,
        /// How long it lives, for instance 8h or 90d; if not given, until it is revoked
        #[arg(long, value_name = "LENGTH", value_parser = value::duration)]
        expires: Option<u64>,
    },
    /// Every token, without its secret
    List,
    /// End a token at once, and sign out whoever came in with it
    Revoke {
        /// Its id, as the list shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything an operator may
    Admin,
    /// The front desk: passes and visits
    Desk,
    /// Reads what the hub may read, and changes nothing
    Read,
    /// Follows the change stream, and nothing else
    ChangeStream,
}

/// `interhub network ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum NetworkCommand {
    /// Found a network with this hub as its first member
    Create {
        /// Name of the network
        #[arg(value_name = "NAME", value_parser = value::text)]
        name: String,
    },
    /// Show the network this hub belongs to
    Show,
    /// List what is being decided and what was decided, in words
    Decisions,
    /// Vote for a decision
    Vote {
        /// Its id, or at least the first eight digits of it
        #[arg(value_name = "ID")]
        id: String,
        /// Withdraw this hub's vote: it signs no further decision for this change
        #[arg(long)]
        withdraw: bool,
    },
    /// Vote to take a decision after all that was refused here
    Adopt {
        /// Its id, or at least the first eight digits of it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// This hub still has its key: object to a decision that would give it others
    Object {
        /// The decision: its id, or the first eight digits of it or more
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Vote for other rules
    Rules {
        /// Guests a voter may have at once, 1 to 1,000
        #[arg(long, value_name = "COUNT")]
        guests_per_voter: u32,
    },
}

/// `interhub invite ...`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct InviteArgs {
    /// How long the invitation can be used, at most 90d; 7d if not given
    #[arg(long, value_name = "LENGTH", value_parser = value::duration)]
    pub expires: Option<u64>,
    /// Also write the link as a QR code, a PNG or SVG file
    #[arg(long, value_name = "FILE")]
    pub qr: Option<PathBuf>,
}

/// `interhub hub ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum HubCommand {
    /// List the hubs of the network
    List,
    /// Show one hub
    Show {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
    /// Vote to seat a guest: it gets a vote
    Vote {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
    /// Vote to remove a hub from the network
    Remove {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
        /// Why; every hub sees it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Vote to take a removed hub back
    Readmit {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
    /// Vote to give a hub that has lost its key and its recovery key new ones
    Rekey {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
        /// What `interhubd init --lost-keys` printed there
        #[arg(long, value_name = "KEYS")]
        keys: String,
    },
    /// Talk with a hub no more; only this node does so
    Block {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
    /// Talk with a blocked hub again
    Unblock {
        /// Its slug
        #[arg(value_name = "SLUG")]
        slug: String,
    },
    /// Take this hub out of the network; an invitation brings it back
    Leave,
}

/// `interhub key ...`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum KeyCommand {
    /// Show the keys of this hub
    Show,
    /// Name another key as a precaution; the node starts again with it
    Rotate,
    /// Name another key by the recovery key; the node starts again with it
    Recover(RecoverArgs),
}

/// `interhub key recover ...`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RecoverArgs {
    /// Somebody else has the key: what it signed counts only as far as this node vouches for it
    #[arg(long, conflicts_with_all = ["lost", "planned"], required_unless_present_any = ["lost", "planned"])]
    pub stolen: bool,
    /// The key is gone
    #[arg(long, conflicts_with = "planned")]
    pub lost: bool,
    /// Nothing happened to the key: a precaution
    #[arg(long)]
    pub planned: bool,
    /// Make another recovery key, printed once and kept nowhere; the present one counts no more
    #[arg(long)]
    pub new_recovery_key: bool,
    /// After a theft: what this hub wrote in runs that began before this moment counts, whichever disk it was on
    #[arg(long, value_name = "TIME", requires = "stolen", conflicts_with_all = ["lost", "planned"], value_parser = value::instant)]
    pub since: Option<i64>,
    /// File with the recovery key; without one it is read from standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub recovery_key_file: PathBuf,
}

/// Whether a value of `--hub` is an address and not a slug.
pub fn is_address(value: &str) -> bool {
    value.contains("://")
}

/// The command line as clap knows it, `--hub` in every command included.
pub fn command() -> Command {
    with_hub_flag(Cli::command())
}

fn with_hub_flag(command: Command) -> Command {
    command.mut_subcommands(|sub| {
        let sub = with_hub_flag(sub);
        if sub.get_subcommands().next().is_some() || sub.get_arguments().any(|arg| arg.get_long() == Some("hub")) {
            return sub;
        }
        sub.arg(
            Arg::new(HUB_ADDRESS)
                .long("hub")
                .value_name("URL")
                .help("Address of another node")
                .hide(true),
        )
    })
}

/// Reads a command line, the program's name first.
pub fn parse<I, T>(arguments: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some(address) = hub_address(&matches) {
        cli.global.hub = Some(address);
    }
    let named: &[String] = match &cli.command {
        TopCommand::Event(event) => match event.as_ref() {
            EventCommand::List(list) => &list.hub,
            _ => &[],
        },
        TopCommand::Member(member) => match member.as_ref() {
            MemberCommand::List(list) => &list.hub,
            _ => &[],
        },
        _ => &[],
    };
    if let Some(address) = named.iter().rev().find(|value| is_address(value)) {
        cli.global.hub = Some(address.clone());
    }
    Ok(cli)
}

/// The address given nearest to the end of the command line.
fn hub_address(matches: &ArgMatches) -> Option<String> {
    let deeper = matches.subcommand().and_then(|(_, sub)| hub_address(sub));
    let here = || matches.try_get_one::<String>(HUB_ADDRESS).ok().flatten().cloned();
    deeper.or_else(here)
}

/// Whether clap answers with the help because nothing was asked.
pub fn is_help(error: &clap::Error) -> bool {
    error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// A clap error as one line that says what to do next.
pub fn one_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let head = rendered.split("\n\n").next().unwrap_or(&rendered);
    let head = head.strip_prefix("error: ").unwrap_or(head);
    let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}; `interhub --help` lists what there is", line.trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
