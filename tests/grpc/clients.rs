//! Clients that others wrote, against a tonic server with the layer: each of them knows why it was
//! refused.
//!
//! grpcio needs a Python that has it: the one that `TOWER_BEARER_PYTHON` names, or `python3`. The
//! others need `node`, and their packages in the folder that `TOWER_BEARER_GRPC` names, or in
//! `target/grpc`. `scripts/test` installs all of them. Without them the tests say that they are
//! skipped; where `CI` is set they fail.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tests_shared::{
    skipped,
    tokens::{LIFETIME, Tokens},
};
use tokio_stream::StreamExt;
use tonic::{Request, Status, client::Grpc, transport::Endpoint};
use tower_bearer::{
    Scope, SessionId, VerifiedToken,
    bearer::{Admission, BearerLayer, SessionGuard, Unavailable},
    context::RequestHead,
};

use crate::server::{COUNT, EXPIRED, Hello, SAY, Text, inside, outside, serve};

const READ: Scope = Scope::from_static("read");
const SID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

const MISSING: &str = r#"Bearer realm="api""#;
const MALFORMED: &str =
    r#"Bearer realm="api", error="invalid_request", error_description="the request is malformed""#;
const INVALID: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid""#;
const LACKING: &str = r#"Bearer realm="api", error="insufficient_scope", error_description="the access token does not allow this", scope="read""#;

/// A call, and what its client must be told.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) authorization: Option<String>,
    pub(crate) code: u8,
    pub(crate) message: &'static str,
    pub(crate) challenge: Option<&'static str>,
}

pub(crate) struct Cases {
    tokens: Tokens,
    pub(crate) refused: [Case; 6],
}

/// Cannot tell of any session whether it runs.
#[derive(Clone)]
struct NoGuard;

impl SessionGuard for NoGuard {
    fn admit(&self, _token: &VerifiedToken, _: RequestHead<'_>) -> Admission {
        Admission::Admitted
    }

    async fn is_live(&self, _id: SessionId) -> Result<bool, Unavailable> {
        Err(Unavailable)
    }
}

impl Cases {
    pub(crate) fn new() -> Self {
        let tokens = Tokens::new();
        let expired = tokens.scoped("read");
        tokens.clock.advance(2 * LIFETIME);
        let (lacking, with_sid) = (tokens.scoped("write"), tokens.with_sid(SID));
        let required = "an access token is required";
        let rows = [
            ("missing", None, 16, required, Some(MISSING)),
            (
                "malformed",
                Some("a,b"),
                3,
                "the request is malformed",
                Some(MALFORMED),
            ),
            (
                "invalid",
                Some("a.b.c"),
                16,
                "the access token is invalid",
                Some(INVALID),
            ),
            (
                "expired",
                Some(&*expired),
                16,
                "the access token has expired",
                Some(EXPIRED),
            ),
            (
                "insufficient",
                Some(&*lacking),
                7,
                "the access token does not allow this",
                Some(LACKING),
            ),
            (
                "unavailable",
                Some(&*with_sid),
                14,
                "try again in a moment",
                None,
            ),
        ];
        let refused = rows.map(|(name, token, code, message, challenge)| Case {
            name,
            authorization: token.map(|token| format!("Bearer {token}")),
            code,
            message,
            challenge,
        });
        Self { tokens, refused }
    }

    /// The layer with a hook for clients that lose what comes beside another status than 200.
    fn layer_with_200(&self) -> BearerLayer {
        self.layer().on_rejection(|rejection, _request| {
            let mut response = rejection.to_response();
            assert!(response.headers().contains_key("grpc-status"));
            *response.status_mut() = http::StatusCode::OK;
            response
        })
    }

    pub(crate) fn layer(&self) -> BearerLayer {
        BearerLayer::new(self.tokens.verifier.clone())
            .check_live(&NoGuard)
            .require_scope(READ)
    }

    fn good(&self) -> String {
        format!("Bearer {}", self.tokens.scoped("read"))
    }

    /// The name of each call and its `authorization`, for the scripts.
    fn calls(&self) -> Value {
        let refused = self.refused.iter();
        let mut calls: Vec<_> = refused
            .map(|case| json!([case.name, case.authorization]))
            .collect();
        calls.push(json!(["good", self.good()]));
        calls.into()
    }

    /// What a client that understands everything reports of these calls.
    fn reports(&self) -> Vec<Value> {
        let kinds = [("unary", "hello alice"), ("stream", "one two")];
        let of_kind = |(kind, replies)| {
            let refused = self
                .refused
                .iter()
                .map(move |case| report(kind, case.name, case.code, case.message, case.challenge));
            refused.chain([report(kind, "good", 0, replies, None)])
        };
        kinds.into_iter().flat_map(of_kind).collect()
    }
}

fn report(kind: &str, name: &str, code: u8, message: &str, challenge: Option<&str>) -> Value {
    json!({
        "kind": kind, "name": name, "code": code, "message": message, "challenge": challenge,
    })
}

