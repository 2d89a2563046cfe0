//! Requests that are refused, each for one reason. The signatures are Ed25519's, so that a
//! refusal that came after one is seen to be dear.

use http::{HeaderValue, StatusCode};
use tower_bearer::Algorithm;

use super::Scene;
use crate::{
    stacks::{self, Stack},
    tokens::{Tokens, bearer},
};

pub(super) fn scenes() -> Vec<Scene> {
    let tokens = Tokens::new(Algorithm::EdDSA);
    let mut scenes = Vec::new();
    for (why, header) in bad(&tokens) {
        let scene =
            |stack: &str, refusing| refused(format!("reject/{stack}/{why}"), refusing, &header);
        scenes.extend([
            scene(
                "tower_bearer",
                Box::new(stacks::tower_bearer(tokens.verifier())),
            ),
            scene("tower_http", Box::new(stacks::tower_http(&tokens))),
            scene("jwt_authorizer", Box::new(stacks::jwt_authorizer(&tokens))),
        ]);
    }
    scenes
}

fn bad(tokens: &Tokens) -> [(&'static str, Option<HeaderValue>); 6] {
    let token = tokens.token(0);
    let strange = Tokens::new(Algorithm::EdDSA).token(0);
    let (input, _) = token.rsplit_once('.').expect("a signature");
    let (_, signature) = strange.rsplit_once('.').expect("a signature");
    [
        ("no_token", None),
        ("malformed", Some(bearer(&token.replace('.', "-")))),
        (
            "oversize",
            Some(bearer(&format!("{token}{}", "A".repeat(9_000)))),
        ),
        ("unknown_kid", Some(bearer(&strange))),
        (
            "bad_signature",
            Some(bearer(&format!("{input}.{signature}"))),
        ),
        ("expired", Some(bearer(&tokens.expired()))),
    ]
}

fn refused(name: String, mut stack: Box<dyn Stack>, header: &Option<HeaderValue>) -> Scene {
    let header = header.clone();
    Scene::new(name, move || {
        assert_eq!(stack(header.as_ref()), StatusCode::UNAUTHORIZED);
    })
}
