//! Whole refreshes in memory, beside their signatures alone.

use tokio::runtime::Runtime;
use tower_bearer::{Algorithm, store::MemoryStore};
use tower_bearer_benches::{
    crowd::{Crowd, rate},
    effort::Effort,
    refreshing::{Refreshing, Ticking, sessions},
    report::Report,
};

use crate::{
    all,
    signing::{Minting, Signing},
    swapping::Swapping,
    turns,
};

const CLIENTS: usize = 64;

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let mut turns = turns(effort);
    let store = MemoryStore::with_clock(Ticking::new());
    let swapping = all(runtime, CLIENTS, async || {
        Swapping::new(store.clone()).await
    });
    Crowd::new(runtime, swapping).join(&mut turns, "memory/swap".to_owned());
    let algorithms = [Algorithm::EdDSA, Algorithm::HS256];
    for algorithm in algorithms {
        let sessions = sessions(store.clone(), algorithm);
        let refreshing = all(runtime, CLIENTS, async || {
            Refreshing::new(sessions.clone()).await
        });
        let signing = vec![Signing::new(algorithm); CLIENTS];
        let name = |what| format!("memory/{algorithm}/{what}");
        Crowd::new(runtime, refreshing).join(&mut turns, name("refresh"));
        let minting = signing.iter().cloned().map(Minting).collect();
        Crowd::new(runtime, signing).join(&mut turns, name("signatures"));
        Crowd::new(runtime, minting).join(&mut turns, name("cryptography"));
    }
    let figures = turns.run();
    rate(report, &figures, "memory/swap", CLIENTS);
    for algorithm in algorithms {
        let name = |what| format!("memory/{algorithm}/{what}");
        let (refresh, signatures) = (name("refresh"), name("signatures"));
        let cryptography = name("cryptography");
        for what in [&refresh, &signatures, &cryptography] {
            rate(report, &figures, what, CLIENTS);
        }
        let share = figures.ratio(&cryptography, &refresh);
        report.row(format!("{refresh}/of_cryptography"), share);
        let share = figures.ratio(&signatures, &refresh);
        match algorithm {
            Algorithm::EdDSA => report.at_least(format!("{refresh}/of_signatures"), share, 0.8),
            _ => report.row(format!("{refresh}/of_signatures"), share),
        }
    }
}
