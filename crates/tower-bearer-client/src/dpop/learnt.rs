//! What servers have said about the proofs that they want: the nonce, and the time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use http::{HeaderMap, HeaderValue, header::DATE};

use tower_bearer::clock::Timestamp;

use crate::origin::Origin;

const NONCE: &str = "dpop-nonce";

/// A longer nonce is not sent back.
const LONGEST_NONCE: usize = 1024;

/// Clocks that are less apart than this agree, since a `Date` has whole seconds and travels.
const AGREE_MS: i64 = 5_000;

/// Who gives out a nonce. Those of the authorization server and of an API are not the same, even at
/// one origin (RFC 9449 §9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    TokenEndpoint,
    Api(Origin),
}

#[derive(Clone, Default)]
struct Said {
    nonce: Option<HeaderValue>,
    /// How far the clock of this place is ahead of ours, in milliseconds.
    ahead: i64,
}

/// There are as many places as the program has configured.
#[derive(Default)]
pub(super) struct Learnt(Mutex<HashMap<Place, Said>>);

impl Learnt {
    fn all(&self) -> MutexGuard<'_, HashMap<Place, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nonce to send there, and how far to put the clock ahead.
    pub(super) fn of(&self, place: &Place) -> (Option<HeaderValue>, i64) {
        let said = self.all().get(place).cloned().unwrap_or_default();
        (said.nonce, said.ahead)
    }

    /// RFC 9449 §8.2: each answer may bring the next nonce.
    pub(super) fn hear_nonce(&self, place: &Place, headers: &HeaderMap) {
        let mut nonces = headers.get_all(NONCE).iter();
        if let (Some(nonce), None) = (nonces.next(), nonces.next())
            && is_nonce(nonce.as_bytes())
        {
            self.all().entry(place.clone()).or_default().nonce = Some(nonce.clone());
        }
    }

    pub(super) fn hear_clock(&self, place: &Place, headers: &HeaderMap, now: Timestamp) -> bool {
        let Some(theirs) = date(headers) else {
            return false;
        };
        let ahead = theirs.as_millis().saturating_sub(now.as_millis());
        let mut all = self.all();
        let said = all.entry(place.clone()).or_default();
        let is_news = ahead.saturating_sub(said.ahead).saturating_abs() >= AGREE_MS;
        if is_news {
            said.ahead = ahead;
        }
        is_news
    }
}

/// `1*NQCHAR` (RFC 9449 §8.1, RFC 6749 Appendix A).
fn is_nonce(nonce: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=LONGEST_NONCE).contains(&nonce.len()) && nonce.iter().all(fits)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn nonces_are_kept_apart_and_only_good_ones() {
        let learnt = Learnt::default();
        let api = |origin: &str| Place::Api(origin.parse().unwrap());
        let places = [
            Place::TokenEndpoint,
            api("https://a.example"),
            api("https://b.example"),
        ];
        for (place, nonce) in places.iter().zip(["t", "a", "b"]) {
            learnt.hear_nonce(place, &headers(&[(NONCE, nonce)]));
        }
        let long = "n".repeat(LONGEST_NONCE + 1);
        for bad in [
            headers(&[]),
            headers(&[(NONCE, "")]),
            headers(&[(NONCE, "a b")]),
            headers(&[(NONCE, "a\"b")]),
            headers(&[(NONCE, &long)]),
            headers(&[(NONCE, "one"), (NONCE, "two")]),
        ] {
            learnt.hear_nonce(&places[0], &bad);
        }
        for (place, nonce) in places.iter().zip(["t", "a", "b"]) {
            assert_eq!(learnt.of(place).0.unwrap(), nonce);
        }
    }

    #[test]
    fn a_clock_is_news_only_if_it_is_off() {
        let learnt = Learnt::default();
        let now = Timestamp::from_secs(784_111_777);
        let place = Place::TokenEndpoint;
        let hear = |date| learnt.hear_clock(&place, &headers(&[("date", date)]), now);
        assert!(!hear("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!hear("Sun, 06 Nov 1994 08:49:41 GMT"));
        assert!(!hear("yesterday"));
        assert!(hear("Sun, 06 Nov 1994 07:49:37 GMT"));
        assert!(!hear("Sun, 06 Nov 1994 07:49:37 GMT"), "it was corrected");
        assert_eq!(learnt.of(&place).1, -3_600_000);
        assert!(!learnt.hear_clock(&place, &HeaderMap::new(), now));
    }
}
