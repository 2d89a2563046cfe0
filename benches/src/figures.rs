//! [`Figures`]: what was measured, and how it compares.

use std::collections::BTreeMap;

/// What one time takes, for each subject and turn: nanoseconds, or instructions.
#[derive(Clone, Debug, Default)]
pub struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    /// Adds what a subject took in its next turn.
    pub fn push(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// The median of the turns.
    pub fn median(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// How many times what `other` takes `name` takes.
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        self.compare(name, other, |a, b| a / b)
    }

    /// How much more than `other` `name` takes.
    pub fn above(&self, name: &str, other: &str) -> f64 {
        self.compare(name, other, |a, b| a - b)
    }

    fn compare(&self, name: &str, other: &str, how: impl Fn(f64, f64) -> f64) -> f64 {
        let turns = self.of(name).iter().zip(self.of(other));
        median(turns.map(|(&a, &b)| how(a, b)).collect())
    }

    /// A benchmark asks for what it measured.
    fn of(&self, name: &str) -> &[f64] {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("{name} was not measured"))
    }
}

/// The one in the middle; the mean of both for an even number.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        values[middle - 1].midpoint(values[middle])
    } else {
        values[middle]
    }
}
