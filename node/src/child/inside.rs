//! The child's side: limits first, then one change after the other until the node hangs up.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use interhub_domain::document;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::frame::{self, Kind};

/// Address space a child may take beyond what it has when it starts. A document of the largest size allowed takes a
/// tenth of it.
pub(super) const ADDRESS_SPACE: u64 = 256 << 20;
/// Processor time of one child: the node replaces it after half of it, so that every change has at least 5 seconds.
pub(super) const PROCESSOR_SECONDS: u64 = 10;
/// Stack of the thread that judges, whatever the machine's default is.
const STACK: usize = 8 << 20;
/// What is assumed of the address space at the start where the system does not say: the program and its libraries.
const ASSUMED_AT_START: u64 = 1 << 30;

/// Why a child does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Standard input is no socket: it was not started by a node.
    #[error("this command is started by `interhubd serve` and serves nobody else")]
    NotByANode,
    /// The system refuses a limit or a thread.
    #[error("the limits of the counting process cannot be set: {0}")]
    Limits(io::Error),
    /// The node sent something else than a request.
    #[error("the node sent no request: {0}")]
    Request(io::Error),
}

/// Judges changes for the node at the other end of standard input until it hangs up. Sets limits for the whole process,
/// which cannot do anything else afterwards.
pub fn serve() -> Result<(), ServeError> {
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(ServeError::Limits)?;
    let mut node = UnixStream::from(input);
    node.peer_addr().map_err(|_| ServeError::NotByANode)?;
    // What a panic says may be a person's text, and costs time to write.
    std::panic::set_hook(Box::new(|_| {}));
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        limit().map_err(ServeError::Limits)?;
        answer_all(&mut node)
    });
    match thread.map_err(ServeError::Limits)?.join() {
        Ok(ended) => ended,
        Err(_) => Err(ServeError::Request(io::ErrorKind::Other.into())),
    }
}

fn answer_all(node: &mut UnixStream) -> Result<(), ServeError> {
    let ready = frame::encode(Kind::Ready, &()).map_err(|_| ServeError::NotByANode)?;
    frame::write(node, &ready).map_err(ServeError::Request)?;
    while let Some(message) = frame::read(node, Kind::Request).map_err(ServeError::Request)? {
        let request = frame::decode_request(&message).map_err(ServeError::Request)?;
        let outcome = document::count(&request);
        let answer = frame::encode(Kind::Outcome, &outcome)
            .map_err(|too_long| ServeError::Request(io::Error::other(too_long)))?;
        frame::write(node, &answer).map_err(ServeError::Request)?;
    }
    Ok(())
}

/// No new files, sockets, threads, processes or core dumps; bounded memory and processor time.
fn limit() -> io::Result<()> {
    let memory = address_space()? + ADDRESS_SPACE;
    for (resource, soft, hard) in [
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 0, 0),
        (Resource::Nproc, 0, 0),
        (Resource::As, memory, memory),
        // At the soft limit comes a signal that says why.
        (Resource::Cpu, PROCESSOR_SECONDS, PROCESSOR_SECONDS + 2),
    ] {
        // What is limited already by whoever started the node stays so.
        let lower = |most: u64| getrlimit(resource).maximum.map_or(most, |known| known.min(most));
        let limit = Rlimit {
            current: Some(lower(soft)),
            maximum: Some(lower(hard)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Address space of this process now, in bytes.
fn address_space() -> io::Result<u64> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return Ok(ASSUMED_AT_START);
    };
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|size| size.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("/proc/self/status is not understood"))
}
