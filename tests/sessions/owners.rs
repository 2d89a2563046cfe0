//! Whose sessions are listed and ended, where a verifier trusts another issuer too.

use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, SigningKey, TrustedIssuer, VerifiedToken, Verifier,
    session::ListRequest,
};

use crate::support::*;

const PARTNER: &str = "https://partner.example";

/// A token of the partner's user who is called anna too, and a verifier's word that it is good.
fn foreign(world: &World, own: &Claims) -> VerifiedToken {
    let keys = KeySet::new(SigningKey::from_secret(Algorithm::HS256, [9; 32]).unwrap());
    let partner = TrustedIssuer::new(PARTNER, AUDIENCE, keys.verifying()).unwrap();
    let own_keys = world.sessions.issuer().keys().verifying();
    let trusted = TrustedIssuer::new(ISSUER, AUDIENCE, own_keys).unwrap();
    let verifier = Verifier::trusting([trusted, partner]).unwrap();
    let mut claims = own.clone();
    claims.iss = PARTNER.into();
    let issuer = Issuer::new(PARTNER, AUDIENCE, keys).unwrap();
    let token = issuer.sign(&claims).unwrap();
    let token = verifier.clock(world.clock.clone()).verify(token.expose());
    token.unwrap()
}

#[tokio::test]
async fn the_same_subject_of_another_issuer_has_no_session_here() {
    let world = world();
    let (first, second) = (world.login().await, world.login().await);
    let own = world.claims(&first.access_token);
    let foreign = foreign(&world, &own);
    let (claims, id) = (foreign.claims(), sid(&first));
    assert_eq!((&claims.sub, claims.session_id()), (&own.sub, Some(id)));

    let sessions = &world.sessions;
    for request in [
        ListRequest::from(claims),
        ListRequest::from(&foreign),
        ListRequest::new(claims).current(id),
        ListRequest::new(&foreign).before(sid(&second)),
    ] {
        let page = sessions.list(request).await.unwrap();
        assert!(page.sessions.is_empty() && page.next.is_none());
    }
    assert!(!sessions.end(id, claims).await.unwrap());
    assert!(!sessions.end(id, &foreign).await.unwrap());
    assert_eq!(sessions.end_all(claims).await.unwrap(), 0);
    assert_eq!(sessions.end_all(&foreign).await.unwrap(), 0);
    assert_eq!(sessions.end_others(claims, id).await.unwrap(), 0);
    assert_eq!(sessions.list("anna").await.unwrap().sessions.len(), 2);
}

#[tokio::test]
async fn a_users_own_token_lists_and_ends_their_sessions() {
    let world = world();
    let mut logins = Vec::new();
    for _ in 0..5 {
        logins.push(world.login().await);
    }
    let token = world.verified(&logins[0].access_token);
    let claims = token.claims_as::<serde_json::Value>().unwrap();
    let sessions = &world.sessions;

    // The session of the token is the current one, which comes first and beyond the limit.
    let page = sessions.list(ListRequest::from(&claims).limit(2)).await;
    let listed: Vec<_> = page.unwrap().sessions.iter().map(|it| it.sid).collect();
    assert_eq!(listed, [sid(&logins[0]), sid(&logins[4]), sid(&logins[3])]);

    assert!(sessions.end(sid(&logins[1]), &token).await.unwrap());
    assert_eq!(
        sessions.end_others(&claims, sid(&logins[0])).await.unwrap(),
        3
    );
    assert_eq!(sessions.end_all(&claims).await.unwrap(), 1);
}
