//! `/admin/members/new` and `/admin/members/{id}`: one member as a form; of another hub, their card to be read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use interhub_domain::contacts::cells::listing_text;
use interhub_domain::member::{Audience, Consent, Field, Kind, Listing, Member, Status};

use super::super::dates::clock;
use super::super::pages::{self, Board, Frame};
use super::super::params::encode;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::member_typed::{TypedMember, sees};
use super::members::{PATH, hub_name, shown_name};
use super::page::{self, AdminFrame};
use super::typed::Errors;
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::CommandError;
use crate::command::member::ShownMember;

/// The field that says of which version of the record the form was made.
const VERSION: &str = "version";

#[derive(Template)]
#[template(path = "admin/member.html")]
struct MemberFormPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    heading: String,
    action: String,
    errors: Errors,
    /// Labels of the fields with errors, for the summary above the form.
    faults: Vec<(&'static str, String)>,
    /// Said above the form: somebody else changed the record meanwhile.
    meanwhile: bool,
    version: String,
    about: Vec<Input>,
    at_hub: Vec<Input>,
    local: Vec<Input>,
    typed: TypedMember,
    log: Vec<LogLine>,
    /// `None` for a new member.
    beside: Option<Beside>,
    back: String,
}

/// One field of the form.
struct Input {
    /// Its name and its id.
    name: &'static str,
    label: &'static str,
    /// A further sentence; may be empty.
    hint: &'static str,
    /// What is to be typed as it stands; may be empty.
    example: &'static str,
    shape: Shape,
    value: String,
    error: Option<String>,
    sees: Option<Sees>,
}

