//! Requests that are let through, by algorithm.

use std::{hint::black_box, slice, sync::Arc};

use http::Extensions;

use super::Scene;
use crate::{
    floor::Floor,
    stacks::{bare, jwt_authorizer, tower_bearer, tower_http},
    tokens::{Tokens, forgetful, verifier},
};

pub(super) fn scenes(tokens: &Tokens) -> [Scene; 10] {
    let named = |what: &str| format!("{}/{what}", tokens.algorithm());
    let one = slice::from_ref(&tokens.first(1)[0]);
    let unseen = || tokens.unseen().to_vec();
    let keys = tokens.keys();
    let floor = Floor::new(tokens);
    let (alone, uncached) = (forgetful(&keys), verifier(&keys).without_cache());
    let forgetful = tower_bearer(forgetful(&keys));
    let jwt_authorizer = || jwt_authorizer(tokens);
    let tower_http = || tower_http(tokens);
    [
        Scene::seen(named("bare"), bare(), one),
        Scene::seen(named("hit"), tower_bearer(verifier(&keys)), one),
        Scene::seen(named("tower_http"), tower_http(), one),
        Scene::seen(named("jwt_authorizer"), jwt_authorizer(), one),
        Scene::accepted(named("first_sight"), forgetful, tokens.unseen()),
        Scene::accepted(named("tower_http/unseen"), tower_http(), tokens.unseen()),
        Scene::accepted(
            named("jwt_authorizer/unseen"),
            jwt_authorizer(),
            tokens.unseen(),
        ),
        Scene::in_turn(named("floor"), unseen(), move |token| {
            black_box(floor.check(token));
        }),
        Scene::in_turn(named("verify"), unseen(), move |token| {
            black_box(alone.verify(token).expect("a good token"));
        }),
        Scene::in_turn(named("verify_uncached"), unseen(), move |token| {
            black_box(uncached.verify(token).expect("a good token"));
        }),
    ]
}

pub(super) fn extension_insert() -> Scene {
    #[derive(Clone)]
    struct Pointer(#[expect(dead_code, reason = "it only takes its place")] Arc<str>);

    let shared: Arc<str> = "claims".into();
    Scene::new("extension_insert", move || {
        let mut extensions = Extensions::new();
        extensions.insert(Pointer(Arc::clone(&shared)));
        black_box(&extensions);
    })
}
