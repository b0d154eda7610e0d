//! The columns of a change: what their rows unfold to.

use super::reader::Reader;
use super::{MAX_NAMES, MAX_OPERATION_NUMBER, MAX_OPERATIONS, ScanError};

/// Most columns; the format defines fewer than twenty.
const MAX_COLUMNS: u64 = 64;

/// The low three bits of a column's specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    /// How many rows of the columns with the same id belong to each row.
    Group,
    /// Indexes of actors.
    Actor,
    /// Numbers.
    Unsigned,
    /// Numbers, each as the difference to the one before it.
    Delta,
    /// Lengths of runs of no and yes.
    Boolean,
    /// Names.
    Text,
    /// Type and length of each value.
    ValueMeta,
    /// The values themselves, one after the other.
    Values,
}

impl ColumnType {
    const fn of(specification: u64) -> Self {
        match specification & 0b111 {
            0 => Self::Group,
            1 => Self::Actor,
            2 => Self::Unsigned,
            3 => Self::Delta,
            4 => Self::Boolean,
            5 => Self::Text,
            6 => Self::ValueMeta,
            _ => Self::Values,
        }
    }
}

struct Column<'a> {
    id: u64,
    holds: ColumnType,
    data: &'a [u8],
}

/// All columns of one change.
pub(super) struct Columns<'a> {
    columns: Vec<Column<'a>>,
    actors: u64,
}

impl<'a> Columns<'a> {
    /// Reads the list of columns and takes their bytes. `actors`: how many others the change names.
    pub(super) fn read(chunk: &mut Reader<'a>, actors: u64) -> Result<Self, ScanError> {
        let count = chunk.unsigned()?;
        if count > MAX_COLUMNS {
            return Err(ScanError::TooMuch("columns"));
        }
        let mut listed = Vec::new();
        for _ in 0..count {
            let specification = chunk.unsigned()?;
            if specification & 0b1000 != 0 {
                return Err(ScanError::Unexpected("a compressed column"));
            }
            listed.push((specification, chunk.length()?));
        }
        let mut columns = Vec::new();
        for (specification, length) in listed {
            columns.push(Column {
                id: specification >> 4,
                holds: ColumnType::of(specification),
                data: chunk.bytes(length)?,
            });
        }
        Ok(Self { columns, actors })
    }

    /// Walks all of them; the rows of the longest.
    pub(super) fn scan(&self) -> Result<u64, ScanError> {
        let mut longest = 0;
        for column in &self.columns {
            let values = self.values_of(column.id);
            longest = longest.max(scan_column(column.holds, column.data, self.actors, values)?);
        }
        Ok(longest)
    }

    /// How many bytes they take together.
    pub(super) fn bytes(&self) -> u64 {
        self.columns.iter().map(|column| column.data.len() as u64).sum()
    }

    /// How many bytes of values the column with this id describes.
    fn values_of(&self, id: u64) -> u64 {
        let raw = |column: &&Column<'_>| column.id == id && column.holds == ColumnType::Values;
        self.columns
            .iter()
            .find(raw)
            .map_or(0, |column| column.data.len() as u64)
    }
}

/// Walks one column by its run lengths, in time linear in its length. Returns its rows.
fn scan_column(column_type: ColumnType, data: &[u8], actors: u64, values: u64) -> Result<u64, ScanError> {
    let mut column = Reader(data);
    let mut rows = Sum::new(MAX_OPERATIONS, "operations");
    if column_type == ColumnType::Values {
        return Ok(0);
    }
    if column_type == ColumnType::Boolean {
        while !column.0.is_empty() {
            rows.add(column.unsigned()?, 1)?;
        }
        return Ok(rows.so_far);
    }
    let mut content = Content::new(column_type, actors, values);
    while !column.0.is_empty() {
        let run = column.signed()?;
        if run == 0 {
            rows.add(column.unsigned()?, 1)?;
            continue;
        }
        rows.add(run.unsigned_abs(), 1)?;
        if run > 0 {
            content.take(&mut column, run.unsigned_abs())?;
            continue;
        }
        for _ in 0..run.unsigned_abs() {
            content.take(&mut column, 1)?;
        }
    }
    content.end()?;
    Ok(rows.so_far)
}

/// A sum that has a limit.
struct Sum {
    so_far: u64,
    most: u64,
    what: &'static str,
}

impl Sum {
    const fn new(most: u64, what: &'static str) -> Self {
        Self { so_far: 0, most, what }
    }

    fn add(&mut self, value: u64, times: u64) -> Result<(), ScanError> {
        self.so_far = self.so_far.saturating_add(value.saturating_mul(times));
        if self.so_far > self.most {
            Err(ScanError::TooMuch(self.what))
        } else {
            Ok(())
        }
    }
}

