//! Many live tokens, many keys, and axum around them.

use tower::layer::util::Identity;
use tower_bearer::bearer::BearerLayer;

use super::Scene;
use crate::{
    stacks::{app, axum, bare, tower_bearer},
    tokens::{Tokens, forgetful, verifier},
};

/// How many tokens are live where many are.
pub const MANY: [usize; 2] = [1_000, 100_000];

pub(super) fn scenes(tokens: &Tokens) -> Vec<Scene> {
    let keys = tokens.among_64_keys();
    let unseen = tower_bearer(forgetful(&keys));
    let mut scenes = vec![
        Scene::seen(
            "keys/64/hit",
            tower_bearer(verifier(&keys)),
            tokens.first(1),
        ),
        Scene::accepted("keys/64/first_sight", unseen, tokens.unseen()),
    ];
    let keys = tokens.keys();
    for many in MANY {
        let (name, live) = (format!("HS256/hit/{many}"), tokens.first(many));
        scenes.push(Scene::accepted(format!("bare/{many}"), bare(), live));
        scenes.push(Scene::seen(name, tower_bearer(verifier(&keys)), live));
    }
    let layer = BearerLayer::new(verifier(&keys));
    let apps = [
        ("bare", app()),
        ("noop", app().layer(Identity::new())),
        ("layered", app().layer(layer)),
    ];
    let live = tokens.first(1_000);
    scenes.extend(apps.map(|(name, app)| Scene::seen(format!("axum/{name}"), axum(app), live)));
    scenes
}
