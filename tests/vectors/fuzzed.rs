//! Whatever comes in, the verifier answers, and accepts nothing but what was signed.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use crate::{material::World, recipe};

static WORLD: LazyLock<World> = LazyLock::new(World::new);

static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    ["rs256", "es256", "ed25519"]
        .map(|key| recipe::build(&WORLD, &json!({ "key": key })))
        .to_vec()
});

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,200}") {
        prop_assert!(WORLD.verifier().verify(&text).is_err());
    }

    #[test]
    fn any_segments_are_refused(text in "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,90}") {
        prop_assert!(WORLD.verifier().verify(&text).is_err());
    }

    #[test]
    fn any_header_and_claims_are_refused_without_a_signature(header in ".{0,80}", claims in ".{0,80}") {
        let token = recipe::build(&WORLD, &json!({ "header_raw": header.replace("${", ""), "sig": "zeros", "claims": { "sub": { "$lit": claims } } }));
        prop_assert!(WORLD.verifier().verify(&token).is_err());
    }

    #[test]
    fn a_token_with_one_other_character_is_refused(which in 0..3usize, at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.=+/ -]") {
        let token = &TOKENS[which];
        prop_assert!(WORLD.verifier().verify(token).is_ok());
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(WORLD.verifier().verify(&changed).is_ok(), &changed == token);
    }

    #[test]
    fn a_token_cut_short_is_refused(which in 0..3usize, at in any::<prop::sample::Index>()) {
        let token = &TOKENS[which];
        prop_assert!(WORLD.verifier().verify(&token[..at.index(token.len())]).is_err());
    }
}
