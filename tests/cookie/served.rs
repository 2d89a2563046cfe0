//! A whole application on a real connection, as a browser on this machine meets it.

use axum::{Router, extract::State, response::IntoResponse, routing::post};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_bearer::{
    Claims, ReplyBody,
    bearer::BearerLayer,
    cookie::{CookieOptions, RefreshCookie},
    endpoint::Endpoints,
    session::{Grant, SessionError, Sessions},
    store::MemoryStore,
};

use crate::support::*;

#[derive(Clone)]
struct App {
    sessions: Sessions<MemoryStore>,
    cookie: RefreshCookie,
}

async fn log_in(State(app): State<App>) -> Result<http::Response<ReplyBody>, SessionError> {
    let tokens = app.sessions.start(Grant::new("alice")).await?;
    app.cookie.response(&tokens)
}

async fn log_out(
    State(app): State<App>,
    claims: Claims,
) -> Result<impl IntoResponse, SessionError> {
    app.sessions.end_all(&claims).await?;
    Ok((app.cookie.clear(), StatusCode::NO_CONTENT))
}

/// A page of this origin, and the one cookie that it has.
struct Page {
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
    cookie: Option<(String, String)>,
}

impl Page {
    /// Serves on loopback, as long as the test's runtime lives.
    async fn open(world: &World) -> Self {
        let app = App {
            sessions: world.sessions.clone(),
            cookie: world.cookie.clone(),
        };
        let endpoints = Endpoints::new(&app.sessions).under("/auth");
        let endpoints = endpoints.options(world.options());
        let router = Router::new()
            .route("/auth/logout", post(log_out))
            .route_layer(BearerLayer::new(world.verifier()).sessions(&app.sessions))
            .route("/auth/login", post(log_in))
            .merge(endpoints.into_router())
            .with_state(app);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            origin,
            cookie: None,
        }
    }

    async fn post_from(&mut self, origin: &str, path: &str, bearer: Option<&str>) -> Answer {
        let request = Request::post(format!("{}{path}", self.origin)).header("origin", origin);
        let request = match &self.cookie {
            Some((name, token)) => request.header("cookie", format!("{name}={token}")),
            None => request,
        };
        let request = match bearer {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let request = request.body(Full::default()).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A request, and the cookies that come of it.
    async fn post(&mut self, path: &str, bearer: Option<&str>) -> Answer {
        let answer = self.post_from(&self.origin.clone(), path, bearer).await;
        for line in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once("; ").unwrap();
            let (name, token) = pair.split_once('=').unwrap();
            let kept = (name.to_owned(), token.to_owned());
            self.cookie = Some(kept).filter(|_| !attributes.contains("Max-Age=0;"));
        }
        answer
    }
}

#[tokio::test]
async fn a_page_logs_in_refreshes_and_logs_out() {
    for options in [
        CookieOptions::new(),
        CookieOptions::new().path("/auth/token"),
        CookieOptions::new().danger_insecure_over_http(),
    ] {
        let world = world_with(options);
        let mut page = Page::open(&world).await;
        page.post("/auth/token", None).await.misses_a_token();
        page.post("/auth/login", None).await.granted();
        let first = page.cookie.clone().unwrap();
        assert_eq!(first.0, world.cookie.name());

        let access = page.post("/auth/token", None).await.granted();
        assert_ne!(page.cookie, Some(first));
        let elsewhere = page
            .post_from("https://evil.example", "/auth/token", None)
            .await;
        elsewhere.refused(403, "access_denied");
        let at_once = page.post("/auth/token", None).await;
        at_once.granted();
        at_once.sets_no_cookie();

        let kept = page.cookie.clone();
        let answer = page
            .post("/auth/logout", access["access_token"].as_str())
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(page.cookie, None);
        page.cookie = kept;
        page.post("/auth/token", None)
            .await
            .refused(400, "invalid_grant");
        assert!(page.cookie.is_some());
    }
}
