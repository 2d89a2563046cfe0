//! Writes the README's section on what this crate costs, from the tables of the last run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

use serde::Deserialize;
use tower_bearer_benches::{
    tables::{self, Table},
    tokens::ALGORITHMS,
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const START: &str = "<!-- benchmarks: `scripts/bench --readme` writes what follows -->\n";
const END: &str = "<!-- end of benchmarks -->";

/// What a row is called, and the scene that it is of.
const ACCEPTED: [(&str, &str); 6] = [
    ("the inner service alone", "bare"),
    ("**tower-bearer**, a token that it has seen", "hit"),
    ("**tower-bearer**, at first sight", "first_sight"),
    ("the least: signature, base64 and JSON alone", "floor"),
    ("tower-http and jsonwebtoken", "tower_http/unseen"),
    ("jwt-authorizer", "jwt_authorizer/unseen"),
];

/// A line of the table of whole refreshes.
struct Line {
    what: &'static str,
    /// The benchmark, and its row of refreshes a second.
    rate: [&'static str; 2],
    /// Rows that are so many times what.
    beside: &'static [[&'static str; 2]],
}

const REFRESHES: [Line; 10] = [
    Line {
        what: "**tower-bearer** on PostgreSQL, 128 clients",
        rate: ["refresh", "postgres/refresh"],
        beside: &[[
            "postgres/refresh/of_pgbench",
            "times pgbench's `UPDATE` of one row by its key",
        ]],
    },
    Line {
        what: "the same, by two processes",
        rate: ["refresh", "postgres/two_processes"],
        beside: &[[
            "postgres/two_processes/of_pgbench",
            "times pgbench's `UPDATE`",
        ]],
    },
    Line {
        what: "**tower-bearer** on SQLite, 64 clients",
        rate: ["refresh", "sqlite/refresh"],
        beside: &[[
            "sqlite/refresh/of_single",
            "times swaps that are written one by one",
        ]],
    },
    Line {
        what: "**tower-bearer** on Redis, 64 clients",
        rate: ["refresh", "redis/refresh"],
        beside: &[[
            "redis/refresh/of_two_scripts",
            "of what two scripts for each allow",
        ]],
    },
    Line {
        what: "**tower-bearer** in memory, 64 clients",
        rate: ["refresh", "memory/EdDSA/refresh"],
        beside: &[[
            "memory/EdDSA/refresh/of_signatures",
            "of what the signatures alone allow",
        ]],
    },
    Line {
        what: "**tower-bearer** over HTTP, in memory, on one core",
        rate: ["route", "route/memory"],
        beside: &[["route/memory/of_library", "of the same without HTTP"]],
    },
    Line {
        what: "**tower-bearer** over HTTP, on PostgreSQL, on all cores",
        rate: ["route", "route/postgres"],
        beside: &[["route/postgres/of_library", "of the same without HTTP"]],
    },
    Line {
        what: "npm oidc-provider over HTTP, on PostgreSQL, on one thread",
        rate: ["route", "route/oidc_provider"],
        beside: &[
            [
                "route/of_oidc_provider",
                "times as many by tower-bearer on all cores",
            ],
            ["route/per_core/of_oidc_provider", "times per core"],
        ],
    },
    Line {
        what: "npm better-auth over HTTP, on PostgreSQL, on one thread",
        rate: ["route", "route/better_auth"],
        beside: &[
            [
                "route/of_better_auth",
                "times as many by tower-bearer on all cores",
            ],
            ["route/per_core/of_better_auth", "times per core"],
        ],
    },
    Line {
        what: "npm express and jsonwebtoken (HS256) over HTTP, tokens in an array, on one core",
        rate: ["route", "route/express"],
        beside: &[[
            "route/of_express",
            "times as many by tower-bearer on one core, with HS256",
        ]],
    },
];

/// What *per core* is.
const PER_CORE: &str = "Node.js runs the code of a server on one thread, while tower-bearer uses all \
    cores. *Per core* compares the processor time that the servers take for a refresh, without that of \
    the database. jsonwebtoken has its secret as a string, as in tutorials, and spends most of its time on \
    trying to read a private key in it.";

