//! One row of a table, by what its columns are taken for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use csv::StringRecord;

use super::super::cells::{bare, kind, link, listing, split, status, visible};
use super::super::columns::{Column, folded, link_label};
use super::super::{ReadError, Reading};
use super::MAX_COLUMNS;
use super::dates::{Order, until};
use crate::member::Kind;
use crate::member::said::{Said, languages, line, lines, links, listings, one_line, paragraphs};

/// Most characters of the headers that a message names.
const MAX_NAMED: usize = 300;

/// What each column is taken for.
pub(super) struct Layout {
    columns: Vec<(String, Option<Column>)>,
    /// Whether the operator said so.
    told: Vec<bool>,
    /// What the links of each column are labelled.
    labels: Vec<String>,
    width: usize,
}

impl Layout {
    /// By the headers and by what was told. Of two columns for one thing the one that was told is taken, or else the first; lists
    /// are put together.
    pub(super) fn of(headers: &StringRecord, map: &[(String, Column)], out: &mut Reading) -> Result<Self, ReadError> {
        let names: Vec<String> = headers.iter().take(MAX_COLUMNS).map(one_line).collect();
        for (header, _) in map {
            if !names.iter().any(|name| same(name, header)) {
                let headers = shortened(&names);
                let header = header.clone();
                return Err(ReadError::NoSuchColumn { header, headers });
            }
        }
        let told_of = |name: &str| {
            map.iter()
                .find(|(header, _)| same(name, header))
                .map(|(_, column)| *column)
        };
        let told: Vec<Option<Column>> = names.iter().map(|name| told_of(name)).collect();
        let mut taken: BTreeSet<Column> = BTreeSet::new();
        let mut columns: Vec<(String, Option<Column>)> = Vec::with_capacity(names.len());
        taken.extend(told.iter().flatten().copied().filter(|column| !column.is_list()));
        let mut first_told = BTreeSet::new();
        for (name, told) in names.iter().zip(&told) {
            let column = match told {
                Some(Column::Ignored) => None,
                Some(column) if column.is_list() || first_told.insert(*column) => Some(*column),
                Some(_) => None,
                None => Column::guessed(name).filter(|column| column.is_list() || taken.insert(*column)),
            };
            let left_out = column.is_none() && *told != Some(Column::Ignored);
            if left_out && (told.is_some() || Column::guessed(name).is_some()) {
                out.notice(
                    1,
                    &format!("the column {name:.60} is left out: another one is taken for the same"),
                );
            }
            columns.push((name.clone(), column));
        }
        if headers.len() > names.len() {
            out.notice(1, &format!("of {} columns {MAX_COLUMNS} are read", headers.len()));
        }
        out.parsed.columns.clone_from(&columns);
        if columns.iter().all(|(_, column)| column.is_none()) {
            return Err(ReadError::NoColumn {
                headers: shortened(&names),
            });
        }
        Ok(Self {
            labels: names.iter().map(|name| link_label(name)).collect(),
            told: told.iter().map(Option::is_some).collect(),
            width: headers.len(),
            columns,
        })
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// In which order the dates of the table have day and month.
    pub(super) fn order(&self, rows: &[(u64, StringRecord)]) -> Order {
        let Some(at) = self
            .columns
            .iter()
            .position(|(_, column)| *column == Some(Column::ValidUntil))
        else {
            return Order::default();
        };
        let cells = rows.iter().filter_map(|(_, row)| row.get(at));
        cells.fold(Order::default(), |order, cell| order.and(bare(cell.trim())))
    }
}

fn same(name: &str, header: &str) -> bool {
    name == header || folded(name) == folded(header)
}

fn shortened(names: &[String]) -> String {
    names.join(", ").chars().take(MAX_NAMED).collect()
}

/// The cells of one row, by column.
pub(super) struct Taken<'a> {
    layout: &'a Layout,
    row: &'a StringRecord,
    order: Order,
}

impl<'a> Taken<'a> {
    pub(super) const fn new(layout: &'a Layout, row: &'a StringRecord, order: Order) -> Self {
        Self { layout, row, order }
    }

    /// The cells of a column that the row has, each with its header's index.
    fn cells(&self, column: Column) -> impl Iterator<Item = (usize, Cow<'a, str>)> {
        let columns = self.layout.columns.iter().enumerate();
        let at = columns.filter(move |(_, (_, one))| *one == Some(column));
        at.filter_map(|(at, _)| Some((at, cell(self.row.get(at)?))))
    }

    fn one(&self, column: Column) -> Option<(usize, Cow<'a, str>)> {
        self.cells(column).next()
    }

    fn text(&self, column: Column) -> Result<Option<String>, String> {
        self.one(column).map(|(_, cell)| line(column.name(), &cell)).transpose()
    }

    fn long_text(&self, column: Column) -> Result<Option<String>, String> {
        self.one(column)
            .map(|(_, cell)| paragraphs(column.name(), &cell))
            .transpose()
    }

    /// The entries of all columns of a list.
    fn entries(&self, column: Column) -> Option<Vec<(usize, String)>> {
        let mut any = false;
        let mut out = Vec::new();
        for (at, cell) in self.cells(column) {
            any = true;
            out.extend(split(&cell).into_iter().map(|entry| (at, entry)));
        }
        any.then_some(out)
    }

