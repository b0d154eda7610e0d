//! Members as a table.

use csv::{Terminator, WriterBuilder};

use super::super::cells::{guarded, joined, link_text, listing_text};
use super::super::columns::Column;
use crate::member::{Field, Listing, Member};

/// The columns in their order, without those that only other programs have.
const WRITTEN: [Column; 20] = [
    Column::Id,
    Column::Number,
    Column::Kind,
    Column::Name,
    Column::Headline,
    Column::Biography,
    Column::Skills,
    Column::Offers,
    Column::Wants,
    Column::Languages,
    Column::Links,
    Column::Role,
    Column::Projects,
    Column::Programmes,
    Column::Tier,
    Column::Status,
    Column::ValidUntil,
    Column::Mail,
    Column::Phone,
    Column::Notes,
];

/// Writes a table (RFC 4180, UTF-8): a row of headers, which are the words of [`Column`], and a row for each member. A column in
/// which nobody has anything is left out. There are no photos in it, no audiences and no consents. No cell is taken for a formula.
pub fn to_csv(members: &[(String, &Member)]) -> String {
    let filled = |column: &Column| members.iter().any(|(id, member)| !cell(*column, id, member).is_empty());
    let always = [Column::Id, Column::Name];
    let columns: Vec<Column> = WRITTEN
        .into_iter()
        .filter(|column| always.contains(column) || filled(column))
        .collect();
    let mut out = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing to memory has no way to fail.
    drop(out.write_record(columns.iter().map(|column| column.name())));
    for (id, member) in members {
        let cells = columns.iter().map(|column| guarded(&cell(*column, id, member)));
        drop(out.write_record(cells));
    }
    let bytes = out.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// One thing that two records say differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The word for the field.
    pub field: &'static str,
    /// What one says, as a table has it; empty if nothing.
    pub before: String,
    /// What the other one says.
    pub after: String,
}

/// What differs between two records, in the order of the columns of a table. Of a photo only whether there is one.
pub fn differences(before: &Member, after: &Member) -> Vec<Difference> {
    let columns = WRITTEN.into_iter().filter(|column| *column != Column::Id);
    let both = columns.map(|column| Difference {
        field: column.name(),
        before: cell(column, "", before),
        after: cell(column, "", after),
    });
    let mut out: Vec<Difference> = both.filter(|one| one.before != one.after).collect();
    if before.photo != after.photo {
        let told = |photo: &[u8]| if photo.is_empty() { "" } else { "a picture" }.to_owned();
        out.push(Difference {
            field: Field::Photo.name(),
            before: told(&before.photo),
            after: told(&after.photo),
        });
    }
    out
}

fn cell(column: Column, id: &str, member: &Member) -> String {
    let listings = |all: &[Listing]| joined(all.iter().map(listing_text));
    match column {
        Column::Id => id.to_owned(),
        Column::Number => member.local.number.clone(),
        Column::Kind => member.kind.name().to_owned(),
        Column::Name => member.name.clone(),
        Column::Headline => member.headline.clone(),
        Column::Biography => member.biography.clone(),
        Column::Skills => joined(&member.skills),
        Column::Offers => listings(&member.offers),
        Column::Wants => listings(&member.wants),
        Column::Languages => joined(&member.languages),
        Column::Links => joined(member.links.iter().map(link_text)),
        Column::Role => member.role.clone(),
        Column::Projects => joined(&member.projects),
        Column::Programmes => joined(&member.programmes),
        Column::Tier => member.tier.clone(),
        Column::Status => member.status.name().to_owned(),
        Column::ValidUntil => member.valid_until.map(|day| day.to_string()).unwrap_or_default(),
        Column::Mail => member.local.mail.clone(),
        Column::Phone => member.local.phone.clone(),
        Column::Notes => member.local.notes.clone(),
        Column::GivenName | Column::FamilyName | Column::Company | Column::Visible | Column::Ignored => String::new(),
    }
}
