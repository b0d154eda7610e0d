//! Members that come from files.

use interhub_proto::v1;
use serde::Serialize;

use super::present;

/// `member import`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MemberImportDocument {
    /// Name of the file, as given.
    pub source: String,
    /// What it was taken for: `csv`, `vcard` or `jscontact`.
    pub format: String,
    /// Rows or cards in it.
    pub members: u64,
    /// Members that were not here.
    pub added: u64,
    /// Members that differed.
    pub changed: u64,
    /// Members that were the same.
    pub unchanged: u64,
    /// Rows or cards that could not be taken; the first 1,000.
    pub refused: Vec<RefusedMemberDocument>,
    /// Number of rows or cards that could not be taken.
    pub refused_count: u64,
    /// What was put right or left out.
    pub notices: Vec<NoticeDocument>,
    /// Of a table: its columns.
    pub columns: Vec<ColumnDocument>,
    /// What is new and what differs; the first 1,000 members.
    pub changes: Vec<MemberChangeDocument>,
}

/// Why a row or card was not taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RefusedMemberDocument {
    /// Where it begins, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// Something in a file that is worth knowing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NoticeDocument {
    /// Where it happened first, from 1.
    pub line: u64,
    /// How often.
    pub times: u64,
    /// What.
    pub message: String,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ColumnDocument {
    /// Its header.
    pub column: String,
    /// What it is taken for; null if it is left out.
    pub field: Option<String>,
}

/// What an import does to one member.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MemberChangeDocument {
    /// Where the row or card begins.
    pub line: u64,
    /// The member; null of one that would be new.
    pub id: Option<String>,
    /// Their name afterwards.
    pub name: String,
    /// They are new.
    pub added: bool,
    /// What differs.
    pub fields: Vec<DifferenceDocument>,
}

/// One field that differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DifferenceDocument {
    /// The field.
    pub field: String,
    /// What the record said.
    pub before: Option<String>,
    /// What it says afterwards.
    pub after: Option<String>,
}

impl From<v1::ImportMembersResult> for MemberImportDocument {
    fn from(result: v1::ImportMembersResult) -> Self {
        let refused = |one: v1::RefusedMember| RefusedMemberDocument {
            line: one.line,
            reason: one.reason,
        };
        let notice = |one: v1::MemberNotice| NoticeDocument {
            line: one.line,
            times: one.times,
            message: one.message,
        };
        let column = |one: v1::MemberColumn| ColumnDocument {
            field: present(&one.field),
            column: one.column,
        };
        Self {
            source: result.source,
            format: result.format,
            members: result.members,
            added: result.added,
            changed: result.changed,
            unchanged: result.unchanged,
            refused: result.refused.into_iter().map(refused).collect(),
            refused_count: result.refused_count,
            notices: result.notices.into_iter().map(notice).collect(),
            columns: result.columns.into_iter().map(column).collect(),
            changes: result.changes.into_iter().map(change).collect(),
        }
    }
}

fn change(one: v1::MemberChange) -> MemberChangeDocument {
    let difference = |one: v1::MemberDifference| DifferenceDocument {
        before: present(&one.before),
        after: present(&one.after),
        field: one.field,
    };
    MemberChangeDocument {
        line: one.line,
        id: present(&one.id),
        name: one.name,
        added: one.added,
        fields: one.fields.into_iter().map(difference).collect(),
    }
}