#[tokio::test]
async fn tonic_understands() {
    let cases = Cases::new();
    let addr = serve(cases.layer(), Hello::default()).await;
    let channel = Endpoint::from_shared(format!("http://{addr}")).unwrap();
    let mut client = Grpc::new(channel.connect().await.unwrap());
    let calls = cases.calls();
    let mut reports = Vec::new();
    for kind in ["unary", "stream"] {
        for call in calls.as_array().unwrap() {
            let mut request = Request::new("hi".to_owned());
            if let Some(value) = call[1].as_str() {
                let value = value.parse().unwrap();
                request.metadata_mut().insert("authorization", value);
            }
            client.ready().await.unwrap();
            let answer = match kind {
                "unary" => {
                    let answer = client.unary(request, SAY.parse().unwrap(), Text).await;
                    answer.map(tonic::Response::into_inner)
                }
                _ => stream(&mut client, request).await,
            };
            let name = call[0].as_str().unwrap();
            reports.push(match answer {
                Ok(replies) => report(kind, name, 0, &replies, None),
                Err(status) => {
                    let code = i32::from(status.code()).try_into().unwrap();
                    let challenge = status.metadata().get("www-authenticate");
                    let challenge = challenge.map(|value| value.to_str().unwrap());
                    report(kind, name, code, status.message(), challenge)
                }
            });
        }
    }
    assert_eq!(reports, cases.reports());
}

async fn stream(
    client: &mut Grpc<tonic::transport::Channel>,
    request: Request<String>,
) -> Result<String, Status> {
    let path = COUNT.parse().unwrap();
    let replies = client.server_streaming(request, path, Text).await?;
    let replies: Vec<String> = replies.into_inner().collect::<Result<_, _>>().await?;
    Ok(replies.join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_understands() {
    let python = env::var_os("TOWER_BEARER_PYTHON").unwrap_or_else(|| "python3".into());
    let imports = Command::new(&python).args(["-c", "import grpc"]).output();
    if !imports.is_ok_and(|output| output.status.success()) {
        return skipped(&format!("{python:?} has no grpcio"));
    }
    let cases = Cases::new();
    let addr = serve(cases.layer(), Hello::default()).await;
    let mut script = Command::new(python);
    script.arg(here("grpcio_client.py"));
    assert_eq!(run(script, addr, &cases), cases.reports());
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_js_understands() {
    let Some(script) = node("grpc-js") else {
        return;
    };
    let cases = Cases::new();
    let addr = serve(cases.layer(), Hello::default()).await;
    assert_eq!(run(script, addr, &cases), cases.reports());
}

/// Over HTTP/1.1, in the binary and the text format, with the layer on either side of the one that
/// translates. It takes the code from the HTTP status, and all of it where that is 200.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_understands() {
    let cases = Cases::new();
    for format in ["binary", "text"] {
        for (addr, is_200) in servers(&cases).await {
            let Some(mut script) = node("grpc-web") else {
                return;
            };
            script.env("FORMAT", format);
            let (told, expected) = (run(script, addr, &cases), cases.reports());
            match is_200 {
                true => assert_eq!(told, expected, "{format}"),
                false => assert_eq!(codes(&told), codes(&expected), "{format}"),
            }
        }
    }
}

/// gRPC-Web over HTTP/2. It makes a fault of the server of a 400.
#[tokio::test(flavor = "multi_thread")]
async fn connect_understands() {
    let cases = Cases::new();
    for (addr, is_200) in servers(&cases).await {
        let Some(script) = node("connect") else {
            return;
        };
        let (told, expected) = (run(script, addr, &cases), cases.reports());
        let is_known = |report: &&Value| is_200 || report["name"] != "malformed";
        let known =
            |reports: &[Value]| reports.iter().filter(is_known).cloned().collect::<Vec<_>>();
        assert_eq!(known(&told), known(&expected));
    }
}

/// Servers with the layer on either side of the one that translates gRPC-Web, and whether they
/// refuse with the HTTP status 200.
async fn servers(cases: &Cases) -> [(SocketAddr, bool); 4] {
    [
        (serve(outside(cases.layer()), Hello::default()).await, false),
        (serve(inside(cases.layer()), Hello::default()).await, false),
        (
            serve(outside(cases.layer_with_200()), Hello::default()).await,
            true,
        ),
        (
            serve(inside(cases.layer_with_200()), Hello::default()).await,
            true,
        ),
    ]
}

fn codes(reports: &[Value]) -> Vec<[&Value; 3]> {
    let mut codes = Vec::new();
    for report in reports {
        codes.push(["kind", "name", "code"].map(|member| &report[member]));
    }
    codes
}

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The script with this client, or nothing where it is not installed.
fn node(client: &str) -> Option<Command> {
    let folder = env::var_os("TOWER_BEARER_GRPC").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| here("../../target/grpc"));
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node || !folder.join("node_modules/@grpc/grpc-js").exists() {
        skipped(&format!(
            "there is no node, or no grpc-js in {}",
            folder.display()
        ));
        return None;
    }
    let mut script = Command::new("node");
    script.arg(here("node_clients.mjs")).arg(folder).arg(client);
    Some(script)
}

/// What the script reports, one JSON object a line.
fn run(mut script: Command, addr: SocketAddr, cases: &Cases) -> Vec<Value> {
    let output = tokio::task::block_in_place(|| {
        let script = script.arg(addr.to_string()).arg(cases.calls().to_string());
        script.output().unwrap()
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let reports = lines.lines().map(serde_json::from_str::<Value>);
    reports.map(Result::unwrap).collect()
}
