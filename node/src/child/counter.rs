//! The node's side: starts the child, asks it, checks what it answers, replaces it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use interhub_domain::document::{CountOutcome, CountRequest, Counter, Refusal, Unjudged, check_outcome};
use interhub_domain::ids::HubId;
use interhub_domain::scan;
use rustix::process::Signal;

use super::frame::{self, Kind};
use super::inside::PROCESSOR_SECONDS;
use super::{Counting, SUBCOMMAND};
use crate::clock::Stopwatch;

/// A change is refused after the child died of it so often.
const DEATHS: u32 = 2;
/// So often a change is tried in all. A child that somebody else ended says nothing about the change.
const TRIES: u32 = 4;
/// A child that was at work for so long is replaced: what is left of its processor time is more than one change may take.
const REPLACE_AFTER: Duration = Duration::from_secs(PROCESSOR_SECONDS / 2);
/// A child that does not answer in this time is ended. Longer than its processor time lasts, for a machine that is busy.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A child that is not ready in this time counts as not started.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// After a failed start nobody tries again for so long: whoever asks meanwhile is told so at once.
const START_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often a wait looks at its limit.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Most changes remembered that a child died of, so that a rebuild does not die of them again.
const MAX_DEADLY: usize = 1_024;

/// Signals by which a process dies of what it does itself; all others are sent by somebody else, or because the machine
/// ran out of memory.
const OWN_FAULT: [Signal; 7] = [
    Signal::ILL,
    Signal::TRAP,
    // Out of memory, or the stack overflowed.
    Signal::ABORT,
    Signal::BUS,
    Signal::FPE,
    Signal::SEGV,
    // Out of processor time.
    Signal::XCPU,
];

/// Judges changes in a child process. One change at a time; cheap to clone, all clones share the child.
#[derive(Clone)]
pub struct ChildCounter {
    shared: Arc<Shared>,
}

struct Shared {
    program: PathBuf,
    answer_within: Duration,
    /// A fair lock: a change of one hub waits for at most one of each other that is delivered at the same time.
    state: parking_lot::Mutex<State>,
}

#[derive(Default)]
struct State {
    child: Option<Running>,
    /// Why there is none, and since when.
    failed: Option<(String, Stopwatch)>,
    deadly: BTreeSet<[u8; 32]>,
    stopped: bool,
}

/// A child that is ready.
struct Running {
    process: Child,
    socket: UnixStream,
    /// How long it was at work.
    busy: Duration,
}

/// Why a child gave no outcome.
enum Lost {
    /// It died of the change, or answered what is no answer to it.
    Died(String),
    /// Somebody ended it.
    Ended(String),
    /// The machine is too busy.
    Late,
}

impl ChildCounter {
    /// A counter whose child is `program`, started when it is first needed or looked after.
    pub fn new(program: PathBuf) -> Self {
        Self::with_patience(program, ANSWER_WITHIN)
    }

