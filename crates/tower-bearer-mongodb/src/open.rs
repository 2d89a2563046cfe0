//! Opens the collection at an address, or in a database of the application's.

use std::time::Duration;

use mongodb::{
    Client, Database, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind, Result as DriverResult, WriteFailure},
    options::{ClientOptions, Collation, IndexOptions},
};

use tower_bearer::store::{OpenError, OpenErrorKind};

use crate::{
    MongoOptions,
    calls::Calls,
    document::{self, FORMAT},
    error::refused,
};

/// The database of an address that names none.
const DATABASE: &str = "tower_bearer";

/// The document that has the format of all, in its field `format`.
const META: &str = "format";

pub(crate) async fn open(address: &str, options: &MongoOptions) -> Result<Calls, OpenError> {
    let parsed = in_time(options.timeout, ClientOptions::parse(address));
    let mut settings = parsed.await?;
    let most =
        |set: Option<Duration>| Some(set.map_or(options.timeout, |it| it.min(options.timeout)));
    settings.server_selection_timeout = most(settings.server_selection_timeout);
    settings.connect_timeout = most(settings.connect_timeout);
    let is_direct = settings.direct_connection == Some(true);
    let client = Client::with_options(settings).map_err(|error| refused(&error))?;
    let database = client
        .default_database()
        .unwrap_or_else(|| client.database(DATABASE));
    prepared(database, options, is_direct).await
}

/// Opens the collection in a database of the application's.
pub(crate) async fn over(database: Database, options: &MongoOptions) -> Result<Calls, OpenError> {
    prepared(database, options, false).await
}

async fn prepared(
    database: Database,
    options: &MongoOptions,
    is_direct: bool,
) -> Result<Calls, OpenError> {
    options.check()?;
    let hello = database.run_command(doc! { "hello": 1 });
    let hello = in_time(options.timeout, hello).await?;
    let is_primary = hello.get_bool("isWritablePrimary").unwrap_or(false);
    if !is_primary {
        return Err(unsuitable("its server takes no writes"));
    }
    let is_router = hello.get_str("msg") == Ok("isdbgrid");
    let is_replicated = is_router || hello.contains_key("setName");
    if is_replicated && !is_router && is_direct {
        return Err(unsuitable(
            "its address has directConnection=true, which is not for a replica set",
        ));
    }
    let calls = Calls::new(database, options, is_replicated);
    agree_on_format(&calls).await?;
    let indexes = calls.sessions.create_indexes(indexes());
    in_time(options.timeout, indexes).await?;
    Ok(calls)
}

/// Refuses documents of another format, and notes the format where there is none.
async fn agree_on_format(calls: &Calls) -> Result<(), OpenError> {
    let kept = format(calls).await?;
    let kept = match kept {
        Some(kept) => kept,
        None => {
            let note = doc! { "$setOnInsert": { "format": FORMAT } };
            let noted = calls.sessions.update_one(by_meta(), note).upsert(true);
            let noted = async {
                match noted.await {
                    // Another process has been faster.
                    Err(error) if is_duplicate(&error) => Ok(()),
                    noted => noted.map(drop),
                }
            };
            in_time(calls.timeout, noted).await?;
            format(calls).await?.unwrap_or_default()
        }
    };
    match document::check_format(&kept) {
        Ok(()) => Ok(()),
        Err(_) => Err(unsuitable(
            "its documents are of another version of this crate",
        )),
    }
}

async fn format(calls: &Calls) -> Result<Option<Document>, OpenError> {
    in_time(calls.timeout, calls.sessions.find_one(by_meta())).await
}

fn by_meta() -> Document {
    doc! { "_id": META }
}

fn is_duplicate(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == 11000,
        ErrorKind::Command(error) => error.code == 11000,
        _ => false,
    }
}

fn unsuitable(why: &'static str) -> OpenError {
    OpenError::new(OpenErrorKind::Unsuitable, why)
}

/// How long after its time MongoDB deletes a session by itself. It does so in the background, and a primary
/// that was elected since may have a clock that is behind.
const LATER: Duration = Duration::from_secs(3_600);

fn indexes() -> [IndexModel; 3] {
    let live = doc! { "issuer": 1, "subject": 1, "_id": -1 };
    let ended = doc! { "ended_at": 1, "_id": 1 };
    let is_ended = doc! { "ended_at": { "$exists": true } };
    let over = IndexOptions::builder()
        .name("tower_bearer_over".to_owned())
        .expire_after(LATER)
        .build();
    [
        partial("tower_bearer_live", live, doc! { "live": true }),
        partial("tower_bearer_ended", ended, is_ended),
        IndexModel::builder()
            .keys(doc! { "ends_at": 1 })
            .options(over)
            .build(),
    ]
}

/// An index of some of the sessions, which compares texts byte for byte.
fn partial(name: &str, keys: Document, of: Document) -> IndexModel {
    let options = IndexOptions::builder()
        .name(name.to_owned())
        .partial_filter_expression(of)
        .collation(by_bytes())
        .build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// Compares texts byte for byte, also in a collection that was made with another collation.
pub(crate) fn by_bytes() -> Collation {
    Collation::builder().locale("simple").build()
}

async fn in_time<T, Call>(timeout: Duration, call: Call) -> Result<T, OpenError>
where
    Call: IntoFuture<Output = DriverResult<T>>,
{
    match tokio::time::timeout(timeout, call.into_future()).await {
        Ok(answer) => answer.map_err(|error| refused(&error)),
        Err(elapsed) => Err(OpenError::new(
            OpenErrorKind::Unreachable,
            "its server does not answer in time",
        )
        .with_source(elapsed)),
    }
}
