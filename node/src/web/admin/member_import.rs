//! `/admin/members/import`: members from a table or contacts that are pasted. What would happen is shown first.

use askama::Template;
use axum::http::StatusCode;
use interhub_domain::contacts::Column;

use super::super::pages::{self, Frame};
use super::super::respond::Reply;
use super::super::words::fill;
use super::members::{PATH, shown_name};
use super::page::{self, AdminFrame};
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::member::{ImportedMembers, MemberChange, MemberImport};
use crate::command::{Class, CommandError};

/// Lines of each list on the page; the command line lists more.
const MAX_LISTED: usize = 200;

#[derive(Template)]
#[template(path = "admin/member-import.html")]
struct ImportPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    action: String,
    back: String,
    text: String,
    error: Option<String>,
    /// What the error is in the commands' own words, English.
    detail: String,
    plan: Option<Plan>,
}

/// What an import would do.
struct Plan {
    counts: Vec<(&'static str, u64)>,
    /// There is something to be taken.
    takes: bool,
    columns: Vec<TakenFor>,
    changes: Vec<Change>,
    refused: Vec<(u64, String)>,
    notices: Vec<Told>,
    /// More than is listed.
    more: bool,
}

/// A column, and what it is taken for.
struct TakenFor {
    header: String,
    meaning: String,
}

/// What becomes of one member.
struct Change {
    line: u64,
    name: String,
    /// Their form, if they are there already.
    href: Option<String>,
    added: bool,
    /// Field, what it says now, what it would say.
    fields: Vec<(String, String, String)>,
}

/// Something that was put right or left out.
struct Told {
    line: u64,
    text: String,
    /// How often, if it is more than once.
    times: String,
}

/// Why nothing can be shown or taken.
struct Wrong {
    message: &'static str,
    detail: String,
    status: StatusCode,
}

/// `GET /admin/members/import`
pub(super) async fn blank(errand: Errand) -> Result<Reply, Fault> {
    show(errand, None, None).await
}

/// `POST /admin/members/import`
pub(super) async fn take(errand: Errand) -> Result<Reply, Fault> {
    let dry_run = errand.form.get("do") != "take";
    if errand.form.trimmed("list").is_empty() {
        let wrong = Wrong {
            message: errand.words.members.error_import_empty,
            detail: String::new(),
            status: StatusCode::UNPROCESSABLE_ENTITY,
        };
        return show(errand, None, Some(wrong)).await;
    }
    match import(&errand, dry_run).await {
        Ok(_) if !dry_run => Ok(page::done(&errand.visit, PATH, "members_imported")),
        Ok(imported) => show(errand, Some(imported), None).await,
        Err(error) => {
            let (message, status) = match error.class {
                Class::Usage => (errand.words.members.error_import, StatusCode::UNPROCESSABLE_ENTITY),
                Class::Precondition if errand.commands().importing_members.available_permits() == 0 => {
                    (errand.words.members.import_busy, StatusCode::CONFLICT)
                }
                _ => return Err(error.into()),
            };
            let wrong = Wrong {
                message,
                detail: if error.class == Class::Usage {
                    error.message
                } else {
                    String::new()
                },
                status,
            };
            show(errand, None, Some(wrong)).await
        }
    }
}

async fn import(errand: &Errand, dry_run: bool) -> Result<ImportedMembers, CommandError> {
    let options = MemberImport {
        dry_run,
        ..MemberImport::default()
    };
    let permit = (!dry_run)
        .then(|| errand.commands().begin_importing_members())
        .transpose()?;
    let list = errand.form.get("list").to_owned();
    let imported = errand.commands().blocking("member import", move |this| {
        // Held until it is done, also when the browser is gone by then.
        let _permit = permit;
        this.import_members("office", list.as_bytes(), &options, &mut |_, _| {})
    });
    imported.await
}

async fn show(errand: Errand, imported: Option<ImportedMembers>, wrong: Option<Wrong>) -> Result<Reply, Fault> {
    let status = wrong.as_ref().map_or(StatusCode::OK, |wrong| wrong.status);
    let made = page::make(errand, move |errand, board| {
        let say = &errand.words.members;
        let (frame, office) = page::frame(errand, board, say.import, PATH);
        Ok(pages::html(&ImportPage {
            action: errand.visit.plain_link(&format!("{PATH}/import")),
            back: errand.visit.plain_link(PATH),
            text: errand.form.get("list").to_owned(),
            error: wrong.as_ref().map(|wrong| wrong.message.to_owned()),
            detail: wrong.map(|wrong| wrong.detail).unwrap_or_default(),
            plan: imported.map(|imported| plan(errand, imported)),
            frame,
            office,
            say,
        })?)
    })
    .await?;
    Ok(made.status(status))
}

fn plan(errand: &Errand, imported: ImportedMembers) -> Plan {
    let say = &errand.words.members;
    let lists = [
        imported.changes.len(),
        imported.refused.len(),
        imported.notices.len(),
        imported.columns.len(),
    ];
    let changed = usize::try_from(imported.added + imported.changed).unwrap_or(usize::MAX);
    let more = lists.into_iter().any(|length| length > MAX_LISTED) || changed > imported.changes.len();
    let column = |(header, column): (String, Option<Column>)| TakenFor {
        header,
        meaning: column
            .map_or(say.import_left_out, |column| say.column(column.name()))
            .to_owned(),
    };
    let change = |one: MemberChange| Change {
        line: one.line,
        name: shown_name(&one.name),
        href: one
            .thing
            .map(|thing| errand.visit.plain_link(&format!("{PATH}/{thing}"))),
        added: one.added,
        fields: one
            .fields
            .into_iter()
            .map(|field| (say.column(field.field).to_owned(), field.before, field.after))
            .collect(),
    };
    let told = |one: interhub_domain::contacts::Notice| Told {
        line: one.line,
        text: one.text,
        times: if one.times > 1 {
            fill(say.import_times, &[("times", &one.times.to_string())])
        } else {
            String::new()
        },
    };
    let refused = imported.refused.into_iter().take(MAX_LISTED);
    Plan {
        counts: vec![
            (say.import_added, imported.added),
            (say.import_changed, imported.changed),
            (say.import_unchanged, imported.unchanged),
            (say.import_refused, imported.refused_count),
        ],
        takes: changed > 0,
        columns: imported.columns.into_iter().take(MAX_LISTED).map(column).collect(),
        changes: imported.changes.into_iter().take(MAX_LISTED).map(change).collect(),
        refused: refused.map(|one| (one.line, one.reason)).collect(),
        notices: imported.notices.into_iter().take(MAX_LISTED).map(told).collect(),
        more,
    }
}
