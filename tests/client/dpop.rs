//! Sessions that are bound to a key, against a server that answers as it is told and keeps what it
//! was asked.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_bearer::{
    VerifyingKey,
    clock::{ManualClock, Timestamp},
};
use tower_bearer_client::{
    ClientError, ClientErrorKind as Kind, ClientSession, ClientSessionBuilder, DpopKey, DpopSigner,
    EndReason, FileTokenStore, MemoryTokenStore, NewTokens, RefreshLayer, TokenStore,
};

use crate::support::{API, Body, Http, REVOKE, TOKEN};

const LOGIN: &str = "https://id.example/login";
const NOW: i64 = 1_700_000_000;

/// A request as the server saw it.
#[derive(Debug)]
struct Seen {
    url: String,
    authorization: Option<String>,
    /// The header and the claims of the proof.
    proof: Option<(Value, Value)>,
}

impl Seen {
    fn of(request: &Request<Body>) -> Self {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            assert!(value.is_sensitive());
            Some(value.to_str().unwrap().to_owned())
        };
        let proof = header("dpop").map(|proof| {
            let parts: Vec<_> = proof.split('.').map(str::to_owned).collect();
            let read = |part: &str| {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            (read(&parts[0]), read(&parts[1]))
        });
        Self {
            url: request.uri().to_string(),
            authorization: header("authorization"),
            proof,
        }
    }

    #[track_caller]
    fn claim(&self, name: &str) -> Value {
        self.proof.as_ref().unwrap().1[name].clone()
    }

    #[track_caller]
    fn key(&self) -> Value {
        self.proof.as_ref().unwrap().0["jwk"].clone()
    }
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<(VecDeque<Response<Bytes>>, Vec<Seen>)>>);

impl Server {
    fn answer(&self, answers: impl IntoIterator<Item = Response<Bytes>>) {
        self.0.lock().unwrap().0.extend(answers);
    }

    /// What it was asked since the last look. Nothing that it was told to say is left.
    #[track_caller]
    fn seen(&self) -> Vec<Seen> {
        let (answers, seen) = &mut *self.0.lock().unwrap();
        assert!(answers.is_empty(), "it was not asked for {answers:?}");
        std::mem::take(seen)
    }

    /// Answers with 200 what it was not told an answer for.
    fn http(&self) -> Http {
        let server = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
            let (answers, seen) = &mut *server.0.lock().unwrap();
            seen.push(Seen::of(&request));
            let answer = answers.pop_front().unwrap_or_default();
            std::future::ready(Ok::<_, io::Error>(answer.map(Full::new)))
        }))
    }
}

fn says(status: u16, headers: &[(&str, &str)], body: &Value) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    response = response.header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into()).unwrap()
}

fn tokens(token_type: &str, number: u32) -> Value {
    json!({
        "access_token": format!("access-{number}"),
        "token_type": token_type,
        "expires_in": 600,
        "refresh_token": format!("refresh-{number}"),
    })
}

