//! `interhub counter`.

use interhub_proto::v1;

use super::Answer;
use crate::args::CounterCommand;
use crate::document::{CounterDocument, CountersDocument, EntriesDocument, EntryDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn run(command: CounterCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    match command {
        CounterCommand::Define { slug, name, unit } => {
            let request = v1::DefineCounterRequest { slug, name, unit };
            let defined = CounterDocument::from(node.define_counter(request).await?);
            answer.show(&defined, |one| {
                format!(
                    "{} is counted; `interhub counter add {} AMOUNT` adds to it\n",
                    render::line(&one.name),
                    one.slug
                )
            })
        }
        CounterCommand::List => {
            let counters = node.counters().await?.into_iter().map(CounterDocument::from).collect();
            let document = CountersDocument { counters };
            answer.show(&document, list_text)?;
            if document.counters.is_empty() {
                answer.note("nothing is counted yet; `interhub counter define SLUG` begins")?;
            }
            Ok(())
        }
        CounterCommand::Add {
            slug,
            thousandths,
            on,
            note,
        } => {
            let request = v1::AddAmountRequest {
                slug,
                thousandths,
                day: on,
                note,
            };
            let added = EntryDocument::from(node.add_amount(request).await?);
            answer.show(&added, |added| {
                format!("{} counted for {}: entry {}\n", added.amount, added.day, added.id)
            })
        }
        CounterCommand::Entries { slug, year } => {
            let entries = node.counter_entries(&slug, year).await?;
            let entries = entries.into_iter().map(EntryDocument::from).collect();
            answer.show(&EntriesDocument { entries }, entries_text)
        }
        CounterCommand::Remove { slug, entry } => {
            let gone = EntryDocument::from(node.remove_amount(&slug, &entry).await?);
            answer.show(&gone, |gone| {
                format!("{} of {} counts no more\n", gone.amount, gone.day)
            })
        }
        CounterCommand::Delete { slug } => {
            let gone = CounterDocument::from(node.delete_counter(&slug).await?);
            answer.show(&gone, |gone| {
                format!(
                    "{} is counted no more; its {} entries are gone\n",
                    render::line(&gone.name),
                    gone.entries
                )
            })
        }
    }
}

fn list_text(document: &CountersDocument) -> String {
    if document.counters.is_empty() {
        return String::new();
    }
    let rows = document.counters.iter().map(|one| {
        vec![
            one.slug.clone(),
            render::short(&one.name),
            one.total.to_string(),
            render::line(one.unit.as_deref().unwrap_or("")),
            one.entries.to_string(),
        ]
    });
    render::table(&["SLUG", "NAME", "TOTAL", "UNIT", "ENTRIES"], rows.collect())
}

fn entries_text(document: &EntriesDocument) -> String {
    if document.entries.is_empty() {
        return String::new();
    }
    let rows = document.entries.iter().map(|entry| {
        vec![
            entry.id.clone(),
            entry.day.clone(),
            entry.amount.to_string(),
            render::line(entry.note.as_deref().unwrap_or("")),
        ]
    });
    render::table(&["ID", "DAY", "AMOUNT", "NOTE"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_come_as_a_table() {
        let coffee = CounterDocument::from(v1::OwnCounter {
            slug: "coffee".into(),
            name: "Coffee".into(),
            unit: "kg".into(),
            entries: 3,
            thousandths: 12_750,
            ..v1::OwnCounter::default()
        });
        let text = list_text(&CountersDocument { counters: vec![coffee] });
        assert!(text.contains("12.75") && text.contains("kg"), "{text}");
        assert_eq!(list_text(&CountersDocument::default()), "");
        assert_eq!(entries_text(&EntriesDocument::default()), "");
    }
}
