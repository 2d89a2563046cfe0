use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value, make_extension_error};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, KeyThumbprint, PrivateClaims, Record, Session, SessionSecret,
        SessionState, StoreErrorKind,
    },
};

use crate::{
    RedisOptions,
    error::failed,
    keys::{self, Keys},
    row,
};
use uuid::Uuid;

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

fn millis(time: i64) -> Timestamp {
    Timestamp::from_millis(time)
}

/// A session with something in every field.
fn full() -> Record {
    Record {
        session: Session {
            id: id(7),
            issuer: "https://id.example".to_owned(),
            subject: "ä\0🦀".to_owned(),
            secret: SessionSecret::from_bytes(std::array::from_fn(|i| i as u8 + 1)),
            created_at: millis(11),
            auth_time: millis(17),
            ends_at: millis(i64::MIN),
            scope: "read write".parse().unwrap(),
            client_id: Some(String::new()),
            claims: PrivateClaims::from_json(r#"{"nul":"\u0000"}"#).unwrap(),
            metadata: [("device", "\0"), ("", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            idle_lifetime: Some(Duration::ZERO),
            extra: Extra::from_json(r#"{"later":[]}"#).unwrap(),
        },
        state: SessionState {
            version: u64::MAX - 1,
            generation: 0x0102_0304,
            rotated_at: Some(millis(12)),
            delivered_at: Some(millis(-13)),
            confirmed_at: Some(millis(i64::MAX)),
            late: u32::MAX,
            expires_at: millis(15),
            last_refreshed_at: Some(millis(0)),
            ended: Some(Ended::new(millis(0), EndReason::Refused)),
            bound_to: Some(KeyThumbprint::from_bytes([0; 32])),
            extra: Extra::from_json(r#"{"seen":"\u0000"}"#).unwrap(),
        },
    }
}

fn empty() -> Record {
    let secret = SessionSecret::from_bytes([0; 32]);
    Record::new(Session::new(id(7), "", "", secret, millis(0)))
}

fn row(record: &Record) -> Vec<u8> {
    row::new(record).unwrap()
}

/// The row of an older session after a swap to the state of this one.
fn swapped(record: &Record) -> Vec<u8> {
    let mut row = row(&Record::new(record.session.clone()));
    let head = row::head(&record.state);
    row.splice(..head.len(), head);
    row.extend(row::end(&record.state).into_bytes());
    row
}

/// How many bytes of a row are kept as the session ends.
fn kept(row: &[u8]) -> usize {
    u32::from_be_bytes(row[115..119].try_into().unwrap()) as usize
}

#[test]
fn a_row_is_read_as_it_was_written() {
    for record in [full(), empty()] {
        assert!(row::read(id(7), &row(&record)).unwrap() == record);
        assert!(row::read(id(7), &swapped(&record)).unwrap() == record);
    }
}

#[test]
fn the_scripts_find_what_they_look_for() {
    let row = row(&full());
    assert_eq!(row[0], 4);
    assert_eq!(row[1..9], (u64::MAX - 1).to_be_bytes());
    assert_eq!(row[9], 5);
    assert_eq!(row[10..14], [1, 2, 3, 4]);
    assert_eq!(row[14], 1);
    assert_eq!(row[15..23], i64::MAX.to_be_bytes());
    assert_eq!(row[23..31], [0; 8]);
    assert_eq!(row[62..70], 15_i64.to_be_bytes());
    assert_eq!(row[103..107], 17_u32.to_be_bytes());
    assert_eq!(row[107..115], i64::MIN.to_be_bytes());
    assert!(row[119..].starts_with(&row::owner("https://id.example", "ä\0🦀")));
    assert_eq!(row::OWNER, 119);

    let mut waiting = full();
    (waiting.state.ended, waiting.state.confirmed_at) = (None, None);
    let row = self::row(&waiting);
    assert!(row.starts_with(&row::at_version(u64::MAX - 1)));
    let but_for_its_version = [&row[..1], &row[9..15]].concat();
    assert_eq!(but_for_its_version, row::unconfirmed(0x0102_0304));
    assert_eq!(row[..1], row::format());
    assert_eq!(row::head(&waiting.state).len(), 107);
}

#[test]
fn a_row_without_its_last_part_is_that_of_a_session_without_claims_and_metadata() {
    let mut whole = full();
    // Its length is in the head, and what ends a session writes that.
    whole.state.extra = Default::default();
    let row = row(&whole);
    assert!(kept(&row) < row.len());
    let mut bare = whole;
    (bare.session.claims, bare.session.metadata) = Default::default();
    assert!(row::read(id(7), &row[..kept(&row)]).unwrap() == bare);
    assert!(self::row(&bare) == row[..kept(&row)]);
}

#[test]
fn a_session_that_no_row_can_hold_is_unsuitable_for_good() {
    let mut record = full();
    let room = 1024 * 1024 - row(&record).len();
    record.session.subject.push_str(&"s".repeat(room));
    assert_eq!(row(&record).len(), 1024 * 1024);
    record.session.subject.push('s');
    let error = row::new(&record).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unstorable);
}

#[test]
fn a_row_of_another_format_is_refused_by_its_number() {
    let mut row = row(&full());
    for other in [0, 1, 2, 3, 5, 255] {
        row[0] = other;
        let error = row::read(id(7), &row).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(&format!("format {other},")), "{source}");
    }
}

#[test]
fn a_row_that_is_cut_off_or_goes_on_is_corrupt() {
    let row = row(&full());
    // Up to where an end cuts it off.
    let all = (0..row.len()).filter(|length| *length != kept(&row));
    for length in all {
        let error = row::read(id(7), &row[..length]).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{length} bytes");
    }
    assert!(row::read(id(7), &[&row[..], &[0]].concat()).is_err());
}

#[test]
fn a_row_that_says_what_it_cannot_mean_is_corrupt() {
    let mut record = empty();
    record.session.claims = PrivateClaims::from_json(r#"{"a":1}"#).unwrap();
    let row = row(&record);
    let client = 119 + 8 + 32 + 16 + 4;
    let damages = [
        ("ended", 30, 1),
        ("confirmed_at", 14, 2),
        ("confirmed_at", 22, 1),
        ("rotated_at", 31, 2),
        ("delivered_at", 48, 1),
        ("last_refreshed_at", 49, 255),
        ("bound_to", 70, 2),
        ("bound_to", 102, 1),
        ("kept", 118, 1),
        ("kept", 116, 1),
        ("issuer", 122, 200),
        ("client_id", client, 2),
        ("idle_lifetime", client + 5, 2),
        ("idle_lifetime", client + 5 + 8, 1),
        ("extra", client + 5 + 9 + 3, 255),
        ("claims", kept(&row) + 3, 255),
        ("claims", kept(&row) + 4, b'!'),
        ("metadata", row.len() - 1, 1),
    ];
    for (field, at, byte) in damages {
        let mut damaged = row.clone();
        damaged[at] = byte;
        let error = row::read(id(7), &damaged).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, format!("field {field} of the row cannot be read"));
    }
}

#[test]
fn a_reason_of_a_later_version_is_another_reason() {
    let mut record = empty();
    record.end(Ended::new(millis(0), EndReason::Logout));
    let mut row = row(&record);
    row[9] = 200;
    let ended = row::read(id(7), &row).unwrap().state.ended;
    assert_eq!(ended, Some(Ended::new(millis(0), EndReason::Other)));
}

#[test]
fn two_subjects_never_share_an_index() {
    let keys = Keys::new("p:", false);
    let names = [
        ("a", "b"),
        ("a:b", ""),
        ("", "a:b"),
        ("a:", "b"),
        ("a", ":b"),
        ("1:a", "b"),
        ("", "1:a:b"),
    ];
    let all: std::collections::BTreeSet<_> = names
        .map(|(issuer, subject)| keys.subject(issuer, subject))
        .into();
    assert_eq!(all.len(), names.len());
    assert_eq!(
        keys.subject("https://a", "ä"),
        "p:subject:9:https://a:ä".as_bytes()
    );
    let session = keys.session(id(1));
    assert_eq!(session, b"p:session:{00000000-0000-0000-0000-000000000001}");
}

#[test]
fn the_keys_of_sessions_are_told_from_others() {
    let keys = Keys::new("a*[b]?\\:", false);
    assert_eq!(keys.sessions(), br"a\*\[b\]\?\\:session:*");
    let session = keys.session(id(10));
    assert_eq!(keys.session_of(&session), Some(id(10)));
    let text = String::from_utf8(session.clone()).unwrap();
    for other in [
        text.to_uppercase(),
        text.replace('-', ""),
        text.replace('0', "g"),
        text.replace('{', ""),
        format!("{text}x"),
        format!("x{text}"),
        text.replace("session", "subject"),
    ] {
        assert_eq!(keys.session_of(other.as_bytes()), None, "{other}");
    }
    assert_eq!(keys.session_of(&[&session[..], b"\xff"].concat()), None);
}

#[test]
fn times_in_keys_sort_and_stay_within_what_servers_take() {
    let hour = 3_600_000;
    for (ends_at, last_seen_at, until) in [
        (i64::MIN, 1, "000000000000001"),
        (0, 1, "000000003600000"),
        (1_700_000_000_000, 1_699_999_999_999, "001700003600000"),
        (
            253_402_300_799_999 - hour,
            253_402_300_799_998 - hour,
            "253402300799999",
        ),
        (i64::MAX, 253_402_300_799_999, "253402300799999"),
    ] {
        assert_eq!(keys::last_seen_at(millis(ends_at)), last_seen_at);
        assert_eq!(keys::listed_until(millis(ends_at)), until);
    }
}

#[test]
fn notes_sort_by_time_and_then_by_identifier() {
    let notes = [(i64::MIN, 9), (2, 1), (2, 2), (10, 0), (i64::MAX, 0)];
    let notes = notes.map(|(at, number)| keys::noted(id(number), millis(at)));
    assert!(notes.is_sorted());
    assert_eq!(keys::noted_id(&notes[2]).unwrap(), id(2));
    // A bound is a bracket and what it compares with.
    let since = keys::noted_since(millis(2), None);
    assert!(since[0] == b'[' && since[1..] > notes[0][..] && since[1..] < notes[1][..]);
    let above = keys::noted_since(millis(2), Some(id(1)));
    assert!(above[0] == b'(' && above[1..] == notes[1][..]);
    assert_eq!(above, keys::noted_after(&notes[1]));
}

#[test]
fn errors_of_the_server_are_told_apart() {
    use StoreErrorKind::{Busy, Corrupt, Timeout, Unavailable};
    let by_code = [
        ("OOM", Unavailable),
        ("MISCONF", Unavailable),
        ("NOREPLICAS", Unavailable),
        ("NOAUTH", Unavailable),
        ("UNKILLABLE", Unavailable),
        ("BUSY", Busy),
        ("WRONGTYPE", Corrupt),
    ];
    for (code, kind) in by_code {
        let error = make_extension_error(code.to_owned(), None);
        assert_eq!(failed(error).kind(), kind, "{code}");
    }
    let by_kind = [
        (ErrorKind::Server(ServerErrorKind::ReadOnly), Unavailable),
        (ErrorKind::Server(ServerErrorKind::BusyLoading), Unavailable),
        (ErrorKind::Server(ServerErrorKind::MasterDown), Unavailable),
        (ErrorKind::Server(ServerErrorKind::ClusterDown), Unavailable),
        (ErrorKind::Server(ServerErrorKind::NoPerm), Unavailable),
        (ErrorKind::Server(ServerErrorKind::TryAgain), Busy),
        (ErrorKind::Io, Unavailable),
    ];
    for (error, kind) in by_kind {
        let error = RedisError::from((error, "on purpose"));
        assert_eq!(failed(error).kind(), kind);
    }
    let io = |kind| RedisError::from(std::io::Error::from(kind));
    assert_eq!(failed(io(std::io::ErrorKind::TimedOut)).kind(), Timeout);
    assert_eq!(
        failed(io(std::io::ErrorKind::BrokenPipe)).kind(),
        Unavailable
    );
}

#[test]
fn a_wait_counts_the_servers_that_were_reached() {
    let longest = Duration::from_millis(7);
    let replicas = RedisOptions::new().wait_for_replicas(2, longest);
    let disks = RedisOptions::new().wait_for_disks(2, longest);
    let (replicas, disks) = (replicas.wait.unwrap(), disks.wait.unwrap());
    let words = |command: Cmd| String::from_utf8(command.get_packed_command()).unwrap();
    assert!(words(replicas.command()).contains("WAIT\r\n$1\r\n2\r\n$1\r\n7"));
    assert!(words(disks.command()).contains("WAITAOF\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n7"));

    let both = |primary, replicas| Value::Array(vec![Value::Int(primary), Value::Int(replicas)]);
    assert!(replicas.check(&Value::Int(2)).is_ok());
    assert!(disks.check(&both(1, 2)).is_ok());
    let too_few = [
        replicas.check(&Value::Int(1)),
        replicas.check(&both(1, 2)),
        disks.check(&both(0, 2)),
        disks.check(&both(1, 1)),
        disks.check(&Value::Int(2)),
    ];
    for check in too_few {
        assert_eq!(failed(check.unwrap_err()).kind(), StoreErrorKind::Timeout);
    }
}
