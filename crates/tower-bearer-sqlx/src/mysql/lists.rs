//! Statements with a list of values, of which there is one for each power of two, and the bounds of a page.

use std::sync::Arc;

use tower_bearer::claims::SessionId;
use uuid::Uuid;

/// The statement for so many values, and the values for it: the last one comes again until they are as many
/// as the statement takes. There is none for no values, nor for more than the longest takes.
pub(super) fn filled<'s, T: Copy>(
    statements: &'s [Arc<str>],
    values: &[T],
) -> Option<(&'s Arc<str>, Vec<T>)> {
    let last = *values.last()?;
    let length = values.len().next_power_of_two();
    let statement = statements.get(usize::try_from(length.trailing_zeros()).ok()?)?;
    let mut values = values.to_vec();
    values.resize(length, last);
    Some((statement, values))
}

/// The highest identifier of a page of so many sessions below `before`. Nothing is below the lowest one.
pub(super) fn up_to(before: Option<SessionId>, limit: usize) -> (SessionId, usize) {
    let (highest, limit) = match before.map(|id| id.as_uuid().as_u128().checked_sub(1)) {
        None => (u128::MAX, limit),
        Some(Some(highest)) => (highest, limit),
        Some(None) => (0, 0),
    };
    (SessionId::from_uuid(Uuid::from_u128(highest)), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_with_their_last_value() {
        let statements: Vec<Arc<str>> = ["1", "2", "4"].map(Into::into).into();
        let filled = |values: &[u8]| {
            let filled = super::filled(&statements, values);
            filled.map(|(statement, values)| (statement.to_string(), values))
        };
        assert_eq!(filled(&[]), None);
        assert_eq!(filled(&[7]), Some(("1".to_owned(), vec![7])));
        assert_eq!(filled(&[7, 8]), Some(("2".to_owned(), vec![7, 8])));
        assert_eq!(filled(&[7, 8, 9]), Some(("4".to_owned(), vec![7, 8, 9, 9])));
        assert_eq!(filled(&[1, 2, 3, 4, 5]), None);
    }
}
