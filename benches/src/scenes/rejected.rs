//! Requests that are refused, each for one reason. The signatures are Ed25519's, so that a
//! refusal that came after one is seen to be dear.

use http::HeaderValue;

use super::Scene;
use crate::{
    stacks::{Stack, jwt_authorizer, tower_bearer, tower_http},
    tokens::{Tokens, bearer, verifier},
};

pub(super) fn scenes(tokens: &Tokens) -> Vec<Scene> {
    let ours = tower_bearer(verifier(&tokens.keys()));
    let bad = bad(tokens).into_iter().flat_map(|(why, header)| {
        let scene = |stack: &str, refusing| {
            refused(format!("reject/{stack}/{why}"), refusing, header.clone())
        };
        [
            scene("tower_bearer", Box::new(ours.clone())),
            scene("tower_http", Box::new(tower_http(tokens))),
            scene("jwt_authorizer", Box::new(jwt_authorizer(tokens))),
        ]
    });
    bad.collect()
}

fn bad(tokens: &Tokens) -> [(&'static str, Option<HeaderValue>); 6] {
    let good = tokens.one();
    let (input, _) = good.rsplit_once('.').expect("a signature");
    let (_, signature) = tokens.strange.rsplit_once('.').expect("a signature");
    let oversize = format!("{good}{}", "A".repeat(9_000));
    let forged = format!("{input}.{signature}");
    [
        ("no_token", None),
        ("malformed", Some(bearer(&good.replace('.', "-")))),
        ("oversize", Some(bearer(&oversize))),
        ("unknown_kid", Some(bearer(&tokens.strange))),
        ("bad_signature", Some(bearer(&forged))),
        ("expired", Some(bearer(&tokens.expired))),
    ]
}

fn refused(name: String, mut stack: Box<dyn Stack>, header: Option<HeaderValue>) -> Scene {
    Scene::new(name, move || {
        assert!(stack(header.as_ref()).is_client_error());
    })
}
