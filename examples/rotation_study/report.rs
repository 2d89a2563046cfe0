//! The tables, in Markdown.

use std::io::{self, Write};

use crate::study::Tally;

/// A policy and what it did to honest clients and to thieves.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) desktop: Tally,
    pub(crate) mobile: Tally,
    pub(crate) processes: Tally,
    pub(crate) follower: Tally,
    pub(crate) front_runner: Tally,
}

pub(crate) fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    writeln!(
        out,
        "| policy | false logouts, desktop | false logouts, mobile | \
         false logouts, three processes | follower 90 s behind, \
         missed / rotations | front-runner, missed / rotations |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for row in rows {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            row.name,
            honest(&row.desktop),
            honest(&row.mobile),
            copies(&row.processes),
            theft(&row.follower),
            theft(&row.front_runner),
        )?;
    }
    Ok(())
}

/// Other numbers, the honest clients of some networks, and five thieves.
pub(crate) fn print_sweep(
    out: &mut impl Write,
    rows: &[(String, Vec<Tally>, Vec<Tally>)],
    networks: &[&str],
) -> io::Result<()> {
    writeln!(
        out,
        "| numbers | {} | follower 90 s behind | follower 5 s behind | front-runner | \
         front-runner that confirms as the victim comes | front-runner 1 in 4 times, else within the window |",
        networks.join(" | ")
    )?;
    writeln!(out, "| --- |{}", " --- |".repeat(networks.len() + 5))?;
    for (name, clients, thieves) in rows {
        let cells = clients.iter().map(honest).chain(thieves.iter().map(theft));
        writeln!(
            out,
            "| {name} | {} |",
            cells.collect::<Vec<_>>().join(" | ")
        )?;
    }
    Ok(())
}

fn honest(tally: &Tally) -> String {
    let (low, high) = tally.interval();
    match tally.ended {
        0 => format!("0 of {} (under {})", tally.runs, percent(high)),
        _ => format!(
            "{} ({} to {})",
            percent(tally.share()),
            percent(low),
            percent(high)
        ),
    }
}

/// The same, and how long the sessions lasted.
fn copies(tally: &Tally) -> String {
    match tally.ended {
        0 => honest(tally),
        _ => format!(
            "{}, after {:.1} h",
            honest(tally),
            tally.hours_until_revoked()
        ),
    }
}

/// The share of thieves that were never seen, and the rotations until then: on average and at
/// most.
fn theft(tally: &Tally) -> String {
    let missed = percent(1.0 - tally.share());
    match tally.ended {
        0 if tally.gained == 0 => "gets nothing".to_owned(),
        0 => missed,
        _ => format!(
            "{missed} / {:.0}, at most {}",
            tally.rotations_until_revoked(),
            tally.most_rotations
        ),
    }
}

pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        few if few < 1.0 => format!("{few:.2} %"),
        many => format!("{many:.1} %"),
    }
}
