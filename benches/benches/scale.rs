//! A million sessions in the memory store: what they weigh, and whether anybody waits while
//! they are cleaned up.

use std::{
    alloc::System,
    error::Error,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower_bearer::{
    Algorithm, Issuer, KeySet, RefreshToken, Scope, SigningKey,
    clock::{Clock, ManualClock, SystemClock},
    session::{Grant, RefreshKey, RefreshRequest, Sessions, SessionsBuilder},
    store::MemoryStore,
};
use tower_bearer_benches::{
    effort::Effort,
    report::Report,
    schedule::Schedule,
    tokens::{AUDIENCE, ISSUER, SECRET},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let effort = Effort::from_args();
    let count = effort.pick(1_000_000, 10_000);
    let mut report = Report::new("scale", effort);
    let clock = ManualClock::new(SystemClock.now());
    let sessions = sessions(&clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        fill(&sessions, count, &mut report).await?;
        clock.advance(LIFETIME * 2);
        clean_up(&sessions, &mut report).await
    })?;
    report.finish()?;
    Ok(())
}

fn sessions(clock: &ManualClock) -> Result<Sessions<MemoryStore>, Failure> {
    let keys = KeySet::new(SigningKey::from_secret(Algorithm::HS256, SECRET)?);
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys)?;
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = SessionsBuilder::new(issuer, RefreshKey::from_secret([7; 32])?, store);
    Ok(sessions
        .idle_lifetime(LIFETIME)
        .session_lifetime(LIFETIME)
        .build()?)
}

/// Each session is of another user.
async fn fill(
    sessions: &Sessions<MemoryStore>,
    count: u32,
    report: &mut Report,
) -> Result<(), Failure> {
    let (region, resident) = (Region::new(ALLOCATOR), resident_bytes());
    for user in 0..count {
        log_in(sessions, format!("user-{user:08}")).await?;
    }
    let change = region.change();
    let bytes = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    let resident = resident_bytes() - resident;
    report.at_most("session_bytes", bytes / f64::from(count), 400.0);
    report.row("session/resident_bytes", resident / f64::from(count));
    Ok(())
}

async fn log_in(sessions: &Sessions<MemoryStore>, user: String) -> Result<RefreshToken, Failure> {
    let tokens = sessions
        .start(Grant::new(user).scope(Scope::from_static("profile mail")))
        .await?;
    Ok(tokens.refresh_token)
}

/// Refreshes go on, on the thread of the clean-up and on another, before it and while it runs.
async fn clean_up(sessions: &Sessions<MemoryStore>, report: &mut Report) -> Result<(), Failure> {
    let quiet = tokio::spawn(tokio::time::sleep(Duration::from_secs(1)));
    let (same, other) = longest_waits(sessions, || quiet.is_finished()).await?;
    report.row("quiet/same_thread/longest_wait_ms", same);
    report.row("quiet/other_thread/longest_wait_ms", other);

    let start = Instant::now();
    let task = sessions.clean_up(LIFETIME)?;
    // It stops once all that has expired is gone.
    let cleaning = tokio::spawn(task.stop());
    let (same, other) = longest_waits(sessions, || cleaning.is_finished()).await?;
    report.at_most("clean_up/same_thread/longest_wait_ms", same, 5.0);
    report.at_most("clean_up/other_thread/longest_wait_ms", other, 5.0);
    report.row("clean_up_s", start.elapsed().as_secs_f64());
    Ok(())
}

/// The longest that a refresh took until `over`, in milliseconds: on this thread, its turn
/// waited for, and on another. Time in which another process had the core does not count.
async fn longest_waits(
    sessions: &Sessions<MemoryStore>,
    over: impl Fn() -> bool,
) -> Result<(f64, f64), Failure> {
    static OVER: AtomicBool = AtomicBool::new(false);
    OVER.store(false, Ordering::Relaxed);
    let there = sessions.clone();
    let other = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        runtime.block_on(longest_wait(&there, || OVER.load(Ordering::Relaxed)))
    });
    let same = longest_wait(sessions, over).await;
    OVER.store(true, Ordering::Relaxed);
    let other = other.join().map_err(|_| "the other thread panicked")??;
    Ok((same?, other))
}

async fn longest_wait(
    sessions: &Sessions<MemoryStore>,
    over: impl Fn() -> bool,
) -> Result<f64, Failure> {
    let mut token = log_in(sessions, "the-one-who-stays".into()).await?;
    let mut longest = Duration::ZERO;
    let schedule = Schedule::here()?;
    while !over() {
        let (start, before) = (Instant::now(), schedule.spent().waiting);
        tokio::task::yield_now().await;
        let refreshed = sessions.refresh(RefreshRequest::new(token)).await?;
        let took = start.elapsed();
        longest = longest.max(took.saturating_sub(schedule.spent().waiting - before));
        token = refreshed.tokens.refresh_token;
    }
    Ok(longest.as_secs_f64() * 1e3)
}

/// Of this process; 0 where there is no such file.
fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}
