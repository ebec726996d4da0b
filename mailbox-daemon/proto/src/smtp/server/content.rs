use super::{Action, Question, Role, Session, State};
use crate::smtp::data::{BareLineEnds, Fault, MessageReader, Piece};
use crate::smtp::reply::{Reply, say};

impl Session {
    /// Whether a message may begin, or why not.
    fn check_begin(&self) -> Result<(), Reply> {
        match &self.transaction {
            None => Err(say::BAD_SEQUENCE),
            Some(begun) if begun.recipients > 0 => Ok(()),
            Some(begun) if begun.has_refused => Err(say::NO_RECIPIENTS),
            Some(_) => Err(say::RECIPIENTS_FIRST),
        }
    }

    fn begin(&mut self) {
        let limits = &self.config.limits;
        // What people's own programs and machines send is put right; another server has to know better.
        let bare_line_ends = match self.config.role {
            Role::Inbound => BareLineEnds::Refused,
            Role::Submission => BareLineEnds::Mended,
        };
        let reader =
            MessageReader::new(limits.message_bytes_max, limits.message_line_bytes_max, bare_line_ends);
        self.transaction.get_or_insert_default().reader = Some(reader);
    }

    pub(super) fn data(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        // RFC 3030 section 3: a message is sent by DATA or by BDAT.
        if self.is_receiving() {
            return self.refuse(say::BAD_SEQUENCE, out);
        }
        if let Err(reply) = self.check_begin() {
            return self.refuse(reply, out);
        }
        self.begin();
        Some(self.ask(Question::BeginData, Action::Begin))
    }

    /// RFC 3030 section 2. The octets of a chunk follow whatever is thought of it, and are never taken for commands.
    pub(super) fn bdat(&mut self, bytes: u64, last: bool, out: &mut Vec<u8>) -> Option<Action> {
        if bytes > self.config.limits.message_bytes_max.saturating_mul(2) {
            return self.refuse(say::MESSAGE_RUNS_ON, out);
        }
        if self.is_receiving() {
            self.state = State::Chunk { remaining: bytes, last };
            return None;
        }
        if let Err(reply) = self.check_begin() {
            self.state = State::DroppedChunk { remaining: bytes, reply };
            return None;
        }
        self.begin();
        Some(self.ask(Question::BeginChunk { bytes, last }, Action::Begin))
    }

    pub(super) fn read_message(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Action>) {
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let reader = reader.expect("a message has begun in this state");
        let (consumed, piece) = reader.read_dotted(input);
        let action = match (piece, reader.fault()) {
            (Piece::Content(range), _) if !range.is_empty() => Some(Action::Content(range)),
            (Piece::Content(_), _) => self.stop_endless(out),
            (Piece::LineEnd, _) => Some(Action::LineEnd),
            (Piece::End, None) => Some(self.ask(Question::End, Action::End { lacks_newline: false })),
            (Piece::End, Some(fault)) => {
                self.state = State::Command;
                self.say(reply_to_fault(fault), out);
                self.reset()
            }
        };
        (consumed, action)
    }

    /// A refused message is read to its end so that its rest is not taken for commands, but not for ever.
    fn stop_endless(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        let reader = self.transaction.as_ref()?.reader.as_ref()?;
        if !reader.runs_on() {
            return None;
        }
        self.say(say::MESSAGE_RUNS_ON, out);
        self.reset()
    }

    pub(super) fn read_chunk(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Action>) {
        let (State::Chunk { remaining, .. } | State::DroppedChunk { remaining, .. }) = &self.state else {
            return (0, None);
        };
        let bytes = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
        let is_dropped = matches!(self.state, State::DroppedChunk { .. });
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let (consumed, piece) = match reader {
            Some(reader) if !is_dropped => reader.read_chunk(&input[..bytes]),
            _ => (bytes, Piece::Content(0..0)),
        };
        if let State::Chunk { remaining, .. } | State::DroppedChunk { remaining, .. } = &mut self.state {
            *remaining -= consumed as u64;
        }
        match piece {
            Piece::Content(range) if !range.is_empty() => (consumed, Some(Action::Content(range))),
            Piece::LineEnd => (consumed, Some(Action::LineEnd)),
            Piece::Content(_) | Piece::End => (consumed, self.stop_endless(out)),
        }
    }

    pub(super) fn end_chunk(&mut self, last: bool, out: &mut Vec<u8>) -> Option<Action> {
        self.state = State::Command;
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let reader = reader.expect("a message has begun in this state");
        let lacks_newline = last && reader.lacks_newline();
        if let Some(fault) = reader.fault() {
            self.say(reply_to_fault(fault), out);
            return self.reset();
        }
        match last {
            true => Some(self.ask(Question::End, Action::End { lacks_newline })),
            false => self.refuse(say::CHUNK_OK, out),
        }
    }

    pub(super) fn end_dropped_chunk(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        if let State::DroppedChunk { reply, .. } = std::mem::replace(&mut self.state, State::Command) {
            self.say(reply, out);
        }
        None
    }
}

fn reply_to_fault(fault: Fault) -> Reply {
    match fault {
        Fault::BareCr | Fault::BareLf => say::BARE_CR_OR_LF,
        Fault::Nul => say::NUL_IN_MESSAGE,
        Fault::LineTooLong => say::MESSAGE_LINE_TOO_LONG,
        Fault::TooLarge => say::TOO_LARGE,
    }
}
