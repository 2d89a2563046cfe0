//! Where the roles of a token are.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use crate::json;

/// The claims that hold roles.
#[derive(Clone, Debug)]
pub(crate) struct RoleClaims(Arc<[Cow<'static, str>]>);

impl RoleClaims {
    pub(crate) fn new(claims: impl IntoIterator<Item = Cow<'static, str>>) -> Self {
        Self(claims.into_iter().collect())
    }

    /// The roles that these claims name.
    pub(crate) fn find<'a>(
        &'a self,
        members: &'a Map<String, Value>,
    ) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter_map(|claim| json::find(members, claim));
        values.flat_map(names).filter(|role| !role.is_empty())
    }
}

/// A role, a list of them, or an object that has them as its names. A text is one role: it is not split.
/// A name counts if it holds an object, as a role of Zitadel does, or `true`: `false`, `null` and 0 say that
/// it is no role, and what else there may be says nothing.
fn names(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(role) => Box::new(std::iter::once(role.as_str())),
        Value::Array(roles) => Box::new(roles.iter().filter_map(one)),
        Value::Object(roles) => {
            let granted = |value: &Value| value.is_object() || *value == Value::Bool(true);
            let granted = roles.iter().filter(move |(_, value)| granted(value));
            Box::new(granted.map(|(role, _)| role.as_str()))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// A text, or the value of an object (RFC 7643 §2.4).
fn one(value: &Value) -> Option<&str> {
    value.get("value").unwrap_or(value).as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn roles(claims: &'static [&'static str], members: Value, expected: &[&str]) {
        let claims = RoleClaims::new(claims.iter().copied().map(Cow::Borrowed));
        let found: Vec<&str> = claims.find(members.as_object().unwrap()).collect();
        assert_eq!(found, expected, "{members}");
    }

    #[test]
    fn roles_are_texts_lists_and_names() {
        roles(
            &["r"],
            json!({ "r": ["a b", 7, null, ["c"], "", "d", { "value": "e" }, { "display": "f" }] }),
            &["a b", "d", "e"],
        );
        roles(&["r"], json!({ "r": "a b" }), &["a b"]);
        roles(
            &["r"],
            json!({ "r": { "admin": { "1": "x" }, "": true, "editor": true } }),
            &["admin", "editor"],
        );
        let none =
            json!({ "r": { "a": false, "b": null, "c": 0, "d": 1, "e": "x", "f": [], "g": "" } });
        roles(&["r"], none, &[]);
        for other in [json!(true), json!(1), json!(null)] {
            roles(&["r"], json!({ "r": other }), &[]);
        }
        roles(&["r"], json!({}), &[]);
        roles(&[], json!({ "roles": ["a"] }), &[]);
        roles(&["s", "r"], json!({ "r": ["a"], "s": "b" }), &["b", "a"]);
    }

    #[test]
    fn a_dot_leads_into_an_object_unless_it_is_part_of_the_name() {
        let nested = json!({ "a": { "b.c": { "d": ["x"] }, "b": { "c": 1 } } });
        roles(&["a.b.c.d"], nested, &["x"]);
        roles(
            &["a.b"],
            json!({ "a.b": "whole", "a": { "b": "inner" } }),
            &["whole"],
        );
        let named = json!({ "https://api.example/roles": ["x"] });
        roles(&["https://api.example/roles"], named, &["x"]);
        roles(&["a.b"], json!({ "a": ["b"] }), &[]);
    }
}
