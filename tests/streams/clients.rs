//! Clients that others wrote open a WebSocket and server-sent events, each in all the ways that it has.
//!
//! The browsers are Debian's, driven as `tests/browser` does it, the clients of Node.js those of
//! `package.json` in the folder that `TOWER_BEARER_STREAMS` names, or in `target/streams`. The client of Python
//! is `websockets`, for the Python that `TOWER_BEARER_PYTHON` names. Where one is missing its test says that it
//! is skipped; where `CI` is set it fails.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tests_shared::{
    client::{Client, post},
    program::Server,
    servers::program,
    skipped,
};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};

use crate::soon;

const LOGIN: &str = r#"{"username":"alice","password":"wonderland"}"#;

/// What a client sees, by the way in which it came.
type Seen = BTreeMap<String, String>;

const OPEN: &str = "open echo.v1, hello";

/// What all clients see in the same way.
fn usual(name: &str, seen: &Seen) {
    println!("{name}: {seen:#?}");
    for (way, expected) in [
        ("protocol", OPEN),
        ("ticket", "open, hello"),
        ("logout", "closed 1008 Ended"),
    ] {
        assert_eq!(
            seen.get(way).map(String::as_str),
            Some(expected),
            "{name}: {way}"
        );
    }
}

#[track_caller]
fn sees(name: &str, seen: &Seen, expected: &[(&str, &str)]) {
    for (way, expected) in expected {
        assert_eq!(
            seen.get(*way).map(String::as_str),
            Some(*expected),
            "{name}: {way}"
        );
    }
}

/// Clients with the interface of browsers see no status, only that it is closed.
fn by_events(name: &str, seen: &Seen) {
    usual(name, seen);
    let closed = [
        "token alone",
        "bad token",
        "ticket elsewhere",
        "ticket again",
    ];
    sees(name, seen, &closed.map(|way| (way, "closed 1006")));
    sees(
        name,
        seen,
        &[
            ("events by ticket", "open, line 0"),
            ("events again", "closed"),
        ],
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn installed(variable: &str, otherwise: &str, package: &str) -> Option<PathBuf> {
    let folder = env::var_os(variable).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root().join(otherwise));
    if folder.join("node_modules").join(package).exists() {
        return Some(folder);
    }
    skipped(&format!("there is no {package} in {}", folder.display()));
    None
}

fn needed(name: &str) -> Option<PathBuf> {
    let found = program(name, &[]);
    if found.is_none() {
        skipped(&format!("there is no {name}"));
    }
    found
}

/// What the clients of that script see, by name.
fn told(command: &mut Command) -> BTreeMap<String, Seen> {
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    serde_json::from_str(told.lines().last().unwrap_or_default()).expect("JSON")
}

struct World {
    _folder: tempfile::TempDir,
    here: Server,
    there: Server,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let start = || Server::start("streams", folder.path(), &[("STORE", "sqlite:app.db")]);
        Self {
            here: start(),
            there: start(),
            _folder: folder,
        }
    }

    /// As a browser calls it: cookies go to `localhost` at every port, and pages of two ports are of two
    /// origins.
    fn json(&self) -> Value {
        let url = |server: &Server| format!("http://localhost:{}", server.addr.port());
        json!({ "url": url(&self.here), "other": url(&self.there), "login": LOGIN })
    }
}

#[test]
fn of_node() {
    let (Some(node), Some(folder)) = (
        needed("node"),
        installed("TOWER_BEARER_STREAMS", "target/streams", "ws"),
    ) else {
        return;
    };
    let world = World::start();
    let mut command = Command::new(node);
    let command = command.arg(root().join("tests/streams/node_clients.mjs"));
    let all = told(command.arg(folder).arg(world.json().to_string()));
    assert_eq!(all.len(), 2);
    for (name, seen) in &all {
        by_events(name, seen);
        sees(
            name,
            seen,
            &[
                ("header", "open, hello"),
                ("nothing", "closed 1006"),
                ("none selected", "closed 1006"),
            ],
        );
    }
}

