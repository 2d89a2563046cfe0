use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use tests_shared::client::payload;
use tower::{Service, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, ReplyBody, SigningKey, TokenResponse,
    clock::{Clock, ManualClock, SystemClock},
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, DeviceSecret, RefreshEndpoint, RegistrationEndpoint},
    endpoint::{EndpointOptions, TokenEndpoint},
    session::{
        Grant, Record, RefreshDecision, RefreshKey, SessionEventKind, Sessions, SessionsBuilder,
    },
    store::{
        AnyStore, MemoryStore, SessionStore, StoreError, StoreErrorKind,
        service::{ServiceStore, StoreRequest, StoreResponse},
    },
};

use crate::device::Device;

pub(crate) const ACCESS: &str = "__Host-access_token";
pub(crate) const REFRESH: &str = "__Host-refresh_token";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// The life of an access cookie.
pub(crate) const LIFE: Duration = Duration::from_secs(600);

/// A server of bound sessions, and the clock that all of it goes by.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) keys: KeySet,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Sessions<MemoryStore>,
    pub(crate) cookie: RefreshCookie,
    pub(crate) binding: DeviceBinding,
    pub(crate) events: Arc<Mutex<Vec<SessionEventKind>>>,
    /// Whether the application's hook fails.
    pub(crate) is_in_trouble: Arc<AtomicBool>,
}

pub(crate) fn secret(byte: u8) -> DeviceSecret {
    DeviceSecret::from_secret([byte; 32]).unwrap()
}

