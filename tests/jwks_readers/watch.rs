//! Readers of a key set that verify tokens all the time.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tower_bearer::{
    Verifier,
    remote::{HttpClient, RemoteKeys},
};

use crate::{LIFETIME, server::Source};

const PAUSE: Duration = Duration::from_millis(50);
/// How long a reader may take to start.
const START: Duration = Duration::from_secs(60);
/// How old a token may be when it is shown once more.
const AGE: Duration = Duration::from_secs(3);

/// What a reader said of a token.
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// Whether it is the token of a retired key.
    pub(crate) is_retired: bool,
    pub(crate) refusal: Option<String>,
}

/// What tokens of a new key and a token of a retired one have met with.
pub(crate) struct Suffered {
    pub(crate) tokens: usize,
    pub(crate) refused: usize,
    pub(crate) until: Duration,
    /// Why the first was refused.
    pub(crate) why: String,
    /// For how long the retired key was trusted.
    pub(crate) trusted: Duration,
    pub(crate) trusts_on: bool,
}

impl Suffered {
    /// What a reader has suffered since a key was retired. In the end it accepts the new key.
    pub(crate) fn of(seen: &[Seen], from: Instant) -> Self {
        let after = |seen: &Seen| seen.at.saturating_duration_since(from);
        let new = || seen.iter().filter(|seen| !seen.is_retired);
        let last = new().next_back().expect("tokens");
        assert_eq!(last.refusal, None, "it never finds the new key");
        let mut refused = new().filter(|seen| seen.refusal.is_some());
        let retired = || seen.iter().filter(|seen| seen.is_retired);
        let accepted = retired().rfind(|seen| seen.refusal.is_none());
        let why = new().find_map(|seen| seen.refusal.clone());
        Self {
            tokens: new().count(),
            refused: refused.clone().count(),
            until: refused.next_back().map_or(Duration::ZERO, after),
            why: why.unwrap_or_else(|| "nothing was refused".to_owned()),
            trusted: accepted.map_or(Duration::ZERO, after),
            trusts_on: retired()
                .next_back()
                .is_some_and(|last| last.refusal.is_none()),
        }
    }
}

/// A reader at work.
pub(crate) struct Watch {
    pub(crate) reader: &'static str,
    state: Arc<State>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    retired: Mutex<Option<String>>,
    is_over: AtomicBool,
}

/// Says `ok` of a token, or why not.
type Verify = Box<dyn FnMut(&str) -> String + Send>;

impl Watch {
    /// Lets a reader verify tokens of this source from now on: new ones, and some that are a little older.
    pub(crate) fn start(reader: &'static str, mut verify: Verify, source: &Source) -> Self {
        let state = Arc::new(State::default());
        let (shared, token) = (state.clone(), source.token.clone());
        let thread = thread::spawn(move || {
            let mut older = (Instant::now(), token(LIFETIME));
            while !shared.is_over.load(Ordering::Relaxed) {
                shared.show(&token(LIFETIME), &mut verify);
                shared.show(&older.1, &mut verify);
                if older.0.elapsed() > AGE {
                    older = (Instant::now(), token(LIFETIME));
                }
                let retired = shared.retired.lock().expect("no panic").clone();
                if let Some(retired) = retired {
                    shared.show(&retired, &mut verify);
                }
                thread::sleep(PAUSE);
            }
        });
        Self {
            reader,
            state,
            thread,
        }
    }

    /// Waits until the reader has started and has read the keys. What it has seen till then is forgotten.
    pub(crate) fn ready(&self) {
        let from = Instant::now();
        let mut refusal = None;
        while from.elapsed() < START {
            match self.seen().pop() {
                Some(Seen { refusal: None, .. }) => return,
                Some(seen) => refusal = seen.refusal,
                None => thread::sleep(PAUSE),
            }
        }
        panic!("{} does not read the keys: {refusal:?}", self.reader);
    }

    /// From now on the reader is shown this token as well, whose key is being retired.
    pub(crate) fn show_retired(&self, token: &str) {
        *self.state.retired.lock().expect("no panic") = Some(token.to_owned());
    }

    /// What it has seen since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().expect("no panic"))
    }

    pub(crate) fn stop(self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the reader goes on to the end");
    }
}

impl State {
    fn show(&self, token: &str, verify: &mut Verify) {
        let at = Instant::now();
        let said = verify(token);
        let retired = self.retired.lock().expect("no panic").clone();
        // The tokens of a key have the same header.
        let header = |token: &str| token.split('.').next().map(str::to_owned);
        let is_retired = retired.is_some_and(|retired| header(&retired) == header(token));
        let refusal = (said != "ok").then_some(said);
        self.seen.lock().expect("no panic").push(Seen {
            at,
            is_retired,
            refusal,
        });
    }
}

/// A program that reads tokens from its input, one a line, and writes a line on each.
pub(crate) fn program(program: &Path, arguments: &[&str]) -> Verify {
    let mut child = Ended(
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts"),
    );
    let mut input = child.0.stdin.take().expect("piped");
    let mut output = BufReader::new(child.0.stdout.take().expect("piped"));
    Box::new(move |token| {
        let _running = &child;
        writeln!(input, "{token}").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    })
}

/// Ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This crate's own reader.
pub(crate) fn own(source: &Source) -> Verify {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (url, source) = (source.jwks_url.clone(), source.clone());
    let verifier = runtime.block_on(async {
        let client = HttpClient::new().expect("a client");
        let keys = RemoteKeys::at(&url, client).danger_allow_plain_http();
        let keys = keys.start().expect("an address");
        Verifier::new(source.issuer, source.audience, keys).expect("a verifier")
    });
    Box::new(
        move |token| match runtime.block_on(verifier.authenticate(token)) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        },
    )
}
