//! Requests: what they show and which may be made again.

use uuid::Uuid;

use super::StoreRequest;
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{EndReason, Record, Session, SessionSecret},
};

fn record() -> Record {
    let id = SessionId::from_uuid(Uuid::from_u128(7));
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let (issuer, subject) = ("https://whose.example", "anna-of-whose");
    Record::new(Session::new(
        id,
        issuer,
        subject,
        secret,
        Timestamp::from_secs(1),
    ))
}

/// One of each, and whether it may be made again.
fn requests() -> [(StoreRequest, bool); 11] {
    let (record, reason) = (record(), EndReason::Logout);
    let whose = || {
        (
            "https://whose.example".to_owned(),
            "anna-of-whose".to_owned(),
        )
    };
    let (id, (issuer, subject)) = (record.session.id, whose());
    let next = Box::new(record.state.clone());
    let end_all = StoreRequest::EndAll {
        issuer,
        subject,
        keep: Some(id),
        reason,
    };
    let expected = 0;
    let swap = StoreRequest::Swap { id, expected, next };
    let ((issuer, subject), before, limit) = (whose(), None, 1);
    let list = StoreRequest::List {
        issuer,
        subject,
        before,
        limit,
    };
    let list_all = StoreRequest::ListAll {
        issuer: whose().0,
        after: Some(id.into()),
        limit,
    };
    let since = record.session.created_at;
    let ended_since = StoreRequest::EndedSince {
        since,
        after: Some(id),
        limit,
    };
    [
        (StoreRequest::Now, true),
        (StoreRequest::Load { id }, true),
        (
            StoreRequest::Confirm {
                pairs: vec![(id, 0)],
            },
            true,
        ),
        (list, true),
        (list_all, true),
        (ended_since, true),
        (
            StoreRequest::Insert {
                record: Box::new(record),
            },
            false,
        ),
        (swap, false),
        (StoreRequest::End { id, reason }, false),
        (end_all, false),
        (StoreRequest::DeleteExpired { limit: 1 }, false),
    ]
}

#[test]
fn reads_and_confirmations_may_be_made_again() {
    for (request, is_idempotent) in requests() {
        assert_eq!(request.is_idempotent(), is_idempotent, "{request:?}");
    }
}

#[test]
fn debug_shows_neither_secrets_nor_whose_sessions_they_are() {
    for (request, _) in requests() {
        let shown = format!("{:?}", request.clone());
        assert!(!shown.contains("whose"), "{shown}");
        assert!(!shown.contains("165") && !shown.contains("a5"), "{shown}");
    }
}
