//! `/admin/report`: a year of the hub in numbers, as a page with a plot, as CSV and as JSON.

use std::fmt::Write as _;

use askama::Template;
use serde_json::{Value, json};

use super::super::answer::Problem;
use super::super::pages::{self, Board, Frame, name_of};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::words::fill;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::report::{Numbers, Report};
use interhub_domain::query::QueryParseError;

/// The parameter that chooses the year.
const YEAR: &str = "year";
/// Groups that are shown; CSV and JSON have all of them.
const MAX_GROUPS: usize = 20;
/// Height of the tallest bar, in the units of the plot.
const BAR_HEIGHT: u64 = 120;
/// Width of a month in it.
const BAR_STEP: usize = 40;

#[derive(Template)]
#[template(path = "admin/report.html")]
struct ReportPage {
    frame: Frame,
    office: AdminFrame,
    heading: String,
    before: String,
    after: String,
    year_before: i32,
    year_after: i32,
    csv: String,
    json: String,
    empty: bool,
    total: Row,
    months: Vec<Row>,
    bars: Vec<Bar>,
    tags: Vec<Row>,
    cohosts: Vec<Row>,
}

/// A line of a table.
struct Row {
    name: String,
    held: u64,
    cancelled: u64,
    coming: u64,
    hours: String,
}

/// A month in the plot.
struct Bar {
    x: usize,
    y: u64,
    height: u64,
    held: u64,
    label: &'static str,
    label_x: usize,
}

fn asked_year(errand: &Errand) -> Result<i32, Fault> {
    match errand.visit.params().get(YEAR) {
        None => {
            let zone = super::super::dates::zone_named(&errand.commands().timezone);
            let now = jiff::Timestamp::from_millisecond(errand.site().now_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            Ok(i32::from(now.to_zoned(zone).year()))
        }
        Some(text) => text.trim().parse().map_err(|_| {
            Problem::Parameter(QueryParseError {
                parameter: YEAR,
                reason: "expected a year, for instance 2026".to_owned(),
            })
            .into()
        }),
    }
}

async fn report(errand: &Errand) -> Result<Report, Fault> {
    let year = asked_year(errand)?;
    Ok(errand.commands().report(year).await?)
}

/// `GET /admin/report`
pub(super) async fn show(errand: Errand) -> Result<Reply, Fault> {
    let report = report(&errand).await?;
    page::make(errand, move |errand, board| {
        let words = errand.words;
        let heading = fill(words.report_heading, &[("year", &report.year.to_string())]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/report");
        let link = |path: &str, year: i32| {
            errand
                .visit
                .link(path, &Params::default().with(YEAR, &year.to_string()))
        };
        let months = errand.visit.words.months.iter().zip(&report.by_month);
        let groups = |groups: &[(String, Numbers)], name: &dyn Fn(&str) -> String| {
            groups
                .iter()
                .take(MAX_GROUPS)
                .map(|(group, numbers)| row(name(group), *numbers))
                .collect::<Vec<_>>()
        };
        Ok(pages::html(&ReportPage {
            before: link("/admin/report", report.year - 1),
            after: link("/admin/report", report.year + 1),
            year_before: report.year - 1,
            year_after: report.year + 1,
            csv: link("/admin/report.csv", report.year),
            json: link("/admin/report.json", report.year),
            empty: report.total == Numbers::default(),
            total: row(words.report_total.to_owned(), report.total),
            months: months
                .map(|(name, numbers)| row((*name).to_owned(), *numbers))
                .collect(),
            bars: bars(&report, errand.visit.words.months_short),
            tags: groups(&report.by_tag, &str::to_owned),
            cohosts: groups(&report.by_cohost, &|slug| hub_name(board, slug)),
            frame,
            office,
            heading,
        })?)
    })
    .await
}

fn hub_name(board: &Board<'_>, slug: &str) -> String {
    board.hub_of_slug(slug).map_or_else(|| slug.to_owned(), name_of)
}

fn row(name: String, numbers: Numbers) -> Row {
    Row {
        name,
        held: numbers.held,
        cancelled: numbers.cancelled,
        coming: numbers.coming,
        hours: hours(numbers),
    }
}

/// Hours with one decimal where there is a part of one.
fn hours(numbers: Numbers) -> String {
    let tenths = numbers.minutes.saturating_mul(10) / 60;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Hours with two decimals, as the command line tells them.
fn exact_hours(numbers: Numbers) -> f64 {
    // No hub has so many minutes that this loses one.
    let minutes = u32::try_from(numbers.minutes).unwrap_or(u32::MAX);
    (f64::from(minutes) / 60.0 * 100.0).round() / 100.0
}

fn bars(report: &Report, names: [&'static str; 12]) -> Vec<Bar> {
    let most = report
        .by_month
        .iter()
        .map(|numbers| numbers.held)
        .max()
        .unwrap_or(0)
        .max(1);
    let bar = |(index, (numbers, label)): (usize, (&Numbers, &'static str))| {
        let height = numbers.held.saturating_mul(BAR_HEIGHT) / most;
        Bar {
            x: index * BAR_STEP + 6,
            y: BAR_HEIGHT - height + 20,
            height,
            held: numbers.held,
            label,
            label_x: index * BAR_STEP + BAR_STEP / 2,
        }
    };
    report.by_month.iter().zip(names).enumerate().map(bar).collect()
}

/// `GET /admin/report.csv` (RFC 4180): the months, as `interhub report --csv` gives them.
pub(super) async fn csv(errand: Errand) -> Result<Reply, Fault> {
    let report = report(&errand).await?;
    let mut text = "year,month,events,cancelled,coming,hours\r\n".to_owned();
    for (index, numbers) in report.by_month.iter().enumerate() {
        let Numbers {
            held,
            cancelled,
            coming,
            ..
        } = numbers;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{},{},{held},{cancelled},{coming},{}\r\n",
            report.year,
            index + 1,
            exact_hours(*numbers)
        );
    }
    Ok(Reply::new("text/csv; charset=utf-8", text).file_name(format!("report-{}.csv", report.year)))
}

/// `GET /admin/report.json`: the same document as `interhub report --json`.
pub(super) async fn json(errand: Errand) -> Result<Reply, Fault> {
    let report = report(&errand).await?;
    let numbers = |numbers: &Numbers| {
        json!({
            "events": numbers.held,
            "cancelled": numbers.cancelled,
            "coming": numbers.coming,
            "hours": exact_hours(*numbers),
        })
    };
    let named = |key: &str, value: Value, of: &Numbers| {
        let mut object = numbers(of);
        object[key] = value;
        object
    };
    let mut document = numbers(&report.total);
    document["year"] = json!(report.year);
    // What this version does not count is null.
    for name in ["members", "visits_hosted", "visits_sent"] {
        document[name] = Value::Null;
    }
    let months = report.by_month.iter().enumerate();
    document["by_month"] = months.map(|(index, of)| named("month", json!(index + 1), of)).collect();
    let groups = |groups: &[(String, Numbers)]| {
        groups
            .iter()
            .map(|(name, of)| named("name", json!(name), of))
            .collect::<Value>()
    };
    document["by_tag"] = groups(&report.by_tag);
    document["by_cohost"] = groups(&report.by_cohost);
    Ok(Reply::new("application/json", format!("{document}\n")).file_name(format!("report-{}.json", report.year)))
}
