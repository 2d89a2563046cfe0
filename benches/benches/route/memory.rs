//! In memory: each server on one processor, its clients on another.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, routing::post};
use tokio::runtime::{self, Runtime};
use tower_bearer::{Algorithm, store::MemoryStore};
use tower_bearer_benches::{
    crowd::Crowd,
    effort::Effort,
    over_http::Route,
    refreshing::{Ticking, sessions},
    report::Report,
    threads::keep_on,
};

use crate::{
    peer::Peer,
    server::Server,
    subject::{Subject, Taken},
};

const CLIENTS: usize = 64;

/// The names of the rows and of the subjects: over HTTP, and the library.
const ALGORITHMS: [(Algorithm, &str, &str); 2] = [
    (Algorithm::EdDSA, "route/memory", "route/memory/library"),
    (
        Algorithm::HS256,
        "route/memory/HS256",
        "route/memory/HS256/library",
    ),
];
const BARE: &str = "route/bare";
const EXPRESS: &str = "express";

pub(crate) fn measure(effort: Effort, report: &mut Report) -> io::Result<()> {
    let run = || -> io::Result<()> {
        keep_on(0)?;
        let peer = Peer::start(EXPRESS, CLIENTS, None)?;
        keep_on(1)?;
        let taken = take(effort, peer.as_ref())?;
        judge(report, &taken, peer.is_some());
        Ok(())
    };
    // On a thread of its own, so that others are not kept anywhere.
    let measuring = thread::scope(|scope| scope.spawn(run).join());
    measuring.expect("it does not panic")
}

fn take(effort: Effort, peer: Option<&Peer>) -> io::Result<Taken> {
    let load = runtime::Builder::new_current_thread().enable_io().build()?;
    let server = Server::on_one_processor("memory-server")?;
    let mut subjects = Vec::new();
    for (algorithm, route, library) in ALGORITHMS {
        let store = MemoryStore::with_clock(Ticking::new());
        let sessions = sessions(store, algorithm);
        let crowd = Crowd::new(&server.runtime, server.library(&sessions, CLIENTS));
        subjects.push(Subject::new(library, crowd, server.threads.clone()));
        let (at, tokens) = server.endpoints(&sessions, CLIENTS)?;
        let threads = server.threads.clone();
        subjects.push(Subject::over_http(route, &load, &at, &tokens, threads)?);
    }
    subjects.push(bare(&server, &load)?);
    if let Some(peer) = peer {
        subjects.push(peer.subject(&load)?);
    }
    Ok(Taken::by(&mut subjects, effort, CLIENTS))
}

/// A route that reads a form and answers with as much JSON, and does nothing else.
fn bare<'a>(server: &Server, load: &'a Runtime) -> io::Result<Subject<'a>> {
    static ANSWERED: AtomicU64 = AtomicU64::new(0);
    let answer = async |form: Bytes| {
        let number = ANSWERED.fetch_add(1, Relaxed) + form.len() as u64;
        let body = format!(
            "{{\"access_token\":\"{:a<480}\",\"refresh_token\":\"{number:0>380}\"}}",
            ""
        );
        ([(CONTENT_TYPE, "application/json")], body)
    };
    let route = Route {
        server: server.serve(Router::new().route("/auth/token", post(answer)))?,
        path: "/auth/token".to_owned(),
        form: "grant_type=refresh_token&client_id=web".to_owned(),
    };
    let tokens = vec!["0".repeat(380); CLIENTS];
    Subject::over_http(BARE, load, &route, &tokens, server.threads.clone())
}

fn judge(report: &mut Report, taken: &Taken, has_express: bool) {
    for (algorithm, route, library) in ALGORITHMS {
        taken.rate(report, route, route);
        taken.rate(report, library, library);
        let share = taken.wall.ratio(library, route);
        match algorithm {
            Algorithm::EdDSA => report.at_least(format!("{route}/of_library"), share, 0.9),
            _ => report.row(format!("{route}/of_library"), share),
        }
        let busy = taken.busy.ratio(library, route);
        report.row(format!("{route}/server_time/of_library"), busy);
        let parts = taken.wall.median(library) + taken.wall.median(BARE);
        let share = parts / taken.wall.median(route);
        report.row(format!("{route}/of_library_and_bare"), share);
    }
    taken.rate(report, BARE, BARE);
    if has_express {
        // It signs with HMAC too.
        taken.beside(report, ALGORITHMS[1].1, EXPRESS);
    }
}
