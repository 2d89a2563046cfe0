//! The names of the store's tables.

use tower_bearer::store::{OpenError, OpenErrorKind};

/// The longest name in bytes. PostgreSQL truncates longer ones, so that two could become the same.
const LONGEST: usize = 63;
/// The longest name of a table, to which `_version`, `_ends_at` or a shorter suffix can be added.
const LONGEST_TABLE: usize = LONGEST - 8;

/// The names as statements need them: quoted, and the tables with their schema.
pub(super) struct Names {
    /// `plain_…` are the names as the system catalogue has them.
    pub(super) plain_schema: String,
    pub(super) plain_sessions: String,
    pub(super) plain_version: String,
    pub(super) schema: String,
    pub(super) sessions: String,
    pub(super) version: String,
    pub(super) rings: String,
    pub(super) live_index: String,
    pub(super) ended_index: String,
    pub(super) ends_at_index: String,
}

impl Names {
    pub(super) fn new(schema: &str, table: &str) -> Result<Self, OpenError> {
        check(schema, LONGEST)?;
        check(table, LONGEST_TABLE)?;
        let plain_schema = schema.to_owned();
        let plain_version = format!("{table}_version");
        let schema = quoted(schema);
        Ok(Self {
            sessions: format!("{schema}.{}", quoted(table)),
            version: format!("{schema}.{}", quoted(&plain_version)),
            rings: format!("{schema}.{}", quoted(&format!("{table}_rings"))),
            live_index: quoted(&format!("{table}_live")),
            ended_index: quoted(&format!("{table}_ended")),
            ends_at_index: quoted(&format!("{table}_ends_at")),
            schema,
            plain_schema,
            plain_sessions: table.to_owned(),
            plain_version,
        })
    }
}

fn check(name: &str, longest: usize) -> Result<(), OpenError> {
    let why = match name {
        "" => "the name of its schema or table is empty",
        _ if name.contains('\0') => "the name of its schema or table holds a NUL",
        _ if name.len() > longest => {
            "its schema has a name of more than 63 bytes, or its table one of more than 55"
        }
        _ => return Ok(()),
    };
    Err(OpenError::new(OpenErrorKind::Address, why))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
