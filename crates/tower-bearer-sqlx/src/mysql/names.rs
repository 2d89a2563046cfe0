//! The names of the store's tables.

use tower_bearer::store::{OpenError, OpenErrorKind};

/// The longest name of a table in characters, to which `_version` can be added: a name has at most 64.
const LONGEST: usize = 64 - "_version".len();

/// The names as statements need them: quoted, and with their database.
pub(super) struct Names {
    pub(super) sessions: String,
    pub(super) version: String,
    pub(super) rings: String,
}

impl Names {
    /// The names of the tables in `database`. The name of the table has been checked.
    pub(super) fn new(database: &str, table: &str) -> Self {
        let database = quoted(database);
        Self {
            sessions: format!("{database}.{}", quoted(table)),
            version: format!("{database}.{}", quoted(&format!("{table}_version"))),
            rings: format!("{database}.{}", quoted(&format!("{table}_rings"))),
        }
    }
}

/// Whether the server can keep a table of this name.
pub(super) fn check(table: &str) -> Result<(), OpenError> {
    let why = match table {
        "" => "the name of its table is empty",
        _ if table.contains('\0') => "the name of its table holds a NUL",
        _ if table.ends_with(' ') => "the name of its table ends with a space",
        _ if table.chars().any(|character| character > '\u{ffff}') => {
            "the name of its table holds a character beyond U+FFFF"
        }
        _ if table.chars().count() > LONGEST => "the name of its table has more than 56 characters",
        _ => return Ok(()),
    };
    Err(OpenError::new(OpenErrorKind::Address, why))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
