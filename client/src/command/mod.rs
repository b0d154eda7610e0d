//! What each command does: ask the node, answer with JSON or with text.

mod cohost;
mod counter;
mod event;
mod export;
mod file;
mod hub;
mod import;
mod key;
mod member;
mod member_file;
mod network;
mod operations;
mod report;
mod setup;
mod subscription;
mod token;
mod webhook;

use std::io::Write;

use serde::Serialize;

use crate::args::{Cli, GlobalArgs, TopCommand};
use crate::connect::Target;
use crate::error::ClientError;
use crate::node::Node;

/// Where a command writes.
pub struct Io<'a> {
    /// The answer.
    pub out: &'a mut dyn Write,
    /// Errors and notes beside the answer.
    pub notes: &'a mut dyn Write,
    /// Whether somebody watches and wants a progress bar.
    pub progress: bool,
}

/// A command on its way: the node's answer has to be shown as JSON or as text.
struct Answer<'a, 'b> {
    json: bool,
    quiet: bool,
    io: &'a mut Io<'b>,
}

impl Answer<'_, '_> {
    /// The answer: a document, or what people see instead.
    fn show<T: Serialize>(&mut self, document: &T, text: impl FnOnce(&T) -> String) -> Result<(), ClientError> {
        if self.json {
            serde_json::to_writer_pretty(&mut *self.io.out, document).map_err(std::io::Error::from)?;
            self.io.out.write_all(b"\n")?;
        } else {
            self.io.out.write_all(text(document).as_bytes())?;
        }
        Ok(self.io.out.flush()?)
    }

    /// A line beside the answer, for people.
    fn note(&mut self, line: &str) -> Result<(), ClientError> {
        if self.quiet || self.json {
            return Ok(());
        }
        Ok(writeln!(self.io.notes, "{line}")?)
    }
}

/// Does what a command line asks for.
pub async fn run(cli: Cli, io: &mut Io<'_>) -> Result<(), ClientError> {
    let mut answer = Answer {
        json: cli.global.json,
        quiet: cli.global.quiet,
        io,
    };
    match cli.command {
        TopCommand::Completions { shell } => setup::completions(shell, answer.io.out),
        TopCommand::Man { dir } => setup::man(&dir),
        TopCommand::Event(command) => event::run(*command, &cli.global, &mut answer).await,
        TopCommand::Network(command) => network::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Invite(args) => network::invite(args, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Join { link } => network::join(&link, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Hub(command) => hub::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Key(command) => key::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Status => operations::status(&node(&cli.global).await?, &mut answer).await,
        TopCommand::Peers => operations::peers(&node(&cli.global).await?, &mut answer).await,
        TopCommand::Quarantine { limit, cursor } => {
            operations::quarantine(limit, cursor, &node(&cli.global).await?, &mut answer).await
        }
        TopCommand::Report { year, csv } => report::run(year, csv, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Member(command) => member::run(*command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Counter(command) => counter::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Webhook(command) => webhook::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Token(command) => token::run(command, &node(&cli.global).await?, &mut answer).await,
        TopCommand::Watch { from } => operations::watch(from, &node(&cli.global).await?, &mut answer).await,
    }
}

async fn node(global: &GlobalArgs) -> Result<Node, ClientError> {
    Node::connect(&target(global)?).await
}

/// Which node is meant. An address on the command line beats a data folder from the environment.
fn target(global: &GlobalArgs) -> Result<Target, ClientError> {
    if let Some(url) = &global.hub {
        let Some(token) = &global.token else {
            return Err(ClientError::Usage(format!(
                "{url} asks for a token; give one with --token or INTERHUB_TOKEN, or use --data DIR on its machine"
            )));
        };
        return Ok(Target::Remote {
            url: url.clone(),
            token: token.clone(),
        });
    }
    let Some(dir) = &global.data else {
        return Err(ClientError::Usage(
            "say which node is meant: --data DIR (or INTERHUB_DATA), or --hub URL --token TOKEN".to_owned(),
        ));
    };
    Ok(Target::Data(dir.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::args;

    async fn exit_code(line: &[&str]) -> (u8, String) {
        let cli = args::parse(std::iter::once("interhub").chain(line.iter().copied())).unwrap();
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut io = Io {
            out: &mut out,
            notes: &mut notes,
            progress: false,
        };
        match run(cli, &mut io).await {
            Ok(()) => (0, String::from_utf8(out).unwrap()),
            Err(error) => (error.exit_code(), error.to_string()),
        }
    }

    #[test]
    fn an_address_beats_the_environment() {
        let mut global = GlobalArgs {
            data: Some("dir".into()),
            ..GlobalArgs::default()
        };
        assert_eq!(target(&global).unwrap(), Target::Data("dir".into()));
        global.hub = Some("http://127.0.0.1:1".into());
        assert_eq!(target(&global).unwrap_err().exit_code(), 2);
        global.token = Some("t".into());
        assert!(matches!(target(&global).unwrap(), Target::Remote { .. }));
        assert_eq!(target(&GlobalArgs::default()).unwrap_err().exit_code(), 2);
    }

    #[tokio::test]
    async fn without_a_node_every_command_is_unreachable() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        for line in [
            vec!["status"],
            vec!["peers"],
            vec!["quarantine"],
            vec!["hub", "list"],
            vec!["event", "list"],
            vec!["watch"],
        ] {
            let line: Vec<&str> = line.into_iter().chain(["--data", data]).collect();
            assert_eq!(exit_code(&line).await.0, 5, "{line:?}");
        }
    }

    #[tokio::test]
    async fn files_are_judged_before_the_node_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        let import = async |what: &str| exit_code(&["event", "import", what, "--data", data]).await;
        let (code, line) = import("https://hub.example/events.ics").await;
        assert_eq!(code, 5, "the node downloads it: {line}");
        assert_eq!(import(&format!("{data}/none.ics")).await.0, 3);
        assert_eq!(import(data).await.0, 1, "a folder");
        let huge = dir.path().join("huge.ics");
        std::fs::File::create(&huge).unwrap().set_len(200_000_000).unwrap();
        let (code, line) = import(huge.to_str().unwrap()).await;
        assert_eq!(code, 1);
        assert!(line.contains("64 MiB"), "{line}");
    }

    #[tokio::test]
    async fn completions_and_manual_pages_need_no_node() {
        let (code, script) = exit_code(&["completions", "bash"]).await;
        assert_eq!(code, 0);
        assert!(script.contains("interhub"));
        let dir = tempfile::tempdir().unwrap();
        let man = dir.path().join("man1");
        assert_eq!(exit_code(&["man", man.to_str().unwrap()]).await.0, 0);
        for page in [
            "interhub.1",
            "interhub-event.1",
            "interhub-event-add.1",
            "interhub-hub-list.1",
        ] {
            assert!(man.join(page).exists(), "{page}");
        }
    }
}
