//! A user of the client layer, who notes what the token endpoint answers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Http, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tests_shared::client::{Answer, Client};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_bearer_client::{ClientSession, EndReason, NewTokens, RefreshLayer, RequestError};

use super::{from, login};

type Sent = BoxCloneSyncService<Request<Full<Bytes>>, Response<Incoming>, Error>;

pub(crate) struct Honest {
    session: ClientSession,
    /// The session's identifier at the login.
    sid: Value,
    http: Sent,
    me: String,
    statuses: Arc<Mutex<Vec<u16>>>,
    ends: Arc<Mutex<Vec<EndReason>>>,
}

impl Honest {
    pub(crate) async fn log_in(server: SocketAddr, address: &'static str) -> Self {
        let tokens = Client::new(server).send(from(address, login())).await;
        let tokens = NewTokens::from_json(&tokens.is(200).body).expect("tokens");
        let (statuses, ends) = (Arc::default(), Arc::<Mutex<Vec<_>>>::default());
        let http = sent(address, Arc::clone(&statuses));
        let told = Arc::clone(&ends);
        let session = ClientSession::builder(format!("http://{server}/auth/token"), http.clone())
            .on_end(move |reason| told.lock().expect("whole").push(reason))
            .build()
            .expect("a session");
        session.sign_in(tokens).await.expect("a login");
        let sid = sid(&session).await;
        Self {
            session,
            sid,
            http,
            me: format!("http://{server}/me"),
            statuses,
            ends,
        }
    }

    pub(crate) async fn call(&self) -> Result<Answer, RequestError<Error>> {
        let origin = self.me.trim_end_matches("/me").parse().expect("an origin");
        let client = RefreshLayer::new(&self.session, origin).layer(self.http.clone());
        let request = Request::get(&self.me)
            .body(Full::default())
            .expect("a request");
        let (parts, body) = client.oneshot(request).await?.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.expect("a body").to_bytes(),
        })
    }

    /// What the token endpoint has answered so far.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.statuses.lock().expect("whole").clone()
    }

    pub(crate) fn seen(&self, status: u16) -> usize {
        let statuses = self.statuses();
        statuses.iter().filter(|seen| **seen == status).count()
    }

    /// The login's session goes on, and nothing has ever said otherwise.
    pub(crate) async fn is_in(&self) {
        let ends = self.ends.lock().expect("whole").clone();
        assert!(
            self.session.status().is_signed_in() && ends.is_empty(),
            "{ends:?}"
        );
        let statuses = self.statuses();
        let may_be = |status: &u16| [200, 503].contains(status);
        assert!(statuses.iter().all(may_be), "{statuses:?}");
        assert_eq!(sid(&self.session).await, self.sid);
    }
}

/// A client that comes from that address, and notes what the token endpoint says.
fn sent(address: &'static str, statuses: Arc<Mutex<Vec<u16>>>) -> Sent {
    let http: Http<HttpConnector, Full<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
    BoxCloneSyncService::new(service_fn(move |mut request: Request<Full<Bytes>>| {
        let is_refresh = request.uri().path() == "/auth/token";
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", HeaderValue::from_static(address));
        let (http, statuses) = (http.clone(), Arc::clone(&statuses));
        async move {
            let answer = http.request(request).await?;
            if is_refresh {
                statuses
                    .lock()
                    .expect("whole")
                    .push(answer.status().as_u16());
            }
            Ok(answer)
        }
    }))
}

async fn sid(session: &ClientSession) -> Value {
    let token = session.access_token().await.expect("a token");
    let payload = token.expose().split('.').nth(1).expect("a JWT");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    claims["sid"].clone()
}
