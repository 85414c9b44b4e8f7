//! The text of a key: `df_live_<id>_<secret><check>`.
//!
//! The id (12 of Crockford's base 32) is public: it stands in logs, the audit and the limiter. The
//! secret (43 of base 62, 256 bits) is shown once and never kept. The check (6 of base 62, the CRC-32
//! of all before it) tells a mistyped key, and lets scanners know a leaked one:
//! `df_live_[0-9a-hjkmnp-tv-z]{12}_[0-9A-Za-z]{49}`.

use std::fmt;

use fleet_core::Result;
use sha2::{Digest, Sha256};

use super::Entropy;

const PREFIX: &str = "df_live_";
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LEN: usize = 12;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;
const LEN: usize = PREFIX.len() + ID_LEN + 1 + SECRET_LEN + CHECK_LEN;

/// SHA-256 of a key's whole text. A slow hash would add nothing to 256 random bits, and cost the
/// server what a flood of wrong keys costs its sender.
pub(super) type KeyDigest = [u8; 32];

/// A key as its holder has it. Its text is a secret: it is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({}***)", &self.0[..PREFIX.len() + ID_LEN + 1])
    }
}

impl KeyText {
    /// A new key.
    ///
    /// # Errors
    /// Those of the source of randomness.
    pub fn generate(entropy: Entropy) -> Result<Self> {
        let mut text = PREFIX.to_owned();
        draw(&mut text, ID_LEN, BASE32, entropy)?;
        text.push('_');
        draw(&mut text, SECRET_LEN, BASE62, entropy)?;
        let check = check(&text);
        text.push_str(&check);
        Ok(Self(text))
    }

    /// A key as somebody presents it; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = text.len() == LEN
            && text.is_ascii()
            && text.starts_with(PREFIX)
            && text.as_bytes()[PREFIX.len() + ID_LEN] == b'_'
            && check(&text[..LEN - CHECK_LEN]) == text[LEN - CHECK_LEN..];
        is_sound.then(|| Self(text.to_owned()))
    }

    /// The public part, which names the key.
    pub fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + ID_LEN]
    }

    /// The whole text, to be handed to its holder and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> KeyDigest {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Appends `len` letters of an alphabet of at most 64, each as likely as any other.
pub(super) fn draw(text: &mut String, len: usize, alphabet: &[u8], entropy: Entropy) -> Result<()> {
    let end = text.len() + len;
    while text.len() < end {
        let mut bytes = [0; 64];
        entropy(&mut bytes)?;
        let drawn = bytes.iter().filter_map(|byte| alphabet.get(usize::from(byte & 63)));
        text.extend(drawn.take(end - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(())
}

/// Eight letters that tell apart what happens in one millisecond.
pub(super) fn suffix(entropy: Entropy) -> Result<String> {
    let mut text = String::new();
    draw(&mut text, 8, BASE32, entropy)?;
    Ok(text)
}

/// CRC-32 (ISO 3309, as in zlib and PNG) in six digits of base 62.
fn check(text: &str) -> String {
    let crc = !text.bytes().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    let digit = |place: u32| char::from(BASE62[(crc / 62_u32.pow(place) % 62) as usize]);
    [5, 4, 3, 2, 1, 0].map(digit).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entropy;

    #[test]
    fn a_key_reads_back_and_a_slip_of_one_letter_is_noticed() {
        let key = KeyText::generate(entropy).expect("random");
        assert_eq!(KeyText::parse(key.reveal()), Some(key.clone()));
        assert_eq!((key.id().len(), key.reveal().len()), (12, 70));
        for at in 0..key.reveal().len() {
            let mut slip = key.reveal().as_bytes().to_vec();
            slip[at] = if slip[at] == b'x' { b'y' } else { b'x' };
            let slip = String::from_utf8(slip).expect("ASCII");
            assert_eq!(KeyText::parse(&slip), None, "{slip}");
        }
        for text in ["", "df_live_", &key.reveal()[1..], &"é".repeat(35)] {
            assert_eq!(KeyText::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_two_keys_are_alike_and_none_is_printed() {
        let (a, b) = (KeyText::generate(entropy), KeyText::generate(entropy));
        let (a, b) = (a.expect("random"), b.expect("random"));
        assert!(a.id() != b.id() && a.digest() != b.digest());
        let shown = format!("{a:?}");
        assert!(shown.contains(a.id()) && !shown.contains(&a.reveal()[21..]), "{shown}");
    }

    #[test]
    fn the_check_is_the_crc_that_others_compute() {
        // CRC-32 of "123456789" is 0xCBF43926 = 3 421 780 262 (the usual check value).
        let digits = check("123456789");
        let value = digits.bytes().fold(0_u64, |value, digit| {
            let digit = BASE62.iter().position(|letter| *letter == digit).expect("base 62");
            value * 62 + digit as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }
}
