//! `interhub key`.

use std::io::Read as _;
use std::path::Path;

use interhub_proto::v1;

use super::Answer;
use crate::args::KeyCommand;
use crate::document::KeysDocument;
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

/// Longest file with a recovery key: one line, and some room for what people write beside it.
const MAX_KEY_BYTES: u64 = 4 * 1024;

pub(super) async fn run(command: KeyCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let (keys, changed) = match command {
        KeyCommand::Show => (node.keys().await?, false),
        KeyCommand::Rotate => (node.rotate_key().await?, true),
        KeyCommand::Recover(args) => {
            let request = v1::RecoverKeyRequest {
                recovery_key: read_key(&args.recovery_key_file)?,
                stolen: args.stolen,
                planned: args.planned,
                new_recovery_key: args.new_recovery_key,
                since: args
                    .since
                    .map(|seconds| interhub_proto::Timestamp { seconds, nanos: 0 }),
            };
            (node.recover_key(request).await?, true)
        }
    };
    answer.show(&KeysDocument::from(keys), keys_text)?;
    if changed {
        answer.note("the node starts again with the new key; keep a new copy of identity.key")?;
    }
    Ok(())
}

fn read_key(path: &Path) -> Result<String, ClientError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_KEY_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| ClientError::NotFound(format!("{} cannot be read: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

fn keys_text(keys: &KeysDocument) -> String {
    let rows = keys
        .keys
        .iter()
        .map(|key| vec![key.number.to_string(), key.state.to_owned(), key.key.clone()]);
    let table = render::table(&["NUMBER", "STATE", "KEY"], rows.collect());
    let warning = if keys.replaced {
        "this node does not have the present key: stop it, or name a newer one with `interhub key recover`\n"
    } else {
        ""
    };
    let secret = keys.new_recovery_key.as_ref().map_or_else(String::new, |key| {
        format!("the new recovery key, printed once and kept nowhere: {key}\nthe one before it counts no more\n")
    });
    format!("{table}recovery key {}\n{warning}{secret}", keys.recovery_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_table_and_a_warning() {
        let key = v1::HubKey {
            number: 1,
            key: "ab".into(),
            state: v1::KeyState::Current.into(),
        };
        let keys = v1::HubKeys {
            hub: "01".into(),
            keys: vec![key],
            recovery_key: "cd".into(),
            replaced: true,
            new_recovery_key: "IHR1-AB".into(),
        };
        let text = keys_text(&KeysDocument::from(keys));
        assert!(
            text.starts_with("NUMBER  STATE    KEY\n1       current  ab\nrecovery key cd\n"),
            "{text}"
        );
        assert!(text.contains("does not have the present key"), "{text}");
        assert!(text.contains("kept nowhere: IHR1-AB\n"), "{text}");
    }
}
