//! Cases of names.

use tower_bearer::store::{SealedRing, Swap};

use super::{
    Fixture,
    trial::{Trial, ring},
};

/// Each is another name, although some database, file system or library takes it for another one of them, for a
/// pattern, or for a part of a statement.
const NAMES: [&str; 50] = [
    "ring",
    "Ring",
    "RING",
    "rin",
    "ringring",
    "ring ",
    "ring  ",
    " ring",
    "ring\t",
    "ring\n",
    "ring\0",
    "ring\0\0",
    "\0ring",
    "\0",
    "\0\0",
    " ",
    "rïng",
    "ri\u{308}ng",
    "ﬁ",
    "fi",
    "ß",
    "ss",
    "i",
    "I",
    "ı",
    "İ",
    "\u{feff}ring",
    "ri\u{200b}ng",
    "🦀",
    "r*ng",
    "ring%",
    "r_ng",
    "ri[n]g",
    "{ring}",
    "{ring",
    "ring}",
    "../ring",
    "./ring",
    "ring/",
    "/ring",
    "ring.lock",
    "a:b",
    "a.b",
    "$ne",
    "'; DROP TABLE x; --",
    "\"ring\"",
    "\\",
    "1",
    "01",
    "1.0",
];

pub(super) async fn names_are_compared_byte_for_byte<F: Fixture>(trial: Trial<F>) {
    keep_apart(&trial, &NAMES.map(str::to_owned)).await;
}

pub(super) async fn the_longest_names_are_kept_apart<F: Fixture>(trial: Trial<F>) {
    const LONGEST: usize = SealedRing::LONGEST_NAME;
    let most = "n".repeat(LONGEST - 1);
    let names = [
        format!("{most}a"),
        format!("{most}b"),
        format!("{most}\0"),
        format!("{most} "),
        "🦀".repeat(LONGEST / 4),
        "\0".repeat(LONGEST),
        "\0".repeat(LONGEST - 1),
        " ".repeat(LONGEST),
        "\\".repeat(LONGEST),
        most,
    ];
    keep_apart(&trial, &names).await;
}

/// Each name has a ring of its own. All are of the same version, so that only their names tell them apart.
async fn keep_apart<F: Fixture>(trial: &Trial<F>, names: &[String]) {
    let of = |version: u64, name: &str| ring(version, format!("{version} of {name}"));
    for name in names {
        trial.assert_kept(name, None).await;
        trial.begin(name, &of(1, name)).await;
    }
    for name in names {
        trial.assert_kept(name, Some(&of(1, name))).await;
    }
    let (first, others) = names.split_first().expect("names");
    let swap = trial.swap(first, Some(1), &of(2, first)).await;
    assert_eq!(swap, Swap::Swapped, "{first:?}");
    for name in others {
        trial.assert_kept(name, Some(&of(1, name))).await;
    }
    for name in others {
        let swap = trial.swap(name, Some(1), &of(2, name)).await;
        assert_eq!(swap, Swap::Swapped, "{name:?}");
    }
    for name in names {
        trial.assert_kept(name, Some(&of(2, name))).await;
    }
}
