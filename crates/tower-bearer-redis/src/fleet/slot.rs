//! The slot of a key in a Redis Cluster.

use redis::{Arg, Cmd};

/// How many slots a cluster has.
pub(super) const COUNT: u16 = 16_384;
/// Below this, every slot has a number as its tag.
const TAGS: u32 = 109_758;

/// The slot of the key of a command, or nothing if it has no key. No command has two.
pub(super) fn of(command: &Cmd) -> Option<u16> {
    let mut words = command.args_iter().map(|word| match word {
        Arg::Simple(word) => word,
        _ => &[],
    });
    match words.next()? {
        // The script and the number of its keys come first.
        b"EVALSHA" => words.nth(2),
        _ => words.next(),
    }
    .map(of_key)
}

/// The slot of a key: of its part in braces if it has one that is not empty, or else of all of it.
pub(super) fn of_key(key: &[u8]) -> u16 {
    crc16(tag(key).unwrap_or(key)) % COUNT
}

fn tag(key: &[u8]) -> Option<&[u8]> {
    let opening = key.iter().position(|byte| *byte == b'{')?;
    let (_, rest) = key.split_at_checked(opening + 1)?;
    let closing = rest.iter().position(|byte| *byte == b'}')?;
    rest.get(..closing).filter(|tag| !tag.is_empty())
}

/// Texts for the braces of keys, of which every slot has one.
pub(super) fn tags() -> impl Iterator<Item = String> {
    (0..TAGS).map(|number| number.to_string())
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let crc = crc ^ (u16::from(*byte) << 8);
        (0..8).fold(crc, |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use redis::cmd;

    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // As `CLUSTER KEYSLOT` gives them.
        for (key, slot) in [
            ("", 0),
            ("123456789", 12_739),
            ("foo", 12_182),
            ("a{foo}b", 12_182),
            ("{}foo", 9_500),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("foo{bar}{zap}", 5_061),
        ] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
    }

    /// A server may have one slot only.
    #[test]
    fn every_slot_has_a_tag() {
        let slots: HashSet<_> = tags()
            .map(|tag| of_key(format!("p:{{{tag}}}").as_bytes()))
            .collect();
        assert_eq!(slots.len(), usize::from(COUNT));
    }

    #[test]
    fn a_command_is_routed_by_its_key() {
        let mut script = cmd("EVALSHA");
        script.arg("hash").arg(1).arg("foo").arg("bar");
        let mut set = cmd("SET");
        set.arg("foo").arg("bar");
        assert_eq!((of(&script), of(&set)), (Some(12_182), Some(12_182)));
        assert_eq!(of(&cmd("TIME")), None);
    }
}
