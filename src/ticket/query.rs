//! The ticket in a query, and the address without it.

use http::{Uri, uri::PathAndQuery};

/// The parameter of the query that a ticket comes in.
pub(crate) const PARAMETER: &str = "access_ticket";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Absent,
    /// The text in the place of the ticket, and the address without it.
    Ticket(String, Uri),
    /// There are two, or one without a value.
    Malformed,
}

/// Looks for the parameter as this crate writes it: an escaped name is another one.
pub(crate) fn find(uri: &Uri) -> Found {
    let Some(query) = uri.query().filter(|query| query.contains(PARAMETER)) else {
        return Found::Absent;
    };
    let mut tickets = query.split('&').filter_map(value);
    match (tickets.next(), tickets.next()) {
        (None, _) => Found::Absent,
        (Some(ticket), None) if !ticket.is_empty() => match without(uri) {
            Some(rest) => Found::Ticket(ticket.to_owned(), rest),
            None => Found::Malformed,
        },
        _ => Found::Malformed,
    }
}

/// The address without the parameter. `None` if it cannot be written.
fn without(uri: &Uri) -> Option<Uri> {
    let mut written = uri.path().to_owned();
    let rest = uri.query().unwrap_or_default().split('&');
    for (number, part) in rest.filter(|part| value(part).is_none()).enumerate() {
        written.push(if number == 0 { '?' } else { '&' });
        written += part;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(written).ok()?);
    Uri::from_parts(parts).ok()
}

/// The value of the parameter, which is empty if it has none.
fn value(part: &str) -> Option<&str> {
    match part.strip_prefix(PARAMETER)? {
        "" => Some(""),
        rest => rest.strip_prefix('='),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(uri: &str, ticket: &str, rest: &str) {
        let expected = Found::Ticket(ticket.to_owned(), rest.parse().unwrap());
        assert_eq!(find(&uri.parse().unwrap()), expected, "{uri}");
    }

    #[test]
    fn it_is_taken_out_and_all_else_stays_as_it_is() {
        finds("/a?access_ticket=x", "x", "/a");
        finds("/a?b=1&access_ticket=x&c=%20&&d", "x", "/a?b=1&c=%20&&d");
        finds("/a%2fb//?access_ticket=x=y", "x=y", "/a%2fb//");
        finds("http://h:1/?access_ticket=x&b", "x", "http://h:1/?b");
    }

    #[test]
    fn two_or_none_are_no_ticket() {
        for uri in [
            "/a?access_ticket=x&access_ticket=x",
            "/a?access_ticket=x&access_ticket",
            "/a?access_ticket",
            "/a?access_ticket=",
        ] {
            assert_eq!(find(&uri.parse().unwrap()), Found::Malformed, "{uri}");
        }
        for uri in [
            "/a",
            "/a?b",
            "/access_ticket=x",
            "/a?xaccess_ticket=x",
            "/a?access_tickets=x",
            "/a?access%5fticket=x",
            "/a?Access_Ticket=x",
        ] {
            assert_eq!(find(&uri.parse().unwrap()), Found::Absent, "{uri}");
        }
    }
}
