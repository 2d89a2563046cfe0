//! Tokens in a file.

mod disk;
mod place;
mod saving;
mod store;

pub use store::{FileTokenStore, FileTokenStoreLock};
