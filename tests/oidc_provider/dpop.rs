//! A public client whose tokens the provider binds to a key (RFC 9449).

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use tower_bearer::clock::{Clock, ManualClock, SystemClock};
use tower_bearer_client::{
    ClientErrorKind as Kind, ClientSession, ClientSessionBuilder, DpopKey, DpopLogin, EndReason,
    MemoryTokenStore, NewTokens, RefreshLayer, TokenStore,
};

use crate::{Http, Provider};

/// With nonces and without them.
const MODES: [Option<&str>; 2] = [None, Some("nonces")];

struct World {
    provider: Provider,
    store: MemoryTokenStore,
    http: Http,
}

impl World {
    async fn new(
        mode: Option<&str>,
        configure: fn(ClientSessionBuilder) -> ClientSessionBuilder,
    ) -> Option<Self> {
        let world = Self {
            provider: Provider::start(mode)?,
            store: MemoryTokenStore::new(),
            http: Http::new(),
        };
        let session = world.session(configure);
        let mut login = session.dpop_login().unwrap();
        let mut sent = 1;
        let answer = loop {
            let answer = world.redeem(&mut login).await;
            if !login.retry(&answer) {
                break answer;
            }
            sent += 1;
        };
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        login
            .sign_in(NewTokens::from_json(answer.body()).unwrap())
            .await
            .unwrap();
        assert_eq!(world.http.asked(), sent);
        Some(world)
    }

    fn token(&self) -> Uri {
        format!("{}/token", self.provider.url).parse().unwrap()
    }

    /// As a program that is started anew.
    fn session(
        &self,
        configure: fn(ClientSessionBuilder) -> ClientSessionBuilder,
    ) -> ClientSession {
        let url = &self.provider.url;
        let builder = ClientSession::builder(format!("{url}/token"), self.http.clone())
            .revocation_endpoint(format!("{url}/token/revocation"))
            .client_id("the bound app")
            .store(self.store.clone());
        configure(builder).build().unwrap()
    }