fn challenge(error: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let challenge = format!(r#"DPoP algs="ES256", error="{error}""#);
    let mut all = vec![("www-authenticate", challenge.as_str())];
    all.extend(headers);
    says(401, &all, &Value::Null)
}

fn refusal(error: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    says(400, headers, &json!({ "error": error }))
}

struct World {
    server: Server,
    clock: ManualClock,
    store: MemoryTokenStore,
    session: ClientSession,
}

impl World {
    fn with(configure: impl FnOnce(ClientSessionBuilder) -> ClientSessionBuilder) -> Self {
        let (server, store) = (Server::default(), MemoryTokenStore::new());
        let clock = ManualClock::new(Timestamp::from_secs(NOW));
        let session = start(&server, &store, &clock, configure);
        Self {
            server,
            clock,
            store,
            session,
        }
    }

    /// Signed in with tokens that are bound.
    async fn new() -> Self {
        let world = Self::with(ClientSessionBuilder::dpop);
        world.sign_in("DPoP").await.unwrap();
        world
    }

    async fn sign_in(&self, token_type: &str) -> Result<(), ClientError> {
        let uri = Uri::from_static(LOGIN);
        self.session.dpop_proof(&Method::POST, &uri).unwrap();
        let answer = tokens(token_type, 0).to_string();
        let tokens = NewTokens::from_json(answer.as_bytes()).unwrap();
        self.session.sign_in(tokens).await
    }

    fn layer(&self) -> RefreshLayer {
        RefreshLayer::new(&self.session, API.parse().unwrap())
    }

    async fn get(&self, path: &str) -> u16 {
        let client = self.layer().layer(self.server.http());
        let request = Request::get(format!("{API}{path}")).body(Body::default());
        let answer = client.oneshot(request.unwrap()).await.unwrap();
        answer.status().as_u16()
    }

    async fn refresh(&self) -> Result<String, ClientError> {
        let token = self.session.access_token().await?;
        let token = self.session.access_token_after(&token).await?;
        Ok(token.expose().to_owned())
    }

    async fn kept(&self) -> Value {
        let kept = self.store.load().await.unwrap().unwrap();
        serde_json::to_value(kept).unwrap()
    }
}

fn start(
    server: &Server,
    store: &MemoryTokenStore,
    clock: &ManualClock,
    configure: impl FnOnce(ClientSessionBuilder) -> ClientSessionBuilder,
) -> ClientSession {
    let builder = ClientSession::builder(TOKEN, server.http());
    let builder = builder.revocation_endpoint(REVOKE).clock(clock.clone());
    configure(builder.store(store.clone())).build().unwrap()
}

fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

#[tokio::test]
async fn login_refresh_and_requests_prove_one_key() {
    let world = World::with(ClientSessionBuilder::dpop);
    let uri = Uri::from_static(LOGIN);
    let jkt = world.session.dpop_jkt().unwrap();
    let proof = world.session.dpop_proof(&Method::POST, &uri).unwrap();
    let login = Request::post(&uri)
        .header("dpop", proof)
        .body(Body::default());
    world.server.http().oneshot(login.unwrap()).await.unwrap();
    world.sign_in("dpop").await.unwrap();
    assert_eq!(world.session.status().bound_to, Some(jkt.clone()));

    assert_eq!(world.get("/files?page=2").await, 200);
    world.server.answer([says(200, &[], &tokens("DPoP", 1))]);
    assert_eq!(world.refresh().await.unwrap(), "access-1");
    assert_eq!(world.get("/").await, 200);

    let seen = world.server.seen();
    let [login, files, refresh, root] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    for (request, method, htu, token) in [
        (login, "POST", LOGIN, None),
        (files, "GET", "https://api.example/files", Some("access-0")),
        (refresh, "POST", TOKEN, None),
        (root, "GET", "https://api.example/", Some("access-1")),
    ] {
        let jwk = request.key().to_string();
        let thumbprint = VerifyingKey::from_jwk(&jwk).unwrap();
        assert_eq!(thumbprint.kid(), jkt.to_string());
        assert_eq!(request.claim("htm"), method);
        assert_eq!(request.claim("htu"), htu);
        assert_eq!(request.claim("iat"), NOW);
        assert_eq!(request.claim("ath"), json!(token.map(ath)));
        let authorization = token.map(|token| format!("DPoP {token}"));
        assert_eq!(request.authorization, authorization);
    }
    assert_ne!(files.claim("jti"), root.claim("jti"));
}

#[tokio::test]
async fn an_api_gets_the_nonce_that_it_asks_for() {
    let world = World::new().await;
    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "one")]),
        says(200, &[("dpop-nonce", "two")], &Value::Null),
    ]);
    assert_eq!(world.get("/").await, 200);
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    let nonces: Vec<_> = seen.iter().map(|request| request.claim("nonce")).collect();
    assert_eq!(nonces, [Value::Null, json!("one"), json!("two")]);
    let is_same = |request: &Seen| request.authorization.as_deref() == Some("DPoP access-0");
    assert!(seen.iter().all(is_same), "no token was refused");
}

