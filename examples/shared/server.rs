//! Starting and stopping.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use tokio::{net::TcpListener, time::timeout};
use tower_bearer::session::{CleanUp, FeedOptions, SessionFeed, Sessions};

use super::config::StartError;

/// How long requests that are under way may take once the server is told to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How long learning which sessions were ended before the start may take.
const CATCH_UP: Duration = Duration::from_secs(20);

/// How often expired sessions are deleted.
const CLEAN_UP: Duration = Duration::from_secs(60);

/// One line and exit code 2 where the server could not start.
pub(crate) fn exit(result: Result<(), StartError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening on stderr either; there is no third place to complain.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

/// Events of sessions go to stderr; `RUST_LOG` chooses.
pub(crate) fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}

/// Works when pasted into any shell with curl.
pub(crate) const TRY: &str = r#"
Try, in another terminal: log in, call, refresh, log out.

  URL=http://{addr}
  pick() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
  TOKENS=$(curl -s $URL/auth/login -H "Content-Type: application/json" -d '{"username":"alice","password":"wonderland"}')
  curl -s $URL/me -H "Authorization: Bearer $(echo "$TOKENS" | pick access_token)"; echo
  TOKENS=$(curl -s $URL/auth/token -d grant_type=refresh_token -d refresh_token=$(echo "$TOKENS" | pick refresh_token)); echo "$TOKENS"
  curl -s $URL/auth/logout -X POST -H "Authorization: Bearer $(echo "$TOKENS" | pick access_token)"
  curl -s $URL/auth/token -d grant_type=refresh_token -d refresh_token=$(echo "$TOKENS" | pick refresh_token); echo

"#;

pub(crate) async fn bind(addr: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).await.map_err(|error| {
        let what = format!("ADDR {addr} (IP:PORT; port 0 picks a free one)");
        StartError::new(what, &error)
    })
}

/// What goes on beside the requests.
pub(crate) struct Upkeep {
    clean_up: CleanUp,
    feed: SessionFeed,
}

/// Gets sessions ready before the first request: learns which of them were ended before this start, and
/// begins to learn what other servers end and to delete those whose time is over.
pub(crate) async fn prepare(sessions: &Sessions) -> Result<Upkeep, StartError> {
    let feed = sessions
        .follow(FeedOptions::new())
        .map_err(|error| StartError::new("feed", &error))?;
    timeout(CATCH_UP, feed.caught_up())
        .await
        .map_err(|error| StartError::new("STORE", &error))?;
    let clean_up = sessions
        .clean_up(CLEAN_UP)
        .map_err(|error| StartError::new("clean-up", &error))?;
    Ok(Upkeep { clean_up, feed })
}

/// Says where the server listens, and what to try.
pub(crate) fn announce(listener: &TcpListener, what_to_try: &str) -> Result<(), StartError> {
    let addr = listener
        .local_addr()
        .map_err(|error| StartError::new("ADDR", &error))?;
    let text = format!("listening on http://{addr}\n{what_to_try}");
    let text = text
        .replace("{addr}", &addr.to_string())
        .replace("{port}", &addr.port().to_string());
    // Nobody has to read it.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// A future that ends when the process is asked to: SIGTERM, or SIGINT (Ctrl-C). From now on
/// neither ends the process by itself.
#[cfg(unix)]
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()>, StartError> {
    use tokio::signal::unix::{SignalKind, signal};

    let on = |kind| signal(kind).map_err(|error| StartError::new("signals", &error));
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A future that ends on Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()>, StartError> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// After the last answer: write what is still waiting, and stop what goes on beside the requests.
pub(crate) async fn wind_down(sessions: &Sessions, upkeep: Upkeep) {
    upkeep.feed.stop().await;
    upkeep.clean_up.stop().await;
    if let Err(error) = sessions.flush().await {
        let _ = writeln!(io::stderr(), "confirmations were not written: {error}");
    }
}
