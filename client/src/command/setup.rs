//! Completions and manual pages, made from the command line's own description.

use std::io::Write;
use std::path::Path;

use clap_complete::Shell;

use crate::args;
use crate::error::ClientError;

/// Prints completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut dyn Write) -> Result<(), ClientError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "interhub", &mut script);
    Ok(out.write_all(&script)?)
}

/// Writes one manual page for each command into a folder.
pub(super) fn man(dir: &Path) -> Result<(), ClientError> {
    let failed = |error: std::io::Error| {
        ClientError::Failed(format!(
            "manual pages could not be written to {}: {error}",
            dir.display()
        ))
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(args::command(), dir).map_err(failed)
}