#[tokio::test]
async fn a_server_that_always_wants_another_nonce_gets_two_requests() {
    let world = World::new().await;
    let asks = |nonce: &str| challenge("use_dpop_nonce", &[("dpop-nonce", nonce)]);
    world.server.answer([asks("one"), asks("two")]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 2);

    // One that wants the nonce that it has got, or names none, gets one.
    for answer in [asks("two"), challenge("use_dpop_nonce", &[])] {
        world.server.answer([answer]);
        assert_eq!(world.get("/").await, 401);
        assert_eq!(world.server.seen().len(), 1);
    }

    let asks = |nonce: &str| refusal("use_dpop_nonce", &[("dpop-nonce", nonce)]);
    world.server.answer([asks("one"), asks("two")]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("use_dpop_nonce"))
    );
    assert_eq!(world.server.seen().len(), 2);
    assert!(world.session.status().is_signed_in());
}

#[tokio::test]
async fn what_cannot_be_sent_again_teaches_the_next_request() {
    let world = World::new().await;
    world
        .server
        .answer([challenge("use_dpop_nonce", &[("dpop-nonce", "one")])]);
    let client = world.layer().never_replay().layer(world.server.http());
    for status in [401, 200] {
        let request = Request::put(format!("{API}/"))
            .body(Body::from("text"))
            .unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
    let seen = world.server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].claim("nonce"), "one");
}

#[tokio::test]
async fn the_nonces_of_servers_are_kept_apart() {
    let world = World::new().await;
    let client = world.layer().origin("https://b.example".parse().unwrap());
    let client = client.layer(world.server.http());
    let get = async |url: &str| {
        let request = Request::get(url).body(Body::default()).unwrap();
        client.clone().oneshot(request).await.unwrap();
    };
    let nonce = |nonce: &str| says(200, &[("dpop-nonce", nonce)], &tokens("DPoP", 1));
    world.server.answer([nonce("a"), nonce("b"), nonce("t")]);
    let urls = ["https://api.example/", "https://b.example/"];
    get(urls[0]).await;
    get(urls[1]).await;
    world.refresh().await.unwrap();
    get(urls[0]).await;
    get(urls[1]).await;
    let uri = Uri::from_static(LOGIN);
    let proof = world.session.dpop_proof(&Method::POST, &uri).unwrap();
    let login = Request::post(&uri)
        .header("dpop", proof)
        .body(Body::default());
    world.server.http().oneshot(login.unwrap()).await.unwrap();
    let seen = world.server.seen();
    let said = seen.iter().map(|it| (it.url.as_str(), it.claim("nonce")));
    let said: Vec<_> = said.collect();
    assert_eq!(
        said,
        [
            (urls[0], Value::Null),
            (urls[1], Value::Null),
            (TOKEN, Value::Null),
            (urls[0], json!("a")),
            (urls[1], json!("b")),
            (LOGIN, json!("t")),
        ]
    );
}

#[tokio::test]
async fn a_login_asks_once_more_with_the_nonce() {
    let world = World::with(ClientSessionBuilder::dpop);
    let uri = Uri::from_static(LOGIN);
    let nonce = refusal("use_dpop_nonce", &[("dpop-nonce", "one")]);
    assert!(world.session.dpop_retry(&uri, &nonce));
    assert!(
        !world.session.dpop_retry(&uri, &nonce),
        "it is known by now"
    );
    let in_a_challenge = challenge("use_dpop_nonce", &[("dpop-nonce", "two")]);
    assert!(world.session.dpop_retry(&uri, &in_a_challenge));
    // A password that is wrong is not sent twice, whatever comes with the answer.
    let other = refusal("invalid_credentials", &[("dpop-nonce", "three")]);
    assert!(!world.session.dpop_retry(&uri, &other));
    let good = says(
        200,
        &[("dpop-nonce", "four")],
        &json!({ "error": "use_dpop_nonce" }),
    );
    assert!(!world.session.dpop_retry(&uri, &good));
    let proof = world.session.dpop_proof(&Method::POST, &uri).unwrap();
    let request = Request::post(&uri)
        .header("dpop", proof)
        .body(Body::default());
    assert_eq!(Seen::of(&request.unwrap()).claim("nonce"), "four");
}