    /// The same with another limit on how long an answer may take.
    pub fn with_patience(program: PathBuf, answer_within: Duration) -> Self {
        let shared = Shared {
            program,
            answer_within,
            state: parking_lot::Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// As configured; `None`: there is no child.
    pub fn of(counting: &Counting) -> Option<Self> {
        match counting {
            Counting::Child(program) => Some(Self::new(program.clone())),
            Counting::InThisProcess => None,
        }
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// Starts the child if there is none, and replaces one that somebody ended. Called now and then, so that a child
    /// that is gone is neither left unburied nor found missing only when it is needed. Says whether there is one.
    pub fn look_after(&self) -> bool {
        let mut state = self.lock();
        let gone = |child: &mut Running| !matches!(child.process.try_wait(), Ok(None));
        if state.child.as_mut().is_some_and(gone) {
            tracing::warn!("the counting process was ended by somebody; another one is started");
            state.child = None;
        }
        self.ready(&mut state).is_ok()
    }

    /// One line for the operator: why foreign changes cannot be judged now.
    pub fn trouble(&self) -> Option<String> {
        self.lock().failed.as_ref().map(|(why, _)| why.clone())
    }

    /// Process id of the child, while there is one.
    pub fn process_id(&self) -> Option<u32> {
        self.lock().child.as_ref().map(|child| child.process.id())
    }

    /// Ends the child for good. What is asked afterwards is not judged.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.child = None;
    }

    /// Makes sure that there is a child.
    fn ready(&self, state: &mut State) -> Result<(), Unjudged> {
        if state.child.is_some() {
            return Ok(());
        }
        let recently = |(_, since): &(String, Stopwatch)| since.elapsed() < START_AGAIN_AFTER;
        if state.stopped || state.failed.as_ref().is_some_and(recently) {
            return Err(Unjudged);
        }
        match Running::start(&self.shared.program) {
            Ok(child) => {
                state.child = Some(child);
                if state.failed.take().is_some() {
                    tracing::info!("the counting process starts again; changes of other hubs are judged");
                }
                Ok(())
            }
            Err(error) => {
                let why = format!(
                    "the process that judges changes of other hubs does not start ({error}); they wait: see that interhubd may start processes"
                );
                tracing::error!("{why}");
                state.failed = Some((why, Stopwatch::start()));
                Err(Unjudged)
            }
        }
    }

    /// Asks until there is an outcome, the change has killed twice, or nobody can say.
    fn ask(&self, request: &CountRequest<'_>, frame: &[u8]) -> Result<CountOutcome, Unjudged> {
        let author = HubId::from_slice(&request.actor[..16]).unwrap_or(HubId::ZERO).short();
        let mut state = self.lock();
        let key = *blake3::hash(frame).as_bytes();
        if state.deadly.contains(&key) {
            return Ok(CountOutcome::Refused(Refusal::Deadly));
        }
        let mut deaths = 0;
        for _ in 0..TRIES {
            self.ready(&mut state)?;
            let Some(child) = state.child.as_mut() else {
                return Err(Unjudged);
            };
            let lost = match child.judge(frame, request, self.shared.answer_within) {
                Ok(outcome) => {
                    if child.busy > REPLACE_AFTER {
                        state.child = None;
                    }
                    return Ok(outcome);
                }
                Err(lost) => lost,
            };
            // Whatever it is now, it is not asked again.
            state.child = None;
            match lost {
                Lost::Ended(why) => tracing::warn!(%author, why, "a change could not be judged; it is tried again"),
                Lost::Late => {
                    // Nobody waits a second time while the ledger does.
                    tracing::error!(%author, "a change could not be judged in time; it is asked for again later");
                    return Err(Unjudged);
                }
                Lost::Died(why) => {
                    deaths += 1;
                    tracing::warn!(%author, why, deaths, "the counting process died of a change");
                }
            }
            if deaths == DEATHS {
                tracing::error!(%author, "a change is refused: whoever judges it dies of it");
                if state.deadly.len() < MAX_DEADLY {
                    state.deadly.insert(key);
                }
                return Ok(CountOutcome::Refused(Refusal::Deadly));
            }
        }
        Err(Unjudged)
    }
}

impl Counter for ChildCounter {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        // What the scan refuses needs no child. The child scans again: it trusts nobody either.
        if let Err(error) = scan::scan(request.change) {
            return Ok(CountOutcome::Refused(Refusal::Scan(error.to_string())));
        }
        match frame::encode(Kind::Request, request) {
            Ok(frame) => self.ask(request, &frame),
            // Only a document far over the limits is that large.
            Err(frame::TooLong) => Ok(CountOutcome::Refused(Refusal::Limit("one document".into()))),
        }
    }
}

impl Running {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        socket.set_write_timeout(Some(LOOK_EVERY))?;
        let process = Command::new(program)
            .arg(SUBCOMMAND)
            .arg0("interhubd")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the node alone, which ends the child when it has stopped.
            .process_group(0)
            .spawn()?;
        let child = Self {
            process,
            socket,
            busy: Duration::ZERO,
        };
        let mut timed = Timed::new(&child.socket, READY_WITHIN);
        match frame::read(&mut timed, Kind::Ready)? {
            Some(_) => Ok(child),
            None => Err(io::Error::other("it ends at once")),
        }
    }

    /// One change. After an error the child must not be asked again.
    fn judge(&mut self, frame: &[u8], request: &CountRequest<'_>, within: Duration) -> Result<CountOutcome, Lost> {
        let mut timed = Timed::new(&self.socket, within);
        let answer = frame::write(&mut timed, frame).and_then(|()| frame::read(&mut timed, Kind::Outcome));
        let took = timed.watch.elapsed();
        self.busy += took;
        let broken = match answer {
            Ok(Some(message)) => match frame::decode::<CountOutcome>(&message) {
                Ok(outcome) => match check_outcome(request, &outcome) {
                    Ok(()) => return Ok(outcome),
                    Err(what) => format!("its answer is none to what was asked: {what}"),
                },
                Err(error) => error.to_string(),
            },
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Lost::Late);
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => error.to_string(),
            Ok(None) | Err(_) => return Err(self.post_mortem()),
        };
        Err(Lost::Died(broken))
    }

    /// It has closed its end: what it died of.
    fn post_mortem(&mut self) -> Lost {
        // It may be about to end; one that closes its end and lives is ended here.
        let watch = Stopwatch::start();
        let status = loop {
            match self.process.try_wait() {
                Ok(None) if watch.elapsed() < LOOK_EVERY * 10 => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(status)) => break status,
                _ => return Lost::Died("it hung up and went on".into()),
            }
        };
        of_status(status)
    }
}

fn of_status(status: ExitStatus) -> Lost {
    match status.signal() {
        Some(signal) if OWN_FAULT.iter().any(|own| own.as_raw() == signal) => Lost::Died(format!("signal {signal}")),
        Some(signal) => Lost::Ended(format!("signal {signal} was sent to it")),
        None => Lost::Died(format!("exit code {}", status.code().unwrap_or_default())),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It keeps nothing, so there is nothing to end in order. Waiting leaves no zombie.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A socket that gives up after a while, however slowly bytes trickle.
struct Timed<'a> {
    socket: &'a UnixStream,
    watch: Stopwatch,
    within: Duration,
}

impl<'a> Timed<'a> {
    fn new(socket: &'a UnixStream, within: Duration) -> Self {
        Self {
            socket,
            watch: Stopwatch::start(),
            within,
        }
    }

    fn patiently(&self, mut step: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            let done = step(self.socket);
            if self.watch.elapsed() > self.within {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match done {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                    ) => {}
                done => return done,
            }
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|mut socket| socket.read(buffer))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.patiently(|mut socket| socket.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
