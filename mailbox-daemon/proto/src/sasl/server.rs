use super::plain::{read_login, read_plain};
use super::scram::{Challenge, ClientFirst, ScramRecord};
use super::{Mechanism, SaslError};
use data_encoding::BASE64;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Random bytes the service gives each exchange.
pub const NONCE_BYTES: usize = 18;

/// What the connection offers for binding; all empty without TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBinding {
    /// `tls-exporter` (RFC 9266), TLS 1.3 only.
    pub tls_exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929): the hash of the server's certificate.
    pub server_end_point: Option<Arc<[u8]>>,
    /// Whether a `-PLUS` mechanism was offered to this client.
    pub plus_offered: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this and give the answer to [`Exchange::step`].
    Challenge(Vec<u8>),
    /// Check the password; the exchange is over.
    Password {
        /// Who logs in.
        user: String,
        /// With what, as the client sent it.
        password: Zeroizing<String>,
    },
    /// Look up what is kept of the name's passwords and call [`Exchange::give_keys`], with made-up keys for an unknown name.
    Scram {
        /// Who logs in.
        user: String,
    },
    /// The client has proved to know a password.
    Done {
        /// Who logged in.
        user: String,
        /// Which of [`ScramRecord::keys`] fitted.
        key_index: usize,
    },
    /// It is over and nobody logged in.
    Failed(SaslError),
}

/// One login attempt.
pub struct Exchange {
    state: State,
    binding: ChannelBinding,
    server_nonce: String,
}

enum State {
    Plain,
    LoginUser,
    LoginPassword { user: Vec<u8> },
    ScramFirst { plus: bool },
    ScramKeys(ClientFirst),
    ScramFinal(Challenge),
    ScramProven { user: String, key_index: usize },
    Over,
}

impl Exchange {
    /// Begins with the client's initial response, `None` where it sent none (an empty one is `Some`).
    pub fn start(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        binding: ChannelBinding,
        nonce: [u8; NONCE_BYTES],
    ) -> (Exchange, Step) {
        Self::start_with_nonce(mechanism, initial, binding, BASE64.encode(&nonce))
    }

    fn start_with_nonce(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        binding: ChannelBinding,
        server_nonce: String,
    ) -> (Exchange, Step) {
        let (state, prompt): (State, &[u8]) = match mechanism {
            Mechanism::Plain => (State::Plain, b""),
            Mechanism::Login => (State::LoginUser, b"Username:"),
            Mechanism::ScramSha256 => (State::ScramFirst { plus: false }, b""),
            Mechanism::ScramSha256Plus => (State::ScramFirst { plus: true }, b""),
        };
        let mut exchange = Exchange { state, binding, server_nonce };
        let step = match initial {
            Some(response) => exchange.step(response),
            None => Step::Challenge(prompt.to_vec()),
        };
        (exchange, step)
    }

