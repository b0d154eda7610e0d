//! Arguments of `interhub member`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value::{self, LatLon};

/// `interhub member ...`
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum MemberCommand {
    /// Make a record of a member of this hub
    Add(AddArgs),
    /// Change a record; only the flags given change anything, and the card that other hubs hold follows
    Edit(EditArgs),
    /// Show one member: of this hub everything, of another one their card
    Show {
        /// Id of the member
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: String,
        /// Save the picture of them, a JPEG, into this file
        #[arg(long, value_name = "FILE")]
        photo: Option<PathBuf>,
    },
    /// List the members of the whole network, by name
    List(ListArgs),
    /// Show which hubs have erased what was taken back last of a member, who may be erased
    Receipts {
        /// Id of the member
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: String,
        /// Write a signed report, with the receipt of every hub, into this file
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Erase a member of this hub for good: the record here, the card at every hub
    Erase {
        /// Id of the member
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What `member add` and `member edit` have in common.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct FieldArgs {
    /// person or organisation
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// One line about them
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub headline: Option<String>,
    /// A few paragraphs about them, plain
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub biography: Option<String>,
    /// What they can do, separated by commas; an edit replaces all, an empty one removes them
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub skills: Option<Vec<String>>,
    /// What they offer: 'lend:a press', 'teach:binding until 2027-05-01'; may be repeated, an empty one removes all
    #[arg(long = "offer", value_name = "WAY:WHAT", value_parser = value::listing)]
    pub offers: Vec<value::Listing>,
    /// What they look for, in the same form; may be repeated, an empty one removes all
    #[arg(long = "want", value_name = "WAY:WHAT", value_parser = value::listing)]
    pub wants: Vec<value::Listing>,
    /// Languages they speak, separated by commas, for instance en,cy; an empty one removes them
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub languages: Option<Vec<String>>,
    /// An address on the web, with a name and = before it if wanted, like Shop=ADDRESS; may be repeated, an empty one removes all
    #[arg(long = "link", value_name = "NAME=URL")]
    pub links: Vec<String>,
    /// A picture of them, a JPEG, PNG, WebP or GIF file; a small copy of it is kept. An empty one removes it
    #[arg(long, value_name = "FILE")]
    pub photo: Option<String>,
    /// What they are at the hub
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub role: Option<String>,
    /// A project they belong to; may be repeated, an empty one removes all
    #[arg(long = "project", value_name = "NAME")]
    pub projects: Vec<String>,
    /// A programme they belong to; may be repeated, an empty one removes all
    #[arg(long = "programme", value_name = "NAME")]
    pub programmes: Vec<String>,
    /// What kind of membership they have
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub tier: Option<String>,
    /// active, paused or moved_on; of one who moved on no hub keeps a card
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Last day of the membership, for instance 2027-12-31; empty: none
    #[arg(long, value_name = "DATE")]
    pub valid_until: Option<String>,
    /// Where to write to; never leaves this hub
    #[arg(long, value_name = "ADDRESS", value_parser = value::text)]
    pub mail: Option<String>,
    /// Where to call; never leaves this hub
    #[arg(long, value_name = "NUMBER", value_parser = value::text)]
    pub phone: Option<String>,
    /// What the staff noted; never leaves this hub
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub notes: Option<String>,
    /// The number in this hub's own books; never leaves it
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub number: Option<String>,
    /// Who is to see a field: private, hub, network or public; may be repeated. Beyond the hub it takes a consent too
    #[arg(long = "audience", value_name = "FIELD=WHO", value_parser = value::audience)]
    pub audiences: Vec<(String, String)>,
    /// The member agreed to what is chosen for beyond the hub: the wording they agreed to, for instance 2026-11
    #[arg(long, value_name = "TEXT", value_parser = value::text)]
    pub consent: Option<String>,
    /// How they agreed, for instance paper or mail
    #[arg(long, value_name = "TEXT", value_parser = value::text, requires = "consent")]
    pub channel: Option<String>,
    /// Nothing that they agreed to so far holds any more: the card is taken back from every hub
    #[arg(long, conflicts_with = "consent")]
    pub withdraw_consent: bool,
}

/// `interhub member add ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct AddArgs {
    /// The name, as they want it shown
    #[arg(long, value_name = "NAME", value_parser = value::text)]
    pub name: String,
    /// Everything else
    #[command(flatten)]
    pub fields: FieldArgs,
}

/// `interhub member edit ...`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct EditArgs {
    /// Id of the member
    #[arg(value_name = "ID", value_parser = value::member_id)]
    pub id: String,
    /// The name, as they want it shown
    #[arg(long, value_name = "NAME", value_parser = value::text)]
    pub name: Option<String>,
    /// Everything else
    #[command(flatten)]
    pub fields: FieldArgs,
}

/// `interhub member list ...`
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ListArgs {
    /// Only members of this hub; an https:// or http:// address says which node to ask
    #[arg(long = "hub", value_name = "SLUG")]
    pub hub: Vec<String>,
    /// Only who can do this
    #[arg(long, value_name = "WORDS", value_parser = value::text)]
    pub skill: Option<String>,
    /// Only who offers this
    #[arg(long, value_name = "WORDS", value_parser = value::text)]
    pub offer: Option<String>,
    /// And offers it in this way: sell, give, lend, teach or swap
    #[arg(long, value_name = "WAY", value_parser = ["sell", "give", "lend", "teach", "swap"])]
    pub way: Option<String>,
    /// Only who looks for this
    #[arg(long, value_name = "WORDS", value_parser = value::text)]
    pub want: Option<String>,
    /// Only who speaks this language; de also finds de-AT
    #[arg(long = "lang", value_name = "LANG", value_parser = value::language)]
    pub language: Option<String>,
    /// Only members of hubs near this place
    #[arg(long, value_name = "LAT,LON", value_parser = value::lat_lon, allow_hyphen_values = true)]
    pub near: Option<LatLon>,
    /// Radius in kilometres around --near, or around this hub; 25 if not given
    #[arg(long, value_name = "KM", value_parser = value::kilometres)]
    pub within: Option<f64>,
    /// Only who has these words anywhere
    #[arg(long, value_name = "WORDS", value_parser = value::text)]
    pub text: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Go on where a list ended: its `next`
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}
