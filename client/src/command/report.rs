//! `interhub report`.

use std::fmt::Write;

use super::{Answer, export};
use crate::document::{NumbersDocument, ReportDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

/// Tags and hubs shown to people; JSON has all.
const MOST: usize = 10;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) async fn run(year: i32, csv: bool, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let report = ReportDocument::from(node.report(year).await?);
    answer.show(&report, if csv { as_csv } else { as_text })
}

/// One line for each month, tag, other host and counter (RFC 4180).
fn as_csv(report: &ReportDocument) -> String {
    let mut text = "year,kind,name,events,cancelled,coming,hours,amount,unit\r\n".to_owned();
    let mut line = |kind: &str, name: &str, numbers: &NumbersDocument| {
        let NumbersDocument {
            events,
            cancelled,
            coming,
            hours,
        } = numbers;
        let name = export::csv_cell(name);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{},{kind},{name},{events},{cancelled},{coming},{hours},,\r\n",
            report.year
        );
    };
    for month in &report.by_month {
        line("month", &month.month.to_string(), &month.numbers);
    }
    for (kind, groups) in [("tag", &report.by_tag), ("cohost", &report.by_cohost)] {
        for group in groups {
            line(kind, &group.name, &group.numbers);
        }
    }
    for counter in &report.counters {
        let name = export::csv_cell(&counter.name);
        let unit = export::csv_cell(counter.unit.as_deref().unwrap_or(""));
        let _ = write!(text, "{},counter,{name},,,,,{},{unit}\r\n", report.year, counter.total);
    }
    text
}

fn row(name: &str, numbers: &NumbersDocument) -> Vec<String> {
    let count = |count: u64| if count == 0 { "-".to_owned() } else { count.to_string() };
    vec![
        render::short(name),
        count(numbers.events),
        count(numbers.cancelled),
        count(numbers.coming),
        if numbers.hours > 0.0 {
            format!("{:.1}", numbers.hours)
        } else {
            "-".to_owned()
        },
    ]
}

fn as_text(report: &ReportDocument) -> String {
    let header = |first: &'static str| [first, "HELD", "CANCELLED", "COMING", "HOURS"];
    let months = report
        .by_month
        .iter()
        .zip(MONTHS)
        .map(|(month, name)| row(name, &month.numbers));
    let whole = row(&format!("all of {}", report.year), &report.total);
    let mut text = render::table(&header("MONTH"), months.chain([whole]).collect());
    for (title, groups) in [("TAG", &report.by_tag), ("HOSTED WITH", &report.by_cohost)] {
        if groups.is_empty() {
            continue;
        }
        let rows = groups.iter().take(MOST).map(|group| row(&group.name, &group.numbers));
        text.push('\n');
        text.push_str(&render::table(&header(title), rows.collect()));
    }
    if !report.counters.is_empty() {
        let rows = report.counters.iter().map(|counter| {
            vec![
                render::short(&counter.name),
                counter.total.to_string(),
                render::line(counter.unit.as_deref().unwrap_or("")),
                counter.entries.to_string(),
            ]
        });
        text.push('\n');
        text.push_str(&render::table(&["COUNTED", "TOTAL", "UNIT", "ENTRIES"], rows.collect()));
    }
    text
}

#[cfg(test)]
mod tests {
    use interhub_proto::v1;

    use super::*;

    fn report() -> ReportDocument {
        let numbers = |held, minutes| v1::ReportNumbers {
            held,
            cancelled: 1,
            coming: 0,
            minutes,
        };
        let mut by_month = vec![v1::ReportNumbers::default(); 12];
        by_month[2] = numbers(3, 100);
        ReportDocument::from(v1::ReportResponse {
            year: 2026,
            total: Some(numbers(3, 100)),
            by_month,
            by_tag: vec![v1::ReportGroup {
                name: "coffee".into(),
                numbers: Some(numbers(3, 100)),
            }],
            by_cohost: vec![],
            counters: vec![v1::ReportCounter {
                slug: "coffee".into(),
                name: "Coffee, beans".into(),
                unit: "kg".into(),
                entries: 2,
                total: 12_500,
                by_month: vec![0; 12],
            }],
        })
    }

    #[test]
    fn months_come_as_a_table_for_people_and_for_spreadsheets() {
        let csv = as_csv(&report());
        assert!(
            csv.starts_with("year,kind,name,events,cancelled,coming,hours,amount,unit\r\n2026,month,1,0,0,0,0,,\r\n"),
            "{csv}"
        );
        assert!(csv.contains("\r\n2026,month,3,3,1,0,1.67,,\r\n"), "{csv}");
        assert!(csv.contains("\r\n2026,tag,coffee,3,1,0,1.67,,\r\n"), "{csv}");
        assert!(
            csv.ends_with("\r\n2026,counter,\"Coffee, beans\",,,,,12.5,kg\r\n"),
            "{csv}"
        );
        assert_eq!(csv.lines().count(), 15);
        let text = as_text(&report());
        assert!(
            text.contains("March") && text.contains("all of 2026") && text.contains("coffee"),
            "{text}"
        );
        assert!(!text.contains("HOSTED WITH"), "{text}");
    }

    #[test]
    fn what_is_not_counted_yet_is_null() {
        let json = serde_json::to_value(report()).unwrap_or_default();
        assert_eq!(
            (&json["year"], &json["events"], &json["hours"]),
            (&2026.into(), &3.into(), &1.67.into())
        );
        for field in ["members", "visits_hosted", "visits_sent"] {
            assert!(json[field].is_null() && json.get(field).is_some(), "{field}");
        }
        assert_eq!(json["by_month"][2]["month"], 3);
        assert_eq!(json["by_tag"][0]["name"], "coffee");
        assert_eq!(
            (&json["counters"][0]["total"], &json["counters"][0]["unit"]),
            (&12.5.into(), &"kg".into())
        );
    }
}
