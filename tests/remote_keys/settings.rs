//! What the builder refuses.

use std::time::Duration;

use tower_bearer::{
    Algorithm, TrustedIssuer, Verifier,
    error::ConfigErrorKind as Kind,
    remote::{RemoteKeys, RemoteKeysBuilder},
};

use crate::{
    staged::{Scene, Staged},
    support::http,
};

fn keys() -> RemoteKeysBuilder {
    RemoteKeys::at("https://id.example/keys", http())
}

#[track_caller]
fn refused(builder: RemoteKeysBuilder) -> Kind {
    builder.lazy().unwrap_err().kind()
}

#[test]
fn settings_have_their_ranges() {
    let [zero, short, long] = [0, 9, 31 * 24 * 60 * 60].map(Duration::from_secs);
    for builder in [
        keys().cooldown(zero),
        keys().cooldown(long),
        keys().refresh_every(short),
        keys().refresh_every(long),
        keys().keep_removed(long),
        keys().wait_timeout(long),
        keys().timeout(zero),
        keys().timeout(long),
    ] {
        assert_eq!(refused(builder), Kind::Lifetime);
    }
    for builder in [keys().answer_limit(0), keys().max_keys(0)] {
        assert_eq!(refused(builder), Kind::Limit);
    }
    for algorithm in [Algorithm::ES256, Algorithm::HS256, Algorithm::EdDSA] {
        assert_eq!(refused(keys().rsa_algorithm(algorithm)), Kind::Algorithm);
    }
    let least = keys().wait_timeout(zero).cooldown(Duration::from_secs(1));
    assert!(least.rsa_algorithm(Algorithm::PS512).lazy().is_ok());
}

#[test]
fn addresses_are_https_and_whole() {
    for address in [
        "",
        "id.example",
        "/keys",
        "http://id.example/keys",
        "file:///keys",
        "https://user:secret@id.example/keys",
        "https://id.example/keys#part",
    ] {
        assert_eq!(
            refused(RemoteKeys::at(address, http())),
            Kind::Url,
            "{address:?}"
        );
        assert_eq!(
            refused(RemoteKeys::discover(address, http())),
            Kind::Url,
            "{address:?}"
        );
    }
    assert!(
        RemoteKeys::at("http://id.example/keys", http())
            .danger_allow_plain_http()
            .lazy()
            .is_ok()
    );
    assert!(
        RemoteKeys::at("https://id.example/keys?tenant=1", http())
            .lazy()
            .is_ok()
    );
    assert_eq!(
        refused(RemoteKeys::discover("https://id.example?tenant=1", http())),
        Kind::Url
    );
}

#[test]
fn nothing_shows_a_secret() {
    let shown = format!("{:?} {:?}", keys(), keys().lazy().unwrap());
    assert!(shown.contains("https://id.example/keys"), "{shown}");

    let named = || RemoteKeys::at("https://api:hunter2@id.example/keys", http());
    let error = named().lazy().unwrap_err();
    let shown = format!("{:?} {error} {error:?}", named());
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// The query of an address may be a secret as well.
#[tokio::test(start_paused = true)]
async fn no_error_shows_the_query_of_an_address() {
    let refusing = Staged::new(Scene::status(403));
    let at = || RemoteKeys::at("https://id.example/keys?apikey=hunter2", refusing.clone());
    let error = at().fetch().await.unwrap_err();
    assert_eq!(error.address(), Some("https://id.example/keys"));
    let shown = format!("{:?} {:?} {error} {error:?}", at(), at().lazy().unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(refusing.uri(), "https://id.example/keys?apikey=hunter2");
}

#[test]
fn discovered_keys_are_those_of_the_issuer_that_is_trusted() {
    const NAME: &str = "https://id.example";
    const SLASHED: &str = "https://id.example/";
    const API: &str = "https://api.example";
    let discovered = |name| RemoteKeys::discover(name, http()).lazy().unwrap();
    for (found, trusted) in [(NAME, SLASHED), (SLASHED, NAME)] {
        let error = Verifier::new(trusted, API, discovered(found)).unwrap_err();
        assert_eq!(error.kind(), Kind::KeysOfAnotherIssuer);
        let text = error.to_string();
        for name in [found, trusted] {
            assert!(text.contains(&format!("{name:?}")), "{text}");
        }
        assert!(Verifier::new(found, API, discovered(found)).is_ok());
    }
    assert!(Verifier::new(SLASHED, API, keys().lazy().unwrap()).is_ok());
    let of_tenants = TrustedIssuer::of_tenants(
        "https://id.example/{tenantid}",
        ["one", "two"],
        API,
        discovered(NAME),
    );
    assert!(of_tenants.is_ok());
}
