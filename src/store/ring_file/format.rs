//! What the file has in it: who wrote it and in which format, a checksum, and the rings one after the other.

use std::{array, collections::BTreeMap, sync::LazyLock};

use super::failure::Failure;
use crate::store::SealedRing;

/// The rings, by their names.
pub(super) type Rings = BTreeMap<String, SealedRing>;

/// The most bytes of a file: room for fifteen of the largest rings, and for a thousand of the usual ones.
pub(super) const LARGEST: usize = 4 * 1024 * 1024;

const MAGIC: &[u8] = b"tower-bearer key rings\n";
const FORMAT: u8 = 1;

/// The bytes of a file. All numbers are big-endian.
pub(super) fn encode(rings: &Rings) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    for (name, ring) in rings {
        let name_length = u16::try_from(name.len()).map_err(|_| Failure::Full)?;
        let length = u32::try_from(ring.bytes().len()).map_err(|_| Failure::Full)?;
        body.extend_from_slice(&name_length.to_be_bytes());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&ring.version().to_be_bytes());
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(ring.bytes());
    }
    let length = u32::try_from(body.len()).map_err(|_| Failure::Full)?;
    let (length, sum) = (length.to_be_bytes(), checksum(&body).to_be_bytes());
    let file = [MAGIC, &[FORMAT], &length, &sum, &body].concat();
    match file.len() {
        0..=LARGEST => Ok(file),
        _ => Err(Failure::Full),
    }
}

/// Reads the bytes of a file.
pub(super) fn decode(file: &[u8]) -> Result<Rings, Failure> {
    let Some(rest) = file.strip_prefix(MAGIC) else {
        return Err(match MAGIC.starts_with(file) {
            true => Failure::Damaged,
            false => Failure::Foreign,
        });
    };
    let mut rest = Reader(rest);
    match rest.number()? {
        [FORMAT] => {}
        [0] => return Err(Failure::Damaged),
        _ => return Err(Failure::Newer),
    }
    let length = u32::from_be_bytes(rest.number()?);
    let sum = u32::from_be_bytes(rest.number()?);
    let is_whole = u32::try_from(rest.0.len()) == Ok(length) && checksum(rest.0) == sum;
    if !is_whole {
        return Err(Failure::Damaged);
    }
    let mut rings = Rings::new();
    while !rest.0.is_empty() {
        let (name, ring) = rest.ring()?;
        if rings.insert(name, ring).is_some() {
            return Err(Failure::Damaged);
        }
    }
    Ok(rings)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn ring(&mut self) -> Result<(String, SealedRing), Failure> {
        let length = u16::from_be_bytes(self.number()?);
        let name = str::from_utf8(self.bytes(length.into())?).map_err(|_| Failure::Damaged)?;
        let version = u64::from_be_bytes(self.number()?);
        let length = u32::from_be_bytes(self.number()?);
        let length = usize::try_from(length).map_err(|_| Failure::Damaged)?;
        let ring = SealedRing::new(version, self.bytes(length)?);
        Ok((name.to_owned(), ring.map_err(|_| Failure::Damaged)?))
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Failure::Damaged)?;
        self.0 = rest;
        Ok(*number)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Failure::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// The CRC-32 of Ethernet and zip: it finds what a disk or a copy has done to a file, and is no protection from people.
fn checksum(bytes: &[u8]) -> u32 {
    let of_byte = |sum: u32, byte: &u8| {
        let [.., last] = sum.to_be_bytes();
        let rest = TABLE.get(usize::from(last ^ byte)).copied();
        (sum >> 8) ^ rest.unwrap_or_default()
    };
    !bytes.iter().fold(u32::MAX, of_byte)
}

/// What each byte makes of the checksum.
static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
    let of_bit = |sum: u32| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
    array::from_fn(|byte| (0..8).fold(byte as u32, |sum, _| of_bit(sum)))
});

#[cfg(test)]
mod tests {
    use super::*;

    fn rings() -> Rings {
        let ring = |version, bytes: &[u8]| SealedRing::new(version, bytes).unwrap();
        [
            ("access".to_owned(), ring(7, b"sealed")),
            ("a\0b".to_owned(), ring(SealedRing::HIGHEST_VERSION, &[0])),
        ]
        .into()
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for rings in [Rings::new(), rings()] {
            assert_eq!(decode(&encode(&rings).unwrap()).unwrap(), rings);
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_published_example() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn every_part_and_every_changed_byte_is_refused() {
        let file = encode(&rings()).unwrap();
        for length in 0..file.len() {
            let failure = decode(&file[..length]).unwrap_err();
            assert!(matches!(failure, Failure::Damaged), "{length}: {failure}");
        }
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut file = file.clone();
                file[at] ^= 1 << bit;
                decode(&file).unwrap_err();
            }
        }
        decode(&[file, vec![0]].concat()).unwrap_err();
    }

    #[test]
    fn a_foreign_file_and_a_newer_one_are_told_apart() {
        let foreign = decode(b"{\"keys\":[]}").unwrap_err();
        assert!(matches!(foreign, Failure::Foreign), "{foreign}");
        let mut file = encode(&rings()).unwrap();
        file[MAGIC.len()] = FORMAT + 1;
        let newer = decode(&file).unwrap_err();
        assert!(matches!(newer, Failure::Newer), "{newer}");
    }

    #[test]
    fn a_body_that_is_none_is_refused_though_its_checksum_is_right() {
        let of_body = |body: &[u8]| {
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            let sum = checksum(body).to_be_bytes();
            [MAGIC, &[FORMAT], &length, &sum, body].concat()
        };
        let ring = [b"\0\x01n".as_slice(), &[0; 8], b"\0\0\0\x01s"].concat();
        assert_eq!(decode(&of_body(&ring)).unwrap().len(), 1);
        let twice = [ring.clone(), ring].concat();
        let empty = [b"\0\x01n".as_slice(), &[0; 8], b"\0\0\0\0"].concat();
        let version = [b"\0\x01n".as_slice(), &[255; 8], b"\0\0\0\x01s"].concat();
        let name = [b"\0\x01\xff".as_slice(), &[0; 8], b"\0\0\0\x01s"].concat();
        for body in [twice, empty, version, name, vec![0], vec![0, 9, 1]] {
            let failure = decode(&of_body(&body)).unwrap_err();
            assert!(matches!(failure, Failure::Damaged), "{body:?}: {failure}");
        }
    }

    #[test]
    fn more_than_the_largest_file_is_refused() {
        let ring = SealedRing::new(1, vec![1; SealedRing::LONGEST]).unwrap();
        let rings: Rings = (0..16)
            .map(|number| (number.to_string(), ring.clone()))
            .collect();
        assert!(matches!(encode(&rings), Err(Failure::Full)));
    }
}