#[test]
fn of_python() {
    let python = env::var_os("TOWER_BEARER_PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python)
        .args(["-c", "import websockets"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        return skipped(&format!("{} has no websockets", python.display()));
    }
    let world = World::start();
    let mut command = Command::new(python);
    let command = command.arg(root().join("tests/streams/websockets_client.py"));
    let all = told(command.arg(world.json().to_string()));
    let seen = &all["websockets"];
    usual("websockets", seen);
    sees(
        "websockets",
        seen,
        &[
            ("nothing", "401"),
            ("header", "open, hello"),
            ("token alone", "400"),
            ("none selected", "open, hello"),
            ("bad token", "401"),
            ("ticket elsewhere", "401"),
            ("ticket again", "401"),
        ],
    );
}

fn in_browser(browser: &str, driver: &str, expected: &[(&str, &str)]) {
    let screen = match browser {
        "webkit" => needed("Xvfb"),
        _ => Some(PathBuf::new()),
    };
    let (Some(screen), Some(node), Some(program), Some(modules)) = (
        screen,
        needed("node"),
        needed(driver),
        installed("TOWER_BEARER_BROWSER", "target/browser", "puppeteer-core"),
    ) else {
        return;
    };
    let world = World::start();
    let mut what = world.json();
    what["browser"] = json!(browser);
    what["program"] = json!(program);
    what["screen"] = json!(screen);
    what["modules"] = json!(modules);
    let mut command = Command::new(node);
    let command = command.arg(root().join("tests/streams/browsers.mjs"));
    let all = told(command.arg(what.to_string()));
    let seen = &all[browser];
    by_events(browser, seen);
    // The origin is checked where the browser sends the token by itself.
    sees(
        browser,
        seen,
        &[
            ("cookie elsewhere", "closed 1006"),
            ("token elsewhere", "open"),
        ],
    );
    sees(browser, seen, expected);
}

#[test]
fn chromium() {
    let expected = [("nothing", "open, hello"), ("none selected", "closed 1006")];
    in_browser("chromium", "chromium", &expected);
}

#[test]
fn firefox() {
    let expected = [("nothing", "open, hello"), ("none selected", "open, hello")];
    in_browser("firefox", "firefox-esr", &expected);
}

/// It keeps no `Secure` cookie of plain HTTP, so that there is none to send.
#[test]
fn webkit() {
    let expected = [("nothing", "closed 1006"), ("none selected", "open, hello")];
    in_browser("webkit", "WebKitWebDriver", &expected);
}

#[tokio::test]
async fn tungstenite() {
    let world = World::start();
    let client = Client::new(world.here.addr);
    let log_in = post("/auth/login").json(LOGIN.to_owned());
    let token = client.send(log_in).await.tokens().access;
    let ticket = async |path: &str| {
        let asked = post(&format!("/tickets/{path}")).bearer(&token);
        let answer = client.send(asked).await.json();
        let text = answer["access_ticket"]
            .as_str()
            .expect("a ticket")
            .to_owned();
        format!("/{path}?access_ticket={text}")
    };
    let url = |path: &str| {
        format!("ws://{}{path}", world.here.addr)
            .parse()
            .expect("a URL")
    };
    let at = |path: &str| ClientRequestBuilder::new(url(path));
    let offer = |of_app: &str, token: &str| {
        at("/socket")
            .with_sub_protocol(of_app)
            .with_sub_protocol(format!("bearer.{token}"))
    };
    let once = ticket("socket").await;
    let elsewhere = ticket("events").await.replace("events", "socket");
    let header = at("/socket").with_header("authorization", format!("Bearer {token}"));
    for (way, request, expected) in [
        ("nothing", at("/socket"), "401"),
        ("header", header, "open, hello"),
        ("protocol", offer("echo.v1", &token), OPEN),
        (
            "token alone",
            at("/socket").with_sub_protocol(format!("bearer.{token}")),
            "400",
        ),
        (
            "none selected",
            offer("other.v1", &token),
            "WebSocket protocol error: SubProtocol error: Server sent no subprotocol",
        ),
        ("bad token", offer("echo.v1", "x"), "401"),
        ("ticket elsewhere", at(&elsewhere), "401"),
        ("ticket", at(&once), "open, hello"),
        ("ticket again", at(&once), "401"),
    ] {
        assert_eq!(sees_there(request).await, expected, "{way}");
    }
}

async fn sees_there(request: ClientRequestBuilder) -> String {
    use futures_util::{SinkExt, StreamExt};

    let (mut socket, response) = match soon(tokio_tungstenite::connect_async(request)).await {
        Ok(connected) => connected,
        Err(Error::Http(response)) => return response.status().as_u16().to_string(),
        Err(error) => return error.to_string(),
    };
    let selected = response.headers().get("sec-websocket-protocol");
    let selected = selected.map(|name| format!(" {}", name.to_str().expect("text")));
    socket
        .send(Message::text("hello"))
        .await
        .expect("it is sent");
    let message = soon(socket.next())
        .await
        .expect("a message")
        .expect("a message");
    format!("open{}, {message}", selected.unwrap_or_default())
}
