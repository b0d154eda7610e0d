//! A network that a seed draws, told in a process of its own.
//!
//! What the system calls random is not random there (`fixed_random.c`): it decides, deep inside Tokio and others, which of two
//! things that are ready goes first, and so what every hub does a moment later. With it fixed, and nothing else going on in the
//! process, a seed is one story wherever it is told again.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::scenario::{Plan, run, told};

/// Whether this process is one that was begun for one seed.
const APART: &str = "INTERHUB_SIM_APART";
/// The test that tells one seed.
const TELLER: &str = "whatever_happens_honest_hubs_agree_and_nothing_leaks_or_is_lost";

/// The library with fixed random numbers, compiled once; an error where there is no C compiler, or no Linux.
static FIXED_RANDOM: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixed_random.c");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (new, library) = (
        folder.join(format!("fixed_random-{}.so", std::process::id())),
        folder.join("fixed_random.so"),
    );
    let compile = |compiler: &str| {
        let arguments = ["-shared", "-fPIC", "-O2", "-o"];
        let done = Command::new(compiler).args(arguments).arg(&new).arg(source).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !cfg!(target_os = "linux") || !["cc", "clang", "gcc"].into_iter().any(compile) {
        return Err("random numbers cannot be fixed here: a seed may tell several stories".to_owned());
    }
    // Other processes may be about to load it.
    std::fs::rename(&new, &library).map_err(|error| error.to_string())?;
    Ok(library)
});

/// One network that a seed draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) seed: u64,
    /// Most hubs.
    pub(crate) most: usize,
    /// Without, the stories are those that seeds told before there were trials.
    pub(crate) trials: bool,
    /// Operators keep records of members.
    pub(crate) people: bool,
}

impl Draw {
    /// The words that replay it, where a network has `usual` hubs at most.
    pub(crate) fn again(self, usual: usize) -> String {
        let hubs = (self.most != usual).then(|| format!("INTERHUB_SIM_HUBS={} ", self.most));
        let trials = if self.trials { "" } else { "INTERHUB_SIM_TRIALS=0 " };
        let people = if self.people { "" } else { "INTERHUB_SIM_PEOPLE=0 " };
        format!(
            "{}{trials}{people}make sim SEED={}",
            hubs.unwrap_or_default(),
            self.seed
        )
    }

    /// Tells it in a process of its own; what that printed, and whether everything held.
    pub(crate) fn tell(self) -> (String, bool) {
        let done = self.teller().output().unwrap();
        let printed = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (printed.concat(), done.status.success())
    }

    /// The same to whoever watches, or in this process if that was begun for it.
    pub(crate) fn tell_aloud(self) {
        if std::env::var_os(APART).is_none() {
            let told = self.teller().stdout(Stdio::inherit()).stderr(Stdio::inherit()).status();
            assert!(told.unwrap().success(), "seed {} fails, as told above", self.seed);
            return;
        }
        let mut plan = if self.trials {
            Plan::of(self.seed, self.most)
        } else {
            Plan::early(self.seed, self.most)
        };
        plan.people = self.people;
        match run(plan, true) {
            Ok(story) => println!("{}", told(&plan, &story)),
            Err(wrong) => panic!("seed {}: {wrong}", self.seed),
        }
    }

    fn teller(self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([TELLER, "--exact", "--nocapture"])
            .env(APART, "1")
            .env("INTERHUB_SIM_SEED", self.seed.to_string())
            .env("INTERHUB_SIM_HUBS", self.most.to_string())
            .env("INTERHUB_SIM_TRIALS", u8::from(self.trials).to_string())
            .env("INTERHUB_SIM_PEOPLE", u8::from(self.people).to_string());
        match &*FIXED_RANDOM {
            Ok(library) => drop(command.env("LD_PRELOAD", library)),
            Err(why) => println!("{why}"),
        }
        command
    }
}

/// What happened in a story that was told: its lines begin with the time.
pub(crate) fn acts(printed: &str) -> Vec<&str> {
    let is_act = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    printed.lines().filter(is_act).collect()
}
