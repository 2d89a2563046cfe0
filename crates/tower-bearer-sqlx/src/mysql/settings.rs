//! What the store needs to know of a server, and what it sets for each connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sqlx::{MySqlConnection, Row as _};

use tower_bearer::store::{OpenError, OpenErrorKind};

use OpenErrorKind::Unsuitable;

/// The statements that settle a connection.
pub(super) type Settle = Arc<str>;

const ASK: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'read_only', \
    'innodb_read_only', 'log_bin', 'binlog_format', 'max_statement_time', 'max_execution_time', \
    'idle_transaction_timeout', 'wsrep_sync_wait', 'wsrep_dirty_reads')";

/// The oldest servers on which the tables can be made as they are.
const OLDEST_MARIADB: (u32, u32) = (10, 5);
const OLDEST_MYSQL: (u32, u32) = (8, 0);

/// The variables of a server that concern the store. Which of them there are depends on the server.
pub(super) struct Settings(HashMap<String, String>);

impl Settings {
    pub(super) async fn ask(connection: &mut MySqlConnection) -> sqlx::Result<Self> {
        let rows = sqlx::raw_sql(ASK).fetch_all(connection).await?;
        let variable = |row: &sqlx::mysql::MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter()
            .map(variable)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the server can be the store's.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let why = if self.is_too_old() {
            "its server is too old: it takes MariaDB 10.5 or MySQL 8.0"
        } else if self.is_on("read_only") || self.is_on("innodb_read_only") {
            "its server is read-only: it takes the primary"
        } else if self.is_on("log_bin") && self.get("binlog_format") == "STATEMENT" {
            "its server logs statements: set binlog_format to ROW or MIXED"
        } else {
            return Ok(());
        };
        Err(OpenError::new(Unsuitable, why))
    }

    /// What makes a connection of any server settings behave the same:
    ///
    /// - each statement is a transaction of its own, and no transaction is open;
    /// - with `READ COMMITTED`, a writer that has waited for another sees what that wrote, and no gap is
    ///   locked;
    /// - a value that does not fit is refused and not cut;
    /// - the server gives up a statement before its caller does;
    /// - in Galera, each statement waits until its node has the writes of the others, and a node that has
    ///   lost its cluster answers nothing.
    pub(super) fn settle(&self, timeout: Duration) -> Settle {
        let lock = (timeout / 4).as_millis().div_ceil(1_000).max(1);
        let statement = timeout / 2;
        let mut set = format!(
            "ROLLBACK; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
             innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
        );
        let mut also = |variable: &str, value: String| {
            if self.0.contains_key(variable) {
                set.push_str(&format!(", {variable} = {value}"));
            }
        };
        also(
            "max_statement_time",
            format!("{:.3}", statement.as_secs_f64()),
        );
        also("max_execution_time", statement.as_millis().to_string());
        // A machine that vanishes in the middle of an `end_all` does not keep its locks.
        also("idle_transaction_timeout", lock.to_string());
        also("wsrep_sync_wait", "7".to_owned());
        also("wsrep_dirty_reads", "0".to_owned());
        set.into()
    }

    fn get(&self, variable: &str) -> &str {
        self.0.get(variable).map_or("", String::as_str)
    }

    /// Any value but `OFF` restricts writes: newer servers have several.
    fn is_on(&self, variable: &str) -> bool {
        !matches!(self.get(variable), "" | "OFF" | "0")
    }

    fn is_too_old(&self) -> bool {
        let version = self.get("version");
        let oldest = match version.contains("MariaDB") {
            true => OLDEST_MARIADB,
            false => OLDEST_MYSQL,
        };
        let mut numbers = version.split(|character: char| !character.is_ascii_digit());
        let mut next = || numbers.next().and_then(|number| number.parse().ok());
        (next().unwrap_or(0), next().unwrap_or(0)) < oldest
    }
}