    /// Sends the authorization code, with a proof of the key.
    async fn redeem(&self, login: &mut DpopLogin) -> Response<Bytes> {
        let uri = self.token();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("client_id", "the bound app")
            .append_pair("code", &self.provider.code)
            .append_pair("redirect_uri", &format!("{}/callback", self.provider.url))
            .finish();
        let request = Request::post(&uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", login.proof(&Method::POST, &uri).unwrap())
            .body(Full::from(form));
        let answer = self.http.clone().call(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    async fn me(&self, session: &ClientSession) -> (StatusCode, usize) {
        let url = &self.provider.url;
        let http = Http::new();
        let client = RefreshLayer::new(session, url.parse().unwrap()).layer(http.clone());
        let request = Request::get(format!("{url}/me?any=thing"));
        let request = request.body(Full::default()).unwrap();
        let status = client.oneshot(request).await.unwrap().status();
        (status, http.asked())
    }

    async fn kept(&self) -> serde_json::Value {
        let tokens = self.store.load().await.unwrap().unwrap();
        serde_json::to_value(tokens).unwrap()
    }

    async fn refresh(&self, session: &ClientSession) {
        let token = session.access_token().await.unwrap();
        let kept = self.kept().await["refresh_token"].clone();
        session.access_token_after(&token).await.unwrap();
        assert_ne!(self.kept().await["refresh_token"], kept, "it was rotated");
    }
}

#[tokio::test]
async fn it_binds_and_takes_the_proofs() {
    for mode in MODES {
        let dpop = ClientSessionBuilder::dpop;
        let Some(world) = World::new(mode, dpop).await else {
            return;
        };
        // A nonce is learnt once by each program and each server, and followed from then on.
        let learnt = usize::from(mode.is_some());
        for _ in 0..3 {
            let session = world.session(dpop);
            assert_eq!(world.me(&session).await, (StatusCode::OK, 1 + learnt));
            assert_eq!(world.me(&session).await, (StatusCode::OK, 1));
            world.refresh(&session).await;
            assert_eq!(world.http.asked(), 1 + learnt);
            assert_eq!(world.me(&session).await, (StatusCode::OK, 1));
        }
        let bound = &world.kept().await["access"]["bound"];
        assert_eq!(*bound, true);
    }
}

/// It says `invalid_token` in a challenge of the scheme `DPoP`.
#[tokio::test]
async fn its_401_is_understood() {
    for mode in MODES {
        let dpop = ClientSessionBuilder::dpop;
        let Some(world) = World::new(mode, dpop).await else {
            return;
        };
        let mut kept = world.kept().await;
        kept["access"]["token"] = "unknown".into();
        let mut lock = world.store.lock().await.unwrap();
        let kept = serde_json::from_value(kept).unwrap();
        world.store.save(&mut lock, &kept).await.unwrap();
        drop(lock);
        let session = world.session(dpop);
        assert_eq!(world.me(&session).await.0, StatusCode::OK);
        assert_eq!(world.http.asked(), 1 + usize::from(mode.is_some()));
    }
}

fn an_hour_ahead(builder: ClientSessionBuilder) -> ClientSessionBuilder {
    let now = SystemClock.now() + Duration::from_secs(3600);
    builder.dpop().clock(ManualClock::new(now))
}

/// It takes proofs that are five minutes old.
#[tokio::test]
async fn a_clock_that_is_an_hour_off_does_no_harm() {
    for mode in MODES {
        let Some(world) = World::new(mode, an_hour_ahead).await else {
            return;
        };
        let session = world.session(an_hour_ahead);
        assert_eq!(world.me(&session).await, (StatusCode::OK, 2));
        assert_eq!(world.me(&session).await, (StatusCode::OK, 1));
        world.refresh(&session).await;
    }
}

#[tokio::test]
async fn a_thief_without_the_key_gets_nothing_and_ends_nothing() {
    let dpop = ClientSessionBuilder::dpop;
    let Some(world) = World::new(None, dpop).await else {
        return;
    };
    let kept = world.kept().await;
    let stolen = || NewTokens::from_refresh_token(kept["refresh_token"].as_str().unwrap());
    let with_another: fn(_) -> _ =
        |builder: ClientSessionBuilder| builder.dpop_key(DpopKey::generate().unwrap());
    for configure in [with_another, |builder| builder] {
        let builder = ClientSession::builder(world.token().to_string(), world.http.clone());
        let builder = builder.client_id("the bound app");
        let session = configure(builder).build().unwrap();
        session.sign_in(stolen()).await.unwrap();
        let error = session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Ended(EndReason::Refused), "{error:?}");
    }
    let token = kept["access"]["token"].as_str().unwrap();
    for scheme in ["Bearer", "DPoP"] {
        let request = Request::get(format!("{}/me", world.provider.url));
        let request = request.header("authorization", format!("{scheme} {token}"));
        let request = request.body(Full::default()).unwrap();
        let answer = world.http.clone().call(request).await.unwrap();
        assert_ne!(answer.status(), StatusCode::OK);
    }
    let session = world.session(dpop);
    assert_eq!(world.me(&session).await.0, StatusCode::OK);
    world.refresh(&session).await;
}

#[tokio::test]
async fn a_logout_revokes() {
    for mode in MODES {
        let dpop = ClientSessionBuilder::dpop;
        let Some(world) = World::new(mode, dpop).await else {
            return;
        };
        let kept = world.kept().await;
        world.session(dpop).logout().await.unwrap();
        let mut lock = world.store.lock().await.unwrap();
        let kept = serde_json::from_value(kept).unwrap();
        world.store.save(&mut lock, &kept).await.unwrap();
        drop(lock);
        let session = world.session(dpop);
        let token = session.access_token().await.unwrap();
        let error = session.access_token_after(&token).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Ended(EndReason::Refused));
    }
}
