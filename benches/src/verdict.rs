//! The rows of [`scenes`](crate::scenes), and the goals.

use tower_bearer::Algorithm;

use crate::{figures::Figures, report::Report, scenes::MANY, tokens::ALGORITHMS};

/// What a scene is measured in.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// What names of absolute values end with.
    pub name: &'static str,
    /// The most that a hit may cost above the bare service.
    pub hit: f64,
    /// How many times the floor a first sight of HS256 may take. Its check is so short that the
    /// memory for what is remembered counts, which is more in time than in work.
    pub hmac_first_sight: f64,
}

/// Time.
pub const NANOSECONDS: Unit = Unit {
    name: "ns",
    hit: 150.0,
    hmac_first_sight: 1.25,
};

/// Work.
pub const INSTRUCTIONS: Unit = Unit {
    name: "instructions",
    hit: 1_600.0,
    hmac_first_sight: 1.15,
};

const PEERS: [&str; 2] = ["tower_http", "jwt_authorizer"];
/// Of each algorithm.
const MEASURED: [&str; 10] = [
    "bare",
    "hit",
    "first_sight",
    "verify",
    "verify_uncached",
    "floor",
    "tower_http",
    "tower_http/unseen",
    "jwt_authorizer",
    "jwt_authorizer/unseen",
];

/// What is refused before any signature is looked at.
const CHEAP: [&str; 4] = ["no_token", "malformed", "oversize", "unknown_kid"];
/// What is refused after.
const DEAR: [&str; 2] = ["bad_signature", "expired"];

/// Fills the report from what was measured.
pub fn judge(report: &mut Report, figures: &Figures, unit: Unit) {
    accepted(report, figures, unit);
    many(report, figures, unit);
    guard(report, figures, unit);
    axum(report, figures, unit);
    rejected(report, figures, unit);
}

fn accepted(report: &mut Report, figures: &Figures, unit: Unit) {
    let insert = figures.median("extension_insert");
    report.row(format!("extension_insert_{}", unit.name), insert);
    for algorithm in ALGORITHMS {
        let of = |what: &str| format!("{algorithm}/{what}");
        for what in MEASURED {
            let value = figures.median(&of(what));
            report.row(format!("{}_{}", of(what), unit.name), value);
        }
        let above = figures.above(&of("hit"), &of("bare"));
        let name = format!("{algorithm}/hit/above_bare_{}", unit.name);
        report.at_most(name, above, unit.hit);
        let ratio = figures.ratio(&of("verify"), &of("floor"));
        let goal = match algorithm {
            Algorithm::HS256 => unit.hmac_first_sight,
            _ => 1.15,
        };
        report.at_most(of("verify/of_floor"), ratio, goal);
        let ratio = figures.ratio(&of("verify_uncached"), &of("floor"));
        report.row(of("verify_uncached/of_floor"), ratio);
        for peer in PEERS {
            let ratio = figures.ratio(&of(&format!("{peer}/unseen")), &of("first_sight"));
            report.at_least(of(&format!("{peer}/of_first_sight")), ratio, 1.0);
            let ratio = figures.ratio(&of(peer), &of("hit"));
            report.at_least(of(&format!("{peer}/of_hit")), ratio, 1.0);
        }
    }
}

/// Many live tokens, many keys.
fn many(report: &mut Report, figures: &Figures, unit: Unit) {
    let one = figures.above("HS256/hit", "HS256/bare");
    for many in MANY {
        let above = figures.above(&format!("HS256/hit/{many}"), &format!("bare/{many}"));
        report.row(format!("HS256/hit/{many}/above_bare_{}", unit.name), above);
        let name = format!("HS256/hit/{many}/of_one");
        match unit.name {
            "instructions" => report.at_most(name, above / one, 1.5),
            _ => report.row(name, above / one),
        }
    }
    for what in ["first_sight", "hit"] {
        let ratio = figures.ratio(&format!("keys/64/{what}"), &format!("HS256/{what}"));
        report.at_most(format!("keys/64/{what}/of_one_key"), ratio, 1.05);
    }
}

/// What it costs to refuse the tokens of ended sessions, to those who have not ended theirs.
fn guard(report: &mut Report, figures: &Figures, unit: Unit) {
    for what in ["none_ended", "million_ended", "rotated"] {
        let above = figures.above(&format!("guard/{what}"), "guard/without");
        report.row(format!("guard/{what}/above_without_{}", unit.name), above);
        let ratio = figures.ratio(&format!("guard/{what}"), "guard/without");
        report.row(format!("guard/{what}/of_without"), ratio);
    }
    let ratio = figures.ratio("guard/million_ended", "guard/none_ended");
    let name = "guard/million_ended/of_none_ended";
    match unit.name {
        "instructions" => report.at_most(name, ratio, 1.01),
        _ => report.row(name, ratio),
    }
}

fn axum(report: &mut Report, figures: &Figures, unit: Unit) {
    for name in ["axum/bare", "axum/noop", "axum/layered"] {
        report.row(format!("{name}_{}", unit.name), figures.median(name));
    }
    let above = figures.above("axum/layered", "axum/noop");
    report.row(format!("axum/layered/above_noop_{}", unit.name), above);
}

fn rejected(report: &mut Report, figures: &Figures, unit: Unit) {
    for why in CHEAP.into_iter().chain(DEAR) {
        for stack in ["tower_bearer"].into_iter().chain(PEERS) {
            let name = format!("reject/{stack}/{why}");
            report.row(format!("{name}_{}", unit.name), figures.median(&name));
        }
    }
    for why in CHEAP {
        let name = format!("reject/tower_bearer/{why}");
        let ratio = figures.ratio(&name, "EdDSA/floor");
        report.at_most(format!("{name}/of_floor"), ratio, 0.1);
    }
    for why in DEAR {
        let name = format!("reject/tower_bearer/{why}");
        report.row(
            format!("{name}/of_floor"),
            figures.ratio(&name, "EdDSA/floor"),
        );
    }
}
