//! axum on loopback, bare and behind the layer in turns: the server on one processor, its clients
//! on another. With a thousand live tokens of each algorithm, and with a hundred thousand of one.
//!
//! `noop` is a layer that does nothing, which shows what axum takes for any. `server_time` is
//! what the server's thread was busy for, which another process does not change as it does the
//! requests a second.

use std::{io, net::SocketAddr, sync::Arc, thread, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::net::TcpListener;
use tower::layer::util::Identity;
use tower_bearer::{Algorithm, bearer::BearerLayer};
use tower_bearer_benches::{
    alternation::Alternation,
    effort::Effort,
    figures::Figures,
    load::Load,
    report::Report,
    schedule::Schedule,
    stacks::app,
    threads::keep_on,
    tokens::{ALGORITHMS, Tokens, verifier},
};

const CONNECTIONS: usize = 32;
const LIVE_TOKENS: usize = 1_000;
const MANY_TOKENS: usize = 100_000;

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("http", effort);
    keep_on(1)?;
    let mut subjects = subjects()?;
    judge(&mut report, &mut subjects, effort, "", 0.95);
    drop(subjects);
    let many = format!("/{MANY_TOKENS}");
    let tokens = Tokens::new(Algorithm::HS256, effort.pick(MANY_TOKENS, LIVE_TOKENS));
    let mut subjects = of_tokens(&tokens, &many)?;
    judge(&mut report, &mut subjects, effort, &many, 0.9);
    report.finish()
}

/// Times all subjects and compares those of each algorithm. Their names end with `many`.
fn judge(report: &mut Report, subjects: &mut [Subject], effort: Effort, many: &str, goal: f64) {
    let wall = time(subjects, effort, |subject, times| subject.load.send(times));
    let busy = time(subjects, effort, Subject::server_time);
    let measured = |name: &str| subjects.iter().any(|subject| subject.name == name);
    for algorithm in ALGORITHMS {
        let of = |name: &str| format!("{algorithm}/{name}{many}");
        if !measured(&of("bare")) {
            continue;
        }
        for name in ["bare", "noop", "layered"].map(of) {
            report.row(format!("{name}_per_s"), 1e9 / wall.median(&name));
        }
        let [noop, layered] = ["noop", "layered"].map(of);
        report.row(format!("{noop}/of_bare"), wall.ratio(&of("bare"), &noop));
        let ratio = wall.ratio(&of("bare"), &layered);
        report.at_least(format!("{layered}/of_bare"), ratio, goal);
        for name in [noop, layered] {
            let ratio = busy.ratio(&name, &of("bare"));
            report.row(format!("{name}/server_time/of_bare"), ratio);
        }
    }
}

/// A server, and who asks it.
struct Subject {
    name: String,
    server: Server,
    load: Load,
}

struct Server {
    address: SocketAddr,
    schedule: Schedule,
}

fn subjects() -> io::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for algorithm in ALGORITHMS {
        subjects.extend(of_tokens(&Tokens::new(algorithm, LIVE_TOKENS), "")?);
    }
    Ok(subjects)
}

/// The bare server is one of these tokens too: it is sent the very same ones. Each token is seen
/// before anything is timed.
fn of_tokens(tokens: &Tokens, many: &str) -> io::Result<Vec<Subject>> {
    let requests: Arc<[String]> = tokens.all().iter().map(|token| request(token)).collect();
    let verifier = verifier(&tokens.keys());
    for token in tokens.all() {
        verifier.verify(token).map_err(io::Error::other)?;
    }
    let apps = [
        ("bare", app()),
        ("noop", app().layer(Identity::new())),
        ("layered", app().layer(BearerLayer::new(verifier))),
    ];
    let subjects = apps.into_iter().map(|(name, app)| {
        let server = Server::start(app)?;
        Ok(Subject {
            name: format!("{}/{name}{many}", tokens.algorithm()),
            load: Load::connect(server.address, CONNECTIONS, &requests)?,
            server,
        })
    });
    subjects.collect()
}

fn time(
    subjects: &mut [Subject],
    effort: Effort,
    run: impl Fn(&mut Subject, u64) -> Duration,
) -> Figures {
    let turn = effort.pick(Duration::from_millis(60), Duration::from_millis(5));
    let mut turns = Alternation::new(effort).turn(turn);
    let run = &run;
    for subject in subjects {
        turns.add_timed(subject.name.clone(), move |times| run(subject, times));
    }
    turns.run()
}

impl Subject {
    /// For how long the server was busy with so many requests.
    fn server_time(&mut self, times: u64) -> Duration {
        let before = self.server.schedule.spent().running;
        self.load.send(times);
        self.server.schedule.spent().running - before
    }
}

impl Server {
    /// Serves on a thread of its own, until the process ends.
    fn start(app: Router) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _ = tell.send(keep_on(0).and_then(|()| Schedule::here()));
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
                    let _ = stream.set_nodelay(true);
                });
                axum::serve(listener, app).await
            })
        });
        let schedule = told.recv().map_err(io::Error::other)??;
        Ok(Self { address, schedule })
    }
}

fn request(token: &str) -> String {
    format!("GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
}
