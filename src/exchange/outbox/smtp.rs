//! The way to a mail server.

use std::time::{Duration, SystemTime};

use lettre::Message as Mail;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};

use super::{Letter, Message};
use crate::config::{MailConfig, MailTls};
use crate::error::{Error, Result};

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// Codes with which a server refuses the sender's password or asks for one: that is no fault of the message.
const OF_THE_SENDER: [u16; 4] = [530, 534, 535, 538];
/// With this a server says that it is a policy which refuses the recipient, such as one against relaying (RFC 3463): that
/// is no fault of the address.
const OF_A_POLICY: &str = "5.7.";

/// Sends messages.
pub struct Mailer {
    tls: Option<TlsParameters>,
    config: MailConfig,
}

/// Where in the conversation a server refused.
struct Refused {
    of_recipient: bool,
    error: lettre::transport::smtp::Error,
}

/// Why a message was not taken. The words of the server are left out: they may repeat an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It may be taken later.
    Transient(String),
    /// It will never be taken.
    Permanent(String),
    /// Nothing will ever be taken for this address.
    Bounced(String),
}

impl Mailer {
    /// A way to the server of these settings, which is not asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if the way cannot be protected.
    pub fn new(config: MailConfig) -> Result<Self> {
        let tls = match config.tls {
            MailTls::None => None,
            MailTls::StartTls | MailTls::FromTheStart => Some(
                TlsParameters::new(config.host.clone())
                    .map_err(|error| Error::internal("preparing the way to the mail server", error))?,
            ),
        };
        Ok(Self { tls, config })
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`Unsent`].
    pub fn send(&self, message: &Message, letter: &Letter, now: SystemTime) -> Result<(), Unsent> {
        let mail = self.mail(message, letter, now)?;
        self.converse(&mail).map_err(|Refused { of_recipient, error }| {
            let Some(code) = error.status().map(u16::from) else {
                let why = if error.is_timeout() {
                    "the mail server did not answer in time"
                } else if error.is_tls() {
                    "the way to the mail server could not be protected"
                } else {
                    "the mail server could not be talked to"
                };
                return Unsent::Transient(why.to_owned());
            };
            let why = format!("the mail server answered {code}");
            let words = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let is_final = error.is_permanent() && !OF_THE_SENDER.contains(&code);
            match is_final {
                false => Unsent::Transient(why),
                true if of_recipient && !words.starts_with(OF_A_POLICY) => Unsent::Bounced(why),
                true => Unsent::Permanent(why),
            }
        })
    }

    /// One connection, one message. Its steps are taken one by one, so as to know which of them a server refuses.
    fn converse(&self, mail: &Mail) -> Result<(), Refused> {
        let elsewhere = |error| Refused { of_recipient: false, error };
        let mut connection = self.connect().map_err(elsewhere)?;
        let (envelope, text) = (mail.envelope(), mail.formatted());
        let (from, to) = (envelope.from(), envelope.to());
        let mut parameters = Vec::new();
        if from.into_iter().chain(to).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !text.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mut sent = connection.command(From::new(from.cloned(), parameters)).map_err(elsewhere);
        for address in to {
            let name = || Rcpt::new(address.clone(), Vec::new());
            sent = sent.and_then(|_| {
                connection.command(name()).map_err(|error| Refused { of_recipient: true, error })
            });
        }
        let sent = sent
            .and_then(|_| connection.command(Data).map_err(elsewhere))
            .and_then(|_| connection.message(&text).map_err(elsewhere));
        connection.abort();
        sent.map(|_| ())
    }

    fn connect(&self) -> Result<SmtpConnection, lettre::transport::smtp::Error> {
        let hello = ClientId::Domain(self.config.from.email.domain().to_owned());
        let (from_the_start, later) = match self.config.tls {
            MailTls::FromTheStart => (self.tls.as_ref(), None),
            MailTls::StartTls => (None, self.tls.as_ref()),
            MailTls::None => (None, None),
        };
        let server = (self.config.host.as_str(), self.config.port);
        let mut connection = SmtpConnection::connect(server, Some(PATIENCE), &hello, from_the_start, None)?;
        if let Some(parameters) = later {
            connection.starttls(parameters, &hello)?;
        }
        if let Some((user, password)) = &self.config.credentials {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials)?;
        }
        Ok(connection)
    }

    fn mail(&self, message: &Message, letter: &Letter, now: SystemTime) -> Result<Mail, Unsent> {
        let unfit = |what: &str| Unsent::Permanent(format!("{what} cannot be written in a mail"));
        let to = message.recipient.parse().map_err(|_| unfit("the address"))?;
        let raw = |name: &str, value: String| {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| unfit("a header"))?;
            Ok(HeaderValue::new(name, value))
        };
        let mut mail = Mail::builder()
            .from(self.config.from.clone())
            .to(to)
            .subject(&letter.subject)
            .date(now)
            .message_id(Some(format!("<{}@{}>", message.id, self.config.from.email.domain())))
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned())?);
        if let Some(stop_url) = &letter.stop_url {
            mail = mail
                .raw_header(raw("List-Unsubscribe", format!("<{stop_url}>"))?)
                // One click is enough (RFC 8058).
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())?);
        }
        mail.header(ContentType::TEXT_PLAIN).body(letter.text.clone()).map_err(|_| unfit("the message"))
    }
}
