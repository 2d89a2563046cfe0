//! The client layer over tonic, against a server of this crate.

use std::{
    convert::Infallible,
    error::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Response, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio_stream::StreamExt;
use tonic::{
    Code, Request, Status,
    body::Body,
    client::Grpc,
    transport::{Channel, Endpoint, Error as TransportError},
};
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneService};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    bearer::BearerLayer,
    clock::{Clock, ManualClock, SystemClock},
    endpoint::Endpoints,
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::MemoryStore,
};
use tower_bearer_client::{ClientError, ClientSession, RefreshLayer, RequestError, ResponseBody};

use crate::server::{COUNT, EXPIRED, Hello, LATE, SAY, Text, serve};

type Answer = Response<ResponseBody<Body>>;
type Client = Grpc<BoxCloneService<http::Request<Body>, Answer, BoxError>>;

const LIFETIME: Duration = Duration::from_secs(600);

/// An authorization server, an API, and a client that is signed in.
struct World {
    sessions: Sessions<MemoryStore>,
    clock: ManualClock,
    /// How often the token endpoint was asked.
    refreshes: Arc<AtomicUsize>,
    session: ClientSession,
    addr: SocketAddr,
}

impl World {
    async fn new() -> Self {
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let clock = ManualClock::new(SystemClock.now());
        let (issuer, audience) = ("https://id.example", "https://api.example");
        let verifier = Verifier::new(issuer, audience, keys.verifying()).unwrap();
        let verifier = verifier.clock(clock.clone());
        let issuer = Issuer::new(issuer, audience, keys).unwrap();
        let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
        let store = MemoryStore::with_clock(clock.clone());
        let sessions = SessionsBuilder::new(issuer, refresh_key, store)
            .access_lifetime(LIFETIME)
            .build()
            .unwrap();

        let refreshes = Arc::new(AtomicUsize::new(0));
        let asked = Arc::clone(&refreshes);
        let elsewhere =
            service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
        let endpoints = Endpoints::new(&sessions).layer(elsewhere);
        let http = endpoints.map_request(move |request: http::Request<Full<Bytes>>| {
            asked.fetch_add(1, Ordering::SeqCst);
            request
        });
        let session = ClientSession::builder("https://id.example/token", http)
            .build()
            .unwrap();
        let tokens = sessions.start(Grant::new("alice")).await.unwrap();
        session.sign_in(tokens).await.unwrap();

        let layer = BearerLayer::new(verifier).sessions(&sessions);
        Self {
            addr: serve(layer, Hello::default()).await,
            sessions,
            clock,
            refreshes,
            session,
        }
    }

    /// The server finds the access token expired. The client does not, by its own clock.
    fn expire(&self) {
        self.clock.advance(LIFETIME + Duration::from_secs(60));
    }

    async fn end(&self) {
        self.sessions.end_all("alice").await.unwrap();
    }

    fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }

    fn origin(&self) -> Uri {
        format!("http://{}", self.addr).parse().unwrap()
    }

    fn channel(&self) -> Channel {
        Endpoint::from(self.origin()).connect_lazy()
    }

    fn layer(&self) -> RefreshLayer {
        RefreshLayer::new(&self.session, self.origin().to_string().parse().unwrap())
    }

    /// A client as the docs of `tower-bearer-client` have it.
    fn client(&self) -> Client {
        let channel = ServiceBuilder::new()
            .map_err(status)
            .layer(self.layer().never_replay())
            .service(self.channel());
        Grpc::with_origin(BoxCloneService::new(channel), self.origin())
    }

    /// One that has the whole body of a call before it sends it, so that it can send it again.
    fn repeating(&self) -> Client {
        let channel = ServiceBuilder::new()
            .map_err(status)
            .layer(self.layer())
            .map_request(|request: http::Request<Full<Bytes>>| request.map(Body::new))
            .service(self.channel());
        let channel = service_fn(move |request: http::Request<Body>| {
            let channel = channel.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = Full::new(body.collect().await?.to_bytes());
                channel.oneshot(http::Request::from_parts(head, body)).await
            }
        });
        Grpc::with_origin(BoxCloneService::new(channel), self.origin())
    }
}

/// A call that found no access token fails with the status that says so.
fn status(error: RequestError<TransportError>) -> BoxError {
    let error = match error {
        RequestError::Token(error) => error,
        other => return other.into(),
    };
    let code = match error.is_signed_out() {
        true => Code::Unauthenticated,
        false => Code::Unavailable,
    };
    let mut status = Status::new(code, error.to_string());
    status.set_source(Arc::new(error));
    status.into()
}

async fn say(client: &mut Client) -> Result<String, Status> {
    client.ready().await.unwrap();
    let request = Request::new("hi".to_owned());
    let answer = client.unary(request, SAY.parse().unwrap(), Text).await?;
    Ok(answer.into_inner())
}

