//! jwt-authorizer's layer.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use jwt_authorizer::{AuthorizerBuilder, IntoLayer, JwtAuthorizer, Validation};
use tower::Layer;

use super::{Inner, Stack, stack};
use crate::{
    floor::AccessClaims,
    tokens::{AUDIENCE, ISSUER, SECRET, Tokens},
};

/// The inner service behind jwt-authorizer's layer.
pub fn jwt_authorizer(tokens: &Tokens) -> impl Stack + use<> {
    let validation = Validation::new()
        .iss(&[ISSUER])
        .aud(&[AUDIENCE])
        .nbf(true)
        .leeway(5);
    let building = builder(tokens).validation(validation).build();
    // Only keys from elsewhere are waited for.
    let Poll::Ready(authorizer) = pin!(building).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("it waits");
    };
    let layer = authorizer.expect("an authorizer").into_layer();
    stack(layer.layer(Inner))
}

fn builder(tokens: &Tokens) -> AuthorizerBuilder<AccessClaims> {
    match tokens.algorithm() {
        tower_bearer::Algorithm::HS256 => JwtAuthorizer::from_secret(SECRET),
        _ => JwtAuthorizer::from_jwks_text(&tokens.jwks()),
    }
}
