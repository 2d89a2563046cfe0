//! Each `refresh` recipe of `vectors/attacks.jsonl`, against the layer with its endpoints.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

use std::{collections::HashMap, convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tests_shared as _;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, Scope, SigningKey, Verifier,
    bearer::BearerLayer,
    clock::{Clock, ManualClock, SystemClock},
    endpoint::{ClientSecret, EndpointOptions, Endpoints},
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::MemoryStore,
};

const RECIPES: &str = include_str!("../vectors/attacks.jsonl");
const CLIENT: &str = "app";
const CLIENT_SECRET: &str = "s";
const FORM: &str = "application/x-www-form-urlencoded";

/// Between two steps. Past the reuse window, so that nothing passes for a quick retry.
const PAUSE: Duration = Duration::from_secs(60);

/// One case: a server of its own, a login, and what was saved on the way.
struct Case {
    id: String,
    clock: ManualClock,
    verifier: Verifier,
    sessions: Sessions<MemoryStore>,
    login: String,
    saved: HashMap<String, Value>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

type Configure = fn(SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore>;

/// As it comes out of the box.
fn defaults(builder: SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore> {
    builder
}

/// No leniency of any kind, as a strict reading of RFC 9700 §4.14.2 has it.
fn strict(builder: SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore> {
    builder.reuse_window(Duration::ZERO).late_budget(0, 20)
}

impl Case {
    async fn new(id: &str, configure: Configure) -> Self {
        let (iss, aud) = ("https://id.example", "https://api.example");
        let clock = ManualClock::new(SystemClock.now());
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let verifier = Verifier::new(iss, aud, keys.verifying())
            .unwrap()
            .clock(clock.clone());
        let issuer = Issuer::new(iss, aud, keys).unwrap();
        let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
        let store = MemoryStore::with_clock(clock.clone());
        let sessions = configure(SessionsBuilder::new(issuer, refresh_key, store))
            .build()
            .unwrap();
        let grant = Grant::new("alice")
            .scope(Scope::from_static("read write"))
            .client_id(CLIENT);
        let login = sessions
            .start(grant)
            .await
            .unwrap()
            .refresh_token
            .expose()
            .to_owned();
        Self {
            id: id.to_owned(),
            clock,
            verifier,
            sessions,
            login,
            saved: HashMap::new(),
        }
    }

    async fn run(&mut self, steps: &[Value]) {
        for step in steps {
            self.clock.advance(PAUSE);
            if let Some(length) = step["chain"].as_u64() {
                self.chain(length).await;
                continue;
            }
            let answer = self.send(self.request(step)).await;
            assert!(
                answer.status.as_u16() < 500,
                "{}: {}",
                self.id,
                answer.status
            );
            self.check(step, &answer);
            if let Some(name) = step["save"].as_str() {
                self.saved.insert(name.to_owned(), answer.json());
            }
        }
    }

    /// Rotates again and again; no refresh token comes twice.
    async fn chain(&mut self, length: u64) {
        let mut seen = vec![self.login.clone()];
        for _ in 0..length {
            self.clock.advance(PAUSE);
            let answer = self.refresh(&seen[seen.len() - 1]).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", self.id);
            let next = answer.json()["refresh_token"].as_str().unwrap().to_owned();
            assert!(!seen.contains(&next), "{}", self.id);
            seen.push(next);
        }
    }

    async fn refresh(&self, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let form: Vec<_> = form
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let request = Request::post("/auth/token").header("content-type", FORM);
        self.send(request.body(Full::from(encode(&form))).unwrap())
            .await
    }

    /// The resource, with that access token.
    async fn open(&self, token: &str) -> Answer {
        let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
        self.send(request.body(Full::default()).unwrap()).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let inner = service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("welcome")))
        });
        let options = EndpointOptions::new()
            .authenticate_client(async |_, secret: ClientSecret| secret.matches(CLIENT_SECRET));
        let endpoints = Endpoints::new(&self.sessions)
            .under("/auth")
            .options(options);
        let layer = BearerLayer::new(self.verifier.clone()).sessions(&self.sessions);
        let service = endpoints.layer(layer.layer(inner));
        let (head, body) = service.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    fn request(&self, step: &Value) -> Request<Full<Bytes>> {
        if let Some(token) = step["resource"].as_str() {
            let bearer = format!("Bearer {}", self.fill(token));
            let request = Request::get("/me").header("authorization", bearer);
            return request.body(Full::default()).unwrap();
        }
        if let Some(endpoint) = step["get"].as_str() {
            let query = encode(&self.pairs(&step["query"]));
            return Request::get(format!("/auth/{endpoint}?{query}"))
                .body(Full::default())
                .unwrap();
        }
        let (content_type, body) = if let Some(raw) = step["raw_body"].as_str() {
            (FORM, self.fill(raw))
        } else if step["multipart"].is_array() {
            (
                "multipart/form-data; boundary=b",
                multipart(&self.pairs(&step["multipart"])),
            )
        } else {
            (FORM, encode(&self.form(step)))
        };
        let content_type = step["ctype"].as_str().unwrap_or(content_type);
        let mut request = Request::post(format!("/auth/{}", step["post"].as_str().unwrap()));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        request.body(Full::from(body)).unwrap()
    }

    /// A recipe that names its client at the introspection endpoint means one that has authenticated.
    fn form(&self, step: &Value) -> Vec<(String, String)> {
        let mut pairs = self.pairs(&step["form"]);
        let names_itself = pairs.iter().any(|(name, _)| name == "client_id");
        if step["post"] == "introspect" && names_itself {
            pairs.push(("client_secret".to_owned(), CLIENT_SECRET.to_owned()));
        }
        pairs
    }

    fn pairs(&self, pairs: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| self.fill(value.as_str().unwrap());
        let pairs = pairs.as_array().unwrap().iter();
        pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    }

    /// Puts in what `${…}` stands for; `${RT:-1}` is the token without its last character.
    fn fill(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${") else {
            return text.to_owned();
        };
        let (name, after) = rest.split_once('}').unwrap();
        let value = match name {
            "RT" => &self.login,
            "RT:-1" => &self.login[..self.login.len() - 1],
            "CLIENT_ID" => CLIENT,
            saved => {
                let (answer, member) = saved.split_once('.').unwrap();
                self.saved[answer][member].as_str().unwrap()
            }
        };
        format!("{before}{value}{}", self.fill(after))
    }

    fn check(&self, step: &Value, answer: &Answer) {
        let id = &self.id;
        let allowed = step["status"].as_array().unwrap();
        let status = answer.status.as_u16();
        assert!(
            allowed.iter().any(|one| *one == status),
            "{id}: {status}, not in {allowed:?}"
        );
        if let Some(errors) = step["error"].as_str() {
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(errors.split('|').any(|one| one == error), "{id}: {error}");
            assert!(!answer.headers.contains_key("www-authenticate"), "{id}");
        }
        if let Some(active) = step["active"].as_bool() {
            assert_eq!(answer.json()["active"], active, "{id}");
        }
        if step["exact"] == true {
            assert_eq!(answer.body, r#"{"active":false}"#, "{id}");
        }
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            assert_eq!(
                answer.headers[name],
                value.as_str().unwrap(),
                "{id}: {name}"
            );
        }
        for (member, want) in step["check"].as_object().into_iter().flatten() {
            let json = answer.json();
            let value = &json[member.trim_end_matches("_ci")];
            let good = match want.as_str().unwrap() {
                "int>0" => value.as_u64().is_some_and(|number| number > 0),
                "str" => value.as_str().is_some_and(|text| !text.is_empty()),
                text => value
                    .as_str()
                    .is_some_and(|value| value.eq_ignore_ascii_case(text)),
            };
            assert!(good, "{id}: {member} is not {want}");
        }
    }
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn encode(pairs: &[(String, String)]) -> String {
    let escape = |text: &str| -> String {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => (byte as char).into(),
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(escape).collect()
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

fn multipart(pairs: &[(String, String)]) -> String {
    let part = |(name, value): &(String, String)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    pairs
        .iter()
        .map(part)
        .chain(["--b--\r\n".to_owned()])
        .collect()
}

fn recipes() -> Vec<Value> {
    let recipes = RECIPES
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    recipes
        .filter(|recipe| recipe["target"] == "refresh")
        .collect()
}

fn steps(id: &str) -> Vec<Value> {
    let recipe = recipes()
        .into_iter()
        .find(|recipe| recipe["id"] == id)
        .unwrap();
    recipe["build"]["steps"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_recipe_gets_its_verdict() {
    let mut ran: HashMap<String, usize> = HashMap::new();
    for recipe in recipes() {
        let id = recipe["id"].as_str().unwrap();
        // Its note asks for a server without leniency.
        let configure = if id == "r-replay" { strict } else { defaults };
        let steps = recipe["build"]["steps"].as_array().unwrap();
        Case::new(id, configure).await.run(steps).await;
        *ran.entry(recipe["confidence"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    println!("ran {ran:?}");
    assert_eq!((ran["must"], ran["should"], ran["choice"]), (37, 4, 1));
}

/// Out of the box a replay ends the session as soon as the client has shown that it holds the
/// successor, here by using its access token.
#[tokio::test]
async fn a_replay_after_the_successor_was_used_ends_the_session() {
    let steps = steps("r-replay");
    let mut case = Case::new("r-replay, confirmed", defaults).await;
    case.run(&steps[..1]).await;
    let access = case.saved["A"]["access_token"].as_str().unwrap().to_owned();
    assert_eq!(case.open(&access).await.status, StatusCode::OK);
    case.sessions.flush().await.unwrap();
    case.run(&steps[1..]).await;
    assert_eq!(case.open(&access).await.status, StatusCode::UNAUTHORIZED);
}

/// As long as it has not, the answer may have been lost: the same successor comes again, and
/// there is no second branch.
#[tokio::test]
async fn a_replay_of_an_answer_that_may_be_lost_gets_the_same_token() {
    let steps = steps("r-replay");
    let mut case = Case::new("r-replay, unconfirmed", defaults).await;
    case.run(&steps[..1]).await;
    case.clock.advance(PAUSE);
    let again = case.refresh(&case.login).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(
        again.json()["refresh_token"],
        case.saved["A"]["refresh_token"]
    );
}
