//! Copies of a client that share nothing but what was copied: the tokens, and the key if there is
//! one. Here the built examples are the server and the clients.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tests_shared::program::{Server, binary};
use tower_bearer_client::DpopKey;

use crate::real::hyper_client;

const COPIES: usize = 3;

/// More lines than a client prints while it has one token.
const LINES: usize = 100;

/// How often each copy refreshes; more in the variable `TOWER_BEARER_REFRESHES`.
fn refreshes() -> usize {
    let asked = env::var("TOWER_BEARER_REFRESHES").ok();
    asked.map_or(12, |number| number.parse().unwrap())
}

struct World {
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    /// The server's access tokens live for so many seconds.
    fn new(access_ttl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = [
            ("STORE", "memory"),
            ("ACCESS_TTL", access_ttl),
            ("REUSE_WINDOW", "0"),
        ];
        let server = Server::start("quickstart", folder.path(), &env);
        Self { server, folder }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr)
    }

    fn file(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("tokens-{number}.json"))
    }

    /// A program that goes on with the tokens in the file, or logs in if there are none.
    fn client(&self, file: &Path, options: &[&str]) -> Client {
        let mut child = Command::new(binary("client"))
            .args([&self.url(""), "--pause", "50", "--tokens"])
            .arg(file)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Client { child, stdout }
    }

    /// Logs in, and copies what is kept.
    fn copies(&self, options: &[&str]) -> Vec<PathBuf> {
        let first = self.file(0);
        let mut client = self.client(&first, options);
        assert_eq!(client.goes_on(1), Ok(1));
        client.stop();
        for copy in 1..COPIES {
            fs::copy(&first, self.file(copy)).unwrap();
        }
        (0..COPIES).map(|copy| self.file(copy)).collect()
    }

    /// How many access tokens each copy has had before all had so many, or its session ended.
    fn run(&self, files: &[PathBuf], tokens: usize) -> Vec<Result<usize, String>> {
        let clients = files.iter().map(|file| self.client(file, &[]));
        let watched: Vec<_> = clients
            .map(|mut client| thread::spawn(move || client.goes_on(tokens)))
            .collect();
        let ended = watched.into_iter().map(|client| client.join().unwrap());
        ended.collect()
    }
}

/// Killed with the test.
struct Client {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Client {
    /// Reads what it says until it has had so many tokens. The last line if it ends before.
    fn goes_on(&mut self, tokens: usize) -> Result<usize, String> {
        let mut line = String::new();
        let mut had = 0;
        let mut lines = 0..tokens * LINES;
        while had < tokens {
            let last = line.trim().to_owned();
            line.clear();
            if lines.next().is_none() || self.stdout.read_line(&mut line).unwrap() == 0 {
                return Err(last);
            }
            if let Some((_, rest)) = line.split_once("200 OK, and token ") {
                had = rest.split(' ').next().unwrap().parse().unwrap();
            }
        }
        Ok(had)
    }

    /// As Ctrl-C does: it saves what is under way.
    fn stop(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &id]).status();
        assert!(sent.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Each one's tokens are overtaken by the others' all the time.
#[test]
fn copies_of_a_bound_client_never_log_each_other_out() {
    let world = World::new("1");
    let files = world.copies(&["--dpop"]);
    let tokens = refreshes() + 1;
    let ran = world.run(&files, tokens);
    println!("{COPIES} copies, bound: {ran:?}");
    let has_all = |had: &Result<usize, String>| had.as_ref().is_ok_and(|had| *had >= tokens);
    assert!(ran.iter().all(has_all), "{ran:?}");
}

/// For the record, and to see that the test above can fail: nobody can tell a copy from a thief.
#[test]
fn copies_of_an_unbound_client_log_each_other_out() {
    let world = World::new("1");
    let files = world.copies(&[]);
    let ran = world.run(&files, refreshes() + 1);
    println!("{COPIES} copies, not bound: {ran:?}");
    assert!(ran.iter().all(Result::is_err), "{ran:?}");
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// What somebody gets who has all that is kept but the key.
#[tokio::test]
async fn a_thief_without_the_key_gets_nothing_and_ends_nothing() {
    let world = World::new("600");
    let file = world.copies(&["--dpop"]).remove(0);
    let kept = read(&file);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (refresh, access) = (text(&kept["refresh_token"]), text(&kept["access"]["token"]));
    let own = DpopKey::generate().unwrap();
    let prove = |method: Method, url: &str, token: Option<&str>| {
        let uri: Uri = url.parse().unwrap();
        let proof = own.proof(&method, &uri);
        token
            .map_or(proof.clone(), |token| proof.access_token(token))
            .sign()
            .unwrap()
    };
    let (token, me) = (world.url("/auth/token"), world.url("/me"));
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let ask = || Request::post(&token).header("content-type", "application/x-www-form-urlencoded");
    let get =
        |scheme: &str| Request::get(&me).header("authorization", format!("{scheme} {access}"));
    let tries = || {
        let own_refresh = prove(Method::POST, &token, None);
        let own_request = prove(Method::GET, &me, Some(&access));
        [
            (400, ask().body(form.clone())),
            (400, ask().header("dpop", own_refresh).body(form.clone())),
            (400, ask().header("dpop", "a.b.c").body(form.clone())),
            (401, get("Bearer").body(String::new())),
            (401, get("DPoP").body(String::new())),
            (
                401,
                get("DPoP")
                    .header("dpop", own_request.clone())
                    .body(String::new()),
            ),
            (
                401,
                get("Bearer")
                    .header("dpop", own_request)
                    .body(String::new()),
            ),
        ]
    };
    let http = hyper_client();
    for _ in 0..20 {
        for (status, request) in tries() {
            let request = request.unwrap().map(|body| Full::new(Bytes::from(body)));
            let answer = http.request(request).await.unwrap();
            assert_eq!(answer.status(), status);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap_or(json!({}));
            assert!(body.get("access_token").is_none());
        }
    }
    assert_eq!(
        world.client(&file, &[]).goes_on(1),
        Ok(1),
        "the victim goes on"
    );
    let without_access = json!({ "refresh_token": kept["refresh_token"], "dpop": kept["dpop"] });
    fs::write(&file, without_access.to_string()).unwrap();
    assert_eq!(world.client(&file, &[]).goes_on(1), Ok(1), "and refreshes");
}
