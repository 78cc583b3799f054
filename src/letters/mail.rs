//! Letters as e-mails, handed to one mail server over STARTTLS or TLS.
//!
//! **Invariants.** No password leaves before the connection is encrypted, unless the server is on this machine. Whatever others
//! wrote leaves in Base64 or as an encoded word, and addresses are of a small alphabet: nobody's words become a command or a header.

mod compose;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_smtp::authentication::{Credentials, Mechanism};
use async_smtp::error::Error;
use async_smtp::extension::ClientId;
use async_smtp::response::Response;
use async_smtp::{EmailAddress, Envelope, SendableEmail, SmtpClient, SmtpTransport};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::post::Item;
use super::send::Outcome;
use crate::config::Http;
use crate::config::notify::{Encryption, Smtp};
use crate::output::escape::shortened;
use crate::sys::crash;
use stream::Capped;

/// Characters of a server's answer that are shown.
const SHOWN: usize = 200;
/// A larger file of certificates is not read, in bytes.
const MAX_PEM: usize = 4 << 20;

type Line = BufReader<Capped>;
type Dialogue = SmtpTransport<Line>;

/// A mail server, ready to be asked.
pub struct Mail {
    smtp: Smtp,
    password: Option<SecretString>,
    tls: Option<TlsConnector>,
    /// For each of: connecting with sign-in, and handing a letter in.
    patience: Duration,
}

impl Mail {
    /// Takes a server; nothing is sent. `password`: what [`Smtp::credential`] stands for.
    ///
    /// # Errors
    /// In words: certificates cannot be used.
    pub fn open(smtp: &Smtp, http: &Http, password: Option<SecretString>) -> Result<Self, String> {
        let tls = match smtp.tls {
            Encryption::StartTls | Encryption::Tls => Some(connector(http.ca_file.as_deref())?),
            Encryption::None => None,
        };
        Ok(Self { smtp: smtp.clone(), password, tls, patience: http.timeout })
    }

    /// Connects and signs in, and hangs up.
    ///
    /// # Errors
    /// In words, what does not work.
    pub async fn try_out(&self) -> Result<(), String> {
        let mut dialogue = self.connect().await?;
        // All that was to be seen was seen.
        let _closed = timeout(self.patience, dialogue.quit()).await;
        Ok(())
    }

    /// Hands a letter in, once.
    pub async fn send(&self, item: &Item) -> Outcome {
        let email = match self.email(item) {
            Ok(email) => email,
            Err(why) => return Outcome::NotSent { why },
        };
        let mut dialogue = match self.connect().await {
            Ok(dialogue) => dialogue,
            Err(why) => return Outcome::NotSent { why },
        };
        crash::point("mail");
        let sent = timeout(self.patience, dialogue.send(email)).await;
        crash::point("mail");
        let outcome = match sent {
            Ok(Ok(response)) => Outcome::Accepted { answer: self.clean(&words(&response)) },
            Ok(Err(error @ (Error::Transient(_) | Error::Permanent(_)))) => {
                Outcome::Refused { why: self.say(&error) }
            }
            // It may have been taken, and the answer may not have come.
            Ok(Err(error)) => Outcome::Lost { why: self.say(&error) },
            Err(_elapsed) => Outcome::Lost { why: "time-out".to_owned() },
        };
        if matches!(outcome, Outcome::Accepted { .. } | Outcome::Refused { .. }) {
            // The letter is judged already.
            let _closed = timeout(self.patience, dialogue.quit()).await;
        }
        outcome
    }

    fn email(&self, item: &Item) -> Result<SendableEmail, String> {
        let address =
            |text: &str| EmailAddress::new(text.to_owned()).map_err(|_bad| "no mail address".to_owned());
        let envelope = Envelope::new(Some(address(&self.smtp.from)?), vec![address(&item.to)?]);
        let envelope = envelope.map_err(|error| error.to_string())?;
        Ok(SendableEmail::new(envelope, compose::message(&self.smtp.from, item).into_bytes()))
    }

    /// Connected, encrypted as configured, signed in. Until then nothing of a letter has left.
    async fn connect(&self) -> Result<Dialogue, String> {
        let connected = timeout(self.patience, self.connect_now()).await;
        let why = match connected {
            Ok(Ok(dialogue)) => return Ok(dialogue),
            Ok(Err(why)) => why,
            Err(_elapsed) => "time-out".to_owned(),
        };
        Err(format!("{}:{}: {why}", self.smtp.host, self.smtp.port))
    }