/// 14 Nov 2023 22:13:20 GMT is `NOW`.
const DATE: (&str, &str) = ("date", "Tue, 14 Nov 2023 23:13:20 GMT");

#[tokio::test]
async fn a_wrong_clock_is_put_right_by_the_answer() {
    let world = World::new().await;
    let wrong = challenge("invalid_dpop_proof", &[DATE]);
    world.server.answer([wrong.clone()]);
    assert_eq!(world.get("/").await, 200);
    let wrong_token = refusal("invalid_dpop_proof", &[DATE]);
    world
        .server
        .answer([wrong_token.clone(), says(200, &[], &tokens("DPoP", 1))]);
    world.refresh().await.unwrap();
    assert_eq!(world.get("/").await, 200);
    let times = world.server.seen();
    let times: Vec<_> = times.iter().map(|request| request.claim("iat")).collect();
    let hour = NOW + 3600;
    assert_eq!(times, [NOW, hour, NOW, hour, hour].map(Value::from));

    // It is right by now, so nothing but the proof can be wrong.
    world.server.answer([wrong]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 1);
    // Nor does a server without a clock get more than one.
    world.server.answer([challenge("invalid_dpop_proof", &[])]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 1);
}

#[tokio::test]
async fn all_that_can_be_wrong_is_mended_once_each() {
    let world = World::new().await;
    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "one")]),
        challenge("invalid_dpop_proof", &[DATE]),
        challenge("invalid_token", &[]),
        says(200, &[], &tokens("DPoP", 1)),
        says(200, &[], &Value::Null),
    ]);
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[4].claim("nonce"), "one");
    assert_eq!(seen[4].claim("iat"), NOW + 3600);
    assert_eq!(seen[4].claim("ath"), ath("access-1"));

    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "two")]),
        challenge("use_dpop_nonce", &[("dpop-nonce", "three")]),
    ]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 2);
}

#[tokio::test]
async fn grpc_says_it_in_its_own_way() {
    let world = World::new().await;
    let mut answer = challenge(
        "use_dpop_nonce",
        &[("grpc-status", "16"), ("dpop-nonce", "one")],
    );
    *answer.status_mut() = http::StatusCode::OK;
    let grpc = http::HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert("content-type", grpc);
    world.server.answer([answer]);
    assert_eq!(world.get("/greeter.Greeter/Hello").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].claim("nonce"), "one");
    assert_eq!(
        seen[1].claim("htu"),
        "https://api.example/greeter.Greeter/Hello"
    );
}

#[tokio::test]
async fn a_relative_url_is_proven_for_the_first_origin() {
    let world = World::new().await;
    let layer = world.layer().origin("https://b.example".parse().unwrap());
    let client = layer
        .danger_trust_relative_urls()
        .layer(world.server.http());
    let request = Request::get("/a?b").body(Body::default()).unwrap();
    client.oneshot(request).await.unwrap();
    assert_eq!(world.server.seen()[0].claim("htu"), "https://api.example/a");
}

/// RFC 9449 §5: such a token is to be discarded. What is not lost is the refresh token.
#[tokio::test]
async fn an_unbound_token_is_not_used_and_loses_no_session() {
    let world = World::new().await;
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Malformed);
    assert_eq!(world.kept().await["refresh_token"], "refresh-1");
    assert!(world.session.status().is_signed_in());
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen[1].authorization.as_deref(), Some("DPoP access-0"));

    let error = World::with(ClientSessionBuilder::dpop)
        .sign_in("Bearer")
        .await;
    assert_eq!(error.unwrap_err().kind(), Kind::Malformed);
}

