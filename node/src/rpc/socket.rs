//! The admin socket: a Unix socket in the data folder, for the node's own user alone.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::Server;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};

use crate::command::access::Bearer;

/// Its name inside the data folder.
pub const NAME: &str = "admin.sock";

/// Where it is made, out of everybody's reach, before it gets its name.
const WORKSHOP: &str = ".admin";

/// Longest path of a Unix socket on Linux, in bytes, without the closing zero.
const MAX_PATH_BYTES: usize = 107;

/// Calls one connection may have at once.
const MAX_CALLS: u32 = 64;

/// Open calls get so long to end when the node stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Why there is no admin socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path does not fit a socket address.
    #[error("the path {0} is too long for a socket; use a data folder with a path of at most 90 bytes")]
    TooLong(PathBuf),
    /// The file system refuses.
    #[error("the admin socket {path} cannot be made: {source}; check the permissions of the data folder")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket that listens. Its file goes when it is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays is replaced by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl AdminSocket {
    /// Makes the socket of a data folder, mode 0600 from its first moment. One that a crashed node left is replaced; that
    /// no other node runs on the folder is the caller's to know, from the folder's lock.
    ///
    /// The socket is bound inside a folder of mode 0700 and then moved: changing the mode after binding in place would
    /// leave a gap, and the process's umask belongs to all its threads.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(data: &Path) -> Result<Self, SocketError> {
        let path = data.join(NAME);
        let failed = |source| SocketError::Io {
            path: path.clone(),
            source,
        };
        let workshop = data.join(WORKSHOP);
        let unnamed = workshop.join("s");
        if path.as_os_str().len().max(unnamed.as_os_str().len()) > MAX_PATH_BYTES {
            return Err(SocketError::TooLong(path));
        }
        remove_workshop(&workshop).map_err(failed)?;
        DirBuilder::new().mode(0o700).create(&workshop).map_err(failed)?;
        let listener = UnixListener::bind(&unnamed).map_err(failed)?;
        std::fs::set_permissions(&unnamed, Permissions::from_mode(0o600)).map_err(failed)?;
        std::fs::rename(&unnamed, &path).map_err(failed)?;
        remove_workshop(&workshop).map_err(failed)?;
        Ok(Self {
            listener,
            file: SocketFile(path),
        })
    }

    /// Serves until `stop`, then lets open calls end for a few seconds.
    pub async fn serve(self, services: Routes, stop: CancellationToken) -> Result<(), tonic::transport::Error> {
        let Self { listener, file } = self;
        let own = rustix::process::geteuid().as_raw();
        let serving = Server::builder()
            .max_concurrent_streams(MAX_CALLS)
            .layer(InterceptorLayer::new(move |request| admit(own, request)))
            .add_routes(services)
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.clone().cancelled_owned());
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        let served = tokio::select! {
            biased;
            served = serving => served,
            () = late => Ok(()),
        };
        drop(file);
        served
    }
}

fn remove_workshop(workshop: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(workshop) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Lets in the node's own user and root. The mode of the file says the same; this holds when somebody changes it.
fn admit(own: u32, request: Request<()>) -> Result<Request<()>, Status> {
    let info = request.extensions().get::<UdsConnectInfo>();
    match info.and_then(|info| info.peer_cred).map(|peer| peer.uid()) {
        Some(uid) if uid == own || uid == 0 => Ok(request),
        _ => Err(Status::permission_denied(
            "run this command as the user the node runs as",
        )),
    }
}

/// Who calls, for the record: the account on this machine, or the token.
pub(super) fn caller<T>(request: &Request<T>) -> String {
    if let Some(bearer) = request.extensions().get::<Bearer>() {
        return format!("token {} {}", bearer.id, bearer.label).trim_end().to_owned();
    }
    let info = request.extensions().get::<UdsConnectInfo>();
    let uid = info.and_then(|info| info.peer_cred).map(|peer| peer.uid());
    uid.map_or_else(|| "unknown".to_owned(), |uid| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::FileTypeExt as _;

    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_replaces_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a stale socket");
        let socket = AdminSocket::bind(dir.path()).unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        tokio::net::UnixStream::connect(&path).await.unwrap();
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_does_not_fit_is_said_plainly() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("x".repeat(100));
        std::fs::create_dir(&deep).unwrap();
        assert!(matches!(AdminSocket::bind(&deep), Err(SocketError::TooLong(_))));
        assert!(matches!(
            AdminSocket::bind(&dir.path().join("none")),
            Err(SocketError::Io { .. })
        ));
    }

    #[test]
    fn only_known_users_are_let_in() {
        assert!(admit(1, Request::new(())).is_err(), "nobody knows who that is");
    }
}
