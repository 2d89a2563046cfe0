//! Requests that are let through.

use std::{hint::black_box, sync::Arc};

use http::{Extensions, HeaderValue, StatusCode};
use tower_bearer::Algorithm;

use super::{MANY, Scene};
use crate::{
    effort::Effort,
    floor::Floor,
    stacks::{self, Stack},
    tokens::{ALGORITHMS, Tokens},
};

/// More than [`few_remembered`](Tokens::few_remembered) tokens are ever remembered.
const UNSEEN: usize = 4_000;

pub(super) fn scenes(effort: Effort) -> Vec<Scene> {
    let mut scenes = vec![extension_insert()];
    for algorithm in ALGORITHMS {
        scenes.extend(of(algorithm, &Tokens::new(algorithm)));
    }
    let tokens = Tokens::new(Algorithm::HS256);
    for many in MANY {
        let live = tokens.headers(effort.pick(many, 100));
        scenes.push(ok(format!("bare/{many}"), stacks::bare(), live.clone()));
        let ours = stacks::tower_bearer(tokens.verifier());
        scenes.push(ok(format!("HS256/hit/{many}"), ours, live));
    }
    scenes
}

/// One algorithm.
fn of(algorithm: Algorithm, tokens: &Tokens) -> Vec<Scene> {
    let one = || tokens.headers(1);
    let named = |what: &str| format!("{algorithm}/{what}");
    let mut scenes = vec![
        ok(named("bare"), stacks::bare(), one()),
        ok(named("hit"), stacks::tower_bearer(tokens.verifier()), one()),
        ok(named("tower_http"), stacks::tower_http(tokens), one()),
        ok(
            named("jwt_authorizer"),
            stacks::jwt_authorizer(tokens),
            one(),
        ),
    ];
    let forgetful = stacks::tower_bearer(tokens.few_remembered());
    scenes.push(ok(named("first_sight"), forgetful, tokens.headers(UNSEEN)));
    scenes.extend(without_http(algorithm, tokens));
    scenes
}

/// The check of the token alone, and the least that it can be.
fn without_http(algorithm: Algorithm, tokens: &Tokens) -> [Scene; 2] {
    let texts: Arc<[String]> = (0..UNSEEN).map(|user| tokens.token(user)).collect();
    let floor = Floor::new(tokens);
    let verifier = tokens.few_remembered();
    [
        in_turn(format!("{algorithm}/floor"), &texts, move |token| {
            black_box(floor.check(token));
        }),
        in_turn(format!("{algorithm}/verify"), &texts, move |token| {
            black_box(verifier.verify(token).expect("a good token"));
        }),
    ]
}

fn in_turn(name: String, texts: &Arc<[String]>, mut check: impl FnMut(&str) + 'static) -> Scene {
    let texts = Arc::clone(texts);
    let mut next = 0;
    Scene::new(name, move || {
        next = if next + 1 < texts.len() { next + 1 } else { 0 };
        check(&texts[next]);
    })
}

fn extension_insert() -> Scene {
    #[derive(Clone)]
    struct Pointer(#[expect(dead_code, reason = "it only takes its place")] Arc<str>);

    let shared: Arc<str> = "claims".into();
    Scene::new("extension_insert", move || {
        let mut extensions = Extensions::new();
        extensions.insert(Pointer(Arc::clone(&shared)));
        black_box(&extensions);
    })
}

pub(super) fn ok(
    name: impl Into<String>,
    stack: impl Stack + 'static,
    tokens: Vec<HeaderValue>,
) -> Scene {
    Scene::requests(name, stack, tokens, StatusCode::OK)
}
