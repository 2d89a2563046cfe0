//! The claims: what holds in every state of every history, under the names that the manual
//! gives them. Where a step can break one, the witness has noted it.

use crate::{
    judge,
    state::State,
    witness::Broken::{self, *},
    world::World,
};

pub(crate) const FORKLESS: &str = "forkless";
pub(crate) const NO_FALSE_LOGOUT: &str = "no false logout";
pub(crate) const HONEST_GO_ON: &str = "honest clients go on";
pub(crate) const THEFT_IS_SEEN: &str = "theft is seen";
pub(crate) const ENDED_IS_FINAL: &str = "ended is final";
pub(crate) const LIFETIMES_NEVER_GROW: &str = "lifetimes never grow";
pub(crate) const EXPIRED_DOES_NOTHING: &str = "what has expired does nothing";
pub(crate) const FORGED_DOES_NOTHING: &str = "what is forged does nothing";
pub(crate) const CONSTANT_COST: &str = "constant cost";
pub(crate) const COPIES_GO_ON: &str = "copies go on";
pub(crate) const NOTHING_WITHOUT_KEY: &str = "nothing without the key";
pub(crate) const BOUND_FOR_EVER: &str = "bound for ever";

/// Whether a claim holds in a state.
type Holds = fn(&World, &State) -> bool;

/// All claims.
pub(crate) const ALL: [(&str, Holds); 12] = [
    (FORKLESS, |_, state| never(state, Fork)),
    (NO_FALSE_LOGOUT, |_, state| {
        never(state, FalseLogout) && never(state, HonestRefusal)
    }),
    (HONEST_GO_ON, |world, state| {
        !world.bounds.is_honest() || judge::could_go_on(world, state)
    }),
    (THEFT_IS_SEEN, |_, state| never(state, TheftUnseen)),
    (ENDED_IS_FINAL, |_, state| {
        let lives = state.row.is_some_and(|row| row.ended.is_none());
        never(state, Revived) && !(state.witness.ended && lives)
    }),
    (LIFETIMES_NEVER_GROW, |_, state| never(state, LifetimeGrew)),
    (EXPIRED_DOES_NOTHING, |_, state| never(state, ExpiredActs)),
    (FORGED_DOES_NOTHING, |_, state| never(state, ForgedActs)),
    (CONSTANT_COST, |_, state| never(state, Cost)),
    (COPIES_GO_ON, |world, state| {
        let broken = [CopyRefused, CopyLoggedOut, NotRenewed];
        broken.into_iter().all(|it| never(state, it)) && judge::could_all_go_on(world, state)
    }),
    (NOTHING_WITHOUT_KEY, |_, state| never(state, KeylessActs)),
    (BOUND_FOR_EVER, |_, state| {
        never(state, Unbound) && judge::is_still_bound(state)
    }),
];

fn never(state: &State, broken: Broken) -> bool {
    !state.witness.has_broken(broken)
}
