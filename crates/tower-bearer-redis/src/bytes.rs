//! Writes and reads the fields of a row as bytes.

use std::time::Duration;

use tower_bearer::{clock::Timestamp, store::KeyThumbprint};

/// A row cannot be read. The error does not show the row's content.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// The row was written by another version of this crate.
    #[error("the row is of format {0}, which this version of the crate does not know")]
    Format(u8),
    /// The row is too short or too long, or a field has a value that it cannot have.
    #[error("field {0} of the row cannot be read")]
    Field(&'static str),
}

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes a length. A row is far below 4 GiB, so every length of one that is kept fits.
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

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        self.raw(&[u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }

    /// Writes a lifetime in milliseconds, if there is one.
    pub(super) fn optional_lifetime(&mut self, lifetime: Option<Duration>) {
        let millis = lifetime.unwrap_or_default().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.raw(&[u8::from(lifetime.is_some())]);
        self.raw(&millis.to_be_bytes());
    }

    pub(super) fn optional_key(&mut self, key: Option<&KeyThumbprint>) {
        self.raw(&[u8::from(key.is_some())]);
        self.raw(key.map_or(&[0; 32], |key| key.as_bytes()));
    }

    /// Writes whose session it is. Rows have it in this form, and scripts search for it.
    pub(super) fn owner(&mut self, issuer: &str, subject: &str) {
        self.text(issuer);
        self.text(subject);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads the fields of a row one after the other.
pub(super) struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r [u8]) -> Self {
        Self(row)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The rest of the row, which is one text.
    pub(super) fn rest(&mut self, field: &'static str) -> Result<&'r str, Unreadable> {
        let rest = std::mem::take(&mut self.0);
        std::str::from_utf8(rest).map_err(|_| Unreadable::Field(field))
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Unreadable> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Unreadable::Field(field))?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn length(&mut self, field: &'static str) -> Result<usize, Unreadable> {
        let length = u32::from_be_bytes(self.array(field)?);
        usize::try_from(length).map_err(|_| Unreadable::Field(field))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'r str, Unreadable> {
        let length = self.length(field)?;
        let split = self.0.split_at_checked(length);
        let (bytes, rest) = split.ok_or(Unreadable::Field(field))?;
        self.0 = rest;
        std::str::from_utf8(bytes).map_err(|_| Unreadable::Field(field))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, Unreadable> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Unreadable::Field(field)),
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
        only_if(is_there, time, Timestamp::default(), field)
    }

    pub(super) fn optional_text(
        &mut self,
        field: &'static str,
    ) -> Result<Option<&'r str>, Unreadable> {
        let is_there = self.flag(field)?;
        only_if(is_there, self.text(field)?, "", field)
    }

    pub(super) fn optional_lifetime(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Duration>, Unreadable> {
        let is_there = self.flag(field)?;
        let millis = only_if(is_there, u64::from_be_bytes(self.array(field)?), 0, field)?;
        Ok(millis.map(Duration::from_millis))
    }

    pub(super) fn optional_key(
        &mut self,
        field: &'static str,
    ) -> Result<Option<KeyThumbprint>, Unreadable> {
        let is_there = self.flag(field)?;
        let bytes = only_if(is_there, self.array(field)?, [0; 32], field)?;
        Ok(bytes.map(KeyThumbprint::from_bytes))
    }
}

/// The value, if it is there. If it is not, its bytes must all be zero.
fn only_if<T: PartialEq>(
    is_there: bool,
    value: T,
    nothing: T,
    field: &'static str,
) -> Result<Option<T>, Unreadable> {
    match is_there {
        true => Ok(Some(value)),
        false if value == nothing => Ok(None),
        false => Err(Unreadable::Field(field)),
    }
}
