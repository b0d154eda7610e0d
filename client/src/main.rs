//! The `interhub` program.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use interhub_client::args;
use interhub_client::command::{self, Io};
use interhub_client::error::ClientError;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && !args::is_help(&error) => {
            return report(&args::one_line(&error), 2);
        }
        Err(error) => {
            // Help and version; nothing is left to do if even that cannot be written.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let terminal = std::io::stderr().is_terminal();
    let mut stdout = std::io::stdout().lock();
    let mut stderr = std::io::stderr();
    let mut io = Io {
        out: &mut stdout,
        notes: &mut stderr,
        progress: terminal && !cli.global.quiet,
    };
    match command::run(cli, &mut io).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read us has seen enough.
        Err(ClientError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => report(&error.to_string(), error.exit_code()),
    }
}

fn report(line: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "interhub: {line}");
    ExitCode::from(code)
}
