//! `Sessions` through its public API, on real stores with an injected clock.

mod build;
mod confirm;
mod ending;
mod hooks;
mod races;
mod refresh;
mod support;
mod theft;
