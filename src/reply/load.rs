//! How long those who are refused are told to wait, by how many are refused. `examples/region_lost`
//! simulates what comes of it with this very file.

/// In a second in which more are refused than this, the limit grows.
const FEW: u8 = 100;

/// The longest pause that anybody is told, in seconds.
pub(crate) const LONGEST: u8 = 120;

/// What of the refusals so far matters for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// The last second in which somebody was refused.
    pub(crate) second: u32,
    /// How many were refused in it, `FEW` and one more at most.
    pub(crate) refused: u8,
    /// The longest pause that is told in it, in seconds.
    pub(crate) limit: u8,
}

impl Load {
    pub(crate) const NONE: Self = Self {
        second: 0,
        refused: 0,
        limit: 1,
    };

    /// The load with one more refusal in this second. One that comes late counts for a second that has
    /// begun since.
    pub(crate) fn refuse(self, second: u32) -> Self {
        let now = match second.checked_sub(self.second) {
            None | Some(0) => self,
            Some(passed) => Self {
                second,
                refused: 0,
                limit: self.limit_after(passed),
            },
        };
        Self {
            refused: now.refused.saturating_add(1).min(FEW + 1),
            ..now
        }
    }

    /// The limit after so many seconds, of which only the first had refusals.
    fn limit_after(self, passed: u32) -> u8 {
        let limit = match self.refused > FEW {
            true => self.limit.saturating_mul(2).min(LONGEST),
            false => self.limit / 2,
        };
        limit.checked_shr(passed - 1).unwrap_or_default().max(1)
    }
}