    fn list(&self, column: Column) -> Result<Option<Vec<String>>, String> {
        let entries = self.entries(column);
        let read = entries.map(|all| lines(column.name(), all.into_iter().map(|(_, entry)| entry)));
        read.transpose()
    }

    /// A word out of a few. One that is not known is refused if the operator said what the column is, and left out if not.
    fn word<T>(
        &self,
        column: Column,
        read: fn(&str) -> Option<T>,
        notices: &mut Vec<String>,
    ) -> Result<Option<T>, String> {
        let Some((at, cell)) = self.one(column).filter(|(_, cell)| !cell.trim().is_empty()) else {
            return Ok(None);
        };
        let found = read(&cell);
        if found.is_none() {
            let word = one_line(&cell);
            let text = format!("{}: {word:.40} is not known and left out", column.name());
            if self.layout.told.get(at) == Some(&true) {
                return Err(format!("{}: {word:.40} is not known", column.name()));
            }
            notices.push(text);
        }
        Ok(found)
    }

    /// The whole name, or its two parts, or else the company's.
    fn name(&self) -> Result<(Option<String>, bool), String> {
        let has = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(name) = has(self.text(Column::Name)?) {
            // A column "Name" beside one of first names holds the family's.
            return match has(self.text(Column::GivenName)?) {
                Some(given) if !self.has(Column::FamilyName) && !name.contains(&given) => {
                    Ok((Some(line("name", &format!("{given} {name}"))?), false))
                }
                _ => Ok((Some(name), false)),
            };
        }
        let given = has(self.text(Column::GivenName)?).unwrap_or_default();
        let family = has(self.text(Column::FamilyName)?).unwrap_or_default();
        if let Some(name) = has(Some(line("name", &format!("{given} {family}"))?)) {
            return Ok((Some(name), false));
        }
        let company = has(self.text(Column::Company)?);
        let by_company = company.is_some();
        Ok((company, by_company))
    }

    fn has(&self, column: Column) -> bool {
        self.layout.columns.iter().any(|(_, one)| *one == Some(column))
    }

    /// What the row says.
    pub(super) fn said(&self, notices: &mut Vec<String>) -> Result<(String, Said), String> {
        let (name, by_company) = self.name()?;
        if !by_company && self.text(Column::Company)?.is_some_and(|company| !company.is_empty()) {
            notices.push("the company is left out where there is a name".to_owned());
        }
        let of_company = by_company.then_some(Kind::Organisation);
        let offered = |column: Column| {
            let entries = self.entries(column);
            entries
                .map(|all| listings(column.name(), all.iter().map(|(_, entry)| listing(entry))))
                .transpose()
        };
        let said = Said {
            kind: self.word(Column::Kind, kind, notices)?.or(of_company),
            name,
            headline: self.text(Column::Headline)?,
            biography: self.long_text(Column::Biography)?,
            skills: self.list(Column::Skills)?,
            offers: offered(Column::Offers)?,
            wants: offered(Column::Wants)?,
            languages: self.languages(notices)?,
            links: self.links(notices)?,
            role: self.text(Column::Role)?,
            projects: self.list(Column::Projects)?,
            programmes: self.list(Column::Programmes)?,
            tier: self.text(Column::Tier)?,
            status: self.word(Column::Status, status, notices)?,
            valid_until: self
                .one(Column::ValidUntil)
                .map(|(_, cell)| until(&cell, self.order))
                .transpose()?,
            photo: None,
            mail: self.text(Column::Mail)?,
            phone: self.text(Column::Phone)?,
            notes: self.long_text(Column::Notes)?,
            number: self.text(Column::Number)?,
            visible: self.word(Column::Visible, visible, notices)?,
        };
        Ok((self.text(Column::Id)?.unwrap_or_default(), said))
    }

    fn languages(&self, notices: &mut Vec<String>) -> Result<Option<Vec<String>>, String> {
        let Some(entries) = self.entries(Column::Languages) else {
            return Ok(None);
        };
        let (tags, odd) = languages(entries.into_iter().map(|(_, entry)| entry))?;
        if odd {
            notices.push("languages that are not written like en or pt-BR are left out".to_owned());
        }
        Ok((!odd || !tags.is_empty()).then_some(tags))
    }

    fn links(&self, notices: &mut Vec<String>) -> Result<Option<Vec<crate::member::Link>>, String> {
        let Some(entries) = self.entries(Column::Links) else {
            return Ok(None);
        };
        let label = |at: &usize| self.layout.labels.get(*at).map_or("", String::as_str);
        let (all, odd) = links(entries.iter().map(|(at, entry)| link(entry, label(at))))?;
        if odd {
            notices.push("links that are no addresses on the web are left out".to_owned());
        }
        Ok((!odd || !all.is_empty()).then_some(all))
    }
}

/// A cell without NULs, and without the apostrophe that keeps it from being a formula.
fn cell(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(' ');
    if text.contains('\0') {
        return Cow::Owned(bare(&text.replace('\0', "")).to_owned());
    }
    Cow::Borrowed(bare(text))
}
