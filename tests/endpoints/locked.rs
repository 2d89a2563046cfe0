use std::time::Duration;

use sqlx::{Connection, Executor, SqliteConnection};
use tower_bearer::{
    endpoint::{RevocationEndpoint, TokenEndpoint},
    session::Grant,
};
use tower_bearer_sqlx::{SqliteOptions, SqliteStore};

use crate::support::*;

/// Another process holds the database: each answer is a 503, and afterwards what was asked for can be had.
#[tokio::test]
async fn a_locked_database_is_a_503_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let impatient = SqliteOptions::new().busy_timeout(Duration::from_millis(50));
    let store = SqliteStore::connect_with(&address, impatient)
        .await
        .unwrap();
    let sessions = sessions(&world().keys, store);
    let login = sessions.start(Grant::new("alice")).await.unwrap();
    let token = login.refresh_token.expose();

    let mut other = SqliteConnection::connect(&address).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    send(
        TokenEndpoint::new(sessions.clone()),
        post(FORM, &refresh_form(token)),
    )
    .await
    .refused(503, "temporarily_unavailable");
    other.execute("ROLLBACK").await.unwrap();
    let refresh = || post(FORM, &refresh_form(token));
    let answer = send(TokenEndpoint::new(sessions.clone()), refresh()).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    // A logout that could not be written counts all the same.
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    send(
        RevocationEndpoint::new(sessions.clone()),
        post(FORM, &format!("token={token}")),
    )
    .await
    .refused(503, "temporarily_unavailable");
    other.execute("ROLLBACK").await.unwrap();
    send(TokenEndpoint::new(sessions), refresh())
        .await
        .refused(400, "invalid_grant");
}
