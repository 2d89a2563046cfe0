use crate::{claims::Scope, trace};

use super::challenge::Rejection;

/// The scopes that a token must have. It starts with none and only ever asks for more.
#[derive(Clone, Debug, Default)]
pub(super) struct Required {
    all: Scope,
    any: Vec<Scope>,
    malformed: bool,
}

impl Required {
    pub(super) fn add_all(&mut self, text: &str) {
        if let Some(scope) = self.read(text) {
            self.all = std::mem::take(&mut self.all).union(&scope);
        }
    }

    pub(super) fn add_any(&mut self, text: &str) {
        let scope = self.read(text);
        self.any.extend(scope);
    }

    /// Text that names no scope is a mistake as much as text that is none: both would open the
    /// route to every token.
    fn read(&mut self, text: &str) -> Option<Scope> {
        let scope = text.parse::<Scope>().ok().filter(|scope| !scope.is_empty());
        if scope.is_none() {
            self.malformed = true;
            trace::warn!(
                scope = text,
                "not a scope: each request will be answered with 500"
            );
        }
        scope
    }

    /// Whether a requirement could not be read, so that nothing may pass.
    pub(super) fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && !self.malformed
    }

    pub(super) fn check(&self, held: &Scope) -> Result<(), Rejection> {
        if self.is_empty() {
            return Ok(());
        }
        let lacks_all = !self.all.is_subset(held);
        let unmet = |any: &&Scope| !any.iter().any(|token| held.contains(token));
        match Some(&self.all)
            .filter(|_| lacks_all)
            .or_else(|| self.any.iter().find(unmet))
        {
            Some(needed) => Err(Rejection::insufficient_scope(needed)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(required: &Required, held: &str) -> bool {
        required.check(&held.parse().unwrap()).is_ok()
    }

    #[test]
    fn all_means_all_and_adds_up() {
        let mut required = Required::default();
        assert!(required.is_empty() && allows(&required, ""));
        required.add_all("a b");
        required.add_all("b c");
        assert!(allows(&required, "c b a d"));
        for held in ["", "a", "a b", "A B C", "abc"] {
            assert!(!allows(&required, held), "{held}");
        }
    }

    #[test]
    fn any_means_one_of_each() {
        let mut required = Required::default();
        required.add_any("a b");
        assert!(allows(&required, "a") && allows(&required, "x b") && !allows(&required, "x"));
        required.add_any("c d");
        assert!(allows(&required, "b c") && !allows(&required, "a b"));
    }

    #[test]
    fn what_cannot_be_read_is_never_forgotten() {
        for text in ["", " ", "a\"b", "é"] {
            let mut required = Required::default();
            required.add_all(text);
            required.add_all("a");
            assert!(required.is_malformed() && !required.is_empty(), "{text:?}");
        }
    }
}
