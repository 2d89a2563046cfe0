//! What a request needs: a token, scopes, or nothing.

use tower_bearer::{Scope, VerifiedToken, bearer::BearerLayer};

use crate::{
    challenge, passed, refused,
    tokens::{Tokens, authorized, bare, bearer},
};

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

#[tokio::test]
async fn optional_lets_no_token_through_without_claims() {
    let tokens = Tokens::new();
    for request in [bare(), authorized("Basic YTpi"), authorized("Bearer")] {
        let seen = passed(layer(&tokens).optional(), request).await;
        assert!(seen.extensions().get::<VerifiedToken>().is_none());
    }
    let seen = passed(layer(&tokens).optional(), bearer(&tokens.plain())).await;
    assert!(seen.extensions().get::<VerifiedToken>().is_some());
}

#[tokio::test]
async fn optional_refuses_bad_tokens() {
    let tokens = Tokens::new();
    refused(layer(&tokens).optional(), bearer("a.b.c"), 401).await;
    refused(layer(&tokens).optional(), bearer("a b"), 400).await;
    refused(layer(&tokens).optional(), authorized("Bearer\ta.b.c"), 400).await;
}

#[tokio::test]
async fn a_required_scope_needs_a_token_even_if_optional() {
    let tokens = Tokens::new();
    for layer in [
        layer(&tokens).require_scope(Scope::from_static("read")),
        layer(&tokens).require_any_scope(Scope::from_static("read")),
    ] {
        let answer = refused(layer.clone().optional(), bare(), 401).await;
        assert_eq!(challenge(answer.headers()), r#"Bearer realm="api""#);
        passed(layer.optional(), bearer(&tokens.scoped("read"))).await;
    }
}

#[tokio::test]
async fn scopes_add_up() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .require_scope(Scope::from_static("a"))
        .require_scope(Scope::from_static("b"))
        .require_any_scope(Scope::from_static("c d"))
        .require_any_scope(Scope::from_static("e f"));
    for held in ["a b c e", "f d b a x"] {
        passed(layer.clone(), bearer(&tokens.scoped(held))).await;
    }
    for (held, asked) in [
        ("a c e", "a b"),
        ("a b e", "c d"),
        ("a b c", "e f"),
        ("", "a b"),
    ] {
        let answer = refused(layer.clone(), bearer(&tokens.scoped(held)), 403).await;
        let asked = format!("scope=\"{asked}\"");
        assert!(challenge(answer.headers()).ends_with(&asked), "{held}");
    }
}

#[tokio::test]
async fn an_empty_scope_closes_the_route() {
    let tokens = Tokens::new();
    let good = || bearer(&tokens.scoped("read"));
    for layer in [
        layer(&tokens).require_scope(Scope::empty()),
        layer(&tokens).require_any_scope(Scope::empty()),
    ] {
        let answer = refused(layer.clone(), good(), 403).await;
        let challenge = challenge(answer.headers());
        assert!(challenge.contains("insufficient_scope") && !challenge.contains(" scope="));
        refused(layer.clone().optional(), bare(), 401).await;
        let more = layer.require_scope(Scope::from_static("read"));
        refused(more, good(), 403).await;
    }
}

#[tokio::test]
async fn a_clone_of_the_layer_goes_its_own_way() {
    let tokens = Tokens::new();
    let any = layer(&tokens);
    let admins = any.clone().require_scope(Scope::from_static("admin"));
    passed(any, bearer(&tokens.plain())).await;
    refused(admins, bearer(&tokens.plain()), 403).await;
}
