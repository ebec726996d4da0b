use super::command::{Append, AppendPlace, AppendStep, Command, CommandBody, Literal, Replace, Tag};
use super::parse::{self, Dialect, Fault, FaultKind};
use types::Limits;

/// What came from the client and was not taken yet, and where in a command that is.
///
/// **Rule:** after every [`Input::filled`] call [`Input::next`] until it answers [`Next::Incomplete`]. When it hands out an APPEND or
/// REPLACE, its steps and those of [`Input::append_next`] come first, up to [`AppendNext::End`] or [`Input::refuse_message`].
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// Where the untaken bytes begin.
    start: usize,
    state: State,
}

#[derive(Clone, Debug, Default)]
enum State {
    /// Collecting a command.
    #[default]
    Command,
    /// Collecting a command: lines seen and literals held so far, counted from `start`.
    Line(Frame),
    /// Steps of an APPEND were handed out, the last one announces octets.
    MessageAnnounced(Literal, AppendPlace),
    /// Octets still to come.
    Message(u64, AppendPlace),
    /// After octets: collecting the next steps or the end of the command.
    AppendTail(Frame, AppendPlace),
    /// The last steps of an APPEND were handed out.
    AppendEnd,
    /// Dropping the rest of a command nobody wants: octets of a literal, then the line after it.
    Skip { literal_left: u64, skipped: u64, tag: Option<Tag>, fault: Option<Fault> },
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Everything before is searched for line ends.
    searched: usize,
    /// Octets in literals.
    literals: usize,
}

/// The next thing to do.
#[derive(Debug)]
pub enum Next {
    /// Read more.
    Incomplete,
    /// Tell the client to go on with its literal (`+`), then read more.
    Continue,
    /// A command.
    Command(Command),
    /// Something that is none; `None` when even the tag is missing.
    Refused(Option<Tag>, Fault),
    /// Too much to be dropped: say BYE and close.
    Hopeless,
}

/// What follows the steps of an APPEND that were handed out.
#[derive(Debug)]
pub enum AppendNext {
    /// Read more.
    Incomplete,
    /// Tell the client to go on with its literal (`+`), then read more.
    Continue,
    /// More to do; octets are announced as the first ones were.
    Steps(Vec<AppendStep>),
    /// The command is complete.
    End,
    /// What follows is wrong. It has been dropped.
    Refused(Fault),
}

