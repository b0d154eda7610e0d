//! The wire of Interhub: the messages and services of package `interhub.v1`, and nothing else.
//!
//! The code in [`v1`] is generated from `proto/interhub/v1/*.proto` by `cargo run -p interhub-proto-generate` and
//! committed, so that building needs no protobuf compiler. A test there fails when the two differ.

/// Package `interhub.v1`. Each message and service is documented in its `.proto` file.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    rustdoc::all,
    reason = "generated code"
)]
pub mod v1 {
    include!("gen/interhub.v1.rs");
}

/// The descriptors of [`v1`] and all it imports, as an encoded `FileDescriptorSet` for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");

/// An instant on the wire: seconds and nanoseconds since the Unix epoch.
pub use prost_types::Timestamp;
