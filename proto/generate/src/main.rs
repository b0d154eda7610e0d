//! Generates the types of interhub-proto.

fn main() {}