impl Input {
    /// Nothing read yet.
    pub fn new() -> Input {
        Input::default()
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Whether a command has begun that is not complete.
    pub fn is_mid_command(&self) -> bool {
        !self.is_empty() || !matches!(self.state, State::Command)
    }

    /// Octets that came and were not used yet.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Room for `bytes` more; say with [`Input::filled`] how many came.
    pub fn space(&mut self, bytes: usize) -> &mut [u8] {
        self.compact();
        let length = self.bytes.len();
        self.bytes.resize(length + bytes, 0);
        &mut self.bytes[length..]
    }

    /// `count` of the `space` bytes asked for with [`Input::space`] hold something.
    pub fn filled(&mut self, space: usize, count: usize) {
        self.bytes.truncate(self.bytes.len() - space + count);
    }

    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the memory back when nothing waits: idle sessions hold none.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.bytes = Vec::new();
            self.start = 0;
        }
    }

    /// Drops everything, as STARTTLS demands of what came before the handshake (RFC 9051 section 6.2.1).
    pub fn clear(&mut self) {
        *self = Input::default();
    }

    /// Hands out what came behind the command just taken, as COMPRESS wants it: it is in another coding.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.start);
        self.bytes.clear();
        self.start = 0;
        rest
    }

    fn compact(&mut self) {
        if self.is_empty() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// What to do next.
    pub fn next(&mut self, dialect: &Dialect<'_>) -> Next {
        loop {
            match &self.state {
                State::Command => self.state = State::Line(Frame::default()),
                State::Line(frame) => {
                    let frame = *frame;
                    if let Some(next) = self.next_line(frame, dialect) {
                        return next;
                    }
                }
                State::Skip { .. } => {
                    if let Some(next) = self.skip(dialect.limits) {
                        return next;
                    }
                }
                State::MessageAnnounced(..)
                | State::Message(..)
                | State::AppendTail(..)
                | State::AppendEnd => {
                    return Next::Incomplete;
                }
            }
        }
    }

    /// One step through a command's lines; `None` when another step can follow at once.
    fn next_line(&mut self, frame: Frame, dialect: &Dialect<'_>) -> Option<Next> {
        let waiting = self.waiting();
        if waiting.is_empty() {
            self.state = State::Command;
            return Some(Next::Incomplete);
        }
        if waiting.len() < frame.searched {
            return Some(Next::Incomplete);
        }
        let line_end = memchr::memchr(b'\n', &waiting[frame.searched..]).map(|at| frame.searched + at + 1);
        let line_bytes = line_end.unwrap_or(waiting.len()).saturating_sub(frame.literals);
        if line_bytes > dialect.limits.imap_line_bytes_max {
            return self.give_up(0, Fault::limit("the command line is too long"));
        }
        let Some(line_end) = line_end else {
            // The literals before are searched for good; the line begins anew only when it grows.
            return Some(Next::Incomplete);
        };
        match announced_literal(&waiting[frame.searched..line_end]) {
            None => Some(self.complete(line_end, dialect)),
            Some(literal) => self.literal(frame, line_end, literal, dialect),
        }
    }

    fn complete(&mut self, end: usize, dialect: &Dialect<'_>) -> Next {
        let frame = &self.bytes[self.start..self.start + end];
        let (next, state) = match parse::frame(frame, dialect) {
            Ok(command) => {
                let streams = steps_of(&command.body).is_some();
                (Next::Command(command), if streams { State::AppendEnd } else { State::Command })
            }
            Err((tag, fault)) => (Next::Refused(tag, fault), State::Command),
        };
        self.start += end;
        self.state = state;
        next
    }

    fn literal(
        &mut self,
        frame: Frame,
        line_end: usize,
        literal: Literal,
        dialect: &Dialect<'_>,
    ) -> Option<Next> {
        let prefix = &self.waiting()[..line_end];
        let (tag, after_tag) = parse::tag(prefix);
        if literal.synchronising || parse::streams_message(after_tag) {
            match (parse::command(after_tag, dialect), tag) {
                (Ok(body), Some(tag)) if let Some(place) = steps_of(&body).and_then(announced_place) => {
                    self.start += line_end;
                    self.state = State::MessageAnnounced(literal, place);
                    return Some(Next::Command(Command { tag, body }));
                }
                // An empty string is there already, and the rest of the line still to come.
                (Ok(_), Some(_)) if literal.bytes == 0 => {}
                (Err(Fault { kind: FaultKind::LiteralToCome, .. }), Some(_)) => {}
                (Err(fault), _) => return self.refuse(line_end, literal, fault),
                _ => return self.refuse(line_end, literal, Fault::syntax("a literal has no place there")),
            }
        }
        let literals =
            usize::try_from(literal.bytes).ok().and_then(|bytes| bytes.checked_add(frame.literals));
        match literals.filter(|bytes| *bytes <= dialect.limits.imap_literals_bytes_max) {
            None => self.refuse(
                line_end,
                literal,
                Fault::too_big("the literals of a command are too large together"),
            ),
            Some(literals) => {
                self.state = State::Line(Frame { searched: line_end + literal.bytes as usize, literals });
                literal.synchronising.then_some(Next::Continue)
            }
        }
    }

    /// Answers a command whose line ends with a literal: a synchronising one then never comes.
    fn refuse(&mut self, line_end: usize, literal: Literal, fault: Fault) -> Option<Next> {
        let (tag, _) = parse::tag(self.waiting());
        self.start += line_end;
        if literal.synchronising {
            self.state = State::Command;
            return Some(Next::Refused(tag, fault));
        }
        self.state = State::Skip { literal_left: literal.bytes, skipped: 0, tag, fault: Some(fault) };
        None
    }

    /// Drops an APPEND's line and what it announces.
    fn refuse_tail(&mut self, line_end: usize, literal: Option<Literal>, fault: Fault) -> AppendNext {
        self.start += line_end;
        self.state = match literal.filter(|literal| !literal.synchronising) {
            None => State::Command,
            Some(literal) => State::Skip { literal_left: literal.bytes, skipped: 0, tag: None, fault: None },
        };
        AppendNext::Refused(fault)
    }

    /// Drops the command at hand and all of it that is still to come.
    fn give_up(&mut self, literal_left: u64, fault: Fault) -> Option<Next> {
        let (tag, _) = parse::tag(self.waiting());
        self.state = State::Skip { literal_left, skipped: 0, tag, fault: Some(fault) };
        None
    }

    fn skip(&mut self, limits: &Limits) -> Option<Next> {
        let State::Skip { literal_left, skipped, tag, fault } = &mut self.state else { return None };
        let waiting = &self.bytes[self.start..];
        if skipped.saturating_add(*literal_left) > limits.message_bytes_max.saturating_mul(2) {
            return Some(Next::Hopeless);
        }
        if *literal_left > 0 {
            let dropped = waiting.len().min(usize::try_from(*literal_left).unwrap_or(usize::MAX));
            *literal_left -= dropped as u64;
            *skipped += dropped as u64;
            self.start += dropped;
            return (*literal_left > 0).then_some(Next::Incomplete);
        }
        let Some(line_end) = memchr::memchr(b'\n', waiting).map(|at| at + 1) else {
            // The last bytes may be the beginning of a literal's announcement.
            let dropped = waiting.len().saturating_sub(ANNOUNCEMENT_BYTES_MAX);
            *skipped += dropped as u64;
            self.start += dropped;
            let hopeless = *skipped > limits.message_bytes_max.saturating_mul(2);
            return Some(if hopeless { Next::Hopeless } else { Next::Incomplete });
        };
        *skipped += line_end as u64;
        let literal = announced_literal(&waiting[..line_end]).filter(|literal| !literal.synchronising);
        self.start += line_end;
        if let Some(literal) = literal {
            *literal_left = literal.bytes;
            return None;
        }
        let refused = fault.take().map(|fault| Next::Refused(tag.take(), fault));
        self.state = State::Command;
        refused
    }

    /// Takes the announced octets of an APPEND; true when the client waits for `+` first.
    pub fn accept_message(&mut self) -> bool {
        match self.state {
            State::MessageAnnounced(literal, place) => {
                self.state = State::Message(literal.bytes, place);
                literal.synchronising
            }
            _ => false,
        }
    }

    /// Drops the APPEND at hand, wherever in it the session is, without an answer.
    pub fn refuse_message(&mut self) {
        let literal_left = match self.state {
            State::MessageAnnounced(literal, _) if literal.synchronising => {
                self.state = State::Command;
                return;
            }
            State::AppendEnd => {
                self.state = State::Command;
                return;
            }
            State::MessageAnnounced(literal, _) => literal.bytes,
            State::Message(left, _) => left,
            State::AppendTail(..) => 0,
            State::Command | State::Line(_) | State::Skip { .. } => return,
        };
        self.state = State::Skip { literal_left, skipped: 0, tag: None, fault: None };
    }

    /// Announced octets that are not taken yet.
    pub fn message_left(&self) -> u64 {
        match self.state {
            State::Message(left, _) => left,
            _ => 0,
        }
    }

    /// The part of the message that is here; say with [`Input::take_message`] how much of it was used.
    pub fn message(&self) -> &[u8] {
        let waiting = self.waiting();
        let here = waiting.len().min(usize::try_from(self.message_left()).unwrap_or(usize::MAX));
        &waiting[..here]
    }

    /// `count` octets of [`Input::message`] were used.
    pub fn take_message(&mut self, count: usize) {
        self.start += count;
        self.message_passed(count as u64);
    }

    /// `count` octets of the message went from the socket to their place without coming through here.
    pub fn message_passed(&mut self, count: u64) {
        if let State::Message(left, place) = self.state {
            self.state = match left - count.min(left) {
                0 => State::AppendTail(Frame::default(), place),
                left => State::Message(left, place),
            };
        }
    }

    /// What follows the steps just done.
    pub fn append_next(&mut self, dialect: &Dialect<'_>) -> AppendNext {
        loop {
            let (frame, place) = match self.state {
                State::AppendEnd => {
                    self.state = State::Command;
                    return AppendNext::End;
                }
                State::AppendTail(frame, place) => (frame, place),
                State::Message(0, place) => (Frame::default(), place),
                _ => return AppendNext::Incomplete,
            };
            self.state = State::AppendTail(frame, place);
            if let Some(next) = self.append_line(frame, place, dialect) {
                return next;
            }
        }
    }

    /// One step through the lines between literals; `None` when another step can follow at once.
    fn append_line(&mut self, frame: Frame, place: AppendPlace, dialect: &Dialect<'_>) -> Option<AppendNext> {
        let waiting = self.waiting();
        if waiting.len() < frame.searched {
            return Some(AppendNext::Incomplete);
        }
        let line_end = memchr::memchr(b'\n', &waiting[frame.searched..]).map(|at| frame.searched + at + 1);
        if line_end.unwrap_or(waiting.len()) - frame.literals > dialect.limits.imap_line_bytes_max {
            self.start += frame.searched;
            self.refuse_message();
            return Some(AppendNext::Refused(Fault::limit("the command line is too long")));
        }
        let Some(line_end) = line_end else { return Some(AppendNext::Incomplete) };
        let literal = announced_literal(&waiting[frame.searched..line_end]);
        match (parse::append_continued(&waiting[..line_end], place, dialect), literal) {
            (Ok(steps), None) => {
                self.start += line_end;
                self.state = if steps.is_empty() { State::Command } else { State::AppendEnd };
                Some(if steps.is_empty() { AppendNext::End } else { AppendNext::Steps(steps) })
            }
            (Ok(steps), Some(literal)) if let Some(place) = announced_place(&steps) => {
                self.start += line_end;
                self.state = State::MessageAnnounced(literal, place);
                Some(AppendNext::Steps(steps))
            }
            (Err(Fault { kind: FaultKind::LiteralToCome, .. }), Some(literal)) => {
                self.append_argument(frame, line_end, literal, place, dialect)
            }
            (Err(fault), literal) => Some(self.refuse_tail(line_end, literal, fault)),
            (Ok(_), literal) => {
                let fault = Fault::syntax("a literal has no place there");
                Some(self.refuse_tail(line_end, literal, fault))
            }
        }
    }

    /// A literal that is no message but an argument: it is kept.
    fn append_argument(
        &mut self,
        frame: Frame,
        line_end: usize,
        literal: Literal,
        place: AppendPlace,
        dialect: &Dialect<'_>,
    ) -> Option<AppendNext> {
        let literals =
            usize::try_from(literal.bytes).ok().and_then(|bytes| bytes.checked_add(frame.literals));
        let Some(literals) = literals.filter(|bytes| *bytes <= dialect.limits.imap_literals_bytes_max) else {
            let fault = Fault::too_big("the literals of a command are too large together");
            return Some(self.refuse_tail(line_end, Some(literal), fault));
        };
        let searched = line_end + literal.bytes as usize;
        self.state = State::AppendTail(Frame { searched, literals }, place);
        literal.synchronising.then_some(AppendNext::Continue)
    }

    /// A line outside any command (IDLE's DONE, a SASL response), without its end; `Some(Err(()))` when it is too long.
    pub fn line(&mut self, bytes_max: usize) -> Option<Result<Vec<u8>, LineTooLong>> {
        let waiting = self.waiting();
        match memchr::memchr(b'\n', waiting) {
            Some(at) if at <= bytes_max => {
                let line = waiting[..at].strip_suffix(b"\r").unwrap_or(&waiting[..at]).to_vec();
                self.start += at + 1;
                Some(Ok(line))
            }
            None if waiting.len() <= bytes_max => None,
            _ => Some(Err(LineTooLong)),
        }
    }
}

