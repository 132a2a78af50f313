//! The service of a test behind a socket, with settings that the program takes from no one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use causeway::config::{EdgeConfig, Lasting};
use causeway::http::{Context, Edge, service};

use crate::support::Causeway;

/// A service on a port of its own; dropping it stops it.
pub struct Served {
    pub context: Context,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves the database of this Causeway, with these bounds of what goes on.
    pub fn new(causeway: &Causeway, lasting: Lasting) -> Self {
        Self::behind(causeway, EdgeConfig { lasting, ..EdgeConfig::default() })
    }

    /// Serves the database of this Causeway behind such an edge.
    pub fn behind(causeway: &Causeway, edge: EdgeConfig) -> Self {
        let edge = Edge::new(edge);
        let context = Context { edge, ..causeway.context().clone() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel();
        let of_service = context.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let server = HttpServer::new(move || service(&of_service)).workers(1).disable_signals();
                let server = server.shutdown_timeout(1).listen(listener).unwrap().run();
                tell.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { context, address, handle: told.recv().unwrap(), thread: Some(thread) }
    }

    /// Sends the head of a request.
    pub fn ask(&self, method: &str, path: &str, token: &str, headers: &str) -> Asked {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        )
        .unwrap();
        Asked { stream, text: String::new() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.context.edge.stop();
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A request whose answer comes bit by bit.
pub struct Asked {
    pub stream: TcpStream,
    /// What has come, with the framing of its chunks in it.
    pub text: String,
}

impl Asked {
    /// Reads until `found` finds something in what has come.
    #[track_caller]
    pub fn until<T>(&mut self, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(found) = found(&self.text) {
                return found;
            }
            assert!(Instant::now() < deadline, "{}", self.text);
            assert!(self.read(), "it ended: {}", self.text);
        }
    }

    /// Reads to the end.
    pub fn rest(&mut self) -> &str {
        while self.read() {}
        &self.text
    }

    fn read(&mut self) -> bool {
        let mut piece = [0; 16_384];
        let read = self.stream.read(&mut piece).unwrap_or(0);
        self.text.push_str(&String::from_utf8_lossy(&piece[..read]));
        read > 0
    }
}
