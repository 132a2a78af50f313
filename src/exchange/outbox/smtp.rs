//! The way to a mail server.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message as Mail, SmtpTransport, Transport};

use super::{Letter, Message};
use crate::config::{MailConfig, MailTls};
use crate::error::{Error, Result};

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// Codes with which a server refuses the sender's password or asks for one: that is no fault of the message.
const OF_THE_SENDER: [u16; 4] = [530, 534, 535, 538];

/// Sends messages.
pub struct Mailer {
    transport: SmtpTransport,
    config: MailConfig,
}

/// Why a message was not taken. The words of the server are left out: they may repeat an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It may be taken later.
    Transient(String),
    /// It will never be taken.
    Permanent(String),
}

impl Mailer {
    /// A way to the server of these settings, which is not asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if the way cannot be protected.
    pub fn new(config: MailConfig) -> Result<Self> {
        let parameters = || {
            TlsParameters::new(config.host.clone())
                .map_err(|error| Error::internal("preparing the way to the mail server", error))
        };
        let tls = match config.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::FromTheStart => Tls::Wrapper(parameters()?),
        };
        let mut builder = SmtpTransport::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(config.from.email.domain().to_owned()));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Self { transport: builder.build(), config })
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`Unsent`].
    pub fn send(&self, message: &Message, letter: &Letter, now: SystemTime) -> Result<(), Unsent> {
        let mail = self.mail(message, letter, now)?;
        self.transport.send(&mail).map(|_| ()).map_err(|error| {
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
            let is_final = error.is_permanent() && !OF_THE_SENDER.contains(&code);
            if is_final { Unsent::Permanent(why) } else { Unsent::Transient(why) }
        })
    }

    fn mail(&self, message: &Message, letter: &Letter, now: SystemTime) -> Result<Mail, Unsent> {
        let unfit = |what: &str| Unsent::Permanent(format!("{what} cannot be written in a mail"));
        let to = message.recipient.parse().map_err(|_| unfit("the address"))?;
        let raw = |name: &str, value: String| {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| unfit("a header"))?;
            Ok(HeaderValue::new(name, value))
        };
        Mail::builder()
            .from(self.config.from.clone())
            .to(to)
            .subject(&letter.subject)
            .date(now)
            .message_id(Some(format!("<{}@{}>", message.id, self.config.from.email.domain())))
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned())?)
            .raw_header(raw("List-Unsubscribe", format!("<{}>", letter.stop_url))?)
            // One click is enough (RFC 8058).
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())?)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|_| unfit("the message"))
    }
}
