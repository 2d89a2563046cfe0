//! The places in which servers have their metadata.

use serde_json::json;
use tests_shared::issuer::{IssuerServer, KEYS, METADATA};
use tower_bearer::{
    remote::{RemoteKeys, RemoteKeysErrorKind as Kind},
    testing::Answer,
};

use crate::support::{brief, discovered, http, kind, status};

/// What stands at the three places of an issuer with a path, and what comes of it.
#[tokio::test]
async fn metadata_is_found_where_servers_have_it() {
    const PLACES: [&str; 3] = [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
        "/tenant/.well-known/oauth-authorization-server",
    ];
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let issuer = format!("{}/tenant", server.url());
    let right = || Answer::json(json!({ "issuer": issuer, "jwks_uri": server.jwks_uri() }));
    let wrong = || Answer::json(server.metadata());
    let no = || Answer::status(404);
    for (plays, expected) in [
        ([right(), no(), no()], Ok(())),
        ([no(), right(), no()], Ok(())),
        ([no(), no(), right()], Ok(())),
        ([Answer::status(403), Answer::status(410), right()], Ok(())),
        // A login page, whatever is asked for.
        ([Answer::html(), Answer::html(), right()], Ok(())),
        (
            [
                Answer::Redirect("/login".into()),
                Answer::Redirect("http://elsewhere.invalid".into()),
                right(),
            ],
            Ok(()),
        ),
        ([wrong(), wrong(), right()], Ok(())),
        ([no(), wrong(), no()], Err(Kind::WrongIssuer)),
        ([Answer::html(), no(), Answer::html()], Err(Kind::NotJson)),
        ([no(), no(), no()], Err(Kind::Status)),
        // It is in trouble, and the other places would only tell something else.
        ([Answer::status(503), right(), right()], Err(Kind::Status)),
        ([Answer::Cut, right(), right()], Err(Kind::Unreachable)),
    ] {
        let shown = format!("{plays:?}");
        for (place, play) in PLACES.iter().zip(plays) {
            server.answer(place, play);
        }
        let keys = brief(RemoteKeys::discover(&issuer, http())).fetch().await;
        assert_eq!(
            keys.map(|_| ()).map_err(|error| error.kind()),
            expected,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_name_of_the_issuer_is_compared_byte_for_byte() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let with_slash = format!("{}/", server.url());
    let found = brief(RemoteKeys::discover(&with_slash, http()))
        .fetch()
        .await;
    let error = found.unwrap_err();
    assert_eq!(error.kind(), Kind::WrongIssuer);
    assert!(
        error.to_string().contains(&server.url()),
        "it says which one: {error}"
    );

    server.answer(
        METADATA,
        Answer::json(json!({ "issuer": with_slash, "jwks_uri": server.jwks_uri() })),
    );
    let found = brief(RemoteKeys::discover(&with_slash, http()))
        .fetch()
        .await;
    assert_eq!(found.unwrap().status().keys(), 1);
    assert_eq!(kind(discovered(&server).fetch().await), Kind::WrongIssuer);
}

#[tokio::test]
async fn keys_may_be_at_another_origin_that_the_metadata_names() {
    let [server, cdn] = [IssuerServer::start().await, IssuerServer::start().await];
    let good = server.signer();
    cdn.publish(&[&good]);
    let metadata = json!({ "issuer": server.url(), "jwks_uri": cdn.jwks_uri() });
    server.answer(METADATA, Answer::json(metadata));
    let keys = discovered(&server).fetch().await.unwrap();
    let verifier = crate::support::verifier(&server, &keys);
    assert_eq!(status(&verifier, &good.token()).await, 200);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let jwks_uri = format!("{}/a", server.url());
    server.answer("/a", Answer::Redirect("/b".into()));
    server.answer("/b", Answer::Redirect(format!("{}/c", server.url())));
    server.answer("/c", Answer::Redirect("keys".into()));
    let keys = brief(RemoteKeys::at(&jwks_uri, http())).fetch().await;
    assert_eq!(keys.unwrap().status().keys(), 1);
    server.answer("/c", Answer::Redirect("d".into()));
    server.answer("/d", Answer::Redirect("keys".into()));
    let error = brief(RemoteKeys::at(&jwks_uri, http())).fetch().await;
    assert_eq!(kind(error), Kind::Redirected, "the fourth");
}

/// A server that moves its keys is asked where they are when the old place fails.
#[tokio::test]
async fn the_place_of_the_keys_is_looked_up_again_after_a_failure() {
    let server = IssuerServer::start().await;
    let [old, new] = [(); 2].map(|()| server.signer());
    server.publish(&[&old]);
    let keys = discovered(&server).fetch().await.unwrap();
    server.answer(KEYS, Answer::status(404));
    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}/moved", server.url()) });
    server.answer(METADATA, Answer::json(metadata));
    server.answer(
        "/moved",
        Answer::json(tests_shared::issuer::key_set(&[&old, &new])),
    );
    let verifier = crate::support::verifier(&server, &keys);
    crate::support::until(|| {
        let _ = verifier.verify(&new.token());
        keys.status().keys() == 2
    })
    .await;
    assert_eq!(status(&verifier, &new.token()).await, 200);
    assert_eq!((server.asked(METADATA), server.asked("/moved")), (2, 1));
}

/// The metadata cannot be had, and the keys can.
#[tokio::test(start_paused = true)]
async fn keys_are_looked_for_where_they_were_while_the_metadata_is_not_there() {
    use crate::staged::{ISSUER, Scene, Staged};
    use tests_shared::issuer::{Signer, key_set};

    let hour = || tokio::time::sleep(std::time::Duration::from_secs(3700));
    for trouble in [Scene::status(500), Scene::Hang, Scene::Broken] {
        let [old, new] = [(); 2].map(|()| Signer::new(ISSUER));
        let issuer = Staged::new(Scene::status(404));
        let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/keys") });
        let place = "/.well-known/openid-configuration";
        issuer.at(place, Scene::Answer(200, metadata.to_string(), Vec::new()));
        issuer.at("/keys", Scene::keys(&[&old]));
        let keys = RemoteKeys::discover(ISSUER, issuer.clone())
            .fetch()
            .await
            .unwrap();
        issuer.at(place, trouble);
        issuer.at(
            "/keys",
            Scene::Answer(200, key_set(&[&old, &new]).to_string(), Vec::new()),
        );
        hour().await;
        hour().await;
        assert_eq!(keys.status().keys(), 2);
        assert!(keys.status().last_error().is_none());
        // It is that of another issuer now, which is no trouble that passes.
        let other =
            json!({ "issuer": "https://other.example", "jwks_uri": "https://other.example" });
        issuer.at(place, Scene::Answer(200, other.to_string(), Vec::new()));
        hour().await;
        hour().await;
        let error = keys.status().last_error().map(|error| error.kind());
        assert_eq!(error, Some(Kind::WrongIssuer));
    }
}

#[tokio::test]
async fn the_request_says_what_it_wants_and_who_it_is() {
    let server = IssuerServer::start().await;
    server.publish(&[&server.signer()]);
    discovered(&server).fetch().await.unwrap();
    let headers = server.last().headers;
    let value = |name| headers[name].to_str().unwrap().to_owned();
    assert!(value("accept").starts_with("application/jwk-set+json, application/json"));
    assert!(value("user-agent").starts_with("tower-bearer/"));
    assert_eq!(server.last().method, "GET");
}

/// An operator is told that the metadata cannot be had, and the place of the keys is not believed for ever.
#[tokio::test(start_paused = true)]
async fn metadata_that_cannot_be_had_is_told_and_believed_for_a_day() {
    use crate::staged::{ISSUER, Scene, Staged};
    use tests_shared::issuer::Signer;

    let hours = |hours: u64| tokio::time::sleep(std::time::Duration::from_secs(hours * 3600));
    let issuer = Staged::new(Scene::status(404));
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/keys") });
    let place = "/.well-known/openid-configuration";
    issuer.at(place, Scene::Answer(200, metadata.to_string(), Vec::new()));
    issuer.at("/keys", Scene::keys(&[&Signer::new(ISSUER)]));
    let keys = RemoteKeys::discover(ISSUER, issuer.clone()).fetch().await;
    let keys = keys.unwrap();
    assert!(keys.status().metadata_error().is_none());
    issuer.at(place, Scene::Broken);
    hours(4).await;
    let state = keys.status();
    assert_eq!(state.metadata_error().unwrap().kind(), Kind::Unreachable);
    assert!(state.last_error().is_none());
    hours(24).await;
    let state = keys.status();
    assert_eq!(state.last_error().unwrap().kind(), Kind::Unreachable);
    assert!(state.failures() > 0 && state.keys() == 1);
    issuer.at(place, Scene::Answer(200, metadata.to_string(), Vec::new()));
    hours(1).await;
    assert!(keys.status().metadata_error().is_none());
    assert!(keys.status().last_error().is_none());
}
