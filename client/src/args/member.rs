//! Arguments of `interhub member`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Take members from a file of another program: a table (CSV), vCards or JSContact; the same file twice changes nothing
    Import(ImportArgs),
    /// Write the members of this hub, or one of them, to standard output, as a file for other programs
    Export(ExportArgs),
    /// Show whom to introduce to whom: somebody looks for what somebody else offers
    Suggest {
        /// Only for this member of this hub
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show which hubs have erased what was taken back last of a member, who may be erased
    Receipts {
        /// Id of the member
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: String,
        /// Write a signed report, with the receipt of every hub, into this file
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Make a link to a member's own page, to mail or print; it opens the page once, and another one ends it
    Link {
        /// Id of the member
        #[arg(value_name = "ID", value_parser = value::member_id)]
        id: String,
        /// How long it is good for, 1m to 90d; 7d if not given
        #[arg(long, value_name = "LENGTH", value_parser = value::duration)]
        expires: Option<u64>,
        /// Mail it to the address in the record
        #[arg(long)]
        mail: bool,
        /// Also write it as a QR code, a PNG or SVG file
        #[arg(long, value_name = "FILE")]
        qr: Option<PathBuf>,
    },
    /// Invite to their own page, by mail, every member who was not invited before and has not been there
    Invite,
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

/// `interhub member import ...`
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ImportArgs {
    /// The file; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
    /// What a column of a table is, by its header, for instance Firma=company; ignore leaves it out. May be repeated
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = value::column)]
    pub map: Vec<(String, String)>,
    /// What the file is, if that cannot be seen by its content
    #[arg(long, value_enum)]
    pub format: Option<ImportFormat>,
}

/// Forms of files that are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// A table with a row of headers
    Csv,
    /// vCard 2.1, 3.0 or 4.0
    Vcard,
    /// JSContact (RFC 9553)
    Jscontact,
}

impl ImportFormat {
    /// The word for it on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Vcard => "vcard",
            Self::Jscontact => "jscontact",
        }
    }
}

/// `interhub member export ...`
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ExportArgs {
    /// Only this member
    #[arg(value_name = "ID", value_parser = value::member_id)]
    pub id: Option<String>,
    /// Form of the output; csv, or json with --json, if not given
    #[arg(long, value_enum)]
    pub format: Option<MemberFormat>,
    /// Only what these may see: private (the staff, who see everything), hub, network or public
    #[arg(long, value_name = "WHO", value_parser = ["private", "hub", "network", "public"])]
    pub audience: Option<String>,
}

/// Forms of `member export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MemberFormat {
    /// A table with a row of headers; without pictures, audiences and consents
    Csv,
    /// vCard 4.0
    Vcard,
    /// JSContact (RFC 9553)
    Jscontact,
    /// One JSON document with everything
    Json,
    /// Profiles for the index of Murmurations: only what is public
    Murmurations,
}

impl MemberFormat {
    /// The word for it on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Vcard => "vcard",
            Self::Jscontact => "jscontact",
            Self::Json => "json",
            Self::Murmurations => "murmurations",
        }
    }
}