/// A line outside any command that is longer than it may be. The session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line is too long")]
pub struct LineTooLong;

/// The steps of a command whose octets are streamed.
fn steps_of(body: &CommandBody) -> Option<&[AppendStep]> {
    match body {
        CommandBody::Append(Append { steps, .. })
        | CommandBody::Replace(Replace { append: Append { steps, .. }, .. }) => Some(steps),
        _ => None,
    }
}

/// Where the octets stand that the last of the steps announces.
fn announced_place(steps: &[AppendStep]) -> Option<AppendPlace> {
    match steps.last() {
        Some(AppendStep::Octets(_, place)) => Some(*place),
        _ => None,
    }
}

/// `~{18446744073709551615+}` and its line end.
pub(crate) const ANNOUNCEMENT_BYTES_MAX: usize = 32;

/// The literal a line ends with. A number beyond 63 bits is one that nobody takes.
pub(crate) fn announced_literal(line: &[u8]) -> Option<Literal> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let (line, synchronising) = match line.strip_suffix(b"+") {
        Some(line) => (line, false),
        None => (line, true),
    };
    let open = memchr::memrchr(b'{', line)?;
    let digits = &line[open + 1..];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let bytes = digits
        .iter()
        .fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Literal { bytes: bytes.min(i64::MAX as u64), synchronising, binary: line[..open].ends_with(b"~") })
}

#[cfg(test)]
mod tests;