/// The replies of a stream up to its end, and how it ends.
async fn count(client: &mut Client, text: &str) -> (Vec<String>, Result<(), Status>) {
    client.ready().await.unwrap();
    let request = Request::new(text.to_owned());
    let path = COUNT.parse().unwrap();
    let mut replies = match client.server_streaming(request, path, Text).await {
        Ok(replies) => replies.into_inner(),
        Err(status) => return (Vec::new(), Err(status)),
    };
    let mut told = Vec::new();
    while let Some(reply) = replies.next().await {
        match reply {
            Ok(reply) => told.push(reply),
            Err(status) => return (told, Err(status)),
        }
    }
    (told, Ok(()))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Status {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    status
}

#[tokio::test]
async fn a_call_that_can_be_repeated_survives_a_refused_token() {
    let world = World::new().await;
    let mut client = world.repeating();
    assert_eq!(say(&mut client).await.unwrap(), "hello alice");
    assert_eq!(world.refreshes(), 0);
    world.expire();
    assert_eq!(say(&mut client).await.unwrap(), "hello alice");
    assert_eq!(world.refreshes(), 1);

    let world = World::new().await;
    world.expire();
    let (replies, end) = count(&mut world.repeating(), "hi").await;
    assert_eq!(replies, ["one", "two"]);
    end.unwrap();
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_call_that_cannot_be_repeated_leaves_a_good_token_to_the_next() {
    let world = World::new().await;
    let mut client = world.client();
    world.expire();
    let status = refused(say(&mut client).await);
    assert_eq!(status.message(), "the access token has expired");
    assert_eq!(status.metadata().get("www-authenticate").unwrap(), EXPIRED);

    assert_eq!(say(&mut client).await.unwrap(), "hello alice");
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_refusal_in_the_trailers_leaves_a_good_token_to_the_next() {
    let world = World::new().await;
    let mut client = world.repeating();
    let before = world.session.access_token().await.unwrap();
    let (replies, end) = count(&mut client, LATE).await;
    // The messages arrive, and none of them twice.
    assert_eq!(replies, ["one"]);
    assert_eq!(refused(end).message(), "too late");

    assert_eq!(say(&mut client).await.unwrap(), "hello alice");
    assert_eq!(world.refreshes(), 1);
    let after = world.session.access_token().await.unwrap();
    assert_ne!(after.expose(), before.expose());

    // A server that refuses every token causes no refresh with each call.
    for _ in 0..3 {
        refused(count(&mut client, LATE).await.1);
    }
    assert_eq!(say(&mut client).await.unwrap(), "hello alice");
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn the_end_of_the_session_is_unauthenticated() {
    let world = World::new().await;
    world.end().await;
    let mut client = world.client();
    refused(say(&mut client).await);
    world.session.settle().await.unwrap();
    for _ in 0..2 {
        // Nothing is sent any more.
        let status = refused(say(&mut client).await);
        assert!(status.metadata().is_empty(), "{status:?}");
        let source = status.source().unwrap().downcast_ref::<ClientError>();
        assert!(source.unwrap().is_signed_out());
    }
    assert_eq!(world.refreshes(), 1);
    refused(say(&mut world.repeating()).await);
}

/// The layer's own part, without a network: which answers refuse a token.
#[tokio::test]
async fn only_a_grpc_answer_that_blames_the_token_causes_a_refresh() {
    let invalid = r#"Bearer error="invalid_token""#;
    let cases = [
        ("application/grpc", "16", Some(invalid), 1),
        ("application/grpc-web+proto", "16", Some(invalid), 1),
        ("application/grpc", "16", None, 0),
        ("application/grpc", "16", Some("Bearer"), 0),
        ("application/grpc", "7", Some(invalid), 0),
        ("application/grpc", "0", Some(invalid), 0),
        ("application/json", "16", Some(invalid), 0),
        ("application/grpcx", "16", Some(invalid), 0),
    ];
    for in_trailers in [false, true] {
        for (content_type, code, challenge, expected) in cases {
            let world = World::new().await;
            let inner = answers(content_type, code, challenge, in_trailers);
            ask(&world, world.layer(), inner).await;
            assert_eq!(
                world.refreshes(),
                expected,
                "{content_type} {code} {challenge:?} {in_trailers}"
            );
        }
        // For servers that send no challenge.
        let world = World::new().await;
        let inner = answers("application/grpc", "16", None, in_trailers);
        ask(&world, world.layer().refresh_without_challenge(), inner).await;
        assert_eq!(world.refreshes(), 1, "{in_trailers}");
    }
}

type Frames = StreamBody<tokio_stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

/// A service that gives this one answer.
fn answers(
    content_type: &'static str,
    code: &'static str,
    challenge: Option<&'static str>,
    in_trailers: bool,
) -> impl tower::Service<
    http::Request<()>,
    Response = Response<Frames>,
    Error = Infallible,
    Future: Send,
> + Clone {
    service_fn(move |_: http::Request<()>| async move {
        let mut told = http::HeaderMap::new();
        told.insert("grpc-status", code.parse().unwrap());
        if let Some(challenge) = challenge {
            told.insert("www-authenticate", challenge.parse().unwrap());
        }
        let mut frames = vec![Ok(Frame::data(Bytes::from_static(b"data")))];
        let mut response = Response::builder().header("content-type", content_type);
        match in_trailers {
            true => frames.push(Ok(Frame::trailers(told))),
            false => response.headers_mut().unwrap().extend(told),
        }
        Ok(response
            .body(StreamBody::new(tokio_stream::iter(frames)))
            .unwrap())
    })
}

/// Sends a request, reads the answer, which arrives as it was sent, and waits for the refresh that
/// it may have caused.
async fn ask<S>(world: &World, layer: RefreshLayer, inner: S)
where
    S: tower::Service<http::Request<()>, Response = Response<Frames>, Error = Infallible> + Clone,
{
    let request = http::Request::post(world.origin()).body(()).unwrap();
    let answer = layer.layer(inner).oneshot(request).await.unwrap();
    let has_status = answer.headers().contains_key("grpc-status");
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(has_status, body.trailers().is_none());
    assert_eq!(body.to_bytes(), "data");
    world.session.settle().await.unwrap();
}
