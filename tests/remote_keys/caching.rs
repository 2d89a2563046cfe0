//! When keys are fetched again, and for how long they are used. The time is tokio's, and does not pass.

use std::time::Duration;

use tests_shared::issuer::Signer;
use tokio::time::{Instant, sleep};
use tower_bearer::remote::{RemoteKeysErrorKind as Kind, Stale};

use crate::{
    staged::{ISSUER, Scene, Staged},
    support::status,
};

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_again_before_they_are_stale() {
    for (header, least, most) in [
        (None, 2880, 3240),
        (Some(("cache-control", "public, max-age=600")), 480, 540),
        (Some(("cache-control", "no-store")), 300, 300),
        (Some(("expires", "0")), 300, 300),
        (Some(("cache-control", "max-age=31536000")), 69_120, 77_760),
    ] {
        let key = Signer::new(ISSUER);
        let scene = Scene::keys(&[&key]);
        let scene = header.map_or(scene.clone(), |(name, value)| scene.with(name, value));
        let issuer = Staged::new(scene);
        let _keys = issuer.keys().fetch().await.unwrap();
        sleep(hours(96)).await;
        let asked = issuer.asked();
        for pair in asked.windows(2) {
            let pause = pair[1] - pair[0];
            assert!((least..=most).contains(&pause), "{header:?}: {asked:?}");
        }
        assert!(
            asked.len() >= 96 * 3600 / most as usize,
            "{header:?}: {asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_is_not_sent_again() {
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::keys(&[&key]).with("etag", "\"one\""));
    let keys = issuer.keys().fetch().await.unwrap();
    assert_eq!(issuer.header("if-none-match"), None);
    let unchanged = Scene::status(304).with("cache-control", "max-age=7200");
    issuer.play(unchanged);
    sleep(hours(1)).await;
    assert_eq!(issuer.header("if-none-match").unwrap(), "\"one\"");
    assert!(keys.status().last_error().is_none());
    assert_eq!(keys.status().keys(), 1);
    let asked = issuer.count();
    sleep(hours(1)).await;
    assert_eq!(
        issuer.count(),
        asked,
        "the 304 says that it is good for longer"
    );
    let verifier = issuer.verifier(&keys);
    assert_eq!(status(&verifier, &issuer.token(&key)).await, 200);
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_dropped_are_not_asked_for_by_version() {
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::keys(&[&key]).with("etag", "\"one\""));
    let keys = issuer
        .keys()
        .stale_if_error(Stale::Never)
        .fetch()
        .await
        .unwrap();
    issuer.play(Scene::Broken);
    sleep(hours(2)).await;
    assert_eq!(keys.status().keys(), 0);
    issuer.play(Scene::keys(&[&key]).with("etag", "\"one\""));
    sleep(hours(1)).await;
    assert_eq!(keys.status().keys(), 1);
}

#[tokio::test(start_paused = true)]
async fn stale_keys_are_used_for_as_long_as_was_said() {
    // In seconds after the fetch; the lifetime is an hour.
    for (stale, good, bad) in [
        (Stale::Never, 3590, Some(3700)),
        (Stale::For(seconds(1800)), 5390, Some(5500)),
        (Stale::For(hours(24)), 89_990, Some(90_100)),
        (Stale::Forever, 86_400 * 7, None),
    ] {
        let key = Signer::new(ISSUER);
        let issuer = Staged::new(Scene::keys(&[&key]));
        let keys = issuer.keys().stale_if_error(stale).fetch().await.unwrap();
        let verifier = issuer.verifier(&keys).without_cache();
        let remembers = issuer.verifier(&keys);
        issuer.play(Scene::status(500));
        sleep(seconds(good)).await;
        let token = issuer.token(&key);
        assert_eq!(status(&verifier, &token).await, 200, "{stale:?}");
        assert_eq!(status(&remembers, &token).await, 200, "{stale:?}");
        let Some(bad) = bad else { continue };
        sleep(seconds(bad - good)).await;
        assert_eq!(keys.status().keys(), 0, "{stale:?}");
        assert_eq!(status(&verifier, &token).await, 503, "{stale:?}");
        assert_eq!(
            status(&remembers, &token).await,
            503,
            "what was remembered goes with its key"
        );
        issuer.play(Scene::keys(&[&key]));
        sleep(seconds(61)).await;
        assert_eq!(
            status(&verifier, &issuer.token(&key)).await,
            200,
            "{stale:?}"
        );
    }
}

/// A cache in between may have the set of before a roll-over, and says so with `Age`.
#[tokio::test(start_paused = true)]
async fn a_new_key_behind_a_shared_cache_costs_nobody_a_token() {
    let [old, new] = [(); 2].map(|()| Signer::new(ISSUER));
    let issuer = Staged::new(Scene::keys(&[&old]).with("age", "500"));
    sleep(seconds(600)).await;
    let token = issuer.token(&new);
    sleep(seconds(100)).await;
    let keys = issuer.keys().fetch().await.unwrap();
    assert_eq!(issuer.header("cache-control"), None);
    let verifier = issuer.verifier(&keys);
    assert_eq!(status(&verifier, &token).await, 503);
    issuer.play(Scene::keys(&[&old, &new]));
    sleep(seconds(30)).await;
    assert_eq!(status(&verifier, &token).await, 200);
    assert_eq!(issuer.header("cache-control").unwrap(), "no-cache");
}

#[tokio::test(start_paused = true)]
async fn a_failing_issuer_is_asked_ever_more_seldom() {
    let issuer = Staged::new(Scene::Broken);
    let keys = issuer.keys().start().unwrap();
    sleep(hours(1)).await;
    let asked = issuer.asked();
    let pauses: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, most) in pauses.iter().zip([1, 2, 4, 8, 16, 32]) {
        assert!(*pause <= most, "{pauses:?}");
    }
    assert!(
        pauses[6..].iter().all(|pause| (45..=60).contains(pause)),
        "{pauses:?}"
    );
    let state = keys.status();
    assert_eq!(state.last_error().unwrap().kind(), Kind::Unreachable);
    assert_eq!(state.failures() as usize, asked.len());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_asks_for_a_pause_gets_it() {
    let issuer = Staged::new(Scene::status(429).with("retry-after", "120"));
    let _keys = issuer.keys().start().unwrap();
    sleep(seconds(119)).await;
    assert_eq!(issuer.count(), 1);
    sleep(seconds(2)).await;
    assert_eq!(issuer.count(), 2);
}

/// `Retry-After` holds for fetches that tokens ask for as well.
#[tokio::test(start_paused = true)]
async fn a_flood_of_tokens_does_not_shorten_the_pause_of_the_issuer() {
    for had_keys in [false, true] {
        let issuer = Staged::new(Scene::keys(&[&Signer::new(ISSUER)]));
        let limited = Scene::status(429).with("retry-after", "300");
        if !had_keys {
            issuer.play(limited.clone());
        }
        let keys = issuer.keys().start().unwrap();
        sleep(seconds(1)).await;
        issuer.play(limited);
        sleep(seconds(40)).await;
        let verifier = issuer.verifier(&keys);
        let before = issuer.count();
        for _ in 0..50 {
            let stranger = issuer.token(&Signer::new(ISSUER));
            assert_eq!(status(&verifier, &stranger).await, 503);
            sleep(seconds(5)).await;
        }
        assert_eq!(issuer.count() - before, usize::from(had_keys));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_fetch_but_not_for_long() {
    let [old, new] = [(); 2].map(|()| Signer::new(ISSUER));
    let issuer = Staged::new(Scene::keys(&[&old]));
    let keys = issuer.keys().fetch().await.unwrap();
    let verifier = issuer.verifier(&keys);
    sleep(seconds(60)).await;

    issuer.play(Scene::keys(&[&old, &new]).late(seconds(1)));
    let began = Instant::now();
    assert_eq!(status(&verifier, &issuer.token(&new)).await, 200);
    assert_eq!(began.elapsed().as_secs(), 1);

    sleep(seconds(60)).await;
    let newest = Signer::new(ISSUER);
    issuer.play(Scene::keys(&[&newest]).late(seconds(5)));
    let began = Instant::now();
    assert_eq!(status(&verifier, &issuer.token(&newest)).await, 503);
    assert_eq!(began.elapsed().as_secs(), 2);
    assert_eq!(
        status(&verifier, &issuer.token(&old)).await,
        200,
        "nobody else waits"
    );
    sleep(seconds(4)).await;
    assert_eq!(
        status(&verifier, &issuer.token(&newest)).await,
        200,
        "the fetch has gone on"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_ends() {
    let issuer = Staged::new(Scene::Hang);
    let began = Instant::now();
    let error = issuer.keys().fetch().await.unwrap_err();
    assert_eq!(
        (error.kind(), began.elapsed().as_secs()),
        (Kind::TimedOut, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn removed_keys_go_at_once_or_when_they_were_to_be() {
    for (keep, good_for) in [(0, 0), (600, 600)] {
        let [old, new] = [(); 2].map(|()| Signer::new(ISSUER));
        let issuer = Staged::new(Scene::keys(&[&old]));
        let keys = issuer
            .keys()
            .keep_removed(seconds(keep))
            .fetch()
            .await
            .unwrap();
        let verifier = issuer.verifier(&keys);
        sleep(seconds(60)).await;
        let token = issuer.token(&old);
        assert_eq!(status(&verifier, &token).await, 200, "it is remembered");
        issuer.play(Scene::keys(&[&new]));
        assert_eq!(status(&verifier, &issuer.token(&new)).await, 200);
        if good_for > 0 {
            sleep(seconds(good_for - 1)).await;
            assert_eq!(status(&verifier, &issuer.token(&old)).await, 200);
        }
        sleep(seconds(2)).await;
        // It was issued before that fetch began, or it is not known whether.
        let gone = status(&verifier, &token).await;
        assert_ne!(gone, 200);
        assert_eq!(keys.status().keys(), 1);
    }
}
