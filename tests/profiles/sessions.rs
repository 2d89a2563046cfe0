//! An API that has sessions of its own, and also takes the tokens of another issuer: whose claims `sid` and
//! `gen` mean nothing here.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use serde_json::json;
use tests_shared::tokens::{admit, bearer};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, TokenProfile, TrustedIssuer, Verifier,
    bearer::{Admission, BearerLayer},
    clock::{ManualClock, Timestamp},
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::{MemoryStore, SessionStore},
};

use crate::shape::{KID, NOW, SECRET, keys, named, sign};

const OURS: &str = "https://id.example";
const API: &str = "https://api.example";

struct World {
    sessions: Sessions<MemoryStore>,
    verifier: Verifier,
    /// A token of our own.
    own: String,
}

async fn world() -> World {
    let clock = ManualClock::new(Timestamp::from_secs(NOW));
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let issuer = Issuer::new(OURS, API, KeySet::new(key)).unwrap();
    let own = TrustedIssuer::new(OURS, API, issuer.keys().verifying()).unwrap();
    let keycloak = named("keycloak");
    let partner = TrustedIssuer::new(keycloak.issuer, API, keys(SECRET, KID)).unwrap();
    let verifier = Verifier::trusting([own, partner.profile(TokenProfile::keycloak())]).unwrap();
    let store = MemoryStore::with_clock(clock.clone());
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = SessionsBuilder::new(issuer, refresh_key, store)
        .build()
        .unwrap();
    let tokens = sessions.start(Grant::new("anna")).await.unwrap();
    World {
        sessions,
        verifier: verifier.clock(clock),
        own: tokens.access_token.expose().to_owned(),
    }
}

impl World {
    fn sid(&self) -> String {
        let token = self.verifier.verify(&self.own).unwrap();
        token.claims().sid.clone().unwrap()
    }

    /// A token of the other issuer that claims to be of the session `sid`.
    fn partners(&self, sid: &str) -> String {
        sign(
            &named("keycloak")
                .access
                .with(&json!({ "aud": API, "sid": sid, "gen": 3 })),
        )
    }

    async fn status(&self, token: &str, check_live: bool) -> StatusCode {
        let layer = BearerLayer::new(self.verifier.clone()).sessions(&self.sessions);
        let layer = if check_live {
            layer.check_live(&self.sessions)
        } else {
            layer
        };
        let inner = service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(Response::new(String::new()))
        });
        layer
            .layer(inner)
            .oneshot(bearer(token))
            .await
            .unwrap()
            .status()
    }
}

#[tokio::test(start_paused = true)]
async fn the_guard_ignores_the_sessions_of_another_issuer() {
    let world = world().await;
    let sid = world.sid();
    // A live session, one that has ended, one that never was, and what is no identifier of ours.
    let never = "0190d0c8-5c00-7000-8000-000000000001";
    for check_live in [false, true] {
        assert_eq!(world.status(&world.own, check_live).await, StatusCode::OK);
        for sid in [sid.as_str(), never, "sess_123"] {
            let status = world.status(&world.partners(sid), check_live).await;
            assert_eq!(status, StatusCode::OK, "{sid}");
        }
    }
    assert!(
        world
            .sessions
            .end(sid.parse().unwrap(), "anna")
            .await
            .unwrap()
    );
    for check_live in [false, true] {
        assert_eq!(
            world.status(&world.own, check_live).await,
            StatusCode::UNAUTHORIZED
        );
        assert_eq!(
            world.status(&world.partners(&sid), check_live).await,
            StatusCode::OK
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_generation_of_another_issuer_confirms_nothing() {
    let world = world().await;
    let sid = world.sid();
    let row = async || {
        let loaded = world
            .sessions
            .store()
            .load(sid.parse().unwrap())
            .await
            .unwrap();
        loaded.record.unwrap()
    };
    let before = row().await;
    let token = world.verifier.verify(&world.partners(&sid)).unwrap();
    assert_eq!(token.claims().generation, None);
    assert_eq!(admit(&world.sessions, &token), Admission::OfAnotherIssuer);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(row().await, before);
}
