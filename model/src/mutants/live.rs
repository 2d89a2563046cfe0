//! Rows 5 and 6.

use tower_bearer::session::RefreshVerdict;

use super::mutant::{
    COOKIES, LIFETIMES, Mutant, TABS, THIEF, acts, decides, instead, then, with, writes,
};
use crate::{
    claims::{HONEST_GO_ON, LIFETIMES_NEVER_GROW, NO_FALSE_LOGOUT, THEFT_IS_SEEN},
    rules::Fault,
};

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 5: left out, the live token always rotates",
        TABS,
        NO_FALSE_LOGOUT,
        instead!(RefreshVerdict::Current => RefreshVerdict::Rotate),
    ),
    decides(
        "row 5: as short as row 7",
        COOKIES,
        HONEST_GO_ON,
        with!(|asked| if asked.presents_live() {
            asked.policy.reuse_window /= 2;
        }),
    ),
    decides(
        "row 5: counts from the rotation (fault of a draft)",
        TABS,
        NO_FALSE_LOGOUT,
        with!(|asked| if asked.presents_live() {
            asked.record.state.delivered_at = asked.record.state.rotated_at;
        }),
    ),
    writes(
        "row 5: does not confirm",
        THIEF,
        THEFT_IS_SEEN,
        |asked, verdict| match verdict {
            RefreshVerdict::Current => None,
            _ => asked.apply(verdict),
        },
    ),
    writes(
        "row 5: moves delivered_at",
        THIEF,
        THEFT_IS_SEEN,
        then!(Current, |next, asked| next.delivered_at = Some(asked.now)),
    ),
    writes(
        "row 5: moves confirmed_at",
        THIEF,
        THEFT_IS_SEEN,
        then!(Current, |next, asked| next.confirmed_at = Some(asked.now)),
    ),
    acts(
        "row 5: sets a cookie (fault of a draft)",
        COOKIES,
        HONEST_GO_ON,
        Fault::CookieOnCurrent,
    ),
    writes(
        "row 6: the successor counts as confirmed",
        TABS,
        NO_FALSE_LOGOUT,
        then!(Rotate, |next, asked| next.confirmed_at = Some(asked.now)),
    ),
    writes(
        "row 6: delivered_at stays",
        TABS,
        NO_FALSE_LOGOUT,
        then!(Rotate, |next, asked| next.delivered_at =
            asked.record.state.delivered_at),
    ),
    writes(
        "row 6: late is not shifted",
        THIEF,
        THEFT_IS_SEEN,
        then!(Rotate, |next, asked| next.late = asked.record.state.late),
    ),
    writes(
        "row 6: the lifetime goes beyond the session's end",
        LIFETIMES,
        LIFETIMES_NEVER_GROW,
        then!(Rotate, |next, asked| next.expires_at =
            asked.now + asked.policy.idle_lifetime),
    ),
];
