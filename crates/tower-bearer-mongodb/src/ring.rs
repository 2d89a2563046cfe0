//! A key ring is a document of a collection of its own. Its name is in hexadecimal digits: otherwise the collation of a
//! collection that somebody else has made would decide which names are the same. The sealed bytes are in such digits too,
//! as nx-27017 takes no binary in an update: a few kilobytes become twice as many.

use mongodb::bson::{Document, doc};

use tower_bearer::store::{
    LoadedRing, RingStore, SealedRing, StoreError, StoreErrorKind::Duplicate, Swap,
};

use crate::{
    MongoStore,
    document::{self, unreadable},
    statements::NOW,
};

/// The format of documents.
const FORMAT: i32 = 1;

/// A ring is one document, and a write one insert, or one replacement whose filter names the version that it replaces.
/// Writes wait for a majority of the replica set, and loads read what a majority has, as [for
/// sessions](MongoStore#what-is-kept-after-a-failure). The time is that of the deployment's primary.
///
/// This was not run on MongoDB itself either: all cases of the suite but the two that move the server's clock pass on
/// nx-27017.
impl RingStore for MongoStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let find = self.calls.rings.find_one(by_name(name));
        let fields = doc! { "format": 1, "version": 1, "document": 1, NOW: "$$NOW" };
        let find = find.projection(fields).max_time(self.calls.timeout);
        let found = self.calls.in_time(find).await?;
        let now = self.calls.time_of(found.as_ref()).await?;
        let ring = found.as_ref().map(read).transpose()?;
        Ok(LoadedRing::new(ring, now))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let rings = &self.calls.rings;
        let mut ring = by_name(name);
        ring.extend(doc! {
            "format": FORMAT,
            "version": document::version(next.version())?,
            "document": digits(next.bytes()),
        });
        let is_done = match expected.map(document::version) {
            None => match self.calls.in_time(rings.insert_one(ring)).await {
                Err(error) if error.kind() == Duplicate => false,
                inserted => inserted.map(|_| true)?,
            },
            Some(Ok(expected)) => {
                let mut of = by_name(name);
                of.extend(doc! { "format": FORMAT, "version": expected });
                let replace = rings.replace_one(of, ring);
                self.calls.in_time(replace).await?.matched_count > 0
            }
            // No document has a version above 2^63 - 1.
            Some(Err(_)) => false,
        };
        Ok(match is_done {
            true => Swap::Swapped,
            false => Swap::Lost,
        })
    }
}

fn by_name(name: &str) -> Document {
    doc! { "_id": digits(name.as_bytes()) }
}

/// Two hexadecimal digits for each byte.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let is_digits = rest.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    match is_digits {
        true => pairs.iter().map(|pair| byte(pair)).collect(),
        false => None,
    }
}

fn read(document: &Document) -> Result<SealedRing, StoreError> {
    let format: i64 = document::number(document, "format")?;
    if format != i64::from(FORMAT) {
        return Err(unreadable("format"));
    }
    let digits = document.get_str("document").ok();
    let bytes = digits.and_then(bytes);
    let bytes = bytes.ok_or_else(|| unreadable("document"))?;
    let version = document::number(document, "version")?;
    SealedRing::new(version, bytes).map_err(|_| unreadable("document"))
}