/// What the lines of a table begin with that say what its figures were measured on.
const SERVERS: [&str; 5] = ["PostgreSQL", "SQLite", "Redis", "Node.js", "disk"];

/// What the others are that refreshes are measured beside.
const PEERS: [&str; 3] = [
    include_str!("../../peers/oidc-provider/package.json"),
    include_str!("../../peers/better-auth/package.json"),
    include_str!("../../peers/express/package.json"),
];

/// Tables of which only the values with a goal are shown, and what these are.
const GOALS: [(&str, &str); 7] = [
    ("scale", "a million sessions in memory"),
    (
        "refresh",
        "rotations, by 64 or 128 clients at once or by one",
    ),
    ("route", "refreshes over HTTP"),
    ("growth", "tables of up to ten million sessions"),
    ("feed", "a logout that two other processes learn of"),
    ("dead_sessions", "a subject with 100 000 ended sessions"),
    ("adopting", "the first build of a program"),
];

/// What is said of a table that is not there.
const LEFT_OUT: &str = "its goals are left out of the README: run the benchmark first";

fn main() -> io::Result<()> {
    let readme = fs::read_to_string(README)?;
    let markers = io::Error::other("README.md lacks the markers of the section");
    let Some((before, (_, after))) = readme
        .split_once(START)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?)))
    else {
        return Err(markers);
    };
    let section = section()?;
    fs::write(README, format!("{before}{START}\n{section}\n{END}{after}"))
}

fn section() -> io::Result<String> {
    let (time, work) = (Table::read("hot_path")?, Table::read("instructions")?);
    let mut text = format!("{}\n\n", measured(&time.origin));
    text += &refreshes()?;
    text.push('\n');
    text += &head("one accepted request, µs");
    for (name, scene) in ACCEPTED {
        text += &line(name, |algorithm| {
            let nanos = time.value(&format!("{algorithm}/{scene}_ns"))?;
            Ok(short(nanos / 1e3))
        })?;
    }
    text.push('\n');
    text += &head("in thousands of instructions");
    for (name, scene) in ACCEPTED {
        text += &line(name, |algorithm| {
            let count = work.value(&format!("{algorithm}/{scene}_instructions"))?;
            Ok(short(count / 1e3))
        })?;
    }
    text.push('\n');
    text += "The two others remember no token, so that each request is a first sight to them.\n\n";
    text += &head("over HTTP, with 1 000 live tokens");
    let http = Table::read("http")?;
    text += &line(
        "requests a second, as a share of bare axum's",
        |algorithm| Ok(short(http.value(&format!("{algorithm}/layered/of_bare"))?)),
    )?;
    for (name, title) in GOALS {
        text += &goals(name, title)?;
    }
    text += "\nA goal is what the project set itself; [benches](benches/README.md#what-the-rows-are) says what \
             the names mean.";
    text += &missed()?;
    text.push('\n');
    Ok(text)
}

/// `# date …` and `# machine …` come first, then versions.
fn measured(origin: &[String]) -> String {
    let [date, machine, versions @ ..] = origin else {
        return String::new();
    };
    let strip = |text: &str, word: &str| text.replacen(word, "", 1);
    let versions: Vec<String> = versions
        .iter()
        .map(|version| version.split(" (").next().unwrap_or(version).to_owned())
        .collect();
    format!(
        "Measured on {} on {}, in turns, with {}:",
        strip(date, "date "),
        strip(machine, "machine "),
        versions.join(", ")
    )
}

fn head(title: &str) -> String {
    let names = ALGORITHMS
        .map(|algorithm| algorithm.to_string())
        .join(" | ");
    format!(
        "| {title} | {names} |\n| --- |{}\n",
        " --- |".repeat(ALGORITHMS.len())
    )
}

fn line(name: &str, cell: impl Fn(&str) -> io::Result<String>) -> io::Result<String> {
    let cells = ALGORITHMS.iter().map(|algorithm| cell(algorithm.as_str()));
    let cells: Vec<String> = cells.collect::<io::Result<_>>()?;
    Ok(format!("| {name} | {} |\n", cells.join(" | ")))
}

