//! `interhub event import`.

use super::{Answer, file, node};
use crate::args::GlobalArgs;
use crate::args::event::ImportArgs;
use crate::document::ImportDocument;
use crate::error::ClientError;
use crate::node::{ImportFile, ImportOptions, Node};
use crate::render;

/// So many refused events, and so many warnings, are listed for people; JSON has them all.
const LINES_SHOWN: usize = 20;

/// Imports each file on its own: one that is broken does not stop the others.
pub(super) async fn run(args: ImportArgs, global: &GlobalArgs, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let options = ImportOptions {
        dry_run: args.dry_run,
        take_erased: args.take_erased,
    };
    let several = args.files.len() > 1;
    let mut connected: Option<Node> = None;
    let mut files = Vec::new();
    let mut first_error: Option<ClientError> = None;
    for name in &args.files {
        let outcome = import_one(name, options, global, &mut connected, answer).await;
        match outcome {
            Ok(document) => files.push(document),
            // Without a node, or for a single file, there is nothing to go on with.
            Err(error @ (ClientError::Unreachable(_) | ClientError::Output(_))) => return Err(error),
            Err(error) if !several => return Err(error),
            Err(error) => {
                writeln!(answer.io.notes, "interhub: {error}")?;
                files.push(ImportDocument {
                    source: name.clone(),
                    error: Some(error.to_string()),
                    ..Default::default()
                });
                first_error.get_or_insert(error);
            }
        }
    }
    let failed = files.iter().filter(|file| file.error.is_some()).count();
    let all = files.len();
    answer.show(&ImportDocument::sum(files), |document| {
        import_text(document, args.dry_run)
    })?;
    match first_error {
        None => Ok(()),
        Some(error) => Err(with_same_code(
            &error,
            format!("{failed} of {all} files were not imported; correct them and import again, nothing is added twice"),
        )),
    }
}

