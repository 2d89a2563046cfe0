//! The JSON that a browser keeps of its session.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SessionConfig<'a> {
    session_identifier: &'a str,
    refresh_url: &'a str,
    scope: Scope<'a>,
    credentials: [Credential<'a>; 1],
    allowed_refresh_initiators: [&'a str; 0],
}

#[derive(Serialize)]
struct Scope<'a> {
    include_site: bool,
    scope_specification: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    r#type: &'static str,
    domain: &'static str,
    path: &'a str,
}

#[derive(Serialize)]
struct Credential<'a> {
    r#type: &'static str,
    name: &'a str,
    attributes: &'a str,
}

impl<'a> SessionConfig<'a> {
    /// A session of the whole origin, and of no other, without the excluded paths.
    pub(super) fn new(
        session_identifier: &'a str,
        refresh_url: &'a str,
        cookie: &'a str,
        attributes: &'a str,
        excluded: &'a [String],
    ) -> Self {
        let exclude = |path: &'a String| Rule {
            r#type: "exclude",
            domain: "*",
            path,
        };
        Self {
            session_identifier,
            refresh_url,
            scope: Scope {
                include_site: false,
                scope_specification: excluded.iter().map(exclude).collect(),
            },
            credentials: [Credential {
                r#type: "cookie",
                name: cookie,
                attributes,
            }],
            allowed_refresh_initiators: [],
        }
    }
}
