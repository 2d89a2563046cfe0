//! [`Report`]: the machine-readable table that a benchmark ends with.
//!
//! A line is `name value`, or `name value goal ok` where the value has a goal, with `MISSED`
//! for `ok` where it is not met. A goal is `<=` or `>=` and a number. Names have no spaces and
//! end with their unit, if they have one (`_ns`, `_bytes`); else the value is a ratio. Lines
//! before the first one that start with `#` say when, where and of what it was measured.

use std::{fmt, fs, path::PathBuf};

use crate::{effort::Effort, origin};

/// Where the tables are kept: the crate's `target/bench-tables`.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench-tables")
}

/// Collects what a benchmark found out.
pub struct Report {
    name: &'static str,
    effort: Effort,
    beside: Vec<String>,
    rows: Vec<Row>,
    partial: bool,
}

struct Row {
    name: String,
    value: f64,
    goal: Option<Goal>,
}

#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    /// An empty table of the benchmark's name.
    pub fn new(name: &'static str, effort: Effort) -> Self {
        Self {
            name,
            effort,
            beside: Vec::new(),
            rows: Vec::new(),
            partial: false,
        }
    }

    /// A line about what else it was measured on or beside, as a server is.
    pub fn origin(&mut self, line: String) {
        self.beside.push(line);
    }

    /// Only a part of the rows will be there, which must not take the place of a whole table.
    pub fn is_partial(&mut self) {
        self.partial = true;
    }

    /// A value without a goal.
    pub fn row(&mut self, name: impl Into<String>, value: f64) {
        self.push(name.into(), value, None);
    }

    /// A value that should not be above `goal`.
    pub fn at_most(&mut self, name: impl Into<String>, value: f64, goal: f64) {
        self.push(name.into(), value, Some(Goal::AtMost(goal)));
    }

    /// A value that should not be below `goal`.
    pub fn at_least(&mut self, name: impl Into<String>, value: f64, goal: f64) {
        self.push(name.into(), value, Some(Goal::AtLeast(goal)));
    }

    fn push(&mut self, name: String, value: f64, goal: Option<Goal>) {
        self.rows.push(Row { name, value, goal });
    }

    /// Prints the table, and keeps it in [`folder`] unless the run was a quick or a
    /// partial one.
    ///
    /// # Errors
    ///
    /// Where it cannot be kept.
    pub fn finish(self) -> std::io::Result<()> {
        let mut table = origin::lines();
        for line in &self.beside {
            table.push_str(&format!("# {line}\n"));
        }
        for row in &self.rows {
            table.push_str(&format!("{row}\n"));
        }
        println!("\n{table}");
        if self.effort.is_quick() || self.partial {
            return Ok(());
        }
        fs::create_dir_all(folder())?;
        fs::write(folder().join(format!("{}.txt", self.name)), table)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, goal } = self;
        let decimals = if value.abs() >= 100.0 { 0 } else { 3 };
        write!(f, "{name} {value:.decimals$}")?;
        let (sign, goal, met) = match *goal {
            None => return Ok(()),
            Some(Goal::AtMost(goal)) => ("<=", goal, *value <= goal),
            Some(Goal::AtLeast(goal)) => (">=", goal, *value >= goal),
        };
        write!(f, " {sign}{goal} {}", if met { "ok" } else { "MISSED" })
    }
}
