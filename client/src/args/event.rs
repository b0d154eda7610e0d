//! Arguments of `interhub event`.

use clap::{Args, Subcommand, ValueEnum};

use super::value::{self, LatLon};

/// `interhub event ...`
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum EventCommand {
    /// Import calendar files as this hub's events; the same file twice changes nothing
    Import(ImportArgs),
    /// Follow a calendar elsewhere: what changes there changes here
    Subscribe(SubscribeArgs),
    /// List the calendars this hub follows
    Subscriptions,
    /// Stop following a calendar; its events stay
    Unsubscribe {
        /// Its address, or its id
        #[arg(value_name = "URL", value_parser = value::text)]
        name: String,
    },
    /// Make an event
    Add(AddArgs),
    /// Change an event; only the flags given change anything
    Edit(EditArgs),
    /// Cancel an event, or one date of a series; it stays listed, struck out
    Cancel(CancelArgs),
    /// Say that the date of an event is off and that there is none yet; an edit with --start gives it a new one
    Postpone {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// Say that a cancelled or postponed event, or one date of a series, takes place after all
    Reinstate(CancelArgs),
    /// Move one date of a series
    Move(MoveArgs),
    /// Add a date to a series, or to an event that takes place once; it lasts as long as the others
    AddDate {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
        /// When it begins: 2027-03-04T18:30, or 2027-03-04 for whole days
        #[arg(value_name = "START", value_parser = value::local_time)]
        start: String,
    },
    /// Take back what this hub last changed in an event; twice brings it back
    Undo {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// Erase an event of this hub at every hub, for good; nothing of what it says is kept
    Erase {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// Take fields of an event of this hub back: it goes on without them, and every hub deletes what it said before
    Withdraw {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
        /// Which, like description, url or translations/de/title
        #[arg(value_name = "FIELD", required = true)]
        fields: Vec<String>,
    },
    /// Hide another hub's event on this hub's own pages, lists, feeds and search
    Hide(HideArgs),
    /// Show a hidden event again
    Unhide(UnhideArgs),
    /// Show one event
    Show {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// List the events of the whole network, one entry per date
    List(ListArgs),
    /// Ask another hub to host an event of this hub too
    Cohost(CohostArgs),
    /// List the events other hubs have asked this one to host
    Invitations,
    /// Host another hub's event with it
    Accept {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// Say no to hosting another hub's event, or stop hosting it
    Decline {
        /// Id of the event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: String,
    },
    /// List fields to which hosts gave different values at the same time
    Conflicts {
        /// Only of this event
        #[arg(value_name = "ID", value_parser = value::event_id)]
        id: Option<String>,
    },
    /// Leave one value in such a field
    Resolve(ResolveArgs),
    /// Write this hub's own events to standard output
    Export {
        /// Form of the output
        #[arg(long, value_enum)]
        format: Option<ExportFormat>,
    },
}

/// `interhub event import ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ImportArgs {
    /// iCalendar files, or addresses of them; - reads standard input
    #[arg(value_name = "FILE|URL", required = true)]
    pub files: Vec<String>,
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
    /// Also take events that were erased here; they come back as new ones
    #[arg(long)]
    pub take_erased: bool,
}

/// `interhub event subscribe ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SubscribeArgs {
    /// https, http or webcal address of a calendar, or a file on the node's machine
    #[arg(value_name = "URL", value_parser = value::text)]
    pub url: String,
    /// How often it is looked at, for instance 15m (what it is if you say nothing) or 6h
    #[arg(long, value_name = "LENGTH", value_parser = value::duration)]
    pub every: Option<u64>,
}

/// `interhub event hide ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct HideArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// Why; it stays on record on this node and is sent to nobody
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub reason: String,
}

/// `interhub event unhide ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct UnhideArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// Why; it stays on record on this node and is sent to nobody
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub reason: Option<String>,
}

/// Forms of `event export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One iCalendar stream
    Ics,
    /// One JSCalendar document (RFC 8984)
    Jscalendar,
    /// One JSON document
    Json,
    /// A table with a header line
    Csv,
}

