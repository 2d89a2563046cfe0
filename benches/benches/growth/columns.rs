//! What the copies of a session have in their columns, in SQL.

/// The table of both databases.
pub(crate) const SESSIONS: &str = "tower_bearer_sessions";

/// An expression for each of the columns: that of `others`, or else the original's.
pub(crate) fn expressions(columns: &[String], others: &[(&str, &str)]) -> String {
    for (name, _) in others {
        assert!(columns.iter().any(|column| column == name), "no {name}");
    }
    let expression = |column: &String| {
        let other = others.iter().find(|(name, _)| name == column);
        other.map_or(format!("alike.{column}"), |(_, sql)| (*sql).to_owned())
    };
    columns
        .iter()
        .map(expression)
        .collect::<Vec<_>>()
        .join(", ")
}
