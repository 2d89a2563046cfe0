//! What a ring holds, and how it is written before it is sealed.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    KeyPurpose, KeyRingError,
    schedule::{Policy, Times},
    series::{RingKey, Series},
};
use crate::{
    clock::{Timestamp, millis},
    jws::{Algorithm, CryptoProvider, MAX_KID_BYTES, SigningKey},
};

/// How many retired keys are remembered. The earliest are forgotten first.
const RETIRED: usize = 256;
/// How many earlier versions a document names.
pub(super) const LINEAGE: usize = 64;
/// The room for what is written of a key beside the key itself, in bytes.
const BESIDE: usize = 256;

/// How the two series of a ring are kept.
#[derive(Clone)]
pub(super) struct Policies {
    pub(super) access: Policy,
    pub(super) refresh: Policy,
    /// What access keys are made for.
    pub(super) algorithm: Algorithm,
    /// Whose cryptography the keys use.
    pub(super) provider: CryptoProvider,
    /// The access keys that the application has had: a ring without keys begins with the first of them, and the others
    /// verify.
    pub(super) own_access: Vec<SigningKey>,
    /// The refresh secrets, likewise.
    pub(super) own_refresh: Vec<SigningKey>,
}

/// The keys of access tokens and of refresh tokens, and what was retired before its time.
///
/// A document that has come from another one is the newer of both. Two of which neither has come from the other, as
/// after a store has fallen back to an older copy, come together by the union of their keys without those that either
/// has retired.
#[derive(Clone, Default)]
pub(super) struct Document {
    pub(super) access: Series,
    pub(super) refresh: Series,
    retired: BTreeMap<String, Timestamp>,
    /// Random names of the last versions, with the document's own at the end.
    lineage: Vec<String>,
}

impl Document {
    /// Whether it has come from the other one, or is it.
    pub(super) fn comes_from(&self, other: &Self) -> bool {
        let name = other.lineage.last();
        name.is_none_or(|name| self.lineage.contains(name))
    }

    /// Takes the names of the other one, which it has more in common with than with what the store has.
    pub(super) fn go_on_from(&mut self, other: &Self) {
        self.lineage.clone_from(&other.lineage);
    }

    /// Gives a version that is to be written a name of its own.
    pub(super) fn name_version(&mut self, name: &Uuid) {
        self.lineage.push(name.simple().to_string());
        let early = self.lineage.len().saturating_sub(LINEAGE);
        self.lineage.drain(..early);
    }

    /// Retires what was retired in the other one.
    pub(super) fn retire_as(&mut self, other: &Self, now: Timestamp, policies: &Policies) {
        for (kid, at) in &other.retired {
            self.retire_since(kid, *at, now, policies);
        }
    }

