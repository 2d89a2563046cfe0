//! Protocols with one fault each, and the claim that each breaks.

mod bound;
mod effects;
mod live;
mod mutant;
mod passed;
mod refused;
mod strict;

pub use mutant::Mutant;

/// All of them, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        refused::ALL,
        live::ALL,
        passed::ALL,
        strict::ALL,
        effects::ALL,
        bound::ALL,
    ]
    .into_iter()
    .flatten()
}
