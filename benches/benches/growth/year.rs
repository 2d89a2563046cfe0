//! How large a table is after a year, by arithmetic, from what its sessions weigh when they are new:
//! what refreshes leave of that is measured beside, in `wear`.

use tower_bearer_benches::report::Report;

/// How long a session is kept by default if nobody ends it, in days.
const LIFETIME: f64 = 180.0;
const DAYS: f64 = 365.0;
/// A million users with two devices each, who log in on each twice a year, once a month or
/// once a week.
const LOGINS_A_DAY: [f64; 3] = [2e6 * 2.0 / DAYS, 2e6 * 12.0 / DAYS, 2e6 * 52.0 / DAYS];

/// Adds what a table of the store weighs after a year, for a few rates of logins.
pub(crate) fn rows(report: &mut Report, store: &str, session_bytes: f64) {
    for logins in LOGINS_A_DAY {
        let name = format!("{store}/a_year_of_{logins:.0}_logins_a_day_gib");
        report.row(
            name,
            table_bytes(logins, LIFETIME, session_bytes) / 1024_f64.powi(3),
        );
    }
}

/// The table grows until the first sessions come to their end, and then stays as it is.
fn table_bytes(logins_a_day: f64, lifetime: f64, session_bytes: f64) -> f64 {
    logins_a_day * lifetime.min(DAYS) * session_bytes
}