    /// Adds what the other one knows.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp) {
        for (kid, &at) in &other.retired {
            let earliest = self.retired.entry(kid.clone()).or_insert(at);
            *earliest = at.min(*earliest);
        }
        self.access.merge(&other.access, now);
        self.refresh.merge(&other.refresh, now);
        for series in [&mut self.access, &mut self.refresh] {
            series.remove(|kid| self.retired.contains_key(kid));
        }
        self.forget();
    }

    /// Removes a key before its time, and keeps it away: others may have it. Tells whether it was there.
    pub(super) fn retire(&mut self, kid: &str, now: Timestamp, policies: &Policies) -> bool {
        let is_there = self.access.key(kid).is_some() || self.refresh.key(kid).is_some();
        if !is_there && kid.contains(char::is_control) {
            // No key is called so, and many such names would leave no room in the ring.
            return false;
        }
        self.retire_since(kid, now, now, policies)
    }

    fn retire_since(
        &mut self,
        kid: &str,
        at: Timestamp,
        now: Timestamp,
        policies: &Policies,
    ) -> bool {
        let was_there = self.access.retire(kid, now, &policies.access)
            || self.refresh.retire(kid, now, &policies.refresh);
        if kid.len() <= MAX_KID_BYTES && !self.retired.contains_key(kid) {
            self.retired.insert(kid.to_owned(), at);
            self.forget();
        }
        was_there
    }

    /// Removes all keys of a purpose before their time. Tells whether there were any.
    pub(super) fn remove_all(&mut self, purpose: KeyPurpose, now: Timestamp) -> bool {
        let series = match purpose {
            KeyPurpose::Access => &mut self.access,
            KeyPurpose::Refresh => &mut self.refresh,
        };
        let gone = std::mem::take(series);
        let kids = gone.keys().iter().map(|key| key.key.kid().to_owned());
        self.retired.extend(kids.map(|kid| (kid, now)));
        self.forget();
        !gone.keys().is_empty()
    }

    /// Whether a key has to be made at this time.
    pub(super) fn lacks_key(&self, now: Timestamp, policies: &Policies) -> bool {
        self.access.lacks_key(now, &policies.access)
            || self.refresh.lacks_key(now, &policies.refresh)
    }

    /// The keys that have verified their last token. Those of the application stay as long as it gives them.
    pub(super) fn expired(&self, now: Timestamp, policies: &Policies) -> Vec<String> {
        let own = policies.own_access.iter().chain(&policies.own_refresh);
        let own: Vec<_> = own.map(SigningKey::kid).collect();
        let series = [&self.access, &self.refresh];
        let expired = series.into_iter().flat_map(|series| series.expired(now));
        let expired = expired.filter(|kid| !own.contains(kid));
        expired.map(str::to_owned).collect()
    }

    /// Brings both series up to this time. Of the expired keys, those go that have been for long enough.
    pub(super) fn keep_up(
        &mut self,
        now: Timestamp,
        policies: &Policies,
        gone: &HashSet<String>,
    ) -> Result<(), KeyRingError> {
        let Policies {
            access,
            refresh,
            algorithm,
            provider,
            own_access,
            own_refresh,
        } = policies;
        let is_good = |key: &&SigningKey| !self.retired.contains_key(key.kid());
        for key in own_access.iter().filter(is_good) {
            self.access.take(key, now, access);
        }
        for key in own_refresh.iter().filter(is_good) {
            self.refresh.take(key, now, refresh);
        }
        let generate = |algorithm| SigningKey::with_provider(*provider).generate(algorithm);
        self.access
            .keep_up(now, access, gone, || generate(*algorithm))?;
        let secret = || generate(Algorithm::HS256);
        self.refresh.keep_up(now, refresh, gone, secret)
    }

    fn forget(&mut self) {
        while self.retired.len() > RETIRED {
            let earliest = self
                .retired
                .iter()
                .min_by_key(|(kid, at)| (**at, (*kid).clone()));
            let Some(kid) = earliest.map(|(kid, _)| kid.clone()) else {
                return;
            };
            self.retired.remove(&kid);
        }
    }

    /// Whether the other one has all of these keys.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.access.is_within(&other.access) && self.refresh.is_within(&other.refresh)
    }

    /// Whether both say the same, whatever they have come from.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.access.equals(&other.access)
            && self.refresh.equals(&other.refresh)
            && self.retired == other.retired
    }

    pub(super) fn written(&self) -> Result<Vec<u8>, KeyRingError> {
        let written = Written {
            access: written_series(&self.access)?,
            refresh: written_series(&self.refresh)?,
            retired: self
                .retired
                .iter()
                .map(|(kid, at)| (kid.clone(), at.as_millis()))
                .collect(),
            lineage: self.lineage.clone(),
        };
        let keys = written.access.iter().chain(&written.refresh);
        let room: usize = keys.map(|key| key.private.len() * 2 + BESIDE).sum();
        // A buffer that has to grow would leave copies of the keys behind.
        let names = (self.retired.len() + self.lineage.len() + 1) * BESIDE;
        let kids = written.access.iter().chain(&written.refresh);
        let kids = kids.map(|key| &key.kid).chain(self.retired.keys());
        // A character of JSON takes six at most.
        let names = names + kids.map(|kid| kid.len() * 6).sum::<usize>();
        let mut text = Vec::with_capacity(room + names);
        serde_json::to_writer(&mut text, &written).map_err(|_| KeyRingError::damaged())?;
        Ok(text)
    }

    /// Reads what was [written](Self::written). A key that `known` has too is the very same afterwards, so
    /// that what was verified by it need not be verified again.
    pub(super) fn read(
        text: &[u8],
        known: &Self,
        provider: CryptoProvider,
    ) -> Result<Self, KeyRingError> {
        let written: Written = serde_json::from_slice(text).map_err(|_| KeyRingError::damaged())?;
        let retired = written.retired.into_iter();
        Ok(Self {
            access: read_series(&written.access, &known.access, provider)?,
            refresh: read_series(&written.refresh, &known.refresh, provider)?,
            retired: retired
                .map(|(kid, at)| (kid, Timestamp::from_millis(at)))
                .collect(),
            lineage: written.lineage,
        })
    }
}

