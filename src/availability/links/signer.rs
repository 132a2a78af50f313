//! What makes a link one: a keyed digest (HMAC-SHA-256) over what it is for. Each kind has its own purpose in the
//! digest, so that one is never taken for another.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use crate::types::{MessageId, OrganizationId, UpdateLinkId};

const ID: usize = 16;
const EXPIRY: usize = 8;
const TAG: usize = 32;

/// What a digest is for.
#[derive(Clone, Copy)]
enum Purpose {
    Update,
    Form,
    Stop,
    StopNotices,
}

/// Signs and checks links with the key of this deployment.
#[derive(Clone)]
pub struct LinkSigner {
    key: [u8; 32],
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSigner")
    }
}

/// What a link says that stops messages. Whether it may, [`LinkSigner::may_stop`] and [`LinkSigner::may_stop_notices`]
/// tell.
pub struct StopToken {
    /// Whose reminders, or what was sent by which message.
    pub subject: Uuid,
    tag: Vec<u8>,
}

impl LinkSigner {
    /// A signer with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        let purpose: &[u8] = match purpose {
            Purpose::Update => b"update",
            Purpose::Form => b"form",
            Purpose::Stop => b"stop",
            Purpose::StopNotices => b"stop-notices",
        };
        for part in [purpose].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }

    fn write(&self, purpose: Purpose, told: &[u8], bound: &[&[u8]]) -> String {
        let parts: Vec<&[u8]> = [told].into_iter().chain(bound.iter().copied()).collect();
        let mut bytes = told.to_vec();
        bytes.extend(self.mac(purpose, &parts).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token of a link that works until `expires_at`, which is in whole seconds.
    pub fn update(&self, link: UpdateLinkId, expires_at: Timestamp) -> String {
        let mut told = link.0.as_bytes().to_vec();
        told.extend(expires_at.as_second().to_be_bytes());
        self.write(Purpose::Update, &told, &[])
    }

    /// The link of a token, and when it expires; none if it was not signed here.
    pub(super) fn read_update(&self, token: &str) -> Option<(UpdateLinkId, Timestamp)> {
        let (told, tag) = split(token, ID + EXPIRY)?;
        self.mac(Purpose::Update, &[&told]).verify_slice(&tag).ok()?;
        let (id, expiry) = told.split_at_checked(ID)?;
        let expiry = i64::from_be_bytes(expiry.try_into().ok()?);
        Some((UpdateLinkId(Uuid::from_slice(id).ok()?), Timestamp::from_second(expiry).ok()?))
    }

    /// What tells one form of a link from every other.
    pub fn form(&self, link: UpdateLinkId, form: Uuid) -> String {
        self.write(Purpose::Form, form.as_bytes(), &[link.0.as_bytes()])
    }

    /// Which form it is; none if it is no form of this link.
    pub(super) fn read_form(&self, link: UpdateLinkId, text: &str) -> Option<String> {
        let (told, tag) = split(text, ID)?;
        self.mac(Purpose::Form, &[&told, link.0.as_bytes()]).verify_slice(&tag).ok()?;
        Some(Uuid::from_slice(&told).ok()?.to_string())
    }

    /// The token that stops the reminders that an organization gets at this address.
    pub fn stop(&self, organization: OrganizationId, email: &str) -> String {
        self.write(Purpose::Stop, organization.0.as_bytes(), &[email.as_bytes()])
    }

    /// Whether a token stops what goes to this address.
    pub fn may_stop(&self, token: &StopToken, email: &str) -> bool {
        self.is_signed(Purpose::Stop, token, email)
    }

    /// The token that stops the notices, of offers or of what waits, that go to this address as this message did.
    pub fn stop_notices(&self, message: MessageId, email: &str) -> String {
        self.write(Purpose::StopNotices, message.0.as_bytes(), &[email.as_bytes()])
    }

    /// Whether a token stops the notices that go to this address.
    pub fn may_stop_notices(&self, token: &StopToken, email: &str) -> bool {
        self.is_signed(Purpose::StopNotices, token, email)
    }

    fn is_signed(&self, purpose: Purpose, token: &StopToken, email: &str) -> bool {
        let parts: [&[u8]; 2] = [token.subject.as_bytes(), email.as_bytes()];
        self.mac(purpose, &parts).verify_slice(&token.tag).is_ok()
    }
}

impl StopToken {
    /// Reads one, without saying whether it is right.
    pub fn read(text: &str) -> Option<Self> {
        let (told, tag) = split(text, ID)?;
        Some(Self { subject: Uuid::from_slice(&told).ok()?, tag })
    }
}

/// What a token tells and its digest; the first has so many bytes. There is one way to write each token.
fn split(token: &str, told: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == told + TAG)?;
    let tag = bytes.split_off(told);
    Some((bytes, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end() -> Timestamp {
        "2026-12-06T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_token_reads_back_and_no_other_spelling_of_it_does() {
        let signer = LinkSigner::new([7; 32]);
        let link = UpdateLinkId::new();
        let token = signer.update(link, end());
        assert_eq!(signer.read_update(&token), Some((link, end())));
        for position in 0..token.len() {
            for letter in [b'A', b'B', b'9', b'-', b'_'] {
                let mut changed = token.clone().into_bytes();
                changed[position] = letter;
                let changed = String::from_utf8(changed).unwrap();
                assert!(changed == token || signer.read_update(&changed).is_none(), "{position} {letter}");
            }
        }
        for other in [&token[1..], &token[..token.len() - 1], &format!("{token}A"), &format!("{token}="), ""]
        {
            assert_eq!(signer.read_update(other), None, "{other}");
        }
        assert_eq!(LinkSigner::new([8; 32]).read_update(&token), None);
    }

    #[test]
    fn a_form_is_one_of_its_own_link_and_a_stop_goes_for_its_own_address() {
        let signer = LinkSigner::new([7; 32]);
        let (one, other) = (UpdateLinkId::new(), UpdateLinkId::new());
        let form = signer.form(one, Uuid::from_u128(5));
        assert_eq!(signer.read_form(one, &form), Some(Uuid::from_u128(5).to_string()));
        assert_eq!(signer.read_form(other, &form), None);
        let organization = OrganizationId::new();
        let stop = StopToken::read(&signer.stop(organization, "a@example.org")).unwrap();
        assert_eq!(stop.subject, organization.0);
        assert!(signer.may_stop(&stop, "a@example.org") && !signer.may_stop(&stop, "b@example.org"));
        // Made for one thing, good for no other.
        assert!(!signer.may_stop_notices(&stop, "a@example.org"));
        let as_form = StopToken::read(&form).unwrap();
        assert!(!signer.may_stop(&as_form, ""));
    }
}
