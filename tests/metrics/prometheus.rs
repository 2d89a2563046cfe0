//! A real Prometheus, which scrapes a server and evaluates the rules.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use serde_json::Value;
use tower_bearer::{
    bearer::BearerLayer,
    session::{FeedOptions, Refusal},
};

use crate::{scrape::listen, support::*};

/// How long Prometheus may take to see something.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("TOWER_BEARER_PROMETHEUS").map(PathBuf::from);
    let folder = folder
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/usr/bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [folder].into_iter().chain(env::split_paths(&path));
    let found = folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        tests_shared::skipped(&format!("{name} is not installed"));
    }
    found
}

fn observability() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/observability")
}

#[test]
fn promtool_takes_the_rules_and_each_fires_when_it_has_to() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let checks = [
        ["check", "rules", "alerts.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "alerts_test.yml"],
    ];
    for arguments in checks {
        let mut command = Command::new(&promtool);
        let done = command
            .args(arguments)
            .current_dir(observability())
            .output();
        let done = done.unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complained = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}{complained}");
    }
}

/// Prometheus with its data in a folder of its own; killed when dropped.
struct Prometheus {
    child: Child,
    addr: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Scrapes `target` and evaluates the rules five times a second.
    fn start(program: &Path, target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = observability().join("alerts.yml");
        let config = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: [{rules:?}]\n\
             scrape_configs:\n  - job_name: test\n    static_configs: [{{ targets: [\"{target}\"] }}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            addr,
            _folder: folder,
        }
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let answer = reqwest::get(format!("http://{}/api/v1/{path}", self.addr))
            .await
            .ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }

    /// Asks again until the answer is as it has to be.
    async fn wait_for(&self, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(path).await;
            if let Some(answer) = answer.clone().filter(|answer| is_it(answer)) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} said last: {answer:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn firing(alerts: &Value) -> Vec<String> {
    let alerts = alerts["data"]["alerts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
    firing
        .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn prometheus_scrapes_a_server_and_a_theft_raises_the_alarm() {
    let Some(program) = program("prometheus") else {
        return;
    };
    let (metrics, _guard) = listen();
    let world = world();
    let _layer = BearerLayer::new(world.verifier());
    let feed = world.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let app = Router::new().route("/metrics", get(async move || metrics.render()));
    tokio::spawn(axum::serve(listener, app).into_future());

    let prometheus = Prometheus::start(&program, target);
    let events = "query?query=tower_bearer_session_events_total{kind=\"reused_older\"}";
    let seen = |answer: &Value| answer["data"]["result"][0]["value"][1] == "0";
    prometheus.wait_for(events, seen).await;
    assert_eq!(firing(&prometheus.ask("alerts").await.unwrap()), [""; 0]);

    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.wait(60);
    rotate(&world, &second).await;
    refused(world.present(&stolen.refresh_token).await, Refusal::Reused);
    let raised = |answer: &Value| !firing(answer).is_empty();
    let alerts = prometheus.wait_for("alerts", raised).await;
    assert_eq!(firing(&alerts), ["TowerBearerRefreshTokenReused"]);
}
