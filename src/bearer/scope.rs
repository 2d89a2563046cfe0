use crate::{claims::Scope, trace};

use super::challenge::Rejection;

/// The scopes that a token must have. There are none at first, and they can only be added.
#[derive(Clone, Debug, Default)]
pub(super) struct RequiredScopes {
    all: Scope,
    /// A token needs one scope token of each of these. No token can satisfy an empty one.
    any: Vec<Scope>,
}

impl RequiredScopes {
    /// Requires all scope tokens of a scope. An empty scope must be a mistake, for example in a
    /// configuration, so it closes the route instead of opening it to every token.
    pub(super) fn add_all(&mut self, scope: &Scope) {
        if scope.is_empty() {
            return self.add_any(scope.clone());
        }
        self.all = std::mem::take(&mut self.all).union(scope);
    }

    pub(super) fn add_any(&mut self, scope: Scope) {
        if scope.is_empty() {
            trace::warn!("an empty scope is required, which no token has: no request will pass");
        }
        self.any.push(scope);
    }

    /// Whether no scope is required.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty()
    }

    /// All that a token must have at least, and a client should ask for at once: of alternatives the one
    /// that is held, or the first.
    pub(super) fn least(&self, held: &Scope) -> Scope {
        let least = |any: &Scope| {
            let of_held = any.iter().find(|token| held.contains(token));
            let one = of_held.or_else(|| any.iter().next()).map(str::parse);
            one.and_then(Result::ok).unwrap_or_default()
        };
        let others = self.any.iter().map(least);
        others.fold(self.all.clone(), |scope, one| scope.union(&one))
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

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    fn allows(required: &RequiredScopes, held: &str) -> bool {
        required.check(&scope(held)).is_ok()
    }

    #[test]
    fn all_means_all_and_adds_up() {
        let mut required = RequiredScopes::default();
        assert!(required.is_empty() && allows(&required, ""));
        required.add_all(&scope("a b"));
        required.add_all(&scope("b c"));
        assert!(allows(&required, "c b a d"));
        for held in ["", "a", "a b", "A B C", "abc"] {
            assert!(!allows(&required, held), "{held}");
        }
    }

    #[test]
    fn any_means_one_of_each() {
        let mut required = RequiredScopes::default();
        required.add_any(scope("a b"));
        assert!(allows(&required, "a") && allows(&required, "x b") && !allows(&required, "x"));
        required.add_any(scope("c d"));
        assert!(allows(&required, "b c") && !allows(&required, "a b"));
    }

    #[test]
    fn the_least_scope_has_one_of_each_alternative() {
        let mut required = RequiredScopes::default();
        assert!(required.least(&Scope::empty()).is_empty());
        required.add_all(&scope("a"));
        required.add_any(scope("b c"));
        required.add_any(scope("d e"));
        for (held, least) in [("", "a b d"), ("e c", "a c e"), ("x b", "a b d")] {
            assert_eq!(required.least(&scope(held)).as_str(), least, "{held}");
        }
    }

    #[test]
    fn an_empty_scope_closes_the_route_for_good() {
        let empty_all = |required: &mut RequiredScopes| required.add_all(&Scope::empty());
        let empty_any = |required: &mut RequiredScopes| required.add_any(Scope::empty());
        for add in [empty_all, empty_any] {
            let mut required = RequiredScopes::default();
            add(&mut required);
            required.add_all(&scope("a"));
            assert!(!required.is_empty());
            assert!(!allows(&required, "") && !allows(&required, "a"));
        }
    }
}
