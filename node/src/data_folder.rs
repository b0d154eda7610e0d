//! The folder that is a hub's node: configuration, key, database, search index, admin socket.
//!
//! ```text
//! DIR/interhub.toml   what the operator decides
//! DIR/identity.key    who the hub is; mode 0600
//! DIR/db/             the database
//! DIR/search/         the search index: a cache, may be deleted while the node is stopped
//! DIR/admin.sock      the operator's way in while the node runs; mode 0600
//! DIR/lock            held by the node that runs here
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::config::{Config, ConfigError, MAX_FILE_BYTES};
use crate::identity::{Identity, IdentityError};

const CONFIG_FILE: &str = "interhub.toml";
const IDENTITY_FILE: &str = "identity.key";
/// What the recovery key signed, until the hub is found.
const RECOVERY_FILE: &str = "recovery.record";
/// The next key, until the registry names it.
const NEXT_IDENTITY_FILE: &str = "identity.key.next";
const DATABASE: &str = "db";
const SEARCH: &str = "search";
const ADMIN_SOCKET: &str = "admin.sock";
const LOCK_FILE: &str = "lock";

/// First line of that file: name and version of the format.
const RECOVERY_FORMAT: &str = "interhub-recovery 1";

/// A node does not start with less free space: a write-ahead log and a compaction have to fit.
pub const MIN_FREE_BYTES: u64 = 64 << 20;

/// Longest path of a Unix socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;

