//! Cursors: opaque, signed, and tied to the query that they continue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::error::FieldError;

/// Bytes of the signature that a cursor carries.
const TAG: usize = 16;

/// Signs and reads cursors with the key of this deployment.
#[derive(Clone)]
pub struct Cursors {
    key: [u8; 32],
}

impl Cursors {
    /// Cursors signed with `key`.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn sign(&self, query: &str, position: &[u8]) -> [u8; TAG] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&(query.len() as u64).to_le_bytes());
        mac.update(query.as_bytes());
        mac.update(position);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        tag
    }

    /// The cursor that continues `query` behind `position`.
    pub fn write<T: Serialize>(&self, query: &str, position: &T) -> String {
        let position =
            serde_json::to_vec(position).expect("a position is a plain value, which JSON always takes");
        let mut bytes = self.sign(query, &position).to_vec();
        bytes.extend(position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor that continues `query`.
    ///
    /// # Errors
    /// If it was not given for this query, or was altered.
    pub fn read<T: DeserializeOwned>(&self, query: &str, cursor: &str) -> Result<T, FieldError> {
        let wrong = || {
            FieldError::query(
                "cursor",
                "was not given for this query; take next_cursor as it came and repeat all other parameters",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let (tag, position) = bytes.split_at_checked(TAG).ok_or_else(wrong)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(&(query.len() as u64).to_le_bytes());
        mac.update(query.as_bytes());
        mac.update(position);
        mac.verify_truncated_left(tag).map_err(|_| wrong())?;
        serde_json::from_slice(position).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_query_and_for_no_other() {
        let cursors = Cursors::new([7; 32]);
        let cursor = cursors.write("language=es", &(42_u32, "x"));
        assert_eq!(cursors.read::<(u32, String)>("language=es", &cursor), Ok((42, "x".to_owned())));
        assert!(cursors.read::<(u32, String)>("language=pt", &cursor).is_err());
        assert!(Cursors::new([8; 32]).read::<(u32, String)>("language=es", &cursor).is_err());
    }

    #[test]
    fn an_altered_cursor_is_refused() {
        let cursors = Cursors::new([7; 32]);
        let cursor = cursors.write("q", &1_u32);
        for position in 0..cursor.len() {
            let mut altered: Vec<u8> = cursor.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(cursors.read::<u32>("q", &altered).is_err() || altered == cursor, "{altered}");
        }
        for wrong in ["", "AAAA", "%%%", "é"] {
            assert!(cursors.read::<u32>("q", wrong).is_err());
        }
    }
}
