/// What a client asks for (RFC 5804 section 2). Names of scripts are not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// AUTHENTICATE, with the initial response if there is one.
    Authenticate {
        /// The mechanism, as the client wrote it.
        mechanism: String,
        /// The initial response, decoded.
        initial: Option<Vec<u8>>,
    },
    /// CAPABILITY
    Capability,
    /// CHECKSCRIPT
    CheckScript(Vec<u8>),
    /// DELETESCRIPT
    DeleteScript(String),
    /// GETSCRIPT
    GetScript(String),
    /// HAVESPACE
    HaveSpace {
        /// What the script is going to be called.
        name: String,
        /// Its octets.
        bytes: u32,
    },
    /// LISTSCRIPTS
    ListScripts,
    /// LOGOUT
    Logout,
    /// NOOP, with the tag to echo.
    Noop(Option<Vec<u8>>),
    /// PUTSCRIPT
    PutScript {
        /// What the script is called.
        name: String,
        /// The script.
        script: Vec<u8>,
    },
    /// RENAMESCRIPT
    RenameScript {
        /// As it is called.
        from: String,
        /// As it is going to be called.
        to: String,
    },
    /// SETACTIVE; the empty name stands for none.
    SetActive(Option<String>),
    /// STARTTLS
    StartTls,
    /// UNAUTHENTICATE
    Unauthenticate,
}

/// What a client answers to a challenge (RFC 5804 section 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `*`: it does not go on.
    Cancel,
    /// The response, decoded.
    Data(Vec<u8>),
}