    async fn connect_now(&self) -> Result<Dialogue, String> {
        let stream = TcpStream::connect((self.smtp.host.as_str(), self.smtp.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let mut dialogue = match (&self.tls, self.smtp.tls) {
            (Some(tls), Encryption::Tls) => {
                let stream = self.encrypt(tls, Capped::new(stream)).await?;
                self.greet(BufReader::new(stream), true).await?
            }
            (Some(tls), _) => {
                let dialogue = self.greet(BufReader::new(Capped::new(stream)), true).await?;
                let line = dialogue.starttls().await.map_err(|error| self.say(&error))?;
                // What came before the handshake would be taken for what the encrypted server says.
                if !line.buffer().is_empty() {
                    return Err("something came between STARTTLS and the encryption".to_owned());
                }
                let stream = self.encrypt(tls, line.into_inner()).await?;
                self.greet(BufReader::new(stream), false).await?
            }
            (None, _) => self.greet(BufReader::new(Capped::new(stream)), true).await?,
        };
        self.sign_in(&mut dialogue).await?;
        Ok(dialogue)
    }

    async fn encrypt(&self, tls: &TlsConnector, stream: Capped) -> Result<Capped, String> {
        let name = ServerName::try_from(self.smtp.host.clone()).map_err(|error| error.to_string())?;
        let stream = tls.connect(name, stream).await.map_err(|error| error.to_string())?;
        Ok(Capped::new(stream))
    }

    async fn greet(&self, line: Line, greeting: bool) -> Result<Dialogue, String> {
        // The sender's domain: the name of this machine is nobody's business.
        let name = self.smtp.from.split_once('@').map_or("localhost", |(_, domain)| domain);
        let client = SmtpClient::new().hello_name(ClientId::new(name.to_owned())).pipelining(false);
        let client = if greeting { client } else { client.without_greeting() };
        SmtpTransport::new(client, line).await.map_err(|error| self.say(&error))
    }

    async fn sign_in(&self, dialogue: &mut Dialogue) -> Result<(), String> {
        let (Some(username), Some(password)) = (&self.smtp.username, &self.password) else { return Ok(()) };
        let credentials = Credentials::new(username.clone(), password.expose_secret().to_owned());
        let plain = dialogue.auth(Mechanism::Plain, &credentials).await;
        let signed_in = match plain {
            // 504: this mechanism is not offered, whatever the password.
            Err(Error::Permanent(response)) if response.has_code(504) => {
                dialogue.auth(Mechanism::Login, &credentials).await
            }
            other => other,
        };
        signed_in.map(drop).map_err(|error| format!("sign-in: {}", self.say(&error)))
    }

    fn say(&self, error: &Error) -> String {
        match error {
            Error::Transient(response) | Error::Permanent(response) => self.clean(&words(response)),
            error => self.clean(&error.to_string()),
        }
    }

    /// Without the password in any form in which it was said, escaped, and not long.
    fn clean(&self, text: &str) -> String {
        let Some(password) = self.password.as_ref().map(SecretString::expose_secret) else {
            return shortened(text, SHOWN);
        };
        let username = self.smtp.username.as_deref().unwrap_or_default();
        let plain = format!("\0{username}\0{password}");
        let spellings = [STANDARD.encode(plain), STANDARD.encode(password), password.to_owned()];
        let clean = spellings.iter().fold(text.to_owned(), |text, spelling| text.replace(spelling, "…"));
        shortened(&clean, SHOWN)
    }
}

/// `550 5.1.1 nobody here`.
fn words(response: &Response) -> String {
    format!("{} {}", response.code, response.message.join("; "))
}

/// Trusts what the system trusts, and the authorities of `ca_file` besides.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let roots = ca_file.map(authorities).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider));
    let verifier = verifier.map_err(|error| format!("the system's certificates: {error}"))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bad = |why: String| format!("certificates in {}: {why}", file.display());
    let pem = std::fs::File::open(file).and_then(|file| crate::sys::fs::read_plain_up_to(file, MAX_PEM));
    let pem = pem.map_err(|error| bad(error.to_string()))?.ok_or_else(|| bad("too large".to_owned()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| bad(format!("not PEM: {error}")))?;
    if read.is_empty() { Err(bad("none found".to_owned())) } else { Ok(read) }
}