/// RFC 9449 §5: a server may bind the refresh token alone.
#[tokio::test]
async fn unbound_tokens_are_used_where_the_program_says_so() {
    let world = World::with(|builder| builder.dpop().danger_accept_bearer_tokens());
    world.sign_in("Bearer").await.unwrap();
    assert_eq!(world.get("/").await, 200);
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    world.refresh().await.unwrap();
    let seen = world.server.seen();
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer access-0"));
    assert!(seen[0].proof.is_none());
    assert_eq!(seen[1].claim("htu"), TOKEN);
}

#[tokio::test]
async fn tokens_of_another_key_are_not_signed_in_with() {
    let answer = tokens("DPoP", 0).to_string();
    let tokens = NewTokens::from_json(answer.as_bytes()).unwrap();
    for configure in [ClientSessionBuilder::dpop, |builder| builder] {
        let world = World::with(configure);
        let error = world.session.sign_in(tokens.clone()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed);
        assert!(world.store.load().await.unwrap().is_none());
    }
}

/// The key is kept with the tokens, and goes with them.
#[tokio::test]
async fn a_program_that_is_started_anew_has_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let server = Server::default();
    let start = |configure: fn(ClientSessionBuilder) -> ClientSessionBuilder| {
        let builder = ClientSession::builder(TOKEN, server.http());
        let builder = builder.revocation_endpoint(REVOKE);
        configure(builder.store(FileTokenStore::new(&file)))
            .build()
            .unwrap()
    };
    let first = start(ClientSessionBuilder::dpop);
    let jkt = first.dpop_jkt().unwrap();
    first
        .sign_in(NewTokens::from_refresh_token("refresh-0"))
        .await
        .unwrap();
    server.answer([says(200, &[], &tokens("DPoP", 1))]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Also in one that would bind no new session.
    for configure in [ClientSessionBuilder::dpop, |builder| builder] {
        let session = start(configure);
        assert_eq!(session.load().await.unwrap().bound_to, Some(jkt.clone()));
        let client = RefreshLayer::new(&session, API.parse().unwrap()).layer(server.http());
        let request = Request::get(API).body(Body::default()).unwrap();
        client.oneshot(request).await.unwrap();
    }
    let seen = server.seen();
    let urls: Vec<_> = seen.iter().map(|request| request.url.as_str()).collect();
    assert_eq!(
        urls,
        [TOKEN, "https://api.example/", "https://api.example/"]
    );
    let key = seen[0].key();
    assert!(seen.iter().all(|request| request.key() == key));

    first.logout().await.unwrap();
    assert!(!file.exists());
    assert_eq!(
        server.seen()[0].key(),
        key,
        "some servers want it for a revocation too"
    );
    assert_ne!(
        first.dpop_jkt().unwrap(),
        jkt,
        "the next session has a key of its own"
    );
}

/// A session from before the program had keys goes on as it is.
#[tokio::test]
async fn an_old_session_goes_on_without_a_key() {
    let world = World::with(|builder| builder);
    let old = NewTokens::from_json(tokens("Bearer", 0).to_string().as_bytes());
    world.session.sign_in(old.unwrap()).await.unwrap();
    assert!(world.kept().await.get("dpop").is_none());
    let session = start(
        &world.server,
        &world.store,
        &world.clock,
        ClientSessionBuilder::dpop,
    );
    let token = session.access_token().await.unwrap();
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    session.access_token_after(&token).await.unwrap();
    assert!(world.server.seen()[0].proof.is_none());
    assert_eq!(session.status().bound_to, None);
}

/// A key that the program has elsewhere, such as in a TPM.
struct Device(VerifyingKey);

