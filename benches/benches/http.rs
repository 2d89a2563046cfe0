//! axum on loopback, bare and behind the layer in turns: the server on one processor, its clients
//! on another.
//!
//! `noop` is a layer that does nothing, which shows what axum takes for any. `server_time` is
//! what the server's thread was busy for, which another process does not change as it does the
//! requests a second.

use std::{io, net::SocketAddr, thread, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::net::TcpListener;
use tower::layer::util::Identity;
use tower_bearer::bearer::BearerLayer;
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

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("http", effort);
    keep_on(1)?;
    let mut subjects = subjects()?;
    let wall = time(&mut subjects, effort, |subject, times| {
        subject.load.send(times)
    });
    judge(&mut report, &wall);
    let busy = time(&mut subjects, effort, Subject::server_time);
    for algorithm in ALGORITHMS {
        for name in ["noop", "layered"] {
            let name = format!("{algorithm}/{name}");
            let ratio = busy.ratio(&name, &format!("{algorithm}/bare"));
            report.row(format!("{name}/server_time/of_bare"), ratio);
        }
    }
    report.finish()
}

fn judge(report: &mut Report, figures: &Figures) {
    for algorithm in ALGORITHMS {
        let of = |name: &str| format!("{algorithm}/{name}");
        for name in ["bare", "noop", "layered"] {
            report.row(
                format!("{}_per_s", of(name)),
                1e9 / figures.median(&of(name)),
            );
        }
        report.row(of("noop/of_bare"), figures.ratio(&of("bare"), &of("noop")));
        let ratio = figures.ratio(&of("bare"), &of("layered"));
        report.at_least(of("layered/of_bare"), ratio, 0.95);
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

/// One bare server for each algorithm: it is sent the very same tokens.
fn subjects() -> io::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for algorithm in ALGORITHMS {
        let tokens = Tokens::new(algorithm, LIVE_TOKENS);
        let requests: Vec<String> = tokens.all().iter().map(|token| request(token)).collect();
        let layer = BearerLayer::new(verifier(&tokens.keys()));
        let apps = [
            ("bare", app()),
            ("noop", app().layer(Identity::new())),
            ("layered", app().layer(layer)),
        ];
        for (name, app) in apps {
            let server = Server::start(app)?;
            subjects.push(Subject {
                name: format!("{algorithm}/{name}"),
                load: Load::connect(server.address, CONNECTIONS, &requests)?,
                server,
            });
        }
    }
    Ok(subjects)
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
