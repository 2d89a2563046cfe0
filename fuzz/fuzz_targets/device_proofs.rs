//! Any headers at the endpoints of device bound sessions, and anything signed by the registered key: a 4xx
//! that sets no cookie, for no challenge is guessed.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::Empty;
use libfuzzer_sys::fuzz_target;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_bearer::{
    ReplyBody,
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, DeviceSecret, RefreshEndpoint, RegistrationEndpoint},
    session::Grant,
};
use tower_bearer_fuzz::{block_on, ready, sessions};

/// A browser that has logged in and registered its key, and the server.
struct World {
    registration: RegistrationEndpoint,
    refresh: RefreshEndpoint,
    cookie: HeaderValue,
    identifier: HeaderValue,
    key: SigningKey,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let sessions = sessions();
        let access = ready(AccessCookie::new(CookieOptions::new()));
        let cookie = ready(RefreshCookie::new(&sessions, CookieOptions::new()));
        let cookie = cookie.with_access_cookie(&access);
        let options = DeviceOptions::new(ready(DeviceSecret::from_secret([1; 32])));
        let binding = ready(DeviceBinding::new(&sessions, &cookie, options));
        let tokens = ready(block_on(sessions.start(Grant::new("anna"))));
        let login = ready(binding.response(&tokens));
        let token = tokens.refresh_token.expose();
        let mut world = Self {
            registration: RegistrationEndpoint::new(sessions.clone(), &binding),
            refresh: RefreshEndpoint::new(sessions, &binding),
            cookie: ready(HeaderValue::try_from(format!("{}={token}", cookie.name()))),
            identifier: HeaderValue::from_static(""),
            key: ready(SigningKey::from_slice(&[7; 32])),
        };
        let offer = text(login.headers(), "secure-session-registration");
        let part = |name: &str| {
            offer
                .split(name)
                .nth(1)
                .and_then(|rest| rest.split('"').next())
        };
        let payload =
            json!({ "jti": part("challenge=\""), "authorization": part("authorization=\"") });
        let proof = world.signed(&world.header(), payload.to_string().as_bytes());
        let answer = world.register(ready(HeaderValue::try_from(proof)));
        assert!(answer.status().is_success(), "{answer:?}");
        let challenge = text(answer.headers(), "secure-session-challenge");
        let identifier = challenge.split("id=\"").nth(1).expect("an identifier");
        world.identifier = ready(HeaderValue::from_str(identifier.trim_end_matches('"')));
        world
    }

    fn header(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&[u8]>| URL_SAFE_NO_PAD.encode(bytes.expect("a point"));
        let (x, y) = (
            coordinate(point.x().map(|x| x.as_slice())),
            coordinate(point.y().map(|y| y.as_slice())),
        );
        let jwk = json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y });
        json!({ "alg": "ES256", "typ": "dbsc+jwt", "jwk": jwk })
    }

    fn signed(&self, header: &Value, payload: &[u8]) -> String {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn register(&self, proof: HeaderValue) -> Response<ReplyBody> {
        let request = Request::post("/").header(header::COOKIE, self.cookie.clone());
        let request = request.header("secure-session-response", proof);
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        block_on(self.registration.clone().oneshot(request)).expect("an answer")
    }

    fn refresh(&self, identifier: HeaderValue, proof: HeaderValue) -> Response<ReplyBody> {
        let request = Request::post("/")
            .header(header::COOKIE, self.cookie.clone())
            .header("sec-secure-session-id", identifier)
            .header("secure-session-response", proof);
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        block_on(self.refresh.clone().oneshot(request)).expect("an answer")
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().expect("text")
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, bytes) = input;
    let world = &*WORLD;
    let proof = |header: &Value| HeaderValue::try_from(world.signed(header, &bytes));
    let plain = json!({ "alg": "ES256", "typ": "dbsc+jwt" });
    let value = match kind % 5 {
        0..=2 => HeaderValue::from_bytes(&bytes),
        3 => proof(&world.header()),
        _ => proof(&plain),
    };
    let Ok(value) = value else {
        return;
    };
    let answer = match kind % 5 {
        0 | 3 => world.register(value),
        1 => world.refresh(value, HeaderValue::from_static("a.b.c")),
        _ => world.refresh(world.identifier.clone(), value),
    };
    assert!(answer.status().is_client_error(), "{}", answer.status());
    assert!(!answer.headers().contains_key(header::SET_COOKIE));
});
