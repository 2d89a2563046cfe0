//! axum on loopback, bare and behind the layer in turns: the server on one thread, its clients
//! on another. `noop` is a layer that does nothing, which shows what axum takes for any.

use std::{io, net::SocketAddr, thread, time::Duration};

use axum::{Router, routing::get, serve::ListenerExt};
use tokio::net::TcpListener;
use tower::layer::util::Identity;
use tower_bearer::bearer::BearerLayer;
use tower_bearer_benches::{
    alternation::Alternation,
    effort::Effort,
    load::Load,
    report::Report,
    tokens::{ALGORITHMS, Tokens, verifier},
};

const CONNECTIONS: usize = 32;
const LIVE_TOKENS: usize = 1_000;

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let turn = effort.pick(Duration::from_millis(100), Duration::from_millis(5));
    let mut turns = Alternation::new(effort).turn(turn);
    for algorithm in ALGORITHMS {
        let tokens = Tokens::new(algorithm, LIVE_TOKENS);
        let requests: Vec<String> = tokens
            .first(LIVE_TOKENS)
            .iter()
            .map(|token| request(token))
            .collect();
        let layer = BearerLayer::new(verifier(&tokens.keys()));
        // A bare server for each: it is sent the very same tokens.
        let apps = [
            ("bare", app()),
            ("noop", app().layer(Identity::new())),
            ("layered", app().layer(layer)),
        ];
        for (name, app) in apps {
            let mut load = Load::connect(serve(app)?, CONNECTIONS, &requests)?;
            turns.add_timed(format!("{algorithm}/{name}"), move |times| load.send(times));
        }
    }
    let figures = turns.run();
    let mut report = Report::new("http", effort);
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
    report.finish()
}

fn app() -> Router {
    Router::new().route("/", get(async || "hello"))
}

fn request(token: &str) -> String {
    format!("GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Serves on a thread of its own, until the process ends.
fn serve(app: Router) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            axum::serve(listener, app).await
        })
    });
    Ok(address)
}