/// What the values of a column come to.
struct Content {
    column_type: ColumnType,
    actors: u64,
    /// Rows of the columns below a group.
    grouped: Sum,
    /// Bytes of names.
    names: Sum,
    /// Bytes of values.
    values: Sum,
    /// Where the differences have led to.
    number: i128,
}

impl Content {
    const fn new(column_type: ColumnType, actors: u64, values: u64) -> Self {
        Self {
            column_type,
            actors,
            grouped: Sum::new(MAX_OPERATIONS, "operations"),
            names: Sum::new(MAX_NAMES, "names"),
            values: Sum::new(values, "values"),
            number: 0,
        }
    }

    /// Takes one value, which so many rows have.
    fn take(&mut self, column: &mut Reader<'_>, times: u64) -> Result<(), ScanError> {
        match self.column_type {
            ColumnType::Group => self.grouped.add(column.unsigned()?, times),
            ColumnType::Actor => {
                // The author itself is number 0.
                if column.unsigned()? > self.actors {
                    return Err(ScanError::Malformed);
                }
                Ok(())
            }
            ColumnType::Unsigned => in_range(i128::from(column.unsigned()?)),
            ColumnType::Delta => {
                self.number += i128::from(column.signed()?) * i128::from(times);
                in_range(self.number)
            }
            ColumnType::Text => {
                let length = column.length()?;
                let name = column.bytes(length)?;
                str::from_utf8(name).map_err(|_| ScanError::Malformed)?;
                self.names.add(name.len() as u64, times)
            }
            ColumnType::ValueMeta => self.values.add(column.unsigned()? >> 4, times),
            ColumnType::Boolean | ColumnType::Values => Ok(()),
        }
    }

    /// Every byte of the values belongs to one.
    const fn end(&self) -> Result<(), ScanError> {
        if matches!(self.column_type, ColumnType::ValueMeta) && self.values.so_far != self.values.most {
            return Err(ScanError::Malformed);
        }
        Ok(())
    }
}

/// Numbers in columns are operation numbers and codes.
const fn in_range(number: i128) -> Result<(), ScanError> {
    if number < 0 || number >= MAX_OPERATION_NUMBER as i128 {
        return Err(ScanError::TooMuch("operation number"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(column_type: ColumnType, data: &[u8]) -> Result<u64, ScanError> {
        scan_column(column_type, data, 1, 10)
    }

    #[test]
    fn run_lengths_over_the_limit_are_refused() {
        let long = [0x80, 0x80, 0x80, 0x80, 0x01, 0x05];
        let too_much = Err(ScanError::TooMuch("operations"));
        assert_eq!(rows(ColumnType::Unsigned, &long), too_much);
        assert_eq!(rows(ColumnType::Unsigned, &[0x05, 0x01]), Ok(5));
        assert_eq!(rows(ColumnType::Boolean, &[0xff, 0xff, 0xff, 0x7f]), too_much);
        // So many rows without a value.
        assert_eq!(rows(ColumnType::Unsigned, &[0x00, 0xff, 0xff, 0xff, 0x7f]), too_much);
        // One row that groups as many.
        assert_eq!(rows(ColumnType::Group, &[0x01, 0xff, 0xff, 0xff, 0x7f]), too_much);
        assert_eq!(rows(ColumnType::Group, &[0x7f, 0x02]), Ok(1));
    }

    #[test]
    fn numbers_actors_names_and_values_stay_inside_the_change() {
        let number = Err(ScanError::TooMuch("operation number"));
        assert_eq!(
            rows(ColumnType::Unsigned, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            number
        );
        assert_eq!(rows(ColumnType::Delta, &[0x7f, 0x7f]), number, "below zero");
        // 60,000 steps of 60,000.
        let steps = [0xe0, 0xd4, 0x03, 0xe0, 0xd4, 0x03];
        assert_eq!(rows(ColumnType::Delta, &steps), number);
        assert_eq!(rows(ColumnType::Actor, &[0x7f, 0x01]), Ok(1));
        assert_eq!(rows(ColumnType::Actor, &[0x7f, 0x02]), Err(ScanError::Malformed));
        assert_eq!(rows(ColumnType::Text, &[0x02, 0x01, b'a']), Ok(2));
        assert_eq!(rows(ColumnType::Text, &[0x02, 0x01, 0xff]), Err(ScanError::Malformed));
        let mut name = vec![0xe0, 0xd4, 0x03, 0x64];
        name.extend([b'a'; 100]);
        assert_eq!(rows(ColumnType::Text, &name), Err(ScanError::TooMuch("names")));
        assert_eq!(
            rows(ColumnType::ValueMeta, &[0x02, 0x56]),
            Ok(2),
            "two texts of five bytes"
        );
        assert_eq!(
            rows(ColumnType::ValueMeta, &[0x03, 0x56]),
            Err(ScanError::TooMuch("values"))
        );
        assert_eq!(rows(ColumnType::ValueMeta, &[0x01, 0x56]), Err(ScanError::Malformed));
    }
}
