//! `interhub event export`: this hub's own events on standard output.

use interhub_proto::v1;
use interhub_proto::v1::export_chunk::Part;
use tokio_stream::StreamExt as _;

use super::Answer;
use crate::args::event::ExportFormat;
use crate::document::{EventDocument, ExportDocument};
use crate::error::ClientError;
use crate::node::Node;

/// Columns of the table.
const COLUMNS: [&str; 22] = [
    "id",
    "uid",
    "title",
    "start",
    "end",
    "timezone",
    "all_day",
    "status",
    "rrule",
    "tags",
    "location",
    "lat",
    "lon",
    "url",
    "online_url",
    "language",
    "summary",
    "description",
    "postponed",
    "capacity",
    "features",
    "image_url",
];

pub(super) async fn run(
    format: Option<ExportFormat>,
    node: &Node,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    let usual = if answer.json {
        ExportFormat::Json
    } else {
        ExportFormat::Ics
    };
    match format.unwrap_or(usual) {
        ExportFormat::Ics => calendar(v1::ExportFormat::Icalendar, node, answer).await?,
        ExportFormat::Jscalendar => calendar(v1::ExportFormat::Jscalendar, node, answer).await?,
        ExportFormat::Json => {
            let document = ExportDocument {
                events: events(node).await?,
            };
            serde_json::to_writer_pretty(&mut *answer.io.out, &document).map_err(std::io::Error::from)?;
            answer.io.out.write_all(b"\n")?;
        }
        ExportFormat::Csv => {
            answer
                .io
                .out
                .write_all(csv_line(&COLUMNS.map(str::to_owned)).as_bytes())?;
            for event in events(node).await? {
                answer.io.out.write_all(csv_line(&csv_cells(event)).as_bytes())?;
            }
        }
    }
    Ok(answer.io.out.flush()?)
}

/// Writes a calendar as it comes.
async fn calendar(form: v1::ExportFormat, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let mut chunks = node.export_events(form).await?;
    while let Some(chunk) = chunks.next().await {
        if let Some(Part::Calendar(bytes)) = chunk?.part {
            answer.io.out.write_all(&bytes)?;
        }
    }
    Ok(())
}

async fn events(node: &Node) -> Result<Vec<EventDocument>, ClientError> {
    let mut chunks = node.export_events(v1::ExportFormat::Events).await?;
    let mut events = Vec::new();
    while let Some(chunk) = chunks.next().await {
        if let Some(Part::Event(event)) = chunk?.part {
            events.push(EventDocument::from(event));
        }
    }
    Ok(events)
}

fn csv_cells(event: EventDocument) -> [String; 22] {
    let place = event.location;
    let degrees = |value: Option<f64>| value.map_or_else(String::new, |degrees| degrees.to_string());
    let (lat, lon) = place.as_ref().map_or((None, None), |place| (place.lat, place.lon));
    [
        event.id,
        event.uid,
        event.title,
        event.start,
        event.end,
        event.timezone,
        event.all_day.to_string(),
        event.status.to_owned(),
        event.rrule.join(" "),
        event.tags.join(","),
        place.map_or_else(String::new, |place| place.name),
        degrees(lat),
        degrees(lon),
        event.url.unwrap_or_default(),
        event.online_url.unwrap_or_default(),
        event.language.unwrap_or_default(),
        event.summary,
        event.description,
        event.postponed.to_string(),
        event.capacity.map_or_else(String::new, |number| number.to_string()),
        event.features.join(","),
        event.image_url.unwrap_or_default(),
    ]
}

/// A line of RFC 4180.
fn csv_line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| csv_cell(cell));
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

/// A cell of RFC 4180. What a spreadsheet would take for a formula (CWE-1236) is written as text.
pub(super) fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = format!("{}{text}", if is_formula { "'" } else { "" });
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let cells = ["a", "b,c", "say \"hi\"", "two\nlines", ""].map(str::to_owned);
        assert_eq!(csv_line(&cells), "a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("@me", "'@me"),
            ("-2+3", "'-2+3"),
            ("+44 121, ext. 2", "\"'+44 121, ext. 2\""),
            ("\t=1", "'\t=1"),
            ("-1.5", "-1.5"),
            ("1=1", "1=1"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let event = v1::Event {
            title: "T".into(),
            all_day: true,
            tags: vec!["a".into(), "b".into()],
            location: Some(v1::Location {
                name: String::new(),
                lat: Some(-1.5),
                lon: Some(2.0),
            }),
            ..v1::Event::default()
        };
        let cells = csv_cells(EventDocument::from(event));
        assert_eq!(cells.len(), COLUMNS.len());
        let cell = |name: &str| cells[COLUMNS.iter().position(|column| *column == name).unwrap_or_default()].as_str();
        assert_eq!(
            (cell("title"), cell("all_day"), cell("tags"), cell("lat")),
            ("T", "true", "a,b", "-1.5")
        );
    }
}
