//! The `interhubd` program.

fn main() {}
