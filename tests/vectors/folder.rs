//! The published test data, which lies beside the project and is not part of it.

use std::path::PathBuf;

use tests_shared::skipped;

/// The folder of published data, or nothing where it is not there.
///
/// # Panics
///
/// In CI, where it has to be there.
pub(crate) fn published(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TOWER_BEARER_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&format!("{} is missing", folder.display()));
    None
}
