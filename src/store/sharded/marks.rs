//! Each shard holds a row that says its name and the set of shards that it is one of. So a server that was
//! given other shards, or the right ones by the wrong names, does not start: it would not find sessions that
//! are there, and would log their users out.

use uuid::Uuid;

use super::{
    layout::{Layout, Role, Shard, Step},
    rendezvous, together,
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        OpenError, OpenErrorKind, Record, Session, SessionSecret, SessionState, SessionStore,
        StoreError, StoreErrorKind, Swap,
    },
};

const MARK: SessionId =
    SessionId::from_uuid(Uuid::from_u128(0x746f_7765_722d_8062_8561_7265_7200_0001));
/// No issuer has this name: it is no URL.
const ISSUER: &str = "tower-bearer: a shard";
/// The end of the year 9999.
const NEVER: Timestamp = Timestamp::from_secs(253_402_300_799);

/// What the marks say of the shards before and after a change.
struct Sets {
    before: u32,
    after: u32,
}

/// Checks the marks of all shards, sets those that are missing, and notes that sessions move.
pub(super) async fn check(layout: &Layout) -> Result<(), OpenError> {
    let sets = Sets {
        before: rendezvous::of_all(layout.before().map(|shard| shard.name.as_str())),
        after: rendezvous::of_all(layout.after().map(|shard| shard.name.as_str())),
    };
    let found = find(layout, &sets).await?;
    if is_first_start(&found) {
        are_new(layout).await?;
    }
    // Only now, so that a wrong start leaves no mark.
    for (shard, mark) in found {
        let set = set(shard, mark, layout.step, &sets).await;
        set.map_err(|error| failed(shard, error))?;
    }
    // Once more, as a server with other shards may have started at the same time.
    find(layout, &sets).await.map(drop)
}

/// The mark of each shard, if it has one, when all fit.
async fn find<'a>(
    layout: &'a Layout,
    sets: &Sets,
) -> Result<Vec<(&'a Shard, Option<Record>)>, OpenError> {
    let loads = layout.shards().iter().map(|shard| shard.store.load(MARK));
    let loads = together::all(loads).await;
    let mut marks = Vec::new();
    for (shard, loaded) in layout.shards().iter().zip(loads) {
        let loaded = loaded.map_err(|error| failed(shard, error))?;
        marks.push((shard, loaded.record));
    }
    let is_first_start = is_first_start(&marks);
    for (shard, mark) in &marks {
        match mark {
            Some(mark) => fits(mark, shard, layout.step, sets)?,
            None => may_lack(shard, layout.step, is_first_start)?,
        }
    }
    Ok(marks)
}

/// Whether no shard that sessions belong to before the change has a mark.
fn is_first_start(marks: &[(&Shard, Option<Record>)]) -> bool {
    let mut before = marks.iter().filter(|(shard, _)| shard.role != Role::Joins);
    before.all(|(_, mark)| mark.is_none())
}

/// At the first start only a shard that all sessions belong to may have some: those of any other would not be
/// found, for the most part.
pub(super) async fn are_new(layout: &Layout) -> Result<(), OpenError> {
    let is_alone = layout.before().count() == 1;
    for shard in layout.shards() {
        if is_alone && shard.role != Role::Joins {
            continue;
        }
        let Shard {
            name, store, role, ..
        } = shard;
        let has_sessions = store.has_sessions().await;
        let has_sessions = has_sessions.map_err(|error| failed(shard, error))?;
        if has_sessions != Some(true) {
            continue;
        }
        // Another server may have started at the same time, and have found it empty: this may be its mark.
        let loaded = store
            .load(MARK)
            .await
            .map_err(|error| failed(shard, error))?;
        if loaded.record.is_some() {
            continue;
        }
        let why = match role {
            Role::Joins => format!(
                "the shard `{name}` joins and has sessions already, which would not be found: only an empty \
                 database can join"
            ),
            Role::Stays | Role::Leaves => format!(
                "the shard `{name}` has sessions already, which would not be found among several: name the other \
                 shards by `joining`"
            ),
        };
        return Err(OpenError::new(OpenErrorKind::Unsuitable, why));
    }
    Ok(())
}

/// Whether a shard may be without a mark.
fn may_lack(shard: &Shard, step: Step, is_first_start: bool) -> Result<(), OpenError> {
    let name = &shard.name;
    let why = match step {
        Step::Moving => format!(
            "the shard `{name}` was never announced: first start all servers without `move_sessions`"
        ),
        _ if shard.role != Role::Joins && !is_first_start && !shard.is_emptied => format!(
            "the shard `{name}` is empty, although others are not: is this its database? If it is meant to be \
             empty, name it by `danger_emptied`"
        ),
        _ => return Ok(()),
    };
    Err(OpenError::new(OpenErrorKind::Unsuitable, why))
}

fn fits(mark: &Record, shard: &Shard, step: Step, sets: &Sets) -> Result<(), OpenError> {
    let Record { session, state } = mark;
    if session.subject != shard.name {
        let why = format!(
            "the database that was given for the shard `{}` is that of the shard `{}`",
            shard.name, session.subject
        );
        return Err(OpenError::new(OpenErrorKind::Unsuitable, why));
    }
    let set = state.generation;
    let is_known = match step {
        Step::Settled => set == sets.after,
        Step::Announced | Step::Moving => set == sets.before || set == sets.after,
    };
    if is_known {
        return Ok(());
    }
    let why = format!(
        "the shard `{}` belongs to another set of shards: name added ones by `joining` and removed ones by \
         `leaving`, or finish the change that has begun",
        shard.name
    );
    Err(OpenError::new(OpenErrorKind::Unsuitable, why))
}

async fn set(
    shard: &Shard,
    mark: Option<Record>,
    step: Step,
    sets: &Sets,
) -> Result<(), StoreError> {
    let due = match step {
        Step::Settled | Step::Announced => sets.before,
        Step::Moving => sets.after,
    };
    let Some(mark) = mark else {
        return match shard.store.insert(&new_mark(&shard.name, due)).await {
            // Another server starts at the same time. What it has set is checked afterwards.
            Err(error) if error.kind() == StoreErrorKind::Duplicate => Ok(()),
            outcome => outcome,
        };
    };
    if step != Step::Moving || mark.state.generation == due {
        return Ok(());
    }
    let next = SessionState {
        version: mark.state.version.saturating_add(1),
        generation: due,
        ..mark.state.clone()
    };
    // If it is lost, another server has done it.
    let (Swap::Swapped | Swap::Lost) = shard.store.swap(MARK, mark.state.version, &next).await?;
    Ok(())
}

/// A session that has expired, so that no token of it could be of use, and is never deleted.
fn new_mark(name: &str, set: u32) -> Record {
    let secret = SessionSecret::from_bytes([0; 32]);
    let mut session = Session::new(MARK, ISSUER, name, secret, Timestamp::from_millis(0));
    session.ends_at = NEVER;
    let mut state = SessionState::new(Timestamp::from_millis(0));
    state.generation = set;
    Record { session, state }
}

fn failed(shard: &Shard, error: StoreError) -> OpenError {
    let why = format!("its shard `{}` cannot be asked", shard.name);
    OpenError::new(OpenErrorKind::Unreachable, why).with_source(error)
}
