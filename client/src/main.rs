//! The `interhub` program.

fn main() {}
