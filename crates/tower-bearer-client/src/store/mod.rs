//! Where a client keeps its tokens between runs, and shares them between processes.

mod contract;
mod erased;
mod error;
mod file;
mod memory;
mod saved;

pub use contract::TokenStore;
pub(crate) use erased::{AnyLock, AnyStore};
pub use error::{TokenStoreError, TokenStoreErrorKind};
pub use file::{FileTokenStore, FileTokenStoreLock};
pub use memory::{MemoryTokenStore, MemoryTokenStoreLock};
pub(crate) use saved::SavedAccess;
pub use saved::SavedTokens;
