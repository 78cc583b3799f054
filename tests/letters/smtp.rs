//! A mail server for the tests that is nothing but sockets: what it took is what arrived.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub const AUTHORITY: &str = include_str!("../tls/authority.pem");
const CERTIFICATE: &str = include_str!("../tls/certificate.pem");
const KEY: &str = include_str!("../tls/key.pem");

/// What the server does.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// TLS from the first byte on.
    pub tls: bool,
    /// STARTTLS is offered.
    pub starttls: bool,
    /// The user name and password that are asked for.
    pub login: Option<(&'static str, &'static str)>,
    /// Sign-in by LOGIN alone, as some vendors have it.
    pub login_alone: bool,
    /// A reader that is refused.
    pub refuses: Option<&'static str>,
    /// Takes a letter and hangs up without a word.
    pub drops: bool,
    /// Says more than asked after STARTTLS, before the handshake, as somebody in between would.
    pub injects: bool,
    /// Never stops talking.
    pub babbles: bool,
    /// Refuses a letter and repeats the password.
    pub repeats: Option<&'static str>,
}

/// A letter that arrived.
#[derive(Debug, Clone)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    /// Headers as they came, unfolded.
    pub headers: Vec<(String, String)>,
    /// The text, decoded.
    pub text: String,
    pub encrypted: bool,
    pub user: Option<String>,
}

impl Letter {
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<&str> =
            self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        assert_eq!(found.len(), 1, "{name}: {:?}", self.headers);
        found[0]
    }

    pub fn subject(&self) -> String {
        let raw = self.header("Subject");
        if !raw.starts_with("=?") {
            return raw.to_owned();
        }
        let words = raw.split(' ').flat_map(|word| {
            let inner = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
            STANDARD.decode(inner).unwrap()
        });
        String::from_utf8(words.collect()).unwrap()
    }
}

#[derive(Debug, Default)]
struct Seen {
    letters: Vec<Letter>,
    /// Every line that came, encrypted or not, with whether it was.
    lines: Vec<(bool, String)>,
}

pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub fn start(habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (config, shared) = (tls(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (habits, config, seen) = (habits.clone(), Arc::clone(&config), Arc::clone(&shared));
                // A client that hangs up, or does not trust us, ends its conversation.
                std::thread::spawn(move || {
                    drop(stream.and_then(|stream| Talk::begin(stream, &habits, &config, &seen)));
                });
            }
        });
        Self { port, seen }
    }

    /// Letters that arrived, in the order in which they came.
    pub fn letters(&self) -> Vec<Letter> {
        self.seen.lock().unwrap().letters.clone()
    }

    /// Lines that came without encryption.
    pub fn plain(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.lines.iter().filter(|(encrypted, _)| !encrypted).map(|(_, line)| line.clone()).collect()
    }

    /// All lines that came.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().lines.iter().map(|(_, line)| line.clone()).collect()
    }
}

fn tls() -> Arc<ServerConfig> {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

struct Talk<'a> {
    line: BufReader<Box<dyn Duplex>>,
    habits: &'a Habits,
    seen: &'a Mutex<Seen>,
    encrypted: bool,
    user: Option<String>,
}

enum Next {
    Go,
    Encrypt,
    End,
}

impl<'a> Talk<'a> {
    fn begin(
        stream: TcpStream,
        habits: &'a Habits,
        config: &Arc<ServerConfig>,
        seen: &'a Mutex<Seen>,
    ) -> std::io::Result<()> {
        let secure = |stream: TcpStream| {
            let connection = ServerConnection::new(Arc::clone(config)).unwrap();
            BufReader::new(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Duplex>)
        };
        let again = stream.try_clone()?;
        let line =
            if habits.tls { secure(stream) } else { BufReader::new(Box::new(stream) as Box<dyn Duplex>) };
        let mut talk = Self { line, habits, seen, encrypted: habits.tls, user: None };
        if habits.babbles {
            loop {
                talk.say(&"220-".repeat(1000))?;
            }
        }
        talk.say("220 mail.example ready")?;
        loop {
            match talk.step()? {
                Next::Go => {}
                Next::Encrypt => {
                    talk.line = secure(again.try_clone()?);
                    talk.encrypted = true;
                }
                Next::End => return Ok(()),
            }
        }
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        let line = self.line.get_mut();
        line.write_all(format!("{text}\r\n").as_bytes()).and_then(|()| line.flush())
    }