/// What `event add` and `event edit` have in common.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct FieldArgs {
    /// One or two sentences for lists
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub summary: Option<String>,
    /// The whole text, plain
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub description: Option<String>,
    /// When it ends, in the form of --start; for whole days the last one
    #[arg(long, value_name = "TIME", value_parser = value::local_time)]
    pub end: Option<String>,
    /// How long it takes, for instance 2h or 1h30m
    #[arg(long, value_name = "LENGTH", value_parser = value::duration, conflicts_with = "end")]
    pub duration: Option<u64>,
    /// Zone of the times, for instance Europe/London; a new event takes the hub's own
    #[arg(long, value_name = "ZONE", value_parser = value::timezone)]
    pub timezone: Option<String>,
    /// Where, in words
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub location: Option<String>,
    /// Where, in degrees
    #[arg(long, value_name = "LAT,LON", value_parser = value::lat_lon, allow_hyphen_values = true)]
    pub at: Option<LatLon>,
    /// A tag; may be repeated, an edit replaces all tags, an empty one removes them
    #[arg(long = "tag", value_name = "TAG", value_parser = value::text)]
    pub tags: Vec<String>,
    /// Recurrence rule, for instance FREQ=WEEKLY;BYDAY=MO;COUNT=10
    #[arg(long, value_name = "RULE", value_parser = value::rrule)]
    pub rrule: Option<String>,
    /// The event's own page
    #[arg(long, value_name = "URL", value_parser = value::web_address)]
    pub url: Option<String>,
    /// Where to join online
    #[arg(long, value_name = "URL", value_parser = value::web_address)]
    pub online_url: Option<String>,
    /// A picture
    #[arg(long = "image", value_name = "URL", value_parser = value::web_address)]
    pub image_url: Option<String>,
    /// Language of the texts, for instance en or pt-BR
    #[arg(long = "lang", value_name = "LANG", value_parser = value::language)]
    pub language: Option<String>,
    /// The title in another language, for instance 'de=Tag der offenen Tür'; may be repeated, an empty one is removed
    #[arg(long = "translate", value_name = "LANG=TITLE", value_parser = value::translation)]
    pub titles: Vec<(String, String)>,
    /// The summary in another language; may be repeated, an empty one is removed
    #[arg(long = "translate-summary", value_name = "LANG=TEXT", value_parser = value::translation)]
    pub summaries: Vec<(String, String)>,
    /// What it offers for access and company, for instance wheelchair, sign-language, childcare; may be repeated
    #[arg(long = "feature", value_name = "WORD", value_delimiter = ',')]
    pub features: Vec<String>,
    /// What it does not offer any more; may be repeated
    #[arg(long = "no-feature", value_name = "WORD", value_delimiter = ',')]
    pub no_features: Vec<String>,
    /// How many people there is room for, or none; information only
    #[arg(long, value_name = "N|none", value_parser = value::capacity)]
    pub capacity: Option<u32>,
    /// Keep it to this hub for now
    #[arg(long)]
    pub draft: bool,
    /// Keep it to this hub and this one, as a draft they share; may be repeated
    #[arg(long, value_name = "SLUG", value_delimiter = ',')]
    pub with: Vec<String>,
    /// Who is to see it
    #[arg(long, value_enum, value_name = "WHO", conflicts_with_all = ["draft", "with"])]
    pub audience: Option<AudienceArg>,
}

/// Values of `--audience`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AudienceArg {
    /// Anyone: pages, feeds and all hubs
    Public,
    /// The hubs of the network only, on no page and in no feed
    Network,
    /// This hub only: a draft
    Local,
}

/// `interhub event add ...`
#[derive(Debug, Clone, PartialEq, Args)]
#[command(group(clap::ArgGroup::new("ending").args(["end", "duration"]).required(true)))]
pub struct AddArgs {
    /// Title, one line
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub title: String,
    /// When it begins: 2027-03-04T18:30, or 2027-03-04 for whole days
    #[arg(long, value_name = "TIME", value_parser = value::local_time)]
    pub start: String,
    /// Everything else
    #[command(flatten)]
    pub fields: FieldArgs,
}

/// What all dates of a series have in common; `event move` gives one of them another time.
const NOT_OF_ONE_DATE: [&str; 21] = [
    "start",
    "end",
    "duration",
    "timezone",
    "summary",
    "at",
    "tags",
    "rrule",
    "url",
    "online_url",
    "image_url",
    "language",
    "titles",
    "summaries",
    "features",
    "no_features",
    "capacity",
    "draft",
    "with",
    "audience",
    "publish",
];

