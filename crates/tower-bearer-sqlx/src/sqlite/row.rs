//! Writes a session to a row and reads it back.

use sqlx::{
    Decode, Row, Sqlite, Type,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Record, StoreError},
};

use crate::{
    columns::{self, Column, Columns, unreadable},
    values::Values,
};

use super::error;

pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

pub(super) fn id_bytes(id: SessionId) -> Vec<u8> {
    id.as_uuid().into_bytes().to_vec()
}

impl Values for Statement {
    fn id(self, id: SessionId) -> Self {
        self.bind(id_bytes(id))
    }

    fn number(self, number: i64) -> Self {
        self.bind(number)
    }

    fn optional_number(self, number: Option<i64>) -> Self {
        self.bind(number)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.bind(bytes)
    }

    fn optional_bytes(self, bytes: Option<&[u8]>) -> Self {
        self.bind(bytes)
    }

    fn text(self, text: &str) -> Self {
        self.bind(text)
    }

    fn optional_text(self, text: Option<&str>) -> Self {
        self.bind(text)
    }

    fn ascii(self, text: &str) -> Self {
        self.bind(text)
    }

    fn optional_ascii(self, text: Option<&str>) -> Self {
        self.bind(text)
    }
}

/// Reads all columns, which come first.
pub(super) fn read(row: &SqliteRow) -> Result<Record, StoreError> {
    columns::read(&Fields(row))
}

/// Reads the columns `id` and `ended_at`.
pub(super) fn ended(row: &SqliteRow) -> Result<(SessionId, Timestamp), StoreError> {
    let at = row.try_get("ended_at").map_err(error::failed)?;
    Ok((id(row)?, Timestamp::from_millis(at)))
}

/// Reads the column `id` alone.
pub(super) fn id(row: &SqliteRow) -> Result<SessionId, StoreError> {
    read_id(row.try_get("id").map_err(error::failed)?)
}

fn read_id(bytes: &[u8]) -> Result<SessionId, StoreError> {
    let id = Uuid::from_slice(bytes).map_err(|_| unreadable(Column::Id))?;
    Ok(SessionId::from_uuid(id))
}

/// `[["<32 hex digits>",<generation>],…]`
pub(super) fn pairs_json(pairs: &[(SessionId, u32)]) -> String {
    let pair = |(id, generation): &(SessionId, u32)| {
        format!("[\"{}\",{generation}]", id.as_uuid().simple())
    };
    format!("[{}]", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}

struct Fields<'r>(&'r SqliteRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: Column) -> Result<T, StoreError> {
        self.0.try_get(column as usize).map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: Column) -> Result<SessionId, StoreError> {
        read_id(self.get(column)?)
    }

    fn number(&self, column: Column) -> Result<i64, StoreError> {
        self.get(column)
    }

    fn optional_number(&self, column: Column) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    fn bytes(&self, column: Column) -> Result<&[u8], StoreError> {
        self.get(column)
    }

    fn optional_bytes(&self, column: Column) -> Result<Option<&[u8]>, StoreError> {
        self.get(column)
    }

    fn text(&self, column: Column) -> Result<&str, StoreError> {
        self.get(column)
    }

    fn optional_text(&self, column: Column) -> Result<Option<&str>, StoreError> {
        self.get(column)
    }
}
