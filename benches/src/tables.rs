//! The tables that benchmarks have kept, read again.

use std::{collections::BTreeMap, fs, io};

use crate::report::folder;

/// What a benchmark has found out.
pub struct Table {
    /// What its lines say that start with `#`, in order.
    pub origin: Vec<String>,
    rows: BTreeMap<String, Row>,
}

/// One value.
pub struct Row {
    /// As it was printed.
    pub value: String,
    /// `<=` or `>=` and a number, and whether it was met.
    pub goal: Option<(String, bool)>,
}

impl Table {
    /// The table of a benchmark.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn read(name: &str) -> io::Result<Self> {
        let file = folder().join(format!("{name}.txt"));
        let text = fs::read_to_string(&file).map_err(|error| {
            let why = format!("{}: {error}. Run the benchmark first", file.display());
            io::Error::new(error.kind(), why)
        })?;
        let origin = text.lines().filter_map(|line| line.strip_prefix("# "));
        Ok(Self {
            origin: origin.map(str::to_owned).collect(),
            rows: text.lines().filter_map(row).collect(),
        })
    }

    /// The table of a benchmark, if it was kept.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        match Self::read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// A value as a number.
    ///
    /// # Errors
    ///
    /// Where there is no such value.
    pub fn value(&self, name: &str) -> io::Result<f64> {
        let row = self.rows.get(name);
        row.and_then(|row| row.value.parse().ok())
            .ok_or_else(|| io::Error::other(format!("there is no {name}")))
    }

    /// All values, by name.
    pub fn rows(&self) -> impl Iterator<Item = (&String, &Row)> {
        self.rows.iter()
    }
}

/// The benchmarks whose tables were kept, in order.
///
/// # Errors
///
/// Where the folder cannot be read.
pub fn names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder())? {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".txt"));
        names.extend(name.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn row(line: &str) -> Option<(String, Row)> {
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (name, value) = (words.next()?, words.next()?);
    let goal = words.next().zip(words.next());
    let goal = goal.map(|(goal, verdict)| (goal, verdict == "ok"));
    Some((name, Row { value, goal }))
}
