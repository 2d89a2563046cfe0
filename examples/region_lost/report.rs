//! The tables, in Markdown.

use std::io::{self, Write};

use crate::{
    tally::{Tally, Users},
    world::{CAPACITY, Millis, REGIONS},
};

/// What was simulated, in words, and what came of it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) tally: Tally,
}

pub(crate) fn print(out: &mut impl Write, first: &str, rows: &[Row]) -> io::Result<()> {
    writeln!(
        out,
        "| {first} | most requests a second | refused | steady after | 95 % are back after | missed, other regions |"
    )?;
    writeln!(out, "| --- | --: | --: | --: | --: | --: |")?;
    for Row { name, tally } in rows {
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            count(tally.most_a_second()),
            count(tally.refused()),
            seconds(tally.steady_after()),
            seconds(tally.back_after()),
            share(&tally.others),
        )?;
    }
    Ok(())
}

/// The same where only a database was lost, beside a design in which each request asks the store.
pub(crate) fn print_database(out: &mut impl Write, rows: &[(Row, f64)]) -> io::Result<()> {
    writeln!(
        out,
        "| the database is away for | most requests a second | steady after | missed, its region | missed, other regions | if each request asked the store |"
    )?;
    writeln!(out, "| --- | --: | --: | --: | --: | --: |")?;
    for (Row { name, tally }, asked) in rows {
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            count(tally.most_a_second()),
            seconds(tally.steady_after()),
            share(&tally.lost),
            share(&tally.others),
            percent(*asked),
        )?;
    }
    Ok(())
}

/// What comes before anything is lost, and what the servers can do.
pub(crate) fn print_load(out: &mut impl Write, tally: &Tally, minute: usize) -> io::Result<()> {
    let usual = tally.arrivals(minute).next().unwrap_or_default();
    let left = CAPACITY * (REGIONS - 1) as f64;
    writeln!(
        out,
        "{} requests a second before; the regions that are left do {}.",
        count(usual),
        count(left)
    )
}

fn seconds(after: Option<Millis>) -> String {
    match after {
        None => "never".to_owned(),
        Some(seconds) => format!("{seconds} s"),
    }
}

fn share(users: &Users) -> String {
    percent(users.share())
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        few if few < 0.05 => "under 0.1 %".to_owned(),
        few if few < 10.0 => format!("{few:.1} %"),
        many => format!("{many:.0} %"),
    }
}

/// Three digits and a unit.
pub(crate) fn count(number: f64) -> String {
    let (scaled, unit) = match number {
        few if few < 9_950.0 => (few / 1_000.0, " k"),
        thousands if thousands < 999_500.0 => (thousands / 1_000.0, " k"),
        millions => (millions / 1e6, " M"),
    };
    match scaled {
        0.0 => "0".to_owned(),
        few if few < 9.95 => format!("{few:.1}{unit}"),
        many => format!("{many:.0}{unit}"),
    }
}
