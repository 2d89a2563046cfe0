//! Texts and times in a row of bytes.

use tower_bearer::clock::Timestamp;

/// A row that is cut off, goes on too long or holds what its field cannot. It does not tell what.
#[derive(Debug, thiserror::Error)]
#[error("field {0} of the row cannot be read")]
pub(super) struct Unreadable(pub(super) &'static str);

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Redis takes no value of 4 GiB, so every length fits.
    pub(super) fn length(&mut self, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.raw(&length.to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.raw(text.as_bytes());
    }

    pub(super) fn time(&mut self, time: Timestamp) {
        self.raw(&time.as_millis().to_be_bytes());
    }

    pub(super) fn optional_time(&mut self, time: Option<Timestamp>) {
        self.raw(&[u8::from(time.is_some())]);
        self.time(time.unwrap_or_default());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a row apart, from its beginning.
pub(super) struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r [u8]) -> Self {
        Self(row)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Unreadable> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Unreadable(field))?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn length(&mut self, field: &'static str) -> Result<usize, Unreadable> {
        let length = u32::from_be_bytes(self.array(field)?);
        usize::try_from(length).map_err(|_| Unreadable(field))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'r str, Unreadable> {
        let length = self.length(field)?;
        let split = self.0.split_at_checked(length);
        let (bytes, rest) = split.ok_or(Unreadable(field))?;
        self.0 = rest;
        std::str::from_utf8(bytes).map_err(|_| Unreadable(field))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, Unreadable> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Unreadable(field)),
        }
    }

    pub(super) fn time(&mut self, field: &'static str) -> Result<Timestamp, Unreadable> {
        let millis = i64::from_be_bytes(self.array(field)?);
        Ok(Timestamp::from_millis(millis))
    }

    pub(super) fn optional_time(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Timestamp>, Unreadable> {
        let is_there = self.flag(field)?;
        let time = self.time(field)?;
        match (is_there, time) {
            (true, time) => Ok(Some(time)),
            (false, time) if time == Timestamp::default() => Ok(None),
            (false, _) => Err(Unreadable(field)),
        }
    }
}
