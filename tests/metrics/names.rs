//! The names of metrics in the manual, the dashboard and the rules are those that are exported.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    bearer::BearerLayer,
    clock::{Clock, SystemClock},
    jws::{Signer, SignerOptions},
    ring::{KeyEncryptionKey, KeyRing},
    session::FeedOptions,
    store::MemoryStore,
};

use crate::{
    scrape::{listen, names},
    support::*,
};

/// The names in a text that could be those of metrics.
fn named(text: &str) -> BTreeSet<String> {
    let is_of_names = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_of_names(letter));
    let words = words.filter(|word| word.starts_with("tower_bearer_"));
    let of_histograms = ["_bucket", "_count", "_sum"];
    words
        .map(|word| {
            let plain = of_histograms.iter().find_map(|end| word.strip_suffix(end));
            plain.unwrap_or(word).to_owned()
        })
        .collect()
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

async fn exported() -> BTreeSet<String> {
    let (metrics, _guard) = listen();
    let world = world();
    let _layer = BearerLayer::new(world.verifier());
    let feed = world.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    world.login().await;
    sign_elsewhere().await;
    let key = KeyEncryptionKey::from_secret([7; 32]).unwrap();
    let _ring = KeyRing::builder(MemoryStore::new(), key)
        .open()
        .await
        .unwrap();
    names(&metrics)
}

struct Elsewhere;

impl Signer for Elsewhere {
    type Error = &'static str;

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, &'static str> {
        Err("it is away")
    }
}

async fn sign_elsewhere() {
    let public = SigningKey::generate(Algorithm::ES256).unwrap();
    let public = public.verifying_key();
    let key = SigningKey::from_signer(public, Elsewhere, SignerOptions::new()).unwrap();
    let issuer = Issuer::new("issuer", "audience", KeySet::new(key)).unwrap();
    let claims = issuer.claims("anna", SystemClock.now(), Duration::from_secs(60));
    issuer.sign_async(&claims).await.unwrap_err();
}

#[tokio::test]
async fn whatever_the_dashboard_and_the_rules_ask_for_is_exported() {
    let exported = exported().await;
    for path in ["dashboard.json", "alerts.yml", "alerts_test.yml"] {
        let named = named(&file(&format!("examples/observability/{path}")));
        assert!(named.len() > 5, "{path}: {named:?}");
        let unknown: Vec<_> = named.difference(&exported).collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?} of {exported:?}");
    }
}

#[tokio::test]
async fn the_dashboard_shows_and_the_manual_explains_whatever_is_exported() {
    let exported = exported().await;
    let dashboard = named(&file("examples/observability/dashboard.json"));
    assert_eq!(dashboard, exported);
    assert_eq!(named(&file("src/manual/observability.md")), exported);
}

/// What Grafana's schema of a dashboard asks for. Grafana itself is in no package registry.
#[test]
fn the_dashboard_is_one() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&file("examples/observability/dashboard.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let variables: Vec<_> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "instance"]);
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(["timeseries", "stat"].contains(&panel["type"].as_str().unwrap()));
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} covers another", panel["title"]);
            }
        }
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["refId"].is_string() && target["expr"].is_string());
        }
    }
}
