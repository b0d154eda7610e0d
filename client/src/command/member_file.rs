//! `interhub member import` and `interhub member export`.

use interhub_proto::v1;
use tokio_stream::StreamExt as _;

use super::{Answer, file};
use crate::args::member::{ExportArgs, ImportArgs, ImportFormat, MemberFormat};
use crate::document::{MemberChangeDocument, MemberImportDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

/// So many members that change, and so many refused rows and notices, are listed for people; JSON has them all.
const LINES_SHOWN: usize = 20;

pub(super) async fn import(args: ImportArgs, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let shown = if args.file == "-" { "standard input" } else { &args.file };
    let advice = "split it and import the parts one after the other";
    let bytes = file::read(&args.file, advice).map_err(|error| error.about(shown))?;
    // What the node finds wrong is the file, unless it was told how to read it.
    let told_how = !args.map.is_empty() || args.format.is_some();
    let map = args
        .map
        .into_iter()
        .map(|(column, field)| v1::MemberColumn { column, field });
    let start = v1::ImportMembersStart {
        source: args.file.clone(),
        dry_run: args.dry_run,
        bytes: None,
        format: args.format.map_or("", ImportFormat::name).to_owned(),
        map: map.collect(),
    };
    let bar = file::progress_bar(answer.io.progress, shown, "members");
    let result = node
        .import_members(start, bytes, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    let result = match result {
        Ok(result) => result,
        Err(error @ ClientError::Unreachable(_)) => return Err(error),
        Err(ClientError::Usage(line)) if !told_how => return Err(ClientError::Failed(line).about(shown)),
        Err(error) => return Err(error.about(shown)),
    };
    answer.show(&MemberImportDocument::from(result), |document| {
        import_text(document, args.dry_run)
    })
}

fn import_text(import: &MemberImportDocument, dry_run: bool) -> String {
    let source = if import.source == "-" {
        "standard input".to_owned()
    } else {
        render::line(&import.source)
    };
    let mut lines = Vec::new();
    if !import.columns.is_empty() {
        lines.push("columns:".to_owned());
        lines.extend(import.columns.iter().map(|one| {
            let field = one
                .field
                .as_deref()
                .unwrap_or("left out (--map COLUMN=FIELD says what it is)");
            format!("  {} -> {field}", render::short(&one.column))
        }));
    }
    let verb = if dry_run { "would be" } else { "were" };
    for change in import.changes.iter().take(LINES_SHOWN) {
        lines.extend(change_text(change));
    }
    let all = import.added + import.changed;
    and_more(&mut lines, all, "members");
    if import.refused_count > 0 {
        lines.push("not taken:".to_owned());
    }
    for refused in import.refused.iter().take(LINES_SHOWN) {
        lines.push(format!("  line {}: {}", refused.line, render::line(&refused.reason)));
    }
    and_more(&mut lines, import.refused_count, "lines");
    if !import.notices.is_empty() {
        lines.push("to be known:".to_owned());
    }
    for notice in import.notices.iter().take(LINES_SHOWN) {
        let times = match notice.times {
            0 | 1 => String::new(),
            times => format!(", {times} times"),
        };
        lines.push(format!(
            "  line {}{times}: {}",
            notice.line,
            render::line(&notice.message)
        ));
    }
    and_more(&mut lines, import.notices.len() as u64, "notices");
    lines.push(format!(
        "{source}: of {} members {verb} {} added, {} changed, {} unchanged, {} refused",
        import.members, import.added, import.changed, import.unchanged, import.refused_count
    ));
    lines.join("\n") + "\n"
}

fn change_text(change: &MemberChangeDocument) -> Vec<String> {
    let sign = if change.added { '+' } else { '~' };
    let mut lines = vec![format!("{sign} {}", render::line(&change.name))];
    let shown = change
        .fields
        .iter()
        .filter(|one| !(change.added && one.field == "name"));
    lines.extend(shown.map(|one| {
        let after = render::short(one.after.as_deref().unwrap_or("nothing"));
        match &one.before {
            Some(before) => format!("    {}: {} -> {after}", one.field, render::short(before)),
            None => format!("    {}: {after}", one.field),
        }
    }));
    lines
}

fn and_more(lines: &mut Vec<String>, all: u64, what: &str) {
    let hidden = all.saturating_sub(LINES_SHOWN as u64);
    if hidden > 0 {
        lines.push(format!("  and {hidden} more {what}; --json lists them"));
    }
}

pub(super) async fn export(args: ExportArgs, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let usual = if answer.json {
        MemberFormat::Json
    } else {
        MemberFormat::Csv
    };
    let request = v1::ExportMembersRequest {
        format: args.format.unwrap_or(usual).name().to_owned(),
        audience: args.audience.unwrap_or_default(),
        id: args.id,
    };
    let mut pieces = node.export_members(request).await?;
    let mut left_out = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        answer.io.out.write_all(&piece.data)?;
        left_out.extend(piece.left_out);
    }
    answer.io.out.flush()?;
    for one in left_out.iter().take(LINES_SHOWN) {
        answer.note(&format!("{} is left out: {}", one.id, one.reason))?;
    }
    if left_out.len() > LINES_SHOWN {
        answer.note(&format!("{} are left out in all", left_out.len()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{ColumnDocument, DifferenceDocument, NoticeDocument, RefusedMemberDocument};

    #[test]
    fn people_are_shown_what_changes_and_what_was_not_taken() {
        let difference = |field: &str, before: Option<&str>, after: Option<&str>| DifferenceDocument {
            field: field.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let change = |added, fields| MemberChangeDocument {
            name: "Ada".into(),
            added,
            fields,
            ..MemberChangeDocument::default()
        };
        let import = MemberImportDocument {
            source: "m.csv".into(),
            members: 30,
            added: 1,
            changed: 24,
            refused_count: 1,
            refused: vec![RefusedMemberDocument {
                line: 7,
                reason: "it has no name".into(),
            }],
            notices: vec![NoticeDocument {
                line: 2,
                times: 3,
                message: "odd".into(),
            }],
            columns: vec![ColumnDocument {
                column: "Firma".into(),
                field: None,
            }],
            changes: vec![
                change(true, vec![difference("name", None, Some("Ada"))]),
                change(false, vec![difference("tier", Some("part"), None)]),
            ],
            ..MemberImportDocument::default()
        };
        assert_eq!(
            import_text(&import, true),
            "columns:\n  Firma -> left out (--map COLUMN=FIELD says what it is)\n+ Ada\n~ Ada\n    tier: part -> nothing\n  \
             and 5 more members; --json lists them\nnot taken:\n  line 7: it has no name\nto be known:\n  line 2, 3 times: odd\n\
             m.csv: of 30 members would be 1 added, 24 changed, 0 unchanged, 1 refused\n"
        );
    }
}