    /// Takes the client's answer to the last challenge.
    pub fn step(&mut self, response: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => read_plain(response),
            State::LoginUser => {
                self.state = State::LoginPassword { user: response.to_vec() };
                Step::Challenge(b"Password:".to_vec())
            }
            State::LoginPassword { user } => read_login(&user, response),
            State::ScramFirst { plus } => self.scram_first(response, plus),
            State::ScramFinal(challenge) => self.scram_final(challenge, response),
            State::ScramProven { user, key_index } => Step::Done { user, key_index },
            State::ScramKeys(_) | State::Over => Step::Failed(SaslError::Malformed),
        }
    }

    /// Whether the client has proved all it has to: the challenge to be sent is the last, and an empty answer to it ends the exchange.
    pub fn is_proven(&self) -> bool {
        matches!(self.state, State::ScramProven { .. })
    }

    /// Answers [`Step::Scram`].
    pub fn give_keys(&mut self, record: ScramRecord) -> Step {
        let State::ScramKeys(first) = std::mem::replace(&mut self.state, State::Over) else {
            return Step::Failed(SaslError::Malformed);
        };
        let challenge = Challenge::new(first, &self.server_nonce, record);
        let message = challenge.server_first().as_bytes().to_vec();
        self.state = State::ScramFinal(challenge);
        Step::Challenge(message)
    }

    fn scram_first(&mut self, message: &[u8], plus: bool) -> Step {
        match ClientFirst::parse(message, &self.binding, plus) {
            Ok(first) => {
                let user = first.user.clone();
                self.state = State::ScramKeys(first);
                Step::Scram { user }
            }
            Err(error) => Step::Failed(error),
        }
    }

    fn scram_final(&mut self, challenge: Challenge, message: &[u8]) -> Step {
        match challenge.prove(message) {
            Ok(proven) => {
                self.state = State::ScramProven { user: challenge.into_user(), key_index: proven.key_index };
                Step::Challenge(proven.server_final.into_bytes())
            }
            Err(error) => Step::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{login_answer, plain_message, scram_keys};
    use super::*;
    use proptest::prelude::*;

    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const CLIENT_FINAL: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn record(passwords: &[&str]) -> ScramRecord {
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let keys = passwords.iter().map(|password| scram_keys(password, &salt, 4096)).collect();
        ScramRecord { salt, iterations: 4096, keys }
    }

    fn start(mechanism: Mechanism, initial: &[u8], binding: ChannelBinding) -> (Exchange, Step) {
        Exchange::start_with_nonce(mechanism, Some(initial), binding, SERVER_NONCE.to_owned())
    }

    #[test]
    fn the_exchange_of_rfc_7677_with_the_second_of_two_passwords() {
        let (mut exchange, step) = start(Mechanism::ScramSha256, CLIENT_FIRST, ChannelBinding::default());
        assert_eq!(step, Step::Scram { user: "user".to_owned() });
        assert_eq!(exchange.give_keys(record(&["other", "pencil"])), Step::Challenge(SERVER_FIRST.to_vec()));
        assert_eq!(
            exchange.step(CLIENT_FINAL),
            Step::Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec())
        );
        assert_eq!(exchange.step(b""), Step::Done { user: "user".to_owned(), key_index: 1 });
    }

    #[test]
    fn a_proof_of_another_password_fails() {
        let (mut exchange, _) = start(Mechanism::ScramSha256, CLIENT_FIRST, ChannelBinding::default());
        exchange.give_keys(record(&["pencils"]));
        assert_eq!(exchange.step(CLIENT_FINAL), Step::Failed(SaslError::WrongProof));
        assert_eq!(exchange.step(CLIENT_FINAL), Step::Failed(SaslError::Malformed));
    }

    /// A client with its own arithmetic, for the bindings the RFC has no vectors for.
    fn client_final(first: &str, server_first: &[u8], binding_data: &[u8], password: &str) -> Vec<u8> {
        use aws_lc_rs::{digest, hmac, pbkdf2};
        let (flag, rest) = first.split_once(',').expect("gs2 header");
        let (authzid, bare) = rest.split_once(',').expect("gs2 header");
        let server_first = std::str::from_utf8(server_first).expect("ASCII");
        let nonce = server_first[2..].split(',').next().expect("nonce");
        let header = [format!("{flag},{authzid},").as_bytes(), binding_data].concat();
        let without_proof = format!("c={},r={nonce}", BASE64.encode(&header));
        let auth_message = format!("{bare},{server_first},{without_proof}");
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let mut salted = [0; 32];
        let rounds = 4096.try_into().expect("not zero");
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
        let mac = |key: &[u8], data: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
        };
        let client_key = mac(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let signature = mac(stored_key.as_ref(), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", BASE64.encode(&proof)).into_bytes()
    }

    fn bound_login(first: &str, binding: ChannelBinding, client_data: &[u8]) -> Step {
        let (mut exchange, step) = start(Mechanism::ScramSha256Plus, first.as_bytes(), binding);
        if !matches!(step, Step::Scram { .. }) {
            return step;
        }
        let Step::Challenge(server_first) = exchange.give_keys(record(&["pencil"])) else {
            panic!("a challenge follows the keys");
        };
        match exchange.step(&client_final(first, &server_first, client_data, "pencil")) {
            Step::Challenge(_) => exchange.step(b""),
            failed => failed,
        }
    }

    #[test]
    fn plus_binds_to_this_connection_only() {
        let binding = ChannelBinding {
            tls_exporter: Some([7; 32]),
            server_end_point: Some(Arc::from(&b"certificate hash"[..])),
            plus_offered: true,
        };
        let done = Step::Done { user: "user".to_owned(), key_index: 0 };
        let exporter = "p=tls-exporter,,n=user,r=abc";
        let end_point = "p=tls-server-end-point,,n=user,r=abc";
        let mismatch = Step::Failed(SaslError::BindingMismatch);
        assert_eq!(bound_login(exporter, binding.clone(), &[7; 32]), done);
        assert_eq!(bound_login(end_point, binding.clone(), b"certificate hash"), done);
        assert_eq!(bound_login(exporter, binding.clone(), &[8; 32]), mismatch);
        assert_eq!(bound_login(end_point, binding.clone(), b"another hash"), mismatch);
        assert_eq!(bound_login("p=tls-unique,,n=user,r=abc", binding.clone(), b""), mismatch);
        assert_eq!(bound_login("n,,n=user,r=abc", binding.clone(), b""), mismatch);
        let no_exporter = ChannelBinding { tls_exporter: None, ..binding };
        assert_eq!(bound_login(exporter, no_exporter, &[7; 32]), mismatch);
    }

    #[test]
    fn first_messages_that_fail() {
        let offered = ChannelBinding { plus_offered: true, ..ChannelBinding::default() };
        for (message, error) in [
            (&b"y,,n=user,r=abc"[..], SaslError::Downgraded),
            (b"p=tls-exporter,,n=user,r=abc", SaslError::BindingMismatch),
            (b"n,,m=x,n=user,r=abc", SaslError::UnknownExtension),
            (b"n,a=boss,n=user,r=abc", SaslError::OtherIdentity),
            (b"n,,n=a=2Xb,r=abc", SaslError::Malformed),
            (b"n,,n=,r=abc", SaslError::Malformed),
            (b"n,,n=user,r=", SaslError::Malformed),
            (b"n,,n=us\x01er,r=abc", SaslError::ControlCharacter),
            (b"n,,r=abc,n=user", SaslError::Malformed),
            (b"x,,n=user,r=abc", SaslError::Malformed),
            (b"\xff,,n=user,r=abc", SaslError::Malformed),
            (b"", SaslError::Malformed),
        ] {
            let (_, step) = start(Mechanism::ScramSha256, message, offered.clone());
            assert_eq!(step, Step::Failed(error), "{:?}", String::from_utf8_lossy(message));
        }
        let (_, step) = start(Mechanism::ScramSha256, b"n,a=User,n=user,r=abc", offered.clone());
        assert_eq!(step, Step::Scram { user: "user".to_owned() });
        let (_, step) = start(Mechanism::ScramSha256, b"n,,n=a=2Cb=3D,r=abc", offered);
        assert_eq!(step, Step::Scram { user: "a,b=".to_owned() });
    }

    #[test]
    fn plain_and_login() {
        let password = |user: &str, password: &str| Step::Password {
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        };
        let plain = |message: &[u8]| start(Mechanism::Plain, message, ChannelBinding::default()).1;
        assert_eq!(plain(&plain_message("ana", "s€cret")), password("ana", "s€cret"));
        assert_eq!(plain(b"ana\0ana\0x"), password("ana", "x"));
        assert_eq!(plain(b"ben\0ana\0x"), Step::Failed(SaslError::OtherIdentity));
        for bad in [&b""[..], b"ana", b"\0ana", b"\0ana\0", b"\0\0x", b"\0a\0b\0c", b"\0ana\0\xff"] {
            assert_eq!(plain(bad), Step::Failed(SaslError::Malformed), "{bad:?}");
        }
        assert_eq!(plain(b"\0ana\0a\x07"), Step::Failed(SaslError::ControlCharacter));

        let nonce = [0; NONCE_BYTES];
        let (mut login, step) = Exchange::start(Mechanism::Login, None, ChannelBinding::default(), nonce);
        assert_eq!(step, Step::Challenge(b"Username:".to_vec()));
        let answer = |round| login_answer(round, "ana", "x").expect("two rounds").as_bytes();
        assert_eq!(login.step(answer(0)), Step::Challenge(b"Password:".to_vec()));
        assert_eq!(login.step(answer(1)), password("ana", "x"));
    }

    proptest! {
        #[test]
        fn no_message_panics(which in 0usize..4, messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..4)) {
            let (mut exchange, mut step) =
                Exchange::start(Mechanism::ALL[which], None, ChannelBinding::default(), [0; NONCE_BYTES]);
            for message in messages {
                step = match step {
                    Step::Challenge(_) => exchange.step(&message),
                    Step::Scram { .. } => exchange.give_keys(record(&[])),
                    over => over,
                };
            }
        }
    }
}
