//! `/admin/counters`: what the hub counts for itself, beside its events.

use std::collections::BTreeSet;

use askama::Template;
use interhub_domain::registry::check_slug;

use super::super::pages::{self, Frame};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::text;
use super::page::{self, AdminFrame, DONE};
use super::report::{YEAR, asked_year};
use super::{Errand, Fault};
use crate::command::counter::{Counter, Entry, amount_text, parsed_amount};

const PATH: &str = "/admin/counters";
/// Entries of one counter on the page, the newest days first; the command line lists all.
const MAX_ENTRIES: usize = 200;
/// Longest short name that is made of a name, in characters.
const MAX_SLUG: usize = 36;

#[derive(Template)]
#[template(path = "admin/counters.html")]
struct CountersPage {
    frame: Frame,
    office: AdminFrame,
    action: String,
    before: String,
    after: String,
    year: i32,
    counters: Vec<Shown>,
    fault: Option<Wrong>,
    typed_name: String,
    typed_unit: String,
}

/// A counter on the page.
struct Shown {
    slug: String,
    name: String,
    unit: String,
    total: String,
    entries: Vec<Line>,
    more: bool,
    /// What was typed and not taken.
    amount: String,
    day: String,
    note: String,
}

/// An entry on the page.
struct Line {
    id: String,
    day: String,
    amount: String,
    note: String,
}

/// What cannot be taken, and the field it stands in.
#[derive(Clone)]
struct Wrong {
    field: String,
    message: &'static str,
}

/// `GET /admin/counters`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let year = asked_year(&errand)?;
    show(errand, year, None).await
}

async fn show(errand: Errand, year: i32, fault: Option<Wrong>) -> Result<Reply, Fault> {
    let mut all: Vec<(Counter, Vec<Entry>)> = Vec::new();
    for counter in errand.commands().counters().await? {
        let entries = errand.commands().counted(counter.row.slug.clone(), year).await?;
        all.push((counter, entries));
    }
    page::make(errand, move |errand, board| {
        let (frame, office) = page::frame(errand, board, errand.words.menu_counters, PATH);
        let link = |year: i32| {
            errand
                .visit
                .link(PATH, &Params::default().with(YEAR, &year.to_string()))
        };
        let form = &errand.form;
        let typed = |slug: &str, field: &str| {
            let is_it = fault.is_some() && form.get("do") == "add" && form.get("slug") == slug;
            if is_it {
                form.get(field).to_owned()
            } else {
                String::new()
            }
        };
        let is_new = fault.is_some() && form.get("do") == "define";
        let of_new = |field: &str| {
            if is_new {
                form.get(field).to_owned()
            } else {
                String::new()
            }
        };
        Ok(pages::html(&CountersPage {
            action: link(year),
            before: link(year - 1),
            after: link(year + 1),
            year,
            counters: all
                .into_iter()
                .map(|(counter, entries)| {
                    let slug = counter.row.slug;
                    Shown {
                        amount: typed(&slug, "amount"),
                        day: typed(&slug, "day"),
                        note: typed(&slug, "note"),
                        ..shown(slug, &counter.row.name, &counter.row.unit, &entries)
                    }
                })
                .collect(),
            typed_name: of_new("name"),
            typed_unit: of_new("unit"),
            fault,
            frame,
            office,
        })?)
    })
    .await
}

fn shown(slug: String, name: &str, unit: &str, entries: &[Entry]) -> Shown {
    let total = entries
        .iter()
        .map(|entry| entry.row.thousandths)
        .fold(0, i64::saturating_add);
    let line = |entry: &Entry| Line {
        id: entry.id.to_string(),
        day: entry.day.to_string(),
        amount: amount_text(entry.row.thousandths),
        note: entry.row.note.clone(),
    };
    Shown {
        slug,
        name: text::one_line(name, 100),
        unit: unit.to_owned(),
        total: amount_text(total),
        entries: entries.iter().rev().take(MAX_ENTRIES).map(line).collect(),
        more: entries.len() > MAX_ENTRIES,
        amount: String::new(),
        day: String::new(),
        note: String::new(),
    }
}

/// `POST /admin/counters`
pub(super) async fn change(errand: Errand) -> Result<Reply, Fault> {
    let year = asked_year(&errand)?;
    let slug = errand.form.trimmed("slug").to_owned();
    let done = match errand.form.get("do") {
        "define" => {
            let name = errand.form.trimmed("name").to_owned();
            if name.is_empty() || name.chars().any(char::is_control) {
                let field = "name".to_owned();
                let message = errand.words.error_counter_name;
                return show(errand, year, Some(Wrong { field, message }))
                    .await
                    .map(unprocessable);
            }
            let known = errand.commands().counters().await?;
            let known: BTreeSet<String> = known.into_iter().map(|counter| counter.row.slug).collect();
            let unit = errand.form.trimmed("unit").to_owned();
            errand
                .commands()
                .define_counter(slug_of(&name, &known), name, unit)
                .await?;
            "counter_defined"
        }
        "remove" => {
            let entry = errand.form.trimmed("entry").to_owned();
            errand.commands().uncount(slug, entry).await?;
            "uncounted"
        }
        "delete" => {
            errand.commands().delete_counter(slug).await?;
            "counter_deleted"
        }
        _ => {
            let Some(amount) = parsed_amount(errand.form.trimmed("amount")).filter(|amount| *amount != 0) else {
                let field = format!("amount-{slug}");
                let message = errand.words.error_amount;
                return show(errand, year, Some(Wrong { field, message }))
                    .await
                    .map(unprocessable);
            };
            let day = Some(errand.form.trimmed("day").to_owned()).filter(|day| !day.is_empty());
            let note = errand.form.trimmed("note").to_owned();
            errand.commands().count_amount(slug, amount, day, note).await?;
            "counted"
        }
    };
    let params = Params::default().with(YEAR, &year.to_string()).with(DONE, done);
    Ok(Reply::see_other(&errand.visit.link(PATH, &params)))
}

fn unprocessable(reply: Reply) -> Reply {
    reply.status(axum::http::StatusCode::UNPROCESSABLE_ENTITY)
}

/// A short name for commands, made of a name: one that is not taken.
fn slug_of(name: &str, taken: &BTreeSet<String>) -> String {
    let lower = name.to_lowercase();
    let parts = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
    let joined: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let mut slug: String = joined.join("-").chars().take(MAX_SLUG).collect();
    slug.truncate(slug.trim_end_matches('-').len());
    if check_slug(&slug).is_err() {
        "counter".clone_into(&mut slug);
    }
    let numbered = (2..).map(|number| format!("{slug}-{number}"));
    let mut all = std::iter::once(slug.clone()).chain(numbered);
    all.find(|slug| !taken.contains(slug)).unwrap_or(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_a_short_name_for_whatever_is_counted() {
        let taken = BTreeSet::from(["coffee".to_owned(), "coffee-2".to_owned()]);
        for (name, slug) in [
            ("Kilograms of coffee", "kilograms-of-coffee"),
            ("Coffee", "coffee-3"),
            ("Räder", "r-der"),
            ("咖啡", "counter"),
            ("x", "counter"),
            ("-- A  b --", "a-b"),
        ] {
            assert_eq!(slug_of(name, &taken), slug, "{name}");
        }
        let long = slug_of(&"word ".repeat(20), &taken);
        assert!(check_slug(&long).is_ok(), "{long}");
    }
}
