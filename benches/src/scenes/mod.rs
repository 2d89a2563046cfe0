//! What is measured of one request, in time and in instructions alike.
//!
//! | scene | what happens |
//! | --- | --- |
//! | `ALG/bare`, `bare/N` | the inner service alone, with one token or N in turn |
//! | `extension_insert` | a pointer goes into the extensions of a request |
//! | `ALG/floor` | see [`Floor`](crate::floor::Floor) |
//! | `ALG/verify`, `ALG/verify_uncached` | `Verifier::verify`, of a token that it has not seen; where none is remembered |
//! | `ALG/first_sight` | this crate's layer, with a token that it has not seen |
//! | `ALG/hit`, `ALG/hit/N` | this crate's layer, with one token or N that it has seen |
//! | `ALG/tower_http`, `ALG/jwt_authorizer` | a peer, with one token; they remember nothing |
//! | `ALG/tower_http/unseen`, `ALG/jwt_authorizer/unseen` | the same, with a token that it has not seen |
//! | `reject/STACK/WHY` | a refusal |
//! | `keys/64/…` | as above, with 64 keys in the set |
//! | `guard/without`, `guard/none_ended`, `guard/million_ended` | this crate's layer, with 1 000 tokens of sessions that it has seen: without the sessions; with them, none or a million others of which were ended |
//! | `guard/rotated` | as `guard/none_ended`, with tokens of sessions that were refreshed, whose confirmation was seen |
//! | `proof/ALG` | this crate's layer, with a token that it has seen and a proof (DPoP) by that algorithm that it has not |
//! | `ALG/refresh` | a whole refresh in memory, with the access token signed by that algorithm; only counted |
//! | `axum/…` | axum with 1 000 tokens that it has seen, bare, with a layer that does nothing, and with this crate's |

mod accepted;
mod guard;
mod many;
mod proofs;
mod refresh;
mod rejected;

use http::HeaderValue;

use crate::{
    stacks::Stack,
    tokens::{Tokens, bearer},
};

pub use self::{many::MANY, refresh::refreshes};

/// One thing to measure: its name, and how to do it once.
pub struct Scene {
    /// Its name in the tables.
    pub name: String,
    /// Does it once.
    pub once: Box<dyn FnMut()>,
}

/// All of them, with what [`Tokens::for_scenes`] has prepared.
pub fn all(prepared: &[Tokens]) -> Vec<Scene> {
    let of = |name: &str| {
        let found = prepared
            .iter()
            .find(|tokens| tokens.algorithm().as_str() == name);
        found.expect("it was prepared")
    };
    let mut scenes = vec![accepted::extension_insert()];
    scenes.extend(prepared.iter().flat_map(accepted::scenes));
    scenes.extend(many::scenes(of("HS256")));
    scenes.extend(guard::scenes(of("HS256")));
    scenes.extend(rejected::scenes(of("EdDSA")));
    scenes.extend(proofs::scenes());
    scenes
}

impl Scene {
    fn new(name: impl Into<String>, once: impl FnMut() + 'static) -> Self {
        Self {
            name: name.into(),
            once: Box::new(once),
        }
    }

    /// Does it with one token after the other.
    fn in_turn<T: 'static>(
        name: impl Into<String>,
        tokens: Vec<T>,
        mut check: impl FnMut(&T) + 'static,
    ) -> Self {
        let mut next = 0;
        Self::new(name, move || {
            check(&tokens[next]);
            // Cheaper than a division.
            next = if next + 1 < tokens.len() { next + 1 } else { 0 };
        })
    }

    /// Requests that are let through.
    fn accepted(
        name: impl Into<String>,
        mut stack: impl Stack + 'static,
        tokens: &[String],
    ) -> Self {
        Self::in_turn(name, headers(tokens), move |token| {
            assert!(stack(Some(token)).is_success());
        })
    }

    /// The same, each token having been seen before.
    fn seen(name: impl Into<String>, mut stack: impl Stack + 'static, tokens: &[String]) -> Self {
        for token in headers(tokens) {
            assert!(stack(Some(&token)).is_success());
        }
        Self::accepted(name, stack, tokens)
    }
}

/// A header for each, with bytes of its own, as those of requests have.
fn headers(tokens: &[String]) -> Vec<HeaderValue> {
    tokens.iter().map(|token| bearer(token)).collect()
}
