//! Generates the types of interhub-proto from the `.proto` files, in plain Rust: no `protoc` is needed.
//!
//! The output is committed. It lives in a crate of its own so that a broken generated file cannot keep the generator
//! from compiling, and so that nobody who builds the product builds a compiler for protobuf.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prost::Message as _;

/// The files of package `interhub.v1`, relative to [`proto_dir`], in reading order.
pub const FILES: [&str; 10] = [
    "interhub/v1/types.proto",
    "interhub/v1/body.proto",
    "interhub/v1/federation.proto",
    "interhub/v1/network.proto",
    "interhub/v1/hubs.proto",
    "interhub/v1/events.proto",
    "interhub/v1/operations.proto",
    "interhub/v1/webhooks.proto",
    "interhub/v1/counters.proto",
    "interhub/v1/members.proto",
];

/// Names of the generated files.
pub const OUTPUTS: [&str; 2] = ["interhub.v1.rs", "descriptor.bin"];

/// Where the `.proto` files are: the folder of the crate interhub-proto.
pub fn proto_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the committed output is.
pub fn committed_dir() -> PathBuf {
    proto_dir().join("src/gen")
}

/// Compiles the `.proto` files and writes [`OUTPUTS`] into `out`, which has to exist.
pub fn generate(out: &Path) -> anyhow::Result<()> {
    let mut compiler = protox::Compiler::new([proto_dir()]).context("open the folder of the .proto files")?;
    compiler.include_imports(true).include_source_info(true);
    for file in FILES {
        compiler.open_file(file).with_context(|| format!("compile {file}"))?;
    }
    let mut descriptors = compiler.file_descriptor_set();

    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        .build_transport(true)
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(descriptors.clone())
        .context("generate Rust from the descriptors")?;

    // Comments are for the generated code; reflection does not need them.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    let path = out.join("descriptor.bin");
    std::fs::write(&path, descriptors.encode_to_vec()).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn committed_code_is_what_the_proto_files_say() {
        let fresh = tempfile::tempdir().unwrap();
        generate(fresh.path()).unwrap();
        let mut made: Vec<String> = std::fs::read_dir(fresh.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        made.sort();
        let mut expected = OUTPUTS.map(String::from);
        expected.sort();
        assert_eq!(made, expected);
        for name in OUTPUTS {
            let committed = std::fs::read(committed_dir().join(name)).unwrap();
            let regenerated = std::fs::read(fresh.path().join(name)).unwrap();
            assert!(
                committed == regenerated,
                "proto/src/gen/{name} differs from the .proto files; run `cargo run -p interhub-proto-generate`"
            );
        }
    }
}
