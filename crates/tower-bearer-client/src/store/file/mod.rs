//! Tokens in a file.

mod disk;
mod store;

pub use store::{FileTokenStore, FileTokenStoreLock};