impl DpopSigner for Device {
    fn public_key(&self) -> VerifyingKey {
        self.0.clone()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, tower_bearer::error::BoxError> {
        Err("it is unplugged".into())
    }
}

#[tokio::test]
async fn a_key_of_the_programs_own_is_not_in_the_store() {
    let key = DpopKey::generate().unwrap();
    let world = World::with(|builder| builder.dpop_key(key.clone()));
    world.sign_in("DPoP").await.unwrap();
    assert_eq!(
        world.kept().await["dpop"],
        json!({ "jkt": key.thumbprint() })
    );
    assert_eq!(world.get("/").await, 200);
    assert_eq!(world.server.seen()[0].key().to_string(), key.public_jwk());

    // Without the key nothing is sent, least of all a refresh token that would come back refused.
    let unplugged = Device(VerifyingKey::from_jwk(key.public_jwk()).unwrap());
    let unplugged = DpopKey::from_signer(unplugged).unwrap();
    let other = DpopKey::generate().unwrap();
    for configure in [
        Box::new(|builder: ClientSessionBuilder| builder.dpop_key(unplugged))
            as Box<dyn FnOnce(ClientSessionBuilder) -> ClientSessionBuilder>,
        Box::new(|builder| builder.dpop_key(other)),
        Box::new(ClientSessionBuilder::dpop),
        Box::new(|builder| builder),
    ] {
        let session = start(&world.server, &world.store, &world.clock, configure);
        let client = RefreshLayer::new(&session, API.parse().unwrap()).layer(world.server.http());
        let request = Request::get(API).body(Body::default()).unwrap();
        let error = match client.oneshot(request).await.unwrap_err() {
            tower_bearer_client::RequestError::Token(error) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.kind(), Kind::Proof, "{error:?}");
        assert!(!error.is_signed_out());
    }
    assert!(world.server.seen().is_empty());
    assert_eq!(world.get("/").await, 200, "nothing was lost");
}

/// Whatever is wrong with a proof says nothing about the refresh token.
#[tokio::test]
async fn a_refused_proof_ends_no_session() {
    let ends = Arc::new(Mutex::new(Vec::<EndReason>::new()));
    let told = Arc::clone(&ends);
    let world = World::with(|builder| {
        let builder = builder.dpop().ends_session_when(|_| true);
        builder.on_end(move |reason| told.lock().unwrap().push(reason))
    });
    world.sign_in("DPoP").await.unwrap();
    world.server.answer([refusal("invalid_dpop_proof", &[])]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("invalid_dpop_proof"))
    );
    assert_eq!(world.server.seen().len(), 1);
    assert!(ends.lock().unwrap().is_empty());
    assert!(world.store.load().await.unwrap().is_some());
}

/// The request is repeated because its answer was lost, not the proof: servers take that once.
#[tokio::test]
async fn each_try_has_a_proof_of_its_own() {
    tokio::time::pause();
    let world = World::new().await;
    let down = says(503, &[], &Value::Null);
    world
        .server
        .answer([down.clone(), down, says(200, &[], &tokens("DPoP", 1))]);
    world.refresh().await.unwrap();
    let seen = world.server.seen();
    let mut proofs: Vec<_> = seen.iter().map(|it| it.claim("jti").to_string()).collect();
    proofs.sort();
    proofs.dedup();
    assert_eq!(proofs.len(), 3);
}

#[tokio::test]
async fn a_kept_key_that_cannot_be_read_is_an_error_and_no_end() {
    let world = World::new().await;
    let mut kept = world.kept().await;
    let secret = kept["dpop"]["private"]["pem"].as_str().unwrap().to_owned();
    let shown = format!(
        "{:?} {:?}",
        world.session,
        world.store.load().await.unwrap()
    );
    assert!(!shown.contains(secret.lines().nth(1).unwrap()), "{shown}");
    let other = DpopKey::generate().unwrap().export_private().unwrap();
    for (alg, pem) in [
        ("none", &*secret),
        ("ES256", "garbage"),
        ("ES256", other.expose()),
    ] {
        kept["dpop"]["private"] = json!({ "alg": alg, "pem": pem });
        let store = MemoryTokenStore::new();
        let tokens = serde_json::from_value(kept.clone()).unwrap();
        store
            .save(&mut store.lock().await.unwrap(), &tokens)
            .await
            .unwrap();
        let session = start(
            &world.server,
            &store,
            &world.clock,
            ClientSessionBuilder::dpop,
        );
        assert_eq!(session.load().await.unwrap_err().kind(), Kind::Proof);
        let error = session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Proof);
        assert!(store.load().await.unwrap().is_some());
    }
    assert!(world.server.seen().is_empty());
}