fn written_series(series: &Series) -> Result<Vec<WrittenKey>, KeyRingError> {
    let keys = series.keys().iter().map(WrittenKey::of);
    // A ring takes no key that is with a signer, so that each is here.
    keys.collect::<Option<_>>()
        .ok_or_else(KeyRingError::damaged)
}

fn read_series(
    written: &[WrittenKey],
    known: &Series,
    provider: CryptoProvider,
) -> Result<Series, KeyRingError> {
    let keys = written.iter().map(|written| {
        let key = written.read(provider)?;
        let public = key.verifying_key();
        let known = known.key(&written.kid);
        let known = known.filter(|known| known.key.verifying_key().equals(&public));
        Ok(RingKey {
            times: written.times(),
            key: known.map_or(key, |known| known.key.clone()),
        })
    });
    keys.collect::<Result<Vec<_>, KeyRingError>>()
        .map(Series::new)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    access: Vec<WrittenKey>,
    refresh: Vec<WrittenKey>,
    retired: BTreeMap<String, i64>,
    lineage: Vec<String>,
}

/// All times are in milliseconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    kid: String,
    alg: String,
    made_at: i64,
    signs_from: i64,
    kept_for: u64,
    signed_until: i64,
    /// PKCS#8 in PEM, or the JWK of a secret.
    #[serde(serialize_with = "write_private", deserialize_with = "read_private")]
    private: Zeroizing<String>,
}

fn write_private<S: Serializer>(
    private: &Zeroizing<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(private)
}

fn read_private<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

impl WrittenKey {
    fn of(key: &RingKey) -> Option<Self> {
        let RingKey { key, times } = key;
        let private = key.export_private()?;
        Some(Self {
            kid: key.kid().to_owned(),
            alg: key.algorithm().as_str().to_owned(),
            made_at: times.made_at.as_millis(),
            signs_from: times.signs_from.as_millis(),
            kept_for: u64::try_from(millis(times.kept_for)).unwrap_or(0),
            signed_until: times.signed_until.as_millis(),
            private: Zeroizing::new(private.expose().to_owned()),
        })
    }

    fn times(&self) -> Times {
        Times {
            made_at: Timestamp::from_millis(self.made_at),
            signs_from: Timestamp::from_millis(self.signs_from),
            kept_for: Duration::from_millis(self.kept_for),
            signed_until: Timestamp::from_millis(self.signed_until),
        }
    }

    fn read(&self, provider: CryptoProvider) -> Result<SigningKey, KeyRingError> {
        let algorithm: Algorithm = self.alg.parse()?;
        let reader = SigningKey::with_provider(provider);
        let is_jwk = self.private.starts_with('{');
        let key = match is_jwk {
            true => reader.from_jwk_as(algorithm, &self.private),
            false => reader.from_pem(algorithm, self.private.as_bytes()),
        };
        Ok(key?.with_kid(self.kid.clone())?)
    }
}