    fn hear(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.line.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        assert!(line.ends_with("\r\n"), "{line:?}");
        line.truncate(line.len() - 2);
        self.seen.lock().unwrap().lines.push((self.encrypted, line.clone()));
        Ok(line)
    }

    fn step(&mut self) -> std::io::Result<Next> {
        let line = self.hear()?;
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
        match verb {
            "EHLO" => {
                let mechanisms = if self.habits.login_alone { "LOGIN" } else { "PLAIN LOGIN" };
                let starttls = if self.habits.starttls && !self.encrypted { "250-STARTTLS\r\n" } else { "" };
                self.say(&format!("250-mail.example\r\n{starttls}250 AUTH {mechanisms}"))?;
            }
            "STARTTLS" if self.habits.starttls => {
                let more = if self.habits.injects { "\r\n250-mail.example\r\n250 AUTH PLAIN" } else { "" };
                self.say(&format!("220 go on{more}"))?;
                return Ok(Next::Encrypt);
            }
            "AUTH" => self.sign_in(rest)?,
            "MAIL" if self.habits.login.is_some() && self.user.is_none() => {
                self.say("530 5.7.0 sign in first")?;
            }
            "MAIL" => {
                self.say("250 ok")?;
                return self.letter(rest);
            }
            "QUIT" => {
                self.say("221 bye")?;
                return Ok(Next::End);
            }
            _ => self.say("502 what")?,
        }
        Ok(Next::Go)
    }

    fn sign_in(&mut self, rest: &str) -> std::io::Result<()> {
        let decode = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let (user, password) = match mechanism {
            "PLAIN" if self.habits.login_alone => {
                return self.say("504 5.7.4 unrecognized authentication type");
            }
            "PLAIN" => {
                let all = decode(first);
                let mut parts = all.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap(), parts.next().unwrap())
            }
            _ => {
                self.say(&format!("334 {}", STANDARD.encode("Username:")))?;
                let user = self.hear()?;
                self.say(&format!("334 {}", STANDARD.encode("Password:")))?;
                (decode(&user), decode(&self.hear()?))
            }
        };
        if self.habits.login == Some((user.as_str(), password.as_str())) {
            self.user = Some(user);
            self.say("235 welcome")
        } else {
            self.say(&format!("535 5.7.8 not {user} with {password}"))
        }
    }

    fn letter(&mut self, rest: &str) -> std::io::Result<Next> {
        let inner = |text: &str| text.split(['<', '>']).nth(1).unwrap().to_owned();
        let (from, mut to) = (inner(rest), Vec::new());
        loop {
            let line = self.hear()?;
            if let Some(reader) = line.strip_prefix("RCPT TO:") {
                if self.habits.refuses == Some(inner(reader).as_str()) {
                    self.say("550 5.1.1 nobody here\u{1b}[2J")?;
                    return Ok(Next::Go);
                }
                to.push(inner(reader));
                self.say("250 ok")?;
            } else if line == "DATA" {
                break;
            } else {
                panic!("{line}");
            }
        }
        self.say("354 go")?;
        let mut lines = Vec::new();
        loop {
            let line = self.hear()?;
            if line == "." {
                break;
            }
            lines.push(line.strip_prefix('.').unwrap_or(&line).to_owned());
        }
        if let Some(secret) = self.habits.repeats {
            self.say(&format!("554 5.7.1 {secret} and {}", STANDARD.encode(secret)))?;
            return Ok(Next::Go);
        }
        let letter = self.read(from, to, &lines);
        self.seen.lock().unwrap().letters.push(letter);
        if self.habits.drops {
            return Ok(Next::End);
        }
        self.say("250 2.0.0 queued as 1")?;
        Ok(Next::Go)
    }

    fn read(&self, from: String, to: Vec<String>, lines: &[String]) -> Letter {
        let end = lines.iter().position(String::is_empty).unwrap();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in &lines[..end] {
            if let Some(more) = line.strip_prefix(' ') {
                let last = headers.last_mut().unwrap();
                last.1 = format!("{} {more}", last.1);
            } else {
                let (name, value) = line.split_once(": ").unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let text = String::from_utf8(STANDARD.decode(lines[end + 1..].concat()).unwrap()).unwrap();
        Letter { from, to, headers, text, encrypted: self.encrypted, user: self.user.clone() }
    }
}
