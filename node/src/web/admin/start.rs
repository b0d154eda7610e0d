//! `/admin`: what needs the operator, and the ways on.

use askama::Template;

use super::super::pages::{self, Frame};
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};

/// What is said about a calendar is cut to this many characters.
const MAX_TEXT_CHARS: usize = 300;

#[derive(Template)]
#[template(path = "admin/start.html")]
struct StartPage {
    frame: Frame,
    office: AdminFrame,
    needs: Vec<Need>,
    new: String,
    events: String,
    public: String,
    calendars: Vec<Calendar>,
}

/// Something that waits for the operator.
struct Need {
    text: String,
    href: String,
}

/// A calendar elsewhere that is followed.
struct Calendar {
    name: String,
    state: String,
    error: Option<String>,
}

/// `GET /admin`
pub(super) async fn start(errand: Errand) -> Result<Reply, Fault> {
    let asked = errand.commands().invitations().await?.len();
    let conflicts = errand.commands().conflicts(None).await?.len();
    let calendars = errand.commands().subscriptions().await?;
    page::make(errand, move |errand, board| {
        let words = errand.words;
        let (frame, office) = page::frame(errand, board, words.start, "/admin");
        let mut needs = Vec::new();
        let counted = |pattern, count: usize| fill(pattern, &[("count", &count.to_string())]);
        if asked > 0 {
            needs.push(Need {
                text: counted(words.need_invitations, asked),
                href: errand.visit.plain_link("/admin/hosts"),
            });
        }
        if conflicts > 0 {
            needs.push(Need {
                text: counted(words.need_conflicts, conflicts),
                href: errand.visit.plain_link("/admin/conflicts"),
            });
        }
        let calendar = |one: crate::command::subscription::Subscription| {
            let events = one.row.events.to_string();
            let last = one.row.good_ms.map(|at_ms| board.reader.moment(at_ms));
            let name = if one.row.name.is_empty() {
                words.calendar_unnamed
            } else {
                &one.row.name
            };
            Calendar {
                name: text::one_line(name, MAX_TEXT_CHARS),
                state: match last {
                    Some(time) => fill(words.calendar_read, &[("count", &events), ("time", &time)]),
                    None => words.calendar_never.to_owned(),
                },
                error: (!one.row.error.is_empty()).then(|| text::one_line(&one.row.error, MAX_TEXT_CHARS)),
            }
        };
        Ok(pages::html(&StartPage {
            needs,
            new: errand.visit.plain_link("/admin/events/new"),
            events: errand.visit.plain_link("/admin/events"),
            public: errand.visit.plain_link("/"),
            calendars: calendars.into_iter().map(calendar).collect(),
            frame,
            office,
        })?)
    })
    .await
}
