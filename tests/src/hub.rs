//! One real node: its data folder, its process, its command line, its pages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A node that does not say `ready` within this time is broken. Generous: the machine may be busy.
pub const READY_WITHIN: Duration = Duration::from_mins(1);
/// What has to come true by itself gets this long.
pub const SOON: Duration = Duration::from_mins(1);

/// What a run of the command came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// The output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }

    /// Asserts that it did what was asked.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Asserts that it failed with this exit code and one line on standard error that contains these words.
    #[track_caller]
    pub fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "one line: {self:?}");
        assert!(
            self.err.to_lowercase().contains(&words.to_lowercase()),
            "{words:?} in {self:?}"
        );
        self
    }
}

/// Where the programs of this build are: beside this one, or one folder up for tests, which lie in `deps`.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_else(|error| panic!("no path of this program: {error}"));
    let found = this
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not built; run `make build` first"))
}

/// Runs a program to its end.
pub fn run(program_name: &str, arguments: &[&str]) -> Ran {
    let output = Command::new(program(program_name))
        .args(arguments)
        .env_remove("INTERHUB_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program_name} does not run: {error}"));
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A port nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no free port: {error}"));
    listener.local_addr().map_or(0, |address| address.port())
}

/// Waits until something comes true; panics with what it last said if it does not in time.
#[track_caller]
pub fn wait_until(what: &str, within: Duration, mut check: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    loop {
        match check() {
            Ok(()) => return,
            Err(last) if began.elapsed() > within => panic!("{what} did not come true in {within:?}: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// One node.
#[derive(Debug)]
pub struct Hub {
    /// Its slug.
    pub slug: String,
    /// Its data folder.
    pub data: PathBuf,
    /// Its federation port.
    pub federation: u16,
    /// Its web port.
    pub web: u16,
    /// Its recovery key, as `interhubd init` printed it.
    pub recovery_key: String,
    /// What `interhubd init --lost-keys` printed for the voting hubs; empty without it.
    pub new_keys: String,
    process: Option<Child>,
}

impl Hub {
    /// Makes a data folder under `root` with `interhubd init`.
    pub fn init(root: &Path, slug: &str, timezone: &str) -> Self {
        Self::init_with(root, slug, timezone, &[])
    }

    /// The same with further arguments. The recovery key is the one printed, or given.
    pub fn init_with(root: &Path, slug: &str, timezone: &str, more: &[&str]) -> Self {
        let data = root.join(slug);
        let (federation, web) = (free_port(), free_port());
        let (folder, name) = (data.to_string_lossy().into_owned(), format!("Hub {slug}"));
        let (reached, pages) = (format!("127.0.0.1:{federation}"), format!("127.0.0.1:{web}"));
        let arguments: [&str; 15] = [
            "init",
            "--data",
            &folder,
            "--slug",
            slug,
            "--name",
            &name,
            "--timezone",
            timezone,
            "--federation-listen",
            &reached,
            "--federation-address",
            &reached,
            "--web-listen",
            &pages,
        ];
        let all: Vec<&str> = arguments.iter().copied().chain(more.iter().copied()).collect();
        let said = run("interhubd", &all).ok().out;
        let printed = said.lines().map(str::trim);
        let new_keys = printed
            .clone()
            .find_map(|line| Some(line.split_once(" --keys ")?.1.to_owned()));
        let recovery_key = printed
            .chain(more.iter().copied())
            .find(|line| line.starts_with("IHR1-"));
        Self {
            recovery_key: recovery_key
                .unwrap_or_else(|| panic!("no recovery key in {said}"))
                .to_owned(),
            new_keys: new_keys.unwrap_or_default(),
            slug: slug.into(),
            data,
            federation,
            web,
            process: None,
        }
    }

    /// A copy of its data folder under another name, as a backup program or a cloned disk makes one. The node must not
    /// run. Ports stay the same: see [`Hub::move_to_free_ports`].
    pub fn copy_folder(&self, root: &Path, name: &str) -> Self {
        assert!(self.process.is_none(), "{} runs", self.slug);
        let data = root.join(name);
        let copied = Command::new("cp").arg("-a").arg(&self.data).arg(&data).status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "{} is not copied",
            self.slug
        );
        Self {
            slug: self.slug.clone(),
            recovery_key: self.recovery_key.clone(),
            new_keys: self.new_keys.clone(),
            data,
            federation: self.federation,
            web: self.web,
            process: None,
        }
    }

    /// Listens elsewhere from the next start on; the address others call stays.
    pub fn move_to_free_ports(&mut self) {
        (self.federation, self.web) = (free_port(), free_port());
        self.configure("federation_listen", &format!("\"127.0.0.1:{}\"", self.federation));
        self.configure("web_listen", &format!("\"127.0.0.1:{}\"", self.web));
    }

    /// Puts this folder in the place of another hub's, as a restored backup does.
    pub fn replace_folder_of(mut self, other: &Self) {
        assert!(self.process.is_none() && other.process.is_none(), "{} runs", self.slug);
        let moved = std::fs::remove_dir_all(&other.data).and_then(|()| std::fs::rename(&self.data, &other.data));
        moved.unwrap_or_else(|error| panic!("{}: {error}", other.data.display()));
        self.data.clone_from(&other.data);
    }

    /// Replaces a field of `interhub.toml`.
    pub fn configure(&self, field: &str, value: &str) {
        let path = self.data.join("interhub.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let prefix = format!("{field} = ");
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                if line.starts_with(&prefix) {
                    format!("{prefix}{value}")
                } else {
                    line.to_owned()
                }
            })
            .collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Starts the process and waits until it says `ready`.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.slug);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.data.with_extension("log"));
        let log = log.unwrap_or_else(|error| panic!("no log: {error}"));
        let mut child = Command::new(program("interhubd"))
            .args(["serve", "--data"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("interhubd does not start: {error}"));
        let out = child.stdout.take().unwrap_or_else(|| panic!("no standard output"));
        let mut line = String::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(out);
            let read = reader.read_line(&mut line);
            let _ = sender.send(read.map(|_| line));
            // Whatever else it says must not block it.
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
        });
        let line = receiver.recv_timeout(READY_WITHIN);
        let said = line.ok().and_then(Result::ok).unwrap_or_default();
        assert!(
            said.starts_with("ready federation="),
            "{} said {said:?}: {}",
            self.slug,
            self.log()
        );
        self.process = Some(child);
    }

    /// Process id of the node, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let Some(mut child) = self.process.take() else { return };
        let _ = child.kill();
        let _ = child.wait();
    }

    /// SIGTERM; asserts that it ends in time and with exit code 0.
    pub fn stop(&mut self) {
        let Some(mut child) = self.process.take() else { return };
        signal(&child, "TERM");
        let began = Instant::now();
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                assert_eq!(status.code(), Some(0), "{}: {}", self.slug, self.log());
                return;
            }
            if began.elapsed() > Duration::from_secs(15) {
                let _ = child.kill();
                panic!("{} did not stop: {}", self.slug, self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGSTOP: the process is there and does nothing.
    pub fn freeze(&self) {
        if let Some(child) = &self.process {
            signal(child, "STOP");
        }
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        if let Some(child) = &self.process {
            signal(child, "CONT");
        }
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Runs `interhub --data DIR ...`.
    pub fn cli(&self, arguments: &[&str]) -> Ran {
        let data = self.data.to_string_lossy().into_owned();
        let mut all = vec!["--data", data.as_str()];
        all.extend(arguments);
        run("interhub", &all)
    }

    /// Runs it with `--json`, asserts success, and reads the document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        self.cli(&all).ok().json()
    }

    /// GET from its pages: the whole answer, head and body.
    pub fn get(&self, path: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.web)).map_err(|error| error.to_string())?;
        let timeout = Some(Duration::from_secs(20));
        stream.set_read_timeout(timeout).map_err(|error| error.to_string())?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.web
        );
        stream
            .write_all(request.as_bytes())
            .map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Adds an event and returns its id.
    #[track_caller]
    pub fn add(&self, title: &str, start: &str) -> String {
        let event = self.json(&["event", "add", "--title", title, "--start", start, "--duration", "1h"]);
        text(&event, "id")
    }

    /// What two nodes that agree say alike, documents and projections; and how many events this one has, drafts
    /// included.
    pub fn agreement(&self) -> Result<((String, String), u64), String> {
        let ran = self.cli(&["--json", "status"]);
        if ran.code != 0 {
            return Err(ran.err);
        }
        let status = ran.json();
        let events = status["events"].as_u64().unwrap_or_default();
        let digests = (text(&status, "shared_digest"), text(&status, "projections_digest"));
        Ok((digests, events))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A text field of a JSON document.
#[track_caller]
pub fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field:?} in {value}"))
        .to_owned()
}

/// The processes that were started by this one and not yet buried, zombies included.
pub fn children_of(process: u32) -> Vec<u32> {
    let Ok(all) = std::fs::read_dir("/proc") else {
        panic!("no /proc")
    };
    let ids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may hold anything; state and parent follow it.
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(1)?.parse::<u32>().ok()
    };
    ids.filter(|id| parent(id) == Some(process)).collect()
}

/// Whether there is such a process, a zombie included.
pub fn is_there(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "no signal {name}");
}
