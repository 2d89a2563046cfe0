//! What is measured of one request, in time and in instructions alike.
//!
//! | scene | what happens |
//! | --- | --- |
//! | `bare/N` | the inner service alone, with N tokens in turn |
//! | `extension_insert` | a pointer goes into the extensions of a request and out again |
//! | `ALG/floor` | see [`Floor`](crate::floor::Floor) |
//! | `ALG/verify` | `Verifier::verify`, of a token that it has not seen |
//! | `ALG/first_sight` | this crate's layer, with a token that it has not seen |
//! | `ALG/hit`, `ALG/hit/N` | this crate's layer, with one token or N that it has seen |
//! | `ALG/tower_http`, `ALG/jwt_authorizer` | a peer, with a token that it has seen, if it cares |
//! | `reject/STACK/WHY` | a refusal |
//! | `keys/64/…` | as above, with 64 keys in the set |

mod accepted;
mod keys;
mod rejected;

use http::{HeaderValue, StatusCode};

use crate::{effort::Effort, stacks::Stack};

/// How many tokens are live where many are.
pub const MANY: [usize; 2] = [1_000, 100_000];

/// One thing to measure: its name, and how to do it once.
pub struct Scene {
    /// Its name in the tables.
    pub name: String,
    /// Does it once.
    pub once: Box<dyn FnMut()>,
}

impl Scene {
    fn new(name: impl Into<String>, once: impl FnMut() + 'static) -> Self {
        Self {
            name: name.into(),
            once: Box::new(once),
        }
    }

    /// Requests with these tokens, one after the other, each of which gets this status.
    fn requests(
        name: impl Into<String>,
        mut stack: impl Stack + 'static,
        tokens: Vec<HeaderValue>,
        status: StatusCode,
    ) -> Self {
        let name = name.into();
        // Twice, so that the first request that is measured is none of the first.
        for token in tokens.iter().chain(&tokens) {
            assert_eq!(stack(Some(token)), status, "{name}");
        }
        let mut next = 0;
        Self::new(name, move || {
            // Cheaper than a division.
            next = if next + 1 < tokens.len() { next + 1 } else { 0 };
            assert_eq!(stack(Some(&tokens[next])), status);
        })
    }
}

/// All of them.
pub fn all(effort: Effort) -> Vec<Scene> {
    let mut scenes = accepted::scenes(effort);
    scenes.extend(keys::scenes());
    scenes.extend(rejected::scenes());
    scenes
}
