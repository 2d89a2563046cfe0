//! Rows 5 and 6.

use super::*;

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 5: left out, the live token always rotates",
        TABS,
        LOGOUT,
        instead!(RefreshVerdict::Current => RefreshVerdict::Rotate),
    ),
    decides(
        "row 5: as short as row 7",
        COOKIES,
        GOES_ON,
        with!(
            |record, token, _now, policy| if is_live_token(record, token) {
                policy.reuse_window /= 2;
            }
        ),
    ),
    decides(
        "row 5: counts from the rotation (fault of a draft)",
        TABS,
        LOGOUT,
        with!(
            |record, token, _now, _policy| if is_live_token(record, token) {
                record.state.delivered_at = record.state.rotated_at;
            }
        ),
    ),
    writes(
        "row 5: does not confirm",
        THIEF,
        THEFT,
        |verdict, record, token, now, policy| match verdict {
            RefreshVerdict::Current => None,
            _ => verdict.apply(record, token, now, policy),
        },
    ),
    writes(
        "row 5: moves delivered_at",
        THIEF,
        THEFT,
        then!(Current, |next, _before, now, _token| next.delivered_at =
            Some(now)),
    ),
    writes(
        "row 5: moves confirmed_at",
        THIEF,
        THEFT,
        then!(Current, |next, _before, now, _token| next.confirmed_at =
            Some(now)),
    ),
    acts(
        "row 5: sets a cookie (fault of a draft)",
        COOKIES,
        GOES_ON,
        Effect::CookieOnCurrent,
    ),
    writes(
        "row 6: the successor counts as confirmed",
        TABS,
        LOGOUT,
        then!(Rotate, |next, _before, now, _token| next.confirmed_at =
            Some(now)),
    ),
    writes(
        "row 6: delivered_at stays",
        TABS,
        LOGOUT,
        then!(Rotate, |next, before, _now, _token| next.delivered_at =
            before.state.delivered_at),
    ),
    writes(
        "row 6: late is not shifted",
        THIEF,
        THEFT,
        then!(Rotate, |next, before, _now, _token| next.late =
            before.state.late),
    ),
    writes(
        "row 6: the lifetime goes beyond the session's end",
        LIFETIMES,
        GROWS,
        |verdict, record, token, now, policy| {
            also(
                verdict,
                record,
                token,
                now,
                policy,
                RefreshVerdict::Rotate,
                |next| next.expires_at = now + policy.idle_lifetime,
            )
        },
    ),
];
