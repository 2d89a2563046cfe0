//! Writes a session to the columns of a row, for all SQL stores.

use tower_bearer::{
    claims::SessionId,
    store::{Extra, Record, Session, SessionState, StoreError},
};

use crate::columns::{self, lifetime_millis, millis};

/// Takes the values of the columns, in their order.
pub(crate) trait Values: Sized {
    fn id(self, id: SessionId) -> Self;

    fn number(self, number: i64) -> Self;

    fn optional_number(self, number: Option<i64>) -> Self;

    fn bytes(self, bytes: &[u8]) -> Self;

    fn optional_bytes(self, bytes: Option<&[u8]>) -> Self;

    /// What the application chose, which may be any text.
    fn text(self, text: &str) -> Self;

    fn optional_text(self, text: Option<&str>) -> Self;

    /// A text of ASCII alone.
    fn ascii(self, text: &str) -> Self;

    fn optional_ascii(self, text: Option<&str>) -> Self;
}

/// All columns of a session, as an insert has them.
pub(crate) fn record<V: Values>(values: V, record: &Record) -> Result<V, StoreError> {
    let Record { session, state } = record;
    self::state(self::session(values, session), state)
}

fn session<V: Values>(values: V, session: &Session) -> V {
    let Session {
        id,
        issuer,
        subject,
        secret,
        created_at,
        auth_time,
        ends_at,
        scope,
        client_id,
        claims,
        metadata,
        idle_lifetime,
        extra,
    } = session;
    values
        .id(*id)
        .text(issuer)
        .text(subject)
        .bytes(secret.expose())
        .number(created_at.as_millis())
        .number(auth_time.as_millis())
        .number(ends_at.as_millis())
        .ascii(scope.as_str())
        .optional_text(client_id.as_deref())
        .text(&claims.to_json())
        .text(&columns::to_json(metadata))
        .optional_number(lifetime_millis(*idle_lifetime))
        .text(&extra.to_json())
}

/// The columns of the state, which come last in an insert.
pub(crate) fn state<V: Values>(values: V, state: &SessionState) -> Result<V, StoreError> {
    Ok(rotation(values, state)?
        .optional_number(columns::ended_at(state.ended))
        .optional_ascii(columns::reason(state.ended)))
}

/// The columns that a swap writes. What an end drops of the state is empty if it ends its session.
pub(crate) fn swap<V: Values>(values: V, next: &SessionState) -> Result<V, StoreError> {
    match next.ended {
        None => state(values, next),
        Some(_) => {
            let extra = Extra::default();
            let next = SessionState {
                extra,
                ..next.clone()
            };
            state(values, &next)
        }
    }
}

/// The columns that a rotation writes.
pub(crate) fn rotation<V: Values>(values: V, state: &SessionState) -> Result<V, StoreError> {
    let SessionState {
        version,
        generation,
        rotated_at,
        delivered_at,
        confirmed_at,
        late,
        expires_at,
        last_refreshed_at,
        ended: _,
        bound_to,
        extra,
    } = state;
    Ok(values
        .number(columns::version(*version)?)
        .number(i64::from(*generation))
        .optional_number(millis(*rotated_at))
        .optional_number(millis(*delivered_at))
        .optional_number(millis(*confirmed_at))
        .number(i64::from(*late))
        .number(expires_at.as_millis())
        .optional_number(millis(*last_refreshed_at))
        .optional_bytes(bound_to.as_ref().map(|key| key.as_bytes().as_slice()))
        .text(&extra.to_json()))
}
