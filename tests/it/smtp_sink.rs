//! A mail server on this machine that keeps what it is sent, and refuses or hangs up when it is told to. It stops
//! with the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the server does with one connection.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Takes the message.
    Take,
    /// Answers this command with this code.
    Refuse(&'static str, u16),
    /// Answers this command with these words.
    Say(&'static str, &'static str),
    /// Hangs up at this command.
    HangUp(&'static str),
    /// Takes the message and hangs up before it says so.
    TakeAndHangUp,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    head: String,
    body: String,
}

impl Mail {
    /// A header field, unfolded and decoded.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let found = self.head.lines().find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        let found = found.unwrap_or_else(|| panic!("no {name} in {}", self.head));
        let (mut text, mut was_encoded) = (String::new(), true);
        for part in found.split(' ') {
            let encoded = part.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
            // Only between two encoded words is the space none of the text's (RFC 2047, 6.2).
            text.push_str(if text.is_empty() || (was_encoded && encoded.is_some()) { "" } else { " " });
            was_encoded = encoded.is_some();
            match encoded {
                Some(encoded) => {
                    text.push_str(&String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap());
                }
                None => text.push_str(part),
            }
        }
        text
    }

    /// The text, decoded.
    pub fn text(&self) -> String {
        let bytes = match self.header("Content-Transfer-Encoding").as_str() {
            "7bit" | "8bit" => self.body.clone().into_bytes(),
            "base64" => STANDARD.decode(self.body.replace(['\r', '\n'], "")).unwrap(),
            "quoted-printable" => unquoted(&self.body),
            other => panic!("{other}"),
        };
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }

    /// The whole message, as it came and decoded.
    pub fn everything(&self) -> String {
        format!("{}\n{}\n{}\n{}", self.to, self.head, self.body, self.text())
    }
}

fn unquoted(text: &str) -> Vec<u8> {
    let joined = text.replace("=\r\n", "");
    let mut bytes = joined.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'=' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            plain.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            plain.push(byte);
        }
    }
    plain
}

/// The server.
pub struct Sink {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    plan: Arc<Mutex<VecDeque<Does>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::<Mutex<Vec<Mail>>>::default();
        let plan = Arc::<Mutex<VecDeque<Does>>>::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&mails), Arc::clone(&plan), stopped.clone());
        let thread = std::thread::spawn(move || {
            let (mails, plan, stopped) = shared;
            while !stopped.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let does = plan.lock().unwrap().pop_front().unwrap_or(Does::Take);
                        // Who hangs up early leaves nothing.
                        let _ = converse(&stream, does, &mails);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { address, mails, plan, stopped, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What it does with the next connections, in order; then it takes messages again.
    pub fn will(&self, plan: impl IntoIterator<Item = Does>) {
        self.plan.lock().unwrap().extend(plan);
    }

    /// What came so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// What came since it was asked last.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mails.lock().unwrap())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection, one message (RFC 5321).
fn converse(stream: &TcpStream, does: Does, mails: &Mutex<Vec<Mail>>) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut say = |text: &str| write!(writer, "{text}\r\n");
    say("220 sink")?;
    let (mut to, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let command = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        match does {
            Does::Refuse(at, code) if at == command => {
                say(&format!("{code} no"))?;
                continue;
            }
            Does::Say(at, words) if at == command => {
                say(words)?;
                continue;
            }
            Does::HangUp(at) if at == command => return Ok(()),
            Does::Take | Does::TakeAndHangUp | Does::Refuse(..) | Does::Say(..) | Does::HangUp(_) => {}
        }
        match command.as_str() {
            "EHLO" => say("250-sink\r\n250 8BITMIME")?,
            "RCPT" => {
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                say("250 yes")?;
            }
            "DATA" => {
                say("354 go on")?;
                let mut data = String::new();
                while !data.ends_with("\r\n.\r\n") {
                    if reader.read_line(&mut data)? == 0 {
                        return Ok(());
                    }
                }
                let data = data.trim_end_matches(".\r\n").replace("\r\n..", "\r\n.");
                let (head, body) = data.split_once("\r\n\r\n").unwrap();
                let head = head.replace("\r\n ", " ");
                mails.lock().unwrap().push(Mail { to: to.clone(), head, body: body.to_owned() });
                if matches!(does, Does::TakeAndHangUp) {
                    return Ok(());
                }
                say("250 kept")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 yes")?,
        }
    }
}