pub(crate) fn builder<St: SessionStore>(keys: &KeySet, store: St) -> SessionsBuilder<St> {
    let issuer = Issuer::new("https://id.example", "https://api.example", keys.clone()).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    SessionsBuilder::new(issuer, refresh_key, store).access_lifetime(LIFE)
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(SystemClock.now());
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let store = MemoryStore::with_clock(clock.clone());
        let is_in_trouble = Arc::new(AtomicBool::new(false));
        let trouble = Arc::clone(&is_in_trouble);
        let sessions = builder(&keys, store.clone()).on_refresh(move |_, _| {
            let fails = trouble.load(SeqCst);
            async move {
                match fails {
                    true => Err(std::io::Error::other("no database")),
                    false => Ok(RefreshDecision::Continue),
                }
            }
        });
        let events = Arc::<Mutex<Vec<_>>>::default();
        let told = Arc::clone(&events);
        let sessions = sessions.on_event(move |event| told.lock().unwrap().push(event.kind));
        let sessions = sessions.build().unwrap();
        let access = AccessCookie::new(CookieOptions::new()).unwrap();
        let cookie = RefreshCookie::new(&sessions, CookieOptions::new()).unwrap();
        let cookie = cookie.with_access_cookie(&access);
        let mut world = Self {
            binding: bind(&sessions, &cookie, &clock, 1),
            clock,
            keys,
            store,
            sessions,
            cookie,
            events,
            is_in_trouble,
        };
        world.use_secret(1);
        world
    }

    pub(crate) fn use_secret(&mut self, byte: u8) {
        self.binding = bind(&self.sessions, &self.cookie, &self.clock, byte);
    }

    /// A browser that has just logged in.
    pub(crate) async fn login(&self) -> Browser {
        self.login_with(Device::new()).await
    }

    pub(crate) async fn login_with(&self, device: Device) -> Browser {
        let tokens = self.sessions.start(Grant::new("alice")).await.unwrap();
        let answer = read(self.binding.response(&tokens).unwrap()).await;
        let mut browser = Browser::new(device, answer.offer());
        browser.take(&answer);
        browser
    }

    /// A browser that has registered its key.
    pub(crate) async fn registered(&self) -> Browser {
        let mut browser = self.login().await;
        let answer = self.register(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.take(&answer);
        browser
    }

    /// A browser that has refreshed once.
    pub(crate) async fn bound(&self) -> Browser {
        let mut browser = self.registered().await;
        let answer = self.refresh(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.take(&answer);
        browser
    }

    pub(crate) async fn register(&self, browser: &Browser) -> Answer {
        self.send_registration(browser.registration()).await
    }

    pub(crate) async fn send_registration(&self, request: Request<Empty<Bytes>>) -> Answer {
        let endpoint = RegistrationEndpoint::new(self.sessions.clone(), &self.binding);
        send(endpoint, request).await
    }

    /// A refresh with a proof of the last challenge.
    pub(crate) async fn refresh(&self, browser: &Browser) -> Answer {
        self.send_refresh(browser.refresh()).await
    }

    pub(crate) async fn send_refresh(&self, request: Request<Empty<Bytes>>) -> Answer {
        let endpoint = RefreshEndpoint::new(self.sessions.clone(), &self.binding);
        send(endpoint, request).await
    }

    /// What a script, or a thief, does with the refresh cookie.
    pub(crate) async fn by_script(&self, browser: &Browser) -> Answer {
        let options = EndpointOptions::new().device_binding(&self.binding);
        let endpoint = TokenEndpoint::new(self.sessions.clone()).options(options);
        send(endpoint, browser.post("/auth/token")).await
    }

    pub(crate) async fn row(&self, browser: &Browser) -> Record {
        let claims = payload(&browser.refresh);
        let sid = claims["sid"].as_str().unwrap().parse().unwrap();
        self.store.load(sid).await.unwrap().record.unwrap()
    }
}

fn bind(
    sessions: &Sessions<MemoryStore>,
    cookie: &RefreshCookie,
    clock: &ManualClock,
    byte: u8,
) -> DeviceBinding {
    let options = DeviceOptions::new(secret(byte))
        .under("/auth")
        .exclude("/static")
        .clock(clock.clone());
    DeviceBinding::new(sessions, cookie, options).unwrap()
}

/// What a browser keeps.
pub(crate) struct Browser {
    pub(crate) device: Device,
    pub(crate) offer: Offer,
    pub(crate) refresh: String,
    pub(crate) access: String,
    pub(crate) identifier: String,
    pub(crate) challenge: String,
}

impl Browser {
    pub(crate) fn new(device: Device, offer: Offer) -> Self {
        Self {
            device,
            offer,
            refresh: String::new(),
            access: String::new(),
            identifier: String::new(),
            challenge: String::new(),
        }
    }

    /// Keeps the cookies, the identifier and the challenge of an answer.
    pub(crate) fn take(&mut self, answer: &Answer) {
        for (name, value) in answer.cookies() {
            match name.as_str() {
                REFRESH => self.refresh = value,
                ACCESS => self.access = value,
                _ => panic!("{name}"),
            }
        }
        if let Some((challenge, identifier)) = answer.challenge() {
            (self.challenge, self.identifier) = (challenge, identifier);
        }
    }

    pub(crate) fn post(&self, path: &str) -> Request<Empty<Bytes>> {
        let (refresh, access) = (&self.refresh, &self.access);
        Request::post(path)
            .header("host", "id.example")
            .header("origin", "https://id.example")
            .header("sec-fetch-site", "same-origin")
            .header(COOKIE, format!("{REFRESH}={refresh}; {ACCESS}={access}"))
            .body(Empty::new())
            .unwrap()
    }

    pub(crate) fn registration(&self) -> Request<Empty<Bytes>> {
        let Offer {
            challenge,
            authorization,
            ..
        } = &self.offer;
        let proof = self.device.registration(challenge, authorization);
        and(self.post("/auth/device/register"), PROOF, &proof)
    }

    /// Without a proof.
    pub(crate) fn asking(&self) -> Request<Empty<Bytes>> {
        and(self.post("/auth/device/refresh"), ID, &self.identifier)
    }

    pub(crate) fn refresh(&self) -> Request<Empty<Bytes>> {
        and(self.asking(), PROOF, &self.device.refresh(&self.challenge))
    }
}

pub(crate) const PROOF: &str = "secure-session-response";
pub(crate) const ID: &str = "sec-secure-session-id";

pub(crate) fn and<B>(mut request: Request<B>, name: &'static str, value: &str) -> Request<B> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

pub(crate) fn without<B>(mut request: Request<B>, name: &str) -> Request<B> {
    request.headers_mut().remove(name);
    request
}

/// The header that offers a registration, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) algorithms: String,
    pub(crate) path: String,
    pub(crate) challenge: String,
    pub(crate) authorization: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Names and values.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        let pair = |line: &http::HeaderValue| {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            (name.to_owned(), rest.split(';').next().unwrap().to_owned())
        };
        lines.map(pair).collect()
    }

    /// The challenge and the identifier of the session that it is for.
    pub(crate) fn challenge(&self) -> Option<(String, String)> {
        let value = self.headers.get("secure-session-challenge")?;
        let (challenge, id) = value.to_str().unwrap().split_once(";id=").unwrap();
        Some((unquoted(challenge), unquoted(id)))
    }

    pub(crate) fn offer(&self) -> Offer {
        let value = &self.headers["secure-session-registration"];
        let [algorithms, path, challenge, authorization] =
            value.to_str().unwrap().split(';').collect::<Vec<_>>()[..]
        else {
            panic!("{value:?}")
        };
        let named = |part: &str, name: &str| unquoted(part.strip_prefix(name).unwrap());
        Offer {
            algorithms: algorithms.to_owned(),
            path: named(path, "path="),
            challenge: named(challenge, "challenge="),
            authorization: named(authorization, "authorization="),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.json()["error"], error);
        assert!(!self.headers.contains_key(SET_COOKIE), "{self:?}");
        let keeps_on = status == 403 && self.challenge().is_some();
        assert_eq!(self.challenge().is_some(), keeps_on, "{self:?}");
    }

    /// A refresh that needs a proof, or another one.
    #[track_caller]
    pub(crate) fn challenges(&self) {
        self.refused(403, "access_denied");
        assert!(self.challenge().is_some(), "{self:?}");
    }

    /// The browser has to forget its key.
    #[track_caller]
    pub(crate) fn is_of_another_key(&self) {
        self.refused(401, "invalid_grant");
        assert_eq!(self.challenge(), None);
    }

    /// The browser has to forget its key, and the session.
    #[track_caller]
    pub(crate) fn is_over(&self) {
        assert_eq!(self.status.as_u16(), 401, "{self:?}");
        assert_eq!(self.json()["error"], "invalid_grant");
        let removed = [REFRESH, ACCESS].map(|name| (name.to_owned(), String::new()));
        assert_eq!(self.cookies(), removed);
        assert_eq!(self.challenge(), None);
    }
}

fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap().to_owned()
}

pub(crate) async fn send<S, B>(service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<ReplyBody>, Error = Infallible>,
{
    let answer = read(service.oneshot(request).await.unwrap()).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer
}

pub(crate) async fn read<R>(response: Response<R>) -> Answer
where
    R: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// The same sessions over a store that does not answer.
pub(crate) fn without_store(world: &World) -> Sessions {
    let down = service_fn(async |_: StoreRequest| {
        Err::<StoreResponse, _>(StoreError::new(StoreErrorKind::Unavailable))
    });
    let store = AnyStore::new(ServiceStore::new(down));
    builder(&world.keys, store).build().unwrap()
}

pub(crate) async fn started(world: &World) -> TokenResponse {
    world.sessions.start(Grant::new("alice")).await.unwrap()
}
