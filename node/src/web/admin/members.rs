//! `/admin/members`: the members of this hub, and the cards of other hubs' members; and this hub's as files.

use askama::Template;
use interhub_domain::member::{Audience, Status};
use interhub_domain::query::QueryParseError;

use super::super::answer::Problem;
use super::super::pages::{self, Board, Frame, name_of};
use super::super::respond::Reply;
use super::super::text;
use super::page::{self, AdminFrame};
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::member::{MemberFormat, MemberQuery, ShownMember};

/// Where these pages begin.
pub(super) const PATH: &str = "/admin/members";
/// A member's name is cut to this many characters.
const MAX_NAME_CHARS: usize = 200;
/// Members of one page.
const PAGE_MEMBERS: usize = 50;
/// Skills that are named of one member in a list.
const MAX_SKILLS: usize = 8;
/// The parameter that says of which hubs.
const HUB: &str = "hub";

#[derive(Template)]
#[template(path = "admin/members.html")]
struct MembersPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    new: String,
    import: String,
    /// Where everybody is invited to their own page, if this node sends mail.
    invite: Option<String>,
    action: &'static str,
    ui: Option<&'static str>,
    searches: Vec<Search>,
    hubs: Vec<Hubs>,
    /// Something is looked for.
    narrowed: bool,
    entries: Vec<Entry>,
    next: Option<String>,
    files: Vec<(&'static str, String)>,
}

/// One thing to look for.
struct Search {
    name: &'static str,
    label: &'static str,
    value: String,
}

/// Of which hubs members are listed.
struct Hubs {
    value: &'static str,
    label: &'static str,
    selected: bool,
}

/// One member.
struct Entry {
    href: String,
    name: String,
    hub: String,
    headline: String,
    skills: String,
    /// How the membership stands; of another hub's member only where that says something.
    status: Option<&'static str>,
    active: bool,
    has_card: bool,
}

/// `GET /admin/members`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let params = errand.visit.params();
    let own = match params.get(HUB) {
        None => false,
        Some("own") => true,
        Some(_) => {
            let wrong = QueryParseError {
                parameter: HUB,
                reason: "it is `own`, or left out".to_owned(),
            };
            return Err(Problem::Parameter(wrong).into());
        }
    };
    let asked = |name: &str| params.get(name).map(str::to_owned);
    let query = MemberQuery {
        hub: own.then(|| errand.commands().ledger.own().slug.clone()),
        text: asked("q"),
        skill: asked("skill"),
        offer: asked("offer"),
        want: asked("want"),
        limit: Some(PAGE_MEMBERS),
        cursor: asked("cursor"),
        ..MemberQuery::default()
    };
    let (found, next) = errand.commands().list_members(query).await?;
    page::make(errand, move |errand, board| {
        let (say, params) = (&errand.words.members, errand.visit.params());
        let (frame, office) = page::frame(errand, board, say.menu, PATH);
        let search = |(name, label): (&'static str, &'static str)| Search {
            name,
            label,
            value: params.get(name).unwrap_or("").to_owned(),
        };
        let searches = [
            ("q", say.search_text),
            ("skill", say.search_skill),
            ("offer", say.search_offer),
            ("want", say.search_want),
        ];
        let hubs = [("", say.hubs_all), ("own", say.hubs_own)];
        let hubs = hubs.map(|(value, label)| Hubs {
            value,
            label,
            selected: (value == "own") == own,
        });
        let file = |name: &'static str, kind: &str| (name, errand.visit.plain_link(&format!("{PATH}.{kind}")));
        let next = next.map(|cursor| {
            errand
                .visit
                .link(PATH, &params.without(&[page::DONE]).with("cursor", &cursor))
        });
        Ok(pages::html(&MembersPage {
            new: errand.visit.plain_link("/admin/members/new"),
            import: errand.visit.plain_link("/admin/members/import"),
            invite: errand
                .commands()
                .sends_mail()
                .then(|| errand.visit.plain_link("/admin/members/invite")),
            action: PATH,
            ui: errand.visit.ui,
            searches: searches.map(search).into(),
            hubs: hubs.into(),
            narrowed: !params.without(&[page::DONE]).is_empty(),
            entries: found.iter().map(|shown| entry(errand, board, shown)).collect(),
            next,
            files: vec![file("CSV", "csv"), file("vCard", "vcf"), file("JSON", "json")],
            frame,
            office,
            say,
        })?)
    })
    .await
}

fn entry(errand: &Errand, board: &Board<'_>, shown: &ShownMember) -> Entry {
    let member = &shown.member;
    let mut skills = member
        .skills
        .iter()
        .take(MAX_SKILLS)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if member.skills.len() > MAX_SKILLS {
        skills.push_str(", …");
    }
    let active = member.status == Status::Active;
    Entry {
        href: errand.visit.plain_link(&format!("{PATH}/{}", shown.thing)),
        name: shown_name(&member.name),
        hub: hub_name(board, &shown.hub),
        headline: member.headline.clone(),
        skills,
        status: (shown.own || !active).then(|| errand.words.members.status_of(member.status)),
        active,
        has_card: shown.own && shown.has_card,
    }
}

/// A member's name where there is one line for it.
pub(super) fn shown_name(name: &str) -> String {
    text::one_line(name, MAX_NAME_CHARS)
}

/// What the hub with this slug calls itself.
pub(super) fn hub_name(board: &Board<'_>, slug: &str) -> String {
    board.hub_of_slug(slug).map_or_else(|| slug.to_owned(), name_of)
}

/// `GET /admin/members.csv`
pub(super) async fn csv(errand: Errand) -> Result<Reply, Fault> {
    file(errand, MemberFormat::Csv, "text/csv; charset=utf-8", "members.csv").await
}

/// `GET /admin/members.json`
pub(super) async fn json(errand: Errand) -> Result<Reply, Fault> {
    file(errand, MemberFormat::Json, "application/json", "members.json").await
}

/// `GET /admin/members.vcf`
pub(super) async fn vcards(errand: Errand) -> Result<Reply, Fault> {
    file(errand, MemberFormat::Vcard, "text/vcard; charset=utf-8", "members.vcf").await
}

/// All that the staff may see, as a file.
async fn file(errand: Errand, format: MemberFormat, kind: &'static str, name: &str) -> Result<Reply, Fault> {
    let exported = errand
        .commands()
        .export_members(format, Audience::Private, None)
        .await?;
    Ok(Reply::new(kind, exported.text).file_name(name.to_owned()))
}