fn is_web_address(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["http://", "https://", "webcal://", "webcals://"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
}

/// Another line for the same kind of error.
fn with_same_code(error: &ClientError, line: String) -> ClientError {
    match error {
        ClientError::NotFound(_) => ClientError::NotFound(line),
        ClientError::Refused(_) => ClientError::Refused(line),
        ClientError::Usage(_) => ClientError::Usage(line),
        _ => ClientError::Failed(line),
    }
}

async fn import_one(
    name: &str,
    options: ImportOptions,
    global: &GlobalArgs,
    connected: &mut Option<Node>,
    answer: &Answer<'_, '_>,
) -> Result<ImportDocument, ClientError> {
    let shown = if name == "-" { "standard input" } else { name };
    let file = if is_web_address(name) {
        ImportFile::There
    } else {
        ImportFile::Here(file::read(name, "split it into several calendars").map_err(|error| error.about(shown))?)
    };
    let node = match connected {
        Some(node) => node,
        None => connected.insert(node(global).await?),
    };
    let bar = file::progress_bar(answer.io.progress, shown, "events");
    let result = node
        .import_events(name, file, options, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    match result {
        Ok(result) => Ok(ImportDocument::from(result)),
        // What the node finds wrong is the file, not the way it was asked.
        Err(ClientError::Usage(line)) => Err(ClientError::Failed(line).about(shown)),
        Err(error @ ClientError::Unreachable(_)) => Err(error),
        Err(error) => Err(error.about(shown)),
    }
}

fn import_text(document: &ImportDocument, dry_run: bool) -> String {
    let files = if document.files.is_empty() {
        std::slice::from_ref(document)
    } else {
        &document.files
    };
    let mut text = String::new();
    for file in files.iter().filter(|file| file.error.is_none()) {
        text.push_str(&file_text(file, dry_run));
    }
    text
}

/// What one import came to, for people, of a calendar with this name.
pub(super) fn counts_text(import: &ImportDocument, name: &str) -> String {
    let named = ImportDocument {
        source: name.to_owned(),
        ..import.clone()
    };
    file_text(&named, false)
}

fn file_text(file: &ImportDocument, dry_run: bool) -> String {
    let verb = if dry_run { "would be" } else { "were" };
    let source = if file.source == "-" {
        "standard input".to_owned()
    } else {
        render::line(&file.source)
    };
    let mut lines = vec![format!(
        "{source}: of {} events {verb} {} added, {} changed, {} unchanged, {} cancelled, {} refused",
        file.events, file.added, file.changed, file.unchanged, file.cancelled, file.refused_count
    )];
    for refused in file.refused.iter().take(LINES_SHOWN) {
        lines.push(line_text(refused.line, refused.uid.as_deref(), &refused.reason));
    }
    and_more(&mut lines, file.refused_count);
    if !file.warnings.is_empty() {
        lines.push("taken all the same:".to_owned());
    }
    for warning in file.warnings.iter().take(LINES_SHOWN) {
        lines.push(line_text(Some(warning.line), warning.uid.as_deref(), &warning.message));
    }
    and_more(&mut lines, file.warnings.len() as u64);
    lines.join("\n") + "\n"
}

fn line_text(line: Option<u32>, uid: Option<&str>, what: &str) -> String {
    let line = line.map_or_else(String::new, |line| format!("line {line}: "));
    let uid = uid.map_or_else(String::new, |uid| format!(" ({})", render::short(uid)));
    format!("  {line}{}{uid}", render::line(what))
}

fn and_more(lines: &mut Vec<String>, all: u64) {
    let hidden = all.saturating_sub(LINES_SHOWN as u64);
    if hidden > 0 {
        lines.push(format!("  and {hidden} more; --json lists them"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{RefusedDocument, WarningDocument};

    #[test]
    fn refused_events_are_named_with_line_and_reason() {
        let refused = RefusedDocument {
            uid: Some("u1".into()),
            line: Some(7),
            reason: "no DTSTART".into(),
        };
        let file = ImportDocument {
            source: "a.ics".into(),
            events: 30,
            added: 2,
            refused: vec![refused; 25],
            refused_count: 28,
            ..ImportDocument::default()
        };
        let text = import_text(&file, false);
        assert!(
            text.starts_with("a.ics: of 30 events were 2 added, 0 changed, 0 unchanged, 0 cancelled, 28 refused\n")
        );
        assert!(text.contains("\n  line 7: no DTSTART (u1)\n"), "{text}");
        assert!(text.ends_with("  and 8 more; --json lists them\n"), "{text}");
    }

    #[test]
    fn warnings_are_told_apart_from_refusals() {
        let warning = |uid: Option<&str>| WarningDocument {
            uid: uid.map(str::to_owned),
            line: 3,
            message: "ends before it starts".into(),
        };
        let file = ImportDocument {
            source: "a.ics".into(),
            events: 1,
            added: 1,
            warnings: vec![warning(Some("u1")), warning(None)],
            ..ImportDocument::default()
        };
        assert_eq!(
            import_text(&file, false),
            "a.ics: of 1 events were 1 added, 0 changed, 0 unchanged, 0 cancelled, 0 refused\n\
             taken all the same:\n  line 3: ends before it starts (u1)\n  line 3: ends before it starts\n"
        );
    }

    #[test]
    fn several_files_have_a_line_each_and_broken_ones_none() {
        let file = |source: &str, error: Option<&str>| ImportDocument {
            source: source.into(),
            error: error.map(str::to_owned),
            ..ImportDocument::default()
        };
        let both = ImportDocument::sum(vec![file("a.ics", None), file("b.ics", Some("broken"))]);
        let text = import_text(&both, true);
        assert_eq!(
            text,
            "a.ics: of 0 events would be 0 added, 0 changed, 0 unchanged, 0 cancelled, 0 refused\n"
        );
    }

    #[test]
    fn web_addresses_are_known() {
        for address in ["http://x", "HTTPS://x/a.ics", "webcal://x"] {
            assert!(is_web_address(address), "{address}");
        }
        assert!(!is_web_address("https.ics"));
    }
}
