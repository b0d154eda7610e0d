//! The fields of a member's form as its templates show them: labels, hints, what was typed, what is wrong with it, and who sees it.

use std::collections::BTreeMap;

use interhub_domain::member::{Audience, Field, Kind, Member, Status};

use super::super::words::fill;
use super::member_typed::{TypedMember, sees};
use super::typed::Errors;
use super::words::members::MemberWords;

/// One field of the form.
pub(super) struct Input {
    /// Its name and its id.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// A further sentence; may be empty.
    pub(super) hint: &'static str,
    /// What is to be typed as it stands; may be empty.
    pub(super) example: &'static str,
    pub(super) shape: Shape,
    pub(super) value: String,
    pub(super) error: Option<String>,
    pub(super) sees: Option<Sees>,
}

/// How a field looks.
pub(super) enum Shape {
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
    /// Only to be read.
    Told,
}

/// Who sees a field.
pub(super) struct Sees {
    pub(super) name: String,
    pub(super) choices: Vec<Choice>,
    /// Who sees it as things stand.
    pub(super) says: String,
}

/// One entry of a selection.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: &'static str,
    pub(super) selected: bool,
}

/// What is said to whoever fills in the form: the staff, or the member.
pub(super) struct Hints {
    pub(super) name: &'static str,
    pub(super) photo: &'static str,
    pub(super) role: &'static str,
    /// With `{audience}`.
    pub(super) not_agreed: &'static str,
}

/// What the fields of one form are made of.
pub(super) struct Inputs<'a> {
    pub(super) say: &'static MemberWords,
    pub(super) hints: Hints,
    pub(super) typed: &'a TypedMember,
    pub(super) errors: &'a Errors,
    pub(super) shown_to: BTreeMap<Field, Audience>,
    pub(super) has_photo: bool,
}

impl Inputs<'_> {
    pub(super) fn about(&self) -> Vec<Input> {
        let say = self.say;
        let kinds = Kind::ALL.map(|kind| (kind.name(), say.kind_of(kind)));
        vec![
            self.choice("kind", say.kind, &kinds),
            Input {
                hint: self.hints.name,
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
                hint: self.hints.photo,
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

    pub(super) fn at_hub(&self) -> Vec<Input> {
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

    /// What the hub says of them, to be read by the member, who says who sees it.
    pub(super) fn told(&self, record: &Member) -> Vec<Input> {
        let say = self.say;
        let told = |field: Field, name: &'static str, label: &'static str, value: String| Input {
            value,
            sees: Some(self.sees(field)),
            ..self.input(name, label, Shape::Told)
        };
        let mut membership = say.status_of(record.status).to_owned();
        if let Some(day) = record.valid_until {
            membership = format!("{membership}, {day}");
        }
        vec![
            told(Field::Role, "role", self.hints.role, record.role.clone()),
            told(Field::Projects, "projects", say.projects, record.projects.join(", ")),
            told(
                Field::Programmes,
                "programmes",
                say.programmes,
                record.programmes.join(", "),
            ),
            told(Field::Tier, "tier", say.tier, record.tier.clone()),
            told(Field::Membership, "status", say.status, membership),
        ]
    }

    pub(super) fn local(&self) -> Vec<Input> {
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
            let not_yet = fill(self.hints.not_agreed, &[("audience", say.audience(chosen))]);
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