/// `interhub event edit ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct EditArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// Only this date of a series, the start the rule gives it: with --title, --location and --description
    #[arg(long, value_name = "START", value_parser = value::local_time, conflicts_with_all = NOT_OF_ONE_DATE)]
    pub occurrence: Option<String>,
    /// Title, one line
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub title: Option<String>,
    /// When it begins: 2027-03-04T18:30, or 2027-03-04 for whole days; the length stays
    #[arg(long, value_name = "TIME", value_parser = value::local_time)]
    pub start: Option<String>,
    /// Everything else
    #[command(flatten)]
    pub fields: FieldArgs,
    /// Publish a draft for anyone; the same as --audience public
    #[arg(long, conflicts_with_all = ["draft", "with", "audience"])]
    pub publish: bool,
}

/// `interhub event cancel ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CancelArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// Only this date of a series: the start the rule gives it
    #[arg(long, value_name = "START", value_parser = value::local_time)]
    pub occurrence: Option<String>,
}

/// `interhub event move ...`
#[derive(Debug, Clone, PartialEq, Args)]
#[command(group(clap::ArgGroup::new("ending").args(["end", "duration"]).required(true)))]
pub struct MoveArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// Which date: the start the rule gives it
    #[arg(long, value_name = "START", value_parser = value::local_time)]
    pub occurrence: String,
    /// When it begins instead
    #[arg(long, value_name = "TIME", value_parser = value::local_time)]
    pub start: String,
    /// When it ends, in the form of --start; for whole days the last one
    #[arg(long, value_name = "TIME", value_parser = value::local_time)]
    pub end: Option<String>,
    /// How long it takes, for instance 2h or 1h30m
    #[arg(long, value_name = "LENGTH", value_parser = value::duration, conflicts_with = "end")]
    pub duration: Option<u64>,
}

/// `interhub event cohost ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CohostArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// The other hub
    #[arg(value_name = "SLUG")]
    pub slug: String,
    /// Take it away instead; what it wrote stays
    #[arg(long)]
    pub remove: bool,
}

/// `interhub event resolve ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ResolveArgs {
    /// Id of the event
    #[arg(value_name = "ID", value_parser = value::event_id)]
    pub id: String,
    /// The field, as `event conflicts` names it
    #[arg(value_name = "FIELD")]
    pub field: String,
    /// One of its values, or another one
    #[arg(value_name = "VALUE", value_parser = value::text, allow_hyphen_values = true)]
    pub value: String,
}

/// `interhub event list ...`
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ListArgs {
    /// Only what ends after this: today, 2027-03-04, or RFC 3339; now if not given
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub from: Option<String>,
    /// Only what starts before this, in the same forms; a date includes that day
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub to: Option<String>,
    /// Only events of this hub; an https:// or http:// address says which node to ask
    #[arg(long = "hub", value_name = "SLUG")]
    pub hub: Vec<String>,
    /// Only events with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Only near this place
    #[arg(long, value_name = "LAT,LON", value_parser = value::lat_lon, allow_hyphen_values = true)]
    pub near: Option<LatLon>,
    /// Radius around --near in kilometres; 25 if not given
    #[arg(long, value_name = "KM", value_parser = value::kilometres, requires = "near")]
    pub within: Option<f64>,
    /// Only events with these words
    #[arg(long, value_name = "WORDS", value_parser = value::text)]
    pub text: Option<String>,
    /// Only events in this language or translated into it; de also finds de-AT
    #[arg(long = "lang", value_name = "LANG", value_parser = value::language)]
    pub language: Option<String>,
    /// Only events that can be joined online
    #[arg(long)]
    pub online: bool,
    /// Also drafts: this hub's, and those that others share with it
    #[arg(long)]
    pub drafts: bool,
    /// Only what is hidden on this node, whenever it is, with the reasons
    #[arg(long, conflicts_with_all = ["from", "to", "tag", "near", "text", "language", "online", "drafts", "cursor"])]
    pub hidden: bool,
    /// At most so many entries
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Go on where a list ended: its `next`
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

impl ListArgs {
    /// The slug asked for; of several the last.
    pub fn slug(&self) -> Option<&str> {
        self.hub
            .iter()
            .rev()
            .map(String::as_str)
            .find(|value| !super::is_address(value))
    }
}
