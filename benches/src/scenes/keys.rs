//! Sets of many keys.

use tower_bearer::Algorithm;

use super::{Scene, accepted::ok};
use crate::{stacks, tokens::Tokens};

const UNSEEN: usize = 4_000;

pub(super) fn scenes() -> [Scene; 2] {
    let tokens = Tokens::with_64_keys(Algorithm::HS256);
    let forgetful = stacks::tower_bearer(tokens.few_remembered());
    let ours = stacks::tower_bearer(tokens.verifier());
    [
        ok("keys/64/first_sight", forgetful, tokens.headers(UNSEEN)),
        ok("keys/64/hit", ours, tokens.headers(1)),
    ]
}
