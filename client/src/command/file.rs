//! Files that are sent to a node.

use std::fs::File;
use std::io::{ErrorKind, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::ClientError;
use crate::node::MAX_IMPORT_BYTES;
use crate::render;

/// A file, or standard input for `-`, of at most [`MAX_IMPORT_BYTES`]. `advice` says what to do about a larger one.
pub(super) fn read(name: &str, advice: &str) -> Result<Vec<u8>, ClientError> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ClientError::NotFound("there is no such file; check the path".to_owned()),
        ErrorKind::PermissionDenied => {
            ClientError::Refused("the file may not be read; check its permissions".to_owned())
        }
        ErrorKind::IsADirectory => ClientError::Failed("this is a folder; name the files in it".to_owned()),
        _ => ClientError::Failed(format!("the file could not be read: {error}")),
    };
    let mut bytes = Vec::new();
    let limit = MAX_IMPORT_BYTES as u64 + 1;
    if name == "-" {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    } else {
        let file = File::open(name).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size < limit {
            file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        } else {
            return Err(too_large(advice));
        }
    }
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(too_large(advice));
    }
    Ok(bytes)
}

fn too_large(advice: &str) -> ClientError {
    let limit = MAX_IMPORT_BYTES / 1024 / 1024;
    ClientError::Failed(format!("the file is larger than {limit} MiB; {advice}"))
}

/// A bar for a file that is imported: so many of `what` are done.
pub(super) fn progress_bar(visible: bool, name: &str, what: &str) -> ProgressBar {
    let target = if visible {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(&format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {what}, {{eta}} left"));
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(0), target)
        .with_style(style)
        .with_message(render::short(name))
}
