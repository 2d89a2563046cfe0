//! Redis without any sync, on this machine.

use tests_shared::{servers::redis::Redis, skipped};
use tokio::runtime::Runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{
    crowd::{Crowd, rate},
    effort::Effort,
    origin,
    refreshing::{Refreshing, sessions},
    report::Report,
};
use tower_bearer_redis::RedisStore;

use crate::{all, driver::OnRedis, swapping::Swapping, turns};

const CLIENTS: usize = 64;

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let Some(server) = runtime.block_on(Redis::start_to_measure()) else {
        return skipped("redis-server is not installed");
    };
    report.origin(origin::program("Redis", "redis-server"));
    let store = runtime.block_on(RedisStore::connect(&server.url()));
    let store = store.expect("it opens");
    let connection = runtime.block_on(OnRedis::connect(&server.url()));

    let mut turns = turns(effort);
    let swapping = all(runtime, CLIENTS, async || {
        Swapping::new(store.clone()).await
    });
    Crowd::new(runtime, swapping).join(&mut turns, "redis/swap".to_owned());
    let driver = all(runtime, CLIENTS, async || OnRedis::new(&connection).await);
    Crowd::new(runtime, driver).join(&mut turns, "redis/script".to_owned());
    let sessions = sessions(store.clone(), Algorithm::EdDSA);
    let refreshing = all(runtime, CLIENTS, async || {
        Refreshing::new(sessions.clone()).await
    });
    Crowd::new(runtime, refreshing).join(&mut turns, "redis/refresh".to_owned());

    let figures = turns.run();
    for what in ["swap", "script", "refresh"] {
        rate(report, &figures, &format!("redis/{what}"), CLIENTS);
    }
    let share = figures.ratio("redis/script", "redis/swap");
    report.at_least("redis/swap/of_script", share, 0.9);
    // A refresh is two: one loads, one swaps.
    let share = 2.0 * figures.ratio("redis/script", "redis/refresh");
    report.at_least("redis/refresh/of_two_scripts", share, 0.75);
}
