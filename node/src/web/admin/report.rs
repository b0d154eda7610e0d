//! `/admin/report`: a year of the hub in numbers, as a page with a plot, as CSV and as JSON.

use std::fmt::Write as _;

use askama::Template;
use serde_json::{Value, json};

use super::super::answer::Problem;
use super::super::pages::{self, Board, Frame, name_of};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::counter::{CounterYear, amount_text};
use crate::command::report::{Numbers, Report};
use interhub_domain::query::QueryParseError;

/// The parameter that chooses the year.
pub(super) const YEAR: &str = "year";
/// Names are cut to this many characters.
const MAX_NAME_CHARS: usize = 100;
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
    plots: Vec<Plot>,
    tags: Vec<Row>,
    cohosts: Vec<Row>,
    counters: Vec<Counted>,
}

/// A line of a table.
struct Row {
    name: String,
    held: u64,
    cancelled: u64,
    coming: u64,
    hours: String,
}

/// A plot of the months.
struct Plot {
    name: &'static str,
    bars: Vec<Bar>,
}

/// A year of something that the hub counts for itself.
struct Counted {
    name: String,
    total: String,
    unit: String,
    bars: Vec<Bar>,
}

/// A month in a plot.
struct Bar {
    x: usize,
    y: u64,
    height: u64,
    /// Empty where there is nothing.
    figure: String,
    label: &'static str,
    label_x: usize,
}

/// The year that was asked for; without a word of one, the present one where the hub is.
pub(super) fn asked_year(errand: &Errand) -> Result<i32, Fault> {
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
        let short = errand.visit.words.months_short;
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
            empty: report.total == Numbers::default() && report.counters.is_empty(),
            total: row(words.report_total.to_owned(), report.total),
            months: months
                .map(|(name, numbers)| row((*name).to_owned(), *numbers))
                .collect(),
            plots: vec![
                Plot {
                    name: words.report_plot,
                    bars: bars(
                        &monthly(&report, |numbers| numbers.held),
                        |held| held.to_string(),
                        short,
                    ),
                },
                Plot {
                    name: words.report_plot_hours,
                    bars: bars(&monthly(&report, |numbers| numbers.minutes), hours_of, short),
                },
            ],
            counters: report
                .counters
                .iter()
                .map(|of| Counted {
                    name: text::one_line(&of.row.name, MAX_NAME_CHARS),
                    total: amount_text(of.total),
                    unit: of.row.unit.clone(),
                    bars: bars(&of.by_month, amount_text, short),
                })
                .collect(),
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
    hours_of(i64::try_from(numbers.minutes).unwrap_or(i64::MAX))
}

fn hours_of(minutes: i64) -> String {
    let tenths = minutes.saturating_mul(10) / 60;
    if tenths % 10 == 0 {
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

/// The bars of a year: heights, and what is written above them. What is below zero has no bar.
fn bars(amounts: &[i64; 12], figure: impl Fn(i64) -> String, names: [&'static str; 12]) -> Vec<Bar> {
    let most = amounts.iter().copied().max().unwrap_or(0).max(1).unsigned_abs();
    let bar = |(index, (amount, label)): (usize, (&i64, &'static str))| {
        let height = u64::try_from(*amount).unwrap_or(0);
        // Wider than any amount, so that nothing is lost on the way.
        let height = u128::from(height) * u128::from(BAR_HEIGHT) / u128::from(most);
        let height = u64::try_from(height).unwrap_or(BAR_HEIGHT);
        Bar {
            x: index * BAR_STEP + 6,
            y: BAR_HEIGHT - height + 20,
            height,
            figure: if *amount == 0 { String::new() } else { figure(*amount) },
            label,
            label_x: index * BAR_STEP + BAR_STEP / 2,
        }
    };
    amounts.iter().zip(names).enumerate().map(bar).collect()
}

/// One thing of each month, as a plot takes it.
fn monthly(report: &Report, of: impl Fn(&Numbers) -> u64) -> [i64; 12] {
    report
        .by_month
        .map(|numbers| i64::try_from(of(&numbers)).unwrap_or(i64::MAX))
}

/// `GET /admin/report.csv` (RFC 4180): one line for each month, tag, other host and counter, as `interhub report --csv` gives
/// them.
pub(super) async fn csv(errand: Errand) -> Result<Reply, Fault> {
    let report = report(&errand).await?;
    let mut text = "year,kind,name,events,cancelled,coming,hours,amount,unit\r\n".to_owned();
    let mut line = |kind: &str, name: &str, numbers: &Numbers| {
        let Numbers {
            held,
            cancelled,
            coming,
            ..
        } = numbers;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{},{kind},{},{held},{cancelled},{coming},{},,\r\n",
            report.year,
            csv_cell(name),
            exact_hours(*numbers)
        );
    };
    for (index, numbers) in report.by_month.iter().enumerate() {
        line("month", &(index + 1).to_string(), numbers);
    }
    for (kind, groups) in [("tag", &report.by_tag), ("cohost", &report.by_cohost)] {
        for (name, numbers) in groups {
            line(kind, name, numbers);
        }
    }
    for of in &report.counters {
        let (name, unit) = (csv_cell(&of.row.name), csv_cell(&of.row.unit));
        let _ = write!(
            text,
            "{},counter,{name},,,,,{},{unit}\r\n",
            report.year,
            amount_text(of.total)
        );
    }
    Ok(Reply::new("text/csv; charset=utf-8", text).file_name(format!("report-{}.csv", report.year)))
}

/// A cell of a CSV file (RFC 4180). What a spreadsheet would take for a formula is written as text.
fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = format!("{}{text}", if is_formula { "'" } else { "" });
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
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
    document["counters"] = report.counters.iter().map(counter).collect();
    Ok(Reply::new("application/json", format!("{document}\n")).file_name(format!("report-{}.json", report.year)))
}

fn counter(of: &CounterYear) -> Value {
    // Text and back: the nearest number to what people read.
    let amount = |thousandths: i64| amount_text(thousandths).parse::<f64>().unwrap_or_default();
    json!({
        "slug": of.row.slug,
        "name": of.row.name,
        "unit": Some(&of.row.unit).filter(|unit| !unit.is_empty()),
        "entries": of.entries,
        "total": amount(of.total),
        "by_month": of.by_month.map(amount),
    })
}
