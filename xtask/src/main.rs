//! Checks and generators of the repository itself: layers, style, generated pages.
fn main() {}
