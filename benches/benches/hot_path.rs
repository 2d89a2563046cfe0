//! One request through the `tower::Service`, called directly: nanoseconds.

use tower_bearer::Algorithm;
use tower_bearer_benches::{
    alternation::Alternation,
    effort::Effort,
    report::Report,
    scenes, stacks,
    threads::{Spread, are_two_processors},
    tokens::{Tokens, verifier},
    verdict::{self, NANOSECONDS},
};

fn main() -> std::io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("hot_path", effort);
    let mut scenes_in_turn = Alternation::new(effort);
    for mut scene in scenes::all(&Tokens::for_scenes(effort)) {
        scenes_in_turn.add(scene.name, move || (scene.once)());
    }
    verdict::judge(&mut report, &scenes_in_turn.run(), NANOSECONDS);
    if are_two_processors() {
        two_threads(&mut report, effort);
    } else {
        eprintln!("two_threads is left out: there is one processor");
    }
    report.finish()
}

/// How many times the requests of one thread two threads serve: with a thousand live tokens,
/// with the same one all the time, and without the layer, which shows what the machine can do.
fn two_threads(report: &mut Report, effort: Effort) {
    let tokens = Tokens::new(Algorithm::HS256, 1_000);
    let (live, same) = (tokens.first(1_000), tokens.first(1));
    let layered = stacks::tower_bearer(verifier(&tokens.keys()));
    let mut turns = Alternation::new(effort);
    for threads in [1, 2] {
        let mut add = |name: &str, stack: Box<dyn Spread>, tokens: &[String]| {
            let tokens = tokens.to_vec();
            turns.add_timed(format!("{name}/{threads}"), move |times| {
                stack.spread(threads, times, &tokens)
            });
        };
        add("bare", Box::new(stacks::bare()), live);
        add("live", Box::new(layered.clone()), live);
        add("same", Box::new(layered.clone()), same);
    }
    let figures = turns.run();
    let gain = |name: &str| 2.0 * figures.ratio(&format!("{name}/1"), &format!("{name}/2"));
    report.row("two_threads/bare", gain("bare"));
    report.at_least("two_threads/hit/1000", gain("live"), 1.8);
    report.row("two_threads/hit/1000/of_bare", gain("live") / gain("bare"));
    report.row("two_threads/hit", gain("same"));
}