/// How a field looks.
enum Shape {
    /// One line, of this type of input.
    Line(&'static str),
    /// So many lines.
    Text(u8),
    Choice(Vec<Choice>),
    /// Whether there is a picture, and whether it is to go.
    Photo {
        there: bool,
        drops: bool,
    },
}

/// Who sees a field.
struct Sees {
    name: String,
    choices: Vec<Choice>,
    /// Who sees it as things stand.
    says: String,
}

/// One entry of a selection.
struct Choice {
    value: &'static str,
    label: &'static str,
    selected: bool,
}

/// One consent.
struct LogLine {
    at: String,
    audience: &'static str,
    fields: String,
    text: String,
    channel: String,
    by: String,
    withdrawn: Option<String>,
}

/// What stands beside the form of a member who is there.
struct Beside {
    changed: String,
    has_card: bool,
    erase: String,
    /// Where it is told which hubs have erased what was taken back.
    receipts: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/member-card.html")]
struct CardPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    heading: String,
    lead: String,
    facts: Vec<(&'static str, Vec<String>)>,
    /// Plain text as HTML.
    biography: String,
    links: Vec<(String, String)>,
    back: String,
}

/// `GET /admin/members/new`
pub(super) async fn blank(errand: Errand) -> Result<Reply, Fault> {
    page::make(errand, move |errand, board| {
        let typed = TypedMember::of(&Member::default());
        form_page(errand, board, typed, Errors::default(), false, None)
    })
    .await
}

/// `POST /admin/members/new`
pub(super) async fn create(errand: Errand) -> Result<Reply, Fault> {
    let typed = TypedMember::sent(&errand.form, &Member::default());
    match typed.fields(None, errand.words) {
        Ok(fields) => {
            let added = errand.commands().add_member(fields, by(&errand)).await?;
            Ok(page::done(
                &errand.visit,
                &format!("{PATH}/{}", added.thing),
                "member_added",
            ))
        }
        Err(errors) => {
            let made = page::make(errand, move |errand, board| {
                form_page(errand, board, typed, errors, false, None)
            })
            .await?;
            Ok(made.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `GET /admin/members/{id}`
pub(super) async fn edit(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_member(errand.visit.name.clone()).await?;
    if !shown.own {
        return page::make(errand, move |errand, board| card_page(errand, board, &shown)).await;
    }
    let known = Known::of(&errand, shown).await;
    page::make(errand, move |errand, board| {
        let typed = TypedMember::of(&known.shown.member);
        form_page(errand, board, typed, Errors::default(), false, Some(&known))
    })
    .await
}

/// `POST /admin/members/{id}`
pub(super) async fn save(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let shown = errand.commands().show_member(id.clone()).await?;
    if !shown.own {
        let hub = &shown.hub;
        return Err(
            CommandError::refused(format!("this member belongs to {hub}; only that hub can change them")).into(),
        );
    }
    let typed = TypedMember::sent(&errand.form, &shown.member);
    // Made from another version: what differs would take back what somebody else wrote.
    let meanwhile = errand.form.get(VERSION) != shown.member.updated_ms.to_string();
    let errors = match typed.fields(Some(&shown.member), errand.words) {
        Ok(fields) if !meanwhile => {
            errand.commands().edit_member(id.clone(), fields, by(&errand)).await?;
            return Ok(page::done(&errand.visit, &format!("{PATH}/{}", encode(&id)), "saved"));
        }
        Ok(_) => Errors::default(),
        Err(errors) => errors,
    };
    let status = if meanwhile {
        StatusCode::CONFLICT
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let known = Known::of(&errand, shown).await;
    let made = page::make(errand, move |errand, board| {
        form_page(errand, board, typed, errors, meanwhile, Some(&known))
    })
    .await?;
    Ok(made.status(status))
}

/// Who puts a consent on record.
fn by(errand: &Errand) -> String {
    let bearer = &errand.who.bearer;
    format!("token {} {}", bearer.id, bearer.label).trim_end().to_owned()
}

/// A member of this hub, and what else the page tells.
struct Known {
    shown: ShownMember,
    /// Something was taken back of them.
    has_receipts: bool,
}

impl Known {
    async fn of(errand: &Errand, shown: ShownMember) -> Self {
        let receipts = errand.commands().member_receipts(shown.thing.to_string()).await;
        Self {
            shown,
            has_receipts: receipts.is_ok(),
        }
    }
}

fn form_page(
    errand: &Errand,
    board: &Board<'_>,
    typed: TypedMember,
    errors: Errors,
    meanwhile: bool,
    known: Option<&Known>,
) -> Result<Reply, Fault> {
    let say = &errand.words.members;
    let heading = known.map_or_else(|| say.new.to_owned(), |known| shown_name(&known.shown.member.name));
    let (frame, office) = page::frame(errand, board, &heading, PATH);
    let path = known.map_or_else(
        || format!("{PATH}/new"),
        |known| format!("{PATH}/{}", known.shown.thing),
    );
    let nobody = Member::default();
    let record = known.map_or(&nobody, |known| &known.shown.member);
    let inputs = Inputs {
        say,
        typed: &typed,
        errors: &errors,
        shown_to: typed.shown_to(record),
        has_photo: !record.photo.is_empty(),
    };
    let (about, at_hub, local) = (inputs.about(), inputs.at_hub(), inputs.local());
    Ok(pages::html(&MemberFormPage {
        faults: errors.all().map(|(field, message)| (*field, message.clone())).collect(),
        heading,
        action: errand.visit.plain_link(&path),
        meanwhile,
        version: record.updated_ms.to_string(),
        about,
        at_hub,
        local,
        log: log(say, board, record),
        beside: known.map(|known| Beside {
            changed: board.reader.moment(record.updated_ms),
            has_card: known.shown.has_card,
            erase: errand.visit.plain_link(&format!("{path}/erase")),
            receipts: known
                .has_receipts
                .then(|| errand.visit.plain_link(&format!("{path}/receipts"))),
        }),
        back: errand.visit.plain_link(PATH),
        frame,
        office,
        say,
        typed,
        errors,
    })?)
}

/// What the fields of one form are made of.
struct Inputs<'a> {
    say: &'static MemberWords,
    typed: &'a TypedMember,
    errors: &'a Errors,
    shown_to: BTreeMap<Field, Audience>,
    has_photo: bool,
}

impl Inputs<'_> {
    fn about(&self) -> Vec<Input> {
        let say = self.say;
        let kinds = Kind::ALL.map(|kind| (kind.name(), say.kind_of(kind)));
        vec![
            self.choice("kind", say.kind, &kinds),
            Input {
                hint: say.name_hint,
                ..self.shown(Field::Name, say.name, Shape::Line("text"))
            },
            self.shown(Field::Headline, say.headline, Shape::Line("text")),
            self.shown(Field::Biography, say.biography, Shape::Text(5)),
            self.commas(Field::Skills, say.skills),
            self.listings(Field::Offers, say.offers, "teach: screen printing until 2027-05-01"),
            self.listings(Field::Wants, say.wants, "swap: a bicycle"),
            Input {
                hint: say.languages_hint,
                ..self.shown(Field::Languages, say.languages, Shape::Line("text"))
            },
            Input {
                hint: say.links_hint,
                example: "Shop <https://shop.example>",
                ..self.shown(Field::Links, say.links, Shape::Text(3))
            },
            Input {
                hint: say.photo_how,
                example: "interhub member edit ID --photo FILE",
                ..self.shown(
                    Field::Photo,
                    say.photo,
                    Shape::Photo {
                        there: self.has_photo,
                        drops: self.typed.drops_photo,
                    },
                )
            },
        ]
    }

    fn at_hub(&self) -> Vec<Input> {
        let say = self.say;
        let statuses = Status::ALL.map(|status| (status.name(), say.status_of(status)));
        vec![
            self.shown(Field::Role, say.role, Shape::Line("text")),
            self.commas(Field::Projects, say.projects),
            self.commas(Field::Programmes, say.programmes),
            self.shown(Field::Tier, say.tier, Shape::Line("text")),
            Input {
                hint: say.status_hint,
                sees: Some(self.sees(Field::Membership)),
                ..self.choice("status", say.status, &statuses)
            },
            self.input("valid_until", say.valid_until, Shape::Line("date")),
        ]
    }

    fn local(&self) -> Vec<Input> {
        let say = self.say;
        vec![
            self.input("mail", say.mail, Shape::Line("email")),
            self.input("phone", say.phone, Shape::Line("tel")),
            self.input("number", say.number, Shape::Line("text")),
            self.input("notes", say.notes, Shape::Text(4)),
        ]
    }

    fn input(&self, name: &'static str, label: &'static str, shape: Shape) -> Input {
        Input {
            name,
            label,
            hint: "",
            example: "",
            shape,
            value: self.typed.text(name).to_owned(),
            error: self.errors.of(name).map(str::to_owned),
            sees: None,
        }
    }

    fn choice(&self, name: &'static str, label: &'static str, all: &[(&'static str, &'static str)]) -> Input {
        let chosen = self.typed.text(name);
        let choice = |(value, label): &(&'static str, &'static str)| Choice {
            value,
            label,
            selected: *value == chosen,
        };
        self.input(name, label, Shape::Choice(all.iter().map(choice).collect()))
    }

    /// A field with an audience.
    fn shown(&self, field: Field, label: &'static str, shape: Shape) -> Input {
        Input {
            sees: Some(self.sees(field)),
            ..self.input(field.name(), label, shape)
        }
    }

    fn commas(&self, field: Field, label: &'static str) -> Input {
        Input {
            hint: self.say.commas,
            ..self.shown(field, label, Shape::Line("text"))
        }
    }

    fn listings(&self, field: Field, label: &'static str, example: &'static str) -> Input {
        Input {
            hint: self.say.listing_hint,
            example,
            ..self.shown(field, label, Shape::Text(3))
        }
    }

    fn sees(&self, field: Field) -> Sees {
        let (say, chosen) = (self.say, self.typed.chosen(field));
        let holds = self.shown_to.get(&field).copied().unwrap_or(chosen);
        let mut says = say.seen_by(holds).to_owned();
        if holds != chosen {
            let not_yet = fill(say.not_agreed, &[("audience", say.audience(chosen))]);
            says = format!("{says} {not_yet}");
        }
        let choice = |audience: Audience| Choice {
            value: audience.name(),
            label: say.audience(audience),
            selected: audience == chosen,
        };
        Sees {
            name: sees(field),
            choices: Audience::ALL.into_iter().map(choice).collect(),
            says,
        }
    }
}

/// What they agreed to, the newest first.
fn log(say: &'static MemberWords, board: &Board<'_>, record: &Member) -> Vec<LogLine> {
    let mut all: Vec<&Consent> = record.consents.values().collect();
    all.sort_by_key(|one| Reverse(one.at_ms));
    let line = |one: &Consent| LogLine {
        at: moment(board, one.at_ms),
        audience: say.audience(one.audience),
        fields: one
            .fields
            .iter()
            .map(|field| say.field(*field))
            .collect::<Vec<_>>()
            .join(", "),
        text: one.text_version.clone(),
        channel: one.channel.clone(),
        by: one.recorded_by.clone(),
        withdrawn: one.withdrawn_ms.map(|at_ms| moment(board, at_ms)),
    };
    all.into_iter().map(line).collect()
}

/// A moment of whichever year: `2026-11-16 09:12`.
pub(super) fn moment(board: &Board<'_>, at_ms: i64) -> String {
    let wall = board.reader.wall(at_ms);
    format!("{} {}", wall.date(), clock(wall))
}

/// What another hub's member shows here.
fn card_page(errand: &Errand, board: &Board<'_>, shown: &ShownMember) -> Result<Reply, Fault> {
    let (say, member) = (&errand.words.members, &shown.member);
    let heading = shown_name(&member.name);
    let (frame, office) = page::frame(errand, board, &heading, PATH);
    let one = |text: &String| vec![text.clone()];
    let listings = |all: &[Listing]| all.iter().map(listing_text).collect::<Vec<_>>();
    let status = if member.status == Status::Active {
        String::new()
    } else {
        say.status_of(member.status).to_owned()
    };
    let day = member.valid_until.map(|day| day.to_string()).unwrap_or_default();
    let mut facts = vec![
        (say.kind, vec![say.kind_of(member.kind).to_owned()]),
        (say.headline, one(&member.headline)),
        (say.skills, member.skills.clone()),
        (say.offers, listings(&member.offers)),
        (say.wants, listings(&member.wants)),
        (say.languages, member.languages.clone()),
        (say.role, one(&member.role)),
        (say.projects, member.projects.clone()),
        (say.programmes, member.programmes.clone()),
        (say.tier, one(&member.tier)),
        (say.status, vec![status]),
        (say.valid_until, vec![day]),
    ];
    if !member.photo.is_empty() {
        facts.push((say.photo, vec![say.photo_there.to_owned()]));
    }
    for (_, lines) in &mut facts {
        lines.retain(|line| !line.is_empty());
    }
    facts.retain(|(_, lines)| !lines.is_empty());
    let link = |link: &interhub_domain::member::Link| {
        let url = text::safe_link(&link.url)?;
        let label = if link.label.is_empty() {
            text::link_host(url)
        } else {
            &link.label
        };
        Some((url.to_owned(), label.to_owned()))
    };
    let hub = text::isolate(&hub_name(board, &shown.hub));
    Ok(pages::html(&CardPage {
        lead: fill(say.of_another, &[("hub", &hub)]),
        heading,
        facts,
        biography: text::paragraphs(&member.biography),
        links: member.links.iter().filter_map(link).collect(),
        back: errand.visit.plain_link(PATH),
        frame,
        office,
        say,
    })?)
}