/// Why a folder cannot be made or used. Each message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Something is in the way of a new one.
    #[error("{path} is not empty; choose another folder, or start the node that lives there: interhubd serve --data {path}", path = .path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// There is none.
    #[error("there is no data folder at {path}; make one: interhubd init --data {path} --slug ... --name ... --timezone ...", path = .path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A part of it is gone.
    #[error("{path} is missing; restore it from a backup", path = .path.display())]
    Incomplete {
        /// The missing part.
        path: PathBuf,
    },
    /// Another node runs there.
    #[error("{path} is already in use by another node; stop it first", path = .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("{path} is read-only; make it writable for the user who runs the node", path = .path.display())]
    ReadOnly {
        /// The folder or file.
        path: PathBuf,
    },
    /// Too little room.
    #[error("the disk that holds {path} is full ({free_mib} MiB free, a node needs {needed} MiB to start); free some space", path = .path.display(), needed = MIN_FREE_BYTES >> 20)]
    Full {
        /// The folder.
        path: PathBuf,
        /// What is left.
        free_mib: u64,
    },
    /// Others can read the key.
    #[error("others can read {path} (mode {mode:04o}); run: chmod 600 {path}", path = .path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The admin socket would not fit.
    #[error("{path} is too long for the admin socket, by {over} bytes; choose a shorter path", path = .path.display())]
    PathTooLong {
        /// The folder.
        path: PathBuf,
        /// How many bytes too long.
        over: usize,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key file cannot be used.
    #[error("{path}: {source}", path = .path.display())]
    Identity {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// Anything else.
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A data folder that this process holds: no other node can open it until this value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl DataFolder {
    /// Makes a new data folder where nothing, or an empty folder, is. On an error nothing is left behind.
    pub fn create(path: &Path, config: &Config, identity: &Identity) -> Result<Self, DataFolderError> {
        config.check()?;
        check_socket_path(path)?;
        let existed = path.exists();
        if existed && !is_empty_folder(path)? {
            return Err(DataFolderError::NotEmpty { path: path.to_owned() });
        }
        let made = fill(path, config, identity);
        if made.is_err() {
            // What could not be made whole is taken away again; the error that led here is the one to tell.
            let _ = empty(path, existed);
        }
        made
    }

    /// Opens a data folder for this process alone. Checks that it is whole, writable, not full, and that nobody else
    /// can read the key.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        if !path.join(CONFIG_FILE).exists() && !path.join(IDENTITY_FILE).exists() {
            return Err(DataFolderError::Missing { path: path.to_owned() });
        }
        check_socket_path(path)?;
        let folder = Self {
            path: path.to_owned(),
            _lock: lock(path)?,
        };
        for part in [folder.config_file(), folder.identity_file()] {
            if !part.exists() {
                return Err(DataFolderError::Incomplete { path: part });
            }
        }
        check_private(&folder.identity_file())?;
        check_space(path)?;
        // Both are made again from nothing: the search index from the database, an empty database at the first start.
        make_folder(&folder.database())?;
        make_folder(&folder.search())?;
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `interhub.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.path.join(CONFIG_FILE)
    }

    /// `identity.key`.
    pub fn identity_file(&self) -> PathBuf {
        self.path.join(IDENTITY_FILE)
    }

    /// `db/`.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Where the database lies: a number of a file of it that is written once, when the database is made; from its place on the disk
    /// and from when it came there. A copy of the folder has another one. [`None`] if the file is not there: then nothing can be said.
    pub fn place(&self) -> Option<u64> {
        let file = fs::metadata(self.database().join("IDENTITY")).ok()?;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&file.ino().to_be_bytes())
            .update(&file.ctime().to_be_bytes());
        hasher.update(&file.ctime_nsec().to_be_bytes());
        let mut number = [0; 8];
        hasher.finalize_xof().fill(&mut number);
        Some(u64::from_be_bytes(number))
    }

    /// `search/`.
    pub fn search(&self) -> PathBuf {
        self.path.join(SEARCH)
    }

    /// `admin.sock`. One that exists is left over from a node that was killed: this process holds the folder.
    pub fn admin_socket(&self) -> PathBuf {
        admin_socket(&self.path)
    }

    /// The configuration, overridden by this process's environment.
    pub fn config(&self) -> Result<Config, DataFolderError> {
        let text = read_text(&self.config_file())?;
        Ok(Config::parse(&text, |variable| std::env::var(variable).ok())?)
    }

    /// Who the hub is.
    pub fn identity(&self) -> Result<Identity, DataFolderError> {
        let path = self.identity_file();
        Identity::parse(&read_text(&path)?).map_err(|source| DataFolderError::Identity { path, source })
    }

    /// Space left on its disk, in bytes.
    pub fn free_bytes(&self) -> Result<u64, DataFolderError> {
        free_bytes(&self.path)
    }
}

/// Where a node's admin socket is, for clients, who do not hold the folder.
pub fn admin_socket(data_folder: &Path) -> PathBuf {
    data_folder.join(ADMIN_SOCKET)
}

fn fill(path: &Path, config: &Config, identity: &Identity) -> Result<DataFolder, DataFolderError> {
    make_folder(path)?;
    let lock = lock(path)?;
    check_space(path)?;
    for part in [DATABASE, SEARCH] {
        make_folder(&path.join(part))?;
    }
    write_new(&path.join(CONFIG_FILE), config.to_file().as_bytes(), 0o644)?;
    write_new(&path.join(IDENTITY_FILE), identity.to_file().as_bytes(), 0o600)?;
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_error("write to", path, error))?;
    Ok(DataFolder {
        path: path.to_owned(),
        _lock: lock,
    })
}

fn empty(path: &Path, keep_folder: bool) -> io::Result<()> {
    for file in [CONFIG_FILE, IDENTITY_FILE, LOCK_FILE] {
        remove_if_there(fs::remove_file(path.join(file)))?;
    }
    for folder in [DATABASE, SEARCH] {
        remove_if_there(fs::remove_dir(path.join(folder)))?;
    }
    if keep_folder {
        Ok(())
    } else {
        remove_if_there(fs::remove_dir(path))
    }
}

fn remove_if_there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_empty_folder(path: &Path) -> Result<bool, DataFolderError> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// Made for the owner alone: names of files tell nothing, but sizes and times do.
fn make_folder(path: &Path) -> Result<(), DataFolderError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| io_error("make", path, error))
}

fn lock(path: &Path) -> Result<File, DataFolderError> {
    let file = path.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(&file).map_err(|error| io_error("open", &file, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &file, error)),
    }
}

#[expect(clippy::verbose_bit_mask, reason = "a mode is read in octal")]
fn check_private(path: &Path) -> Result<(), DataFolderError> {
    let metadata = fs::metadata(path).map_err(|error| io_error("look at", path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(DataFolderError::Exposed {
            path: path.to_owned(),
            mode,
        })
    }
}

fn check_socket_path(path: &Path) -> Result<(), DataFolderError> {
    let length = admin_socket(path).as_os_str().len();
    match length.checked_sub(MAX_SOCKET_PATH) {
        None | Some(0) => Ok(()),
        Some(over) => Err(DataFolderError::PathTooLong {
            path: path.to_owned(),
            over,
        }),
    }
}

fn check_space(path: &Path) -> Result<(), DataFolderError> {
    let free = free_bytes(path)?;
    if free < MIN_FREE_BYTES {
        return Err(DataFolderError::Full {
            path: path.to_owned(),
            free_mib: free >> 20,
        });
    }
    Ok(())
}

fn free_bytes(path: &Path) -> Result<u64, DataFolderError> {
    let disk = statvfs(path).map_err(|error| io_error("look at", path, error.into()))?;
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(DataFolderError::ReadOnly { path: path.to_owned() });
    }
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Lays a new identity beside the one of a data folder, durably.
pub fn prepare_identity(folder: &Path, identity: &Identity) -> Result<(), DataFolderError> {
    let path = folder.join(NEXT_IDENTITY_FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("replace", &path, error)),
        _ => {}
    }
    write_new(&path, identity.to_file().as_bytes(), 0o600)?;
    sync_folder(folder)
}

/// The identity that was prepared, if one was.
pub fn prepared_identity(folder: &Path) -> Result<Option<Identity>, DataFolderError> {
    let path = folder.join(NEXT_IDENTITY_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let parsed = Identity::parse(&read_text(&path)?);
    parsed
        .map(Some)
        .map_err(|source| DataFolderError::Identity { path, source })
}

/// The prepared identity takes the place of the present one.
pub fn settle_identity(folder: &Path) -> Result<(), DataFolderError> {
    let next = folder.join(NEXT_IDENTITY_FILE);
    let done = fs::rename(&next, folder.join(IDENTITY_FILE));
    done.map_err(|error| io_error("replace", &next, error))?;
    sync_folder(folder)
}

/// Lays what the recovery key signed into a folder that looks for its hub: record and signature in hexadecimal digits.
pub fn keep_recovery(folder: &Path, record: &[u8], signature: &[u8; 64]) -> Result<(), DataFolderError> {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let text = format!("{RECOVERY_FORMAT}\n{}\n{}\n", hex(record), hex(signature));
    write_new(&folder.join(RECOVERY_FILE), text.as_bytes(), 0o600)?;
    sync_folder(folder)
}

/// The same, read; `None` for a folder that knows its hub.
pub fn recovery_of(folder: &Path) -> Result<Option<(Vec<u8>, [u8; 64])>, DataFolderError> {
    let path = folder.join(RECOVERY_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(&path)?;
    let mut lines = text.lines();
    let version = lines.next() == Some(RECOVERY_FORMAT);
    let mut bytes = || data_encoding::HEXLOWER.decode(lines.next()?.as_bytes()).ok();
    let read = bytes().zip(bytes().and_then(|bytes| bytes.try_into().ok()));
    match read.filter(|_| version) {
        Some(read) => Ok(Some(read)),
        None => Err(DataFolderError::Identity {
            path,
            source: IdentityError::Format,
        }),
    }
}

/// The hub is found.
pub fn drop_recovery(folder: &Path) -> Result<(), DataFolderError> {
    let path = folder.join(RECOVERY_FILE);
    fs::remove_file(&path).map_err(|error| io_error("remove", &path, error))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), DataFolderError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io_error("sync", folder, error))
}

fn read_text(path: &Path) -> Result<String, DataFolderError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    read.map_err(|error| io_error("read", path, error))?;
    Ok(text)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DataFolderError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| io_error("write", path, error))
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> DataFolderError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied if doing != "read" => {
            DataFolderError::ReadOnly { path }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DataFolderError::Full { path, free_mib: 0 },
        _ => DataFolderError::Io { doing, path, source },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::clock::ManualClock;

    fn config() -> Config {
        Config {
            slug: "birmingham".to_owned(),
            name: "Impact Hub Birmingham".to_owned(),
            timezone: "Europe/London".to_owned(),
            ..Config::default()
        }
    }

    fn identity() -> Identity {
        Identity::generate(&*ManualClock::new(0, 1)).0
    }

    fn one_line(error: &DataFolderError) -> String {
        let line = error.to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    }

    #[test]
    fn a_new_folder_opens_again() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hub/data");
        let folder = DataFolder::create(&path, &config(), &identity()).unwrap();
        assert_eq!(folder.identity().unwrap(), identity());
        drop(folder);
        let folder = DataFolder::open(&path).unwrap();
        assert_eq!(folder.config().unwrap().slug, "birmingham");
        assert!(folder.database().is_dir() && folder.search().is_dir());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.identity_file()), mode(folder.path())), (0o600, 0o700));
        assert!(folder.free_bytes().unwrap() > 0);
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("letter"), "dear").unwrap();
        let error = DataFolder::create(parent.path(), &config(), &identity()).unwrap_err();
        assert!(one_line(&error).contains("not empty"));
        let error = DataFolder::create(&parent.path().join("letter"), &config(), &identity()).unwrap_err();
        assert!(one_line(&error).contains("not empty"));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_wrong_configuration_makes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let wrong = Config {
            timezone: "Nowhere".to_owned(),
            ..config()
        };
        let error = DataFolder::create(&path, &wrong, &identity()).unwrap_err();
        assert!(one_line(&error).contains("timezone"));
        assert!(!path.exists());
    }

    #[test]
    fn two_nodes_cannot_have_it_at_once() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataFolder::create(&parent.path().join("data"), &config(), &identity()).unwrap();
        let error = DataFolder::open(first.path()).unwrap_err();
        assert!(one_line(&error).contains("already in use by another node; stop it first"));
        let path = first.path().to_owned();
        drop(first);
        assert!(DataFolder::open(&path).is_ok());
    }

    #[test]
    fn a_folder_that_is_none_or_not_whole_is_told_apart() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        assert!(one_line(&DataFolder::open(&path).unwrap_err()).contains("interhubd init"));
        drop(DataFolder::create(&path, &config(), &identity()).unwrap());
        fs::remove_file(path.join(IDENTITY_FILE)).unwrap();
        assert!(one_line(&DataFolder::open(&path).unwrap_err()).contains("identity.key is missing"));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        drop(DataFolder::create(&path, &config(), &identity()).unwrap());
        fs::set_permissions(path.join(IDENTITY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(one_line(&DataFolder::open(&path).unwrap_err()).contains("mode 0644"));
    }

    #[test]
    fn a_prepared_identity_is_kept_until_it_is_taken_and_so_is_a_recovery_record() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::create(&path, &config(), &identity()).unwrap();
        let next = Identity {
            key_number: 1,
            seed: [9; 32],
            ..identity()
        };
        assert_eq!(prepared_identity(&path).unwrap(), None);
        prepare_identity(&path, &identity()).unwrap();
        prepare_identity(&path, &next).unwrap();
        assert_eq!(prepared_identity(&path).unwrap(), Some(next.clone()));
        assert_ne!(folder.identity().unwrap(), next);
        settle_identity(&path).unwrap();
        assert_eq!(prepared_identity(&path).unwrap(), None);
        assert_eq!(folder.identity().unwrap(), next);
        assert_eq!(recovery_of(&path).unwrap(), None);
        keep_recovery(&path, &[1, 2, 3], &[4; 64]).unwrap();
        assert_eq!(recovery_of(&path).unwrap(), Some((vec![1, 2, 3], [4; 64])));
        drop_recovery(&path).unwrap();
        fs::write(path.join(RECOVERY_FILE), "interhub-recovery 2\n01\n").unwrap();
        assert!(recovery_of(&path).is_err());
    }

    #[test]
    fn damaged_files_are_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::create(&path, &config(), &identity()).unwrap();
        fs::write(folder.identity_file(), b"\xff\xfe").unwrap();
        assert!(one_line(&folder.identity().unwrap_err()).contains("identity.key"));
        fs::write(folder.config_file(), "slug = [").unwrap();
        assert!(one_line(&folder.config().unwrap_err()).contains("interhub.toml, line 1"));
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_at_once() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("x".repeat(MAX_SOCKET_PATH));
        let error = DataFolder::create(&path, &config(), &identity()).unwrap_err();
        assert!(one_line(&error).contains("shorter path"));
        assert!(!path.exists());
    }

    #[test]
    fn what_the_system_says_becomes_what_to_do() {
        let told = |kind: io::ErrorKind| one_line(&io_error("write", Path::new("/data"), kind.into()));
        assert!(told(io::ErrorKind::ReadOnlyFilesystem).contains("read-only; make it writable"));
        assert!(told(io::ErrorKind::PermissionDenied).contains("read-only; make it writable"));
        assert!(told(io::ErrorKind::StorageFull).contains("full"));
        assert!(told(io::ErrorKind::Other).contains("cannot write /data"));
        // The system's own full device.
        let error = fs::write("/dev/full", b"x").unwrap_err();
        assert!(one_line(&io_error("write", Path::new("/data"), error)).contains("free some space"));
    }
}
