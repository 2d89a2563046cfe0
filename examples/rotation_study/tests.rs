//! A study of a few sessions: what it prints is too little to say anything, but it is all there.

use clap::Parser;

use crate::{
    command::{Arguments, run},
    policies::Rules,
};

fn printed(arguments: &[&str]) -> String {
    let arguments = Arguments::parse_from([&["rotation_study"], arguments].concat());
    let mut printed = Vec::new();
    run(&arguments, &mut printed).unwrap();
    String::from_utf8(printed).unwrap()
}

#[test]
fn it_prints_the_table_and_draws_the_chart() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("charts/study.svg");
    let few = ["--runs", "10", "--thefts", "5", "--chart"];
    let printed = printed(&[&few, &[chart.to_str().unwrap()][..]].concat());
    for rules in Rules::compared() {
        let row = printed.lines().find(|line| line.contains(&rules.name));
        assert_eq!(row.unwrap().matches(" | ").count(), 5, "{printed}");
    }
    // What few runs show too.
    let cells = |name: &str| {
        let row = printed.lines().find(|line| line.contains(name)).unwrap();
        row.split(" | ").map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(cells("strict rotation")[1].starts_with("100 %"));
    let ours = cells("this crate: 3 late");
    assert!(
        ours[1].starts_with("0 of 20 ") && ours[2].starts_with("0 of 20 "),
        "{ours:?}"
    );
    assert!(ours[3].starts_with("100 %"), "{ours:?}");
    assert!(ours[4].starts_with("0 % / 1, at most 1"), "{ours:?}");
    assert!(ours[5].starts_with("0 % / 4, at most 4"), "{ours:?}");
    let bound = cells("this crate, bound to a key");
    for honest in &bound[1..4] {
        assert!(honest.starts_with("0 of 10 "), "{bound:?}");
    }
    assert!(
        bound[4..]
            .iter()
            .all(|thief| thief.starts_with("gets nothing")),
        "{bound:?}"
    );
    let wide = cells("this crate, 5 min window");
    assert!(wide[4].starts_with("100 %"), "thieves pass: {wide:?}");
    let drawn = std::fs::read_to_string(&chart).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("this crate"));
    assert!(printed.contains(chart.to_str().unwrap()));
}

#[test]
fn the_same_seed_gives_the_same_numbers_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("study.svg");
    let chart = [
        "--runs",
        "3",
        "--thefts",
        "2",
        "--chart",
        chart.to_str().unwrap(),
    ];
    let with = |more: &[&str]| printed(&[&chart[..], more].concat());
    let one = with(&["--threads", "1"]);
    assert_eq!(with(&["--threads", "3"]), one);
    assert_ne!(with(&["--threads", "1", "--seed", "2"]), one);
}

#[test]
fn it_sweeps_other_numbers() {
    let printed = printed(&["--sweep", "--runs", "1", "--thefts", "1"]);
    for numbers in ["10 s, 3 late in 20", "10 s, 3 late in 10"] {
        assert!(printed.contains(&format!("| {numbers} |")), "{printed}");
    }
}
