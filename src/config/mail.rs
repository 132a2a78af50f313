//! Settings of mail: through which server messages go, and from whom.

use lettre::message::Mailbox;

use super::access::is_loopback;
use super::{Hidden, Settings};
use crate::error::{Error, Result};

/// How messages are sent.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// The name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is protected.
    pub tls: MailTls,
    /// User and password, where the server asks for them.
    pub credentials: Option<(String, Hidden)>,
    /// From whom messages come.
    pub from: Mailbox,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte (`smtps://`).
    FromTheStart,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all: to this very machine, or where the operator says so.
    None,
}

const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

impl MailConfig {
    /// The settings `given` before those of the `file`; none where no server is named: then nothing is sent.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub(super) fn resolve(given: &Settings, file: &Settings) -> Result<Option<Self>> {
        let password = match std::env::var("CAUSEWAY_SMTP_PASSWORD") {
            Ok(password) => Some(Hidden::new(password)),
            Err(_) => file.smtp_password.clone(),
        };
        let url = given.smtp_url.as_ref().or(file.smtp_url.as_ref());
        let from = given.mail_from.as_ref().or(file.mail_from.as_ref());
        match (url, from) {
            (None, None) => Ok(None),
            (Some(url), Some(from)) => Self::read(url, password, from).map(Some),
            _ => Err(Error::Setup("smtp_url and mail_from belong together; set both or neither".to_owned())),
        }
    }

    /// Reads a server's URL, the password of its user, and who sends.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub fn read(url: &str, password: Option<Hidden>, from: &str) -> Result<Self> {
        // The text itself is not repeated: it may hold a password.
        let wrong = || {
            Error::Setup(
                "smtp_url must be smtp://[USER@]HOST[:PORT] or smtps://[USER@]HOST[:PORT], perhaps with ?tls=none; the \
                 password of the user belongs into CAUSEWAY_SMTP_PASSWORD"
                    .to_owned(),
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (authority, query) =
            rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (user, place) = match authority.trim_end_matches('/').rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.trim_end_matches('/')),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| wrong())?)),
            _ => (place, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ']) || user.is_some_and(|user| user.contains(':')) {
            return Err(wrong());
        }
        let (tls, usual) = match (scheme, query) {
            ("smtps", None) => (MailTls::FromTheStart, SUBMISSIONS),
            ("smtp", Some("tls=none")) => (MailTls::None, SUBMISSION),
            ("smtp", None) if is_loopback(place) => (MailTls::None, SUBMISSION),
            ("smtp", None) => (MailTls::StartTls, SUBMISSION),
            _ => return Err(wrong()),
        };
        let decode = |user: &str| {
            let decoded = percent_encoding::percent_decode_str(user).decode_utf8();
            decoded.map(std::borrow::Cow::into_owned).map_err(|_| wrong())
        };
        let credentials = match (user.map(decode).transpose()?, password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user, password)),
            (Some(_), None) => {
                return Err(Error::Setup(
                    "smtp_url names a user; set the password in CAUSEWAY_SMTP_PASSWORD".to_owned(),
                ));
            }
            (None, Some(_)) => {
                return Err(Error::Setup(
                    "CAUSEWAY_SMTP_PASSWORD is set and smtp_url names no user; write smtps://USER@HOST"
                        .to_owned(),
                ));
            }
        };
        if credentials.is_some() && tls == MailTls::None && !is_loopback(place) {
            return Err(Error::Setup(
                "smtp_url would send a password in the clear; leave out tls=none, or the user".to_owned(),
            ));
        }
        let from = from.parse().map_err(|_| {
            Error::Setup(format!(
                "mail_from is {from:?}; it must be an address, such as Causeway <causeway@example.org>"
            ))
        })?;
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(usual), tls, credentials, from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, password: Option<&str>) -> Result<MailConfig> {
        MailConfig::read(url, password.map(|password| Hidden::new(password.to_owned())), "C <c@example.org>")
    }

    #[test]
    fn a_server_is_reached_by_tls_unless_it_is_this_machine_or_the_operator_says_so() {
        for (url, host, port, tls) in [
            ("smtp://mail.example.org", "mail.example.org", 587, MailTls::StartTls),
            ("smtp://mail.example.org:25/", "mail.example.org", 25, MailTls::StartTls),
            ("smtps://mail.example.org", "mail.example.org", 465, MailTls::FromTheStart),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, MailTls::None),
            ("smtp://[::1]:2525", "::1", 2525, MailTls::None),
            ("smtp://relay?tls=none", "relay", 587, MailTls::None),
        ] {
            let config = read(url, None).unwrap();
            assert_eq!((config.host.as_str(), config.port, config.tls), (host, port, tls), "{url}");
        }
        let with_user = read("smtps://post%40office@mail.example.org", Some("s")).unwrap();
        assert_eq!(with_user.credentials.unwrap().0, "post@office");
    }

    #[test]
    fn what_is_no_server_or_gives_a_password_away_is_refused_without_repeating_it() {
        for (url, password) in [
            ("mail.example.org", None),
            ("http://mail.example.org", None),
            ("smtp://", None),
            ("smtp://a:b", None),
            ("smtps://user:hunter2@mail.example.org", None),
            ("smtps://user@mail.example.org", None),
            ("smtps://mail.example.org", Some("hunter2")),
            ("smtp://user@mail.example.org?tls=none", Some("hunter2")),
            ("smtp://mail.example.org?tls=maybe", None),
        ] {
            let refused = read(url, password).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!(MailConfig::read("smtp://a", None, "nobody").is_err());
        assert!(!format!("{:?}", read("smtps://u@h", Some("hunter2")).unwrap()).contains("hunter2"));
    }
}
