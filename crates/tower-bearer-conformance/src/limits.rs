//! Cases of sessions that are as large as the contract allows. Their texts cannot be compressed:
//! some databases compress a text first and then look at its length.

use tower_bearer::{
    claims::Scope,
    store::{Extra, PrivateClaims, Record, SessionStore, Swap},
};

use crate::{Fixture, trial::*, walking};

const KIB: usize = 1024;

pub(super) async fn the_largest_session_is_kept_listed_swapped_and_ended<F: Fixture>(
    trial: Trial<F>,
) {
    let records = [1, 2, 3].map(|number| largest(trial.record(number, "")));
    let neighbours = neighbours(&records[0]);
    for record in records.iter().chain(&neighbours) {
        trial.insert(record).await;
        assert_same(&trial.load(record.session.id).await, record);
    }
    let listed = list(&trial, &records[0]).await;
    assert_eq!(listed.len(), 3, "so many were listed");
    for (kept, expected) in listed.iter().zip(records.iter().rev()) {
        assert_same(kept, expected);
    }

    let all = walking::all(&trial, &records[0].session.issuer, 100).await;
    for expected in &records {
        assert_same(&all[&expected.session.id], expected);
    }

    let mut next = records;
    for record in &mut next {
        let before = record.state.version;
        *record = rotated(record, trial.start);
        assert_eq!(trial.swap(before, record).await, Swap::Swapped);
        trial.confirm(&[(record.session.id, 1)]).await;
        let kept = trial.load(record.session.id).await;
        record.state.confirmed_at = kept.state.confirmed_at;
        record.state.version += 1;
        assert_same(&kept, record);
    }
    let ended = trial.end_in_each_way(next).await;
    for record in &ended {
        assert_same(&trial.load(record.session.id).await, record);
    }
    assert_eq!(list(&trial, &ended[0]).await, []);
    assert_eq!(trial.ended_since(trial.start, None, 100).await.len(), 3);
    for record in &neighbours {
        assert_same(&trial.load(record.session.id).await, record);
        assert_eq!(list(&trial, record).await.len(), 1);
    }
}

async fn list<F: Fixture>(trial: &Trial<F>, whose: &Record) -> Vec<Record> {
    let (issuer, subject) = (&whose.session.issuer, &whose.session.subject);
    let listed = trial.store().list(issuer, subject, None, 100).await;
    done("list", listed).records
}

/// The session, filled up to every limit.
fn largest(mut record: Record) -> Record {
    let session = &mut record.session;
    session.issuer = noise(1, 512);
    session.subject = noise(2, KIB);
    session.client_id = Some(noise(3, KIB));
    session.scope = scope();
    let name = noise(4, KIB);
    let note = noise(5, 64 * KIB - name.len());
    session.metadata = [(name, note)].into();
    let braces = r#"{"n":""}"#.len();
    let claims = format!(r#"{{"n":"{}"}}"#, noise(6, 64 * KIB - braces));
    session.claims = PrivateClaims::from_json(&claims).expect("claims");
    let extra = format!(r#"{{"n":"{}"}}"#, noise(8, MOST_EXTRA - braces));
    record.state.extra = Extra::from_json(&extra).expect("an object");
    record
}

/// Sessions of another issuer and of another subject, whose names differ in the last byte only.
fn neighbours(record: &Record) -> [Record; 2] {
    let mut neighbours = [10, 11].map(|number| {
        let mut other = record.clone();
        other.session.id = id(number);
        other
    });
    let [of_another_issuer, of_another_subject] = &mut neighbours;
    replace_last(&mut of_another_issuer.session.issuer);
    replace_last(&mut of_another_subject.session.subject);
    neighbours
}

fn replace_last(text: &mut String) {
    let last = text.pop();
    assert!(last.is_some_and(|last| last.is_ascii_hexdigit()));
    text.push('z');
}

fn scope() -> Scope {
    let digits = noise_of(7).map(|number| format!("{number:016x}"));
    let mut text = String::new();
    for token in digits.take(8 * KIB / 17) {
        text.push_str(&token);
        text.push(' ');
    }
    text.push_str(&"a".repeat(8 * KIB - text.len()));
    text.parse().expect("a scope")
}

/// A text of so many bytes. It has characters of one to four bytes, and ends in a hexadecimal
/// digit.
fn noise(seed: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    for number in noise_of(seed) {
        let left = bytes - text.len();
        let (first, count) = match number % 4 {
            1 if left > 2 => (0xa1, 0x700),
            2 if left > 3 => (0x4e00, 0x5000),
            3 if left > 4 => (0x1_f300, 0x300),
            _ if left > 0 => {
                text.push_str(&format!("{:x}", number >> 60));
                continue;
            }
            _ => break,
        };
        let code = first + (number >> 32) as u32 % count;
        text.push(char::from_u32(code).expect("a character"));
    }
    text
}

/// Numbers without a pattern (SplitMix64), the same in each run.
fn noise_of(seed: u64) -> impl Iterator<Item = u64> {
    (1_u64..).map(move |turn| {
        let mut mixed = (seed << 32 | turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
