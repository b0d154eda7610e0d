//! Writes the generated types of interhub-proto: `cargo run -p interhub-proto-generate`.

fn main() -> anyhow::Result<()> {
    let out = interhub_proto_generate::committed_dir();
    std::fs::create_dir_all(&out)?;
    interhub_proto_generate::generate(&out)
}
