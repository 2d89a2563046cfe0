//! What it costs to refuse the access tokens of ended sessions, in requests that are let through.

use std::time::Duration;

use http::HeaderValue;
use tower_bearer::{
    Issuer, KeySet, SessionId,
    clock::{Clock, SystemClock},
    session::{RefreshKey, Sessions, SessionsBuilder},
    store::MemoryStore,
};
use uuid::Uuid;

use super::{Scene, headers};
use crate::{
    stacks::{Stack, guarded, tower_bearer},
    tokens::{AUDIENCE, ISSUER, Tokens, verifier},
};

const LIVE: u32 = 1_000;
const ENDED: u32 = 1_000_000;
const LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

pub(super) fn scenes(tokens: &Tokens) -> [Scene; 4] {
    let keys = tokens.keys();
    let first = live(&keys, 0);
    let with = |name: &str, tokens: &[String], ended: u32| {
        let sessions = sessions(&keys);
        for number in 0..ended {
            sessions.note_ended(session(LIVE + number));
        }
        scene(name, guarded(verifier(&keys), &sessions), tokens)
    };
    let without = tower_bearer(verifier(&keys));
    [
        scene("guard/without", without, &first),
        with("guard/none_ended", &first, 0),
        with("guard/million_ended", &first, ENDED),
        with("guard/rotated", &live(&keys, 1), 0),
    ]
}

/// With headers that were copied before, as the first copy takes more than the others.
fn scene(name: &str, mut stack: impl Stack + 'static, tokens: &[String]) -> Scene {
    let mut once = move |token: &HeaderValue| assert!(stack(Some(token)).is_success());
    let tokens = headers(tokens);
    tokens.iter().for_each(&mut once);
    Scene::in_turn(name, tokens, once)
}

/// An access token of each live session, given out with its refresh token of that generation.
fn live(keys: &KeySet, generation: u32) -> Vec<String> {
    let issuer = issuer(keys);
    let token = |number| {
        let mut claims = issuer.claims("user-00000042", SystemClock.now(), LIFETIME);
        claims.scope = "profile mail".parse().expect("two scopes");
        claims.sid = Some(session(number).to_string());
        claims.generation = Some(generation);
        let token = issuer.sign(&claims).expect("it can be signed");
        token.expose().to_owned()
    };
    (0..LIVE).map(token).collect()
}

fn sessions(keys: &KeySet) -> Sessions<MemoryStore> {
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
    let sessions = SessionsBuilder::new(issuer(keys), refresh_key, MemoryStore::new());
    sessions.build().expect("good settings")
}

fn issuer(keys: &KeySet) -> Issuer {
    Issuer::new(ISSUER, AUDIENCE, keys.clone()).expect("both have names")
}

/// As random as those of real sessions, and the same on each run.
fn session(number: u32) -> SessionId {
    let random = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let (time, random) = (u128::from(number) << 80, random >> 66);
    SessionId::from_uuid(Uuid::from_u128(time | 0x7 << 76 | 0x2 << 62 | random))
}