/// Whole refreshes, without those lines that their benchmark had to leave out.
fn refreshes() -> io::Result<String> {
    let mut text = "| whole refreshes: token in, session loaded and swapped, two new tokens signed | a second | |\n\
        | --- | --- | --- |\n"
        .to_owned();
    for Line { what, rate, beside } in REFRESHES {
        let [benchmark, rate] = rate;
        let Some(table) = Table::find(benchmark)? else {
            continue;
        };
        let Ok(rate) = table.value(&format!("{rate}_per_s")) else {
            continue;
        };
        let beside = beside.iter().filter_map(|[ratio, of]| {
            let ratio = table.value(ratio).ok()?;
            Some(format!("{} {of}", short(ratio)))
        });
        let beside: Vec<_> = beside.collect();
        let rate = thousands(rate);
        text += &format!("| {what} | {rate} | {} |\n", beside.join(", "));
    }
    if Table::find("route")?.is_some() {
        let packages = packages()?.join(", ");
        text += &format!("\n{PER_CORE} The packages of npm are {packages}.\n");
    }
    let servers = servers()?.into_iter().collect::<Vec<_>>().join(", ");
    text += &format!("\nMeasured with {servers}.\n");
    Ok(text)
}

/// What refreshes were measured on, as the tables say it.
fn servers() -> io::Result<BTreeSet<String>> {
    let mut servers = BTreeSet::new();
    for name in ["refresh", "route"] {
        let origin = Table::find(name)?.map(|table| table.origin);
        servers.extend(
            origin
                .into_iter()
                .flatten()
                .filter(|line| SERVERS.iter().any(|server| line.starts_with(server))),
        );
    }
    Ok(servers)
}

/// The packages of the peers, with their versions.
fn packages() -> io::Result<Vec<String>> {
    let mut packages = BTreeMap::new();
    for peer in PEERS {
        let peer: Peer = serde_json::from_str(peer)?;
        packages.extend(peer.dependencies);
    }
    let packages = packages.into_iter();
    Ok(packages
        .map(|(name, version)| format!("{name} {version}"))
        .collect())
}

/// What is read of a `package.json`.
#[derive(Deserialize)]
struct Peer {
    dependencies: BTreeMap<String, String>,
}

/// Three digits, and a space before the last three.
fn thousands(value: f64) -> String {
    let unit = 10_f64.powf(value.log10().floor() - 2.0).max(1.0);
    let rounded = (value / unit).round() * unit;
    match rounded as u64 {
        small @ 0..1_000 => small.to_string(),
        large => format!("{} {:03}", large / 1_000, large % 1_000),
    }
}

/// The values of a table that have a goal.
fn goals(name: &str, title: &str) -> io::Result<String> {
    let Some(table) = Table::find(name)? else {
        eprintln!("there is no table {name}; {LEFT_OUT}");
        return Ok(String::new());
    };
    let mut text = format!("\n| {title} | measured | goal | |\n| --- | --- | --- | --- |\n");
    for (name, row) in table.rows() {
        if let Some((goal, is_met)) = &row.goal {
            let verdict = if *is_met { "met" } else { "**missed**" };
            text += &format!("| `{name}` | {} | {goal} | {verdict} |\n", row.value);
        }
    }
    Ok(text)
}

/// What those tables have missed whose goals are not shown.
fn missed() -> io::Result<String> {
    let mut missed = Vec::new();
    for name in tables::names()? {
        if GOALS.iter().any(|(shown, _)| *shown == name) {
            continue;
        }
        for (row_name, row) in Table::read(&name)?.rows() {
            if let Some((goal, false)) = &row.goal {
                missed.push(format!("`{row_name}` {} ({goal})", row.value));
            }
        }
    }
    Ok(match missed.is_empty() {
        true => String::new(),
        false => format!(" Besides, this run missed {}.", missed.join(", ")),
    })
}

/// Two digits, or all before the point.
fn short(value: f64) -> String {
    let decimals = if value >= 10.0 {
        0
    } else if value >= 1.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}
