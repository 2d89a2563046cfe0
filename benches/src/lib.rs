//! What the benchmarks share: how they measure and how they report.
//!
//! Figures of two runs never meet: what is compared was measured in turns, in one run, and the
//! ratio is the median of the turns' ratios.

pub mod alternation;
pub mod crowd;
pub mod effort;
pub mod figures;
pub mod floor;
pub mod load;
pub mod origin;
pub mod over_http;
pub mod refreshing;
pub mod report;
pub mod scenes;
pub mod schedule;
pub mod stacks;
pub mod tables;
pub mod threads;
pub mod tokens;
pub mod verdict;
