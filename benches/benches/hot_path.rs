//! One request through the `tower::Service`, called directly.

fn main() {}
