//! The grammar of scripts (RFC 5228 section 8.2), the same for every command.

use super::faults::Faults;
use super::lexer::{Lexer, Token};
use super::script::Place;
use std::borrow::Cow;

/// A command or a test as it is written.
#[derive(Debug)]
pub struct Node<'s> {
    /// Its name.
    pub name: &'s str,
    /// Where it begins.
    pub place: Place,
    /// Tags, strings and numbers in their order.
    pub arguments: Vec<Argument<'s>>,
    /// Tests behind the arguments.
    pub tests: Option<Tests<'s>>,
    /// The block of a command.
    pub block: Option<Vec<Node<'s>>>,
}

/// The tests of a command or test.
#[derive(Debug)]
pub struct Tests<'s> {
    /// Whether they stand in parentheses.
    pub listed: bool,
    /// In their order.
    pub nodes: Vec<Node<'s>>,
}

/// One argument.
#[derive(Debug)]
pub struct Argument<'s> {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value<'s>,
}

/// What an argument may be.
#[derive(Debug)]
pub enum Value<'s> {
    /// `:name`, without its colon.
    Tag(&'s str),
    /// A number.
    Number(u64),
    /// One string, or a list in brackets.
    Strings {
        /// Whether it stands in brackets.
        listed: bool,
        /// Each with its place.
        members: Vec<(Place, Cow<'s, str>)>,
    },
}

/// Deepest nesting whatever the settings say: reading and running a script costs stack for each level.
const NESTING_MAX: usize = 64;

/// Most commands, tests and arguments of a script: each takes some hundred octets of memory while it is checked, however short it is.
const PIECES_MAX: usize = 130_000;

/// Reads a whole script.
pub fn parse<'s>(source: &'s str, nesting_max: usize, faults: &mut Faults) -> Vec<Node<'s>> {
    let mut lexer = Lexer::new(source);
    let (token, place) = lexer.next(faults);
    let nesting_max = nesting_max.min(NESTING_MAX);
    let mut parser = Parser {
        lexer,
        token,
        place,
        behind: place,
        faults,
        pieces: 0,
        nesting: 0,
        nesting_max,
        is_depth_told: false,
    };
    let mut script = Vec::new();
    loop {
        parser.commands(&mut script);
        match parser.token {
            Token::End => return script,
            _ => parser.fault_here("this `}` closes nothing"),
        }
        parser.advance();
    }
}

struct Parser<'s, 'f> {
    lexer: Lexer<'s>,
    /// The word that comes next, and its place.
    token: Token<'s>,
    place: Place,
    /// Where the word before it ended.
    behind: Place,
    faults: &'f mut Faults,
    /// How many commands, tests and arguments were read.
    pieces: usize,
    nesting: usize,
    nesting_max: usize,
    /// Whether what is nested too deeply here was told.
    is_depth_told: bool,
}

impl<'s> Parser<'s, '_> {
    fn advance(&mut self) -> Token<'s> {
        self.behind = self.lexer.place();
        let (token, place) = self.lexer.next(self.faults);
        self.place = place;
        std::mem::replace(&mut self.token, token)
    }

    /// Counts a piece before the word behind it is read. There is no such word after the last piece that may be.
    fn count(&mut self) {
        self.pieces += 1;
        if self.pieces == PIECES_MAX + 1 {
            let what = format!("the script has more than {PIECES_MAX} commands, tests and arguments");
            self.faults.add_last(self.place, what);
            self.lexer.tear();
        }
    }

    fn takes(&mut self, sign: char) -> bool {
        let is_next = self.token == Token::Sign(sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn fault_here(&mut self, what: &str) {
        self.faults.add(self.place, what);
    }

    /// Something is missing; nothing new where the script is torn off.
    fn fault_of_end(&mut self, place: Place, what: &str) {
        if !(self.lexer.is_torn && self.token == Token::End) {
            self.faults.add(place, what);
        }
    }

    /// `commands = *command`, up to a `}` or the end.
    fn commands(&mut self, commands: &mut Vec<Node<'s>>) {
        loop {
            match self.token {
                Token::End | Token::Sign('}') => return,
                Token::Identifier(name) => commands.push(self.command(name)),
                Token::Sign(';') => {
                    self.fault_here("a `;` without a command before it");
                    self.advance();
                }
                _ => {
                    self.fault_here("a command is expected here");
                    commands.extend(self.recover());
                }
            }
        }
    }

    /// `command = identifier arguments (";" / block)`
    fn command(&mut self, name: &'s str) -> Node<'s> {
        let mut node = self.node(name);
        match self.token {
            Token::Sign(';') => drop(self.advance()),
            Token::Sign('{') => node.block = Some(self.block()),
            Token::End | Token::Sign('}') | Token::Identifier(_) => {
                self.fault_of_end(self.behind, "a `;` is missing here");
            }
            _ => {
                self.fault_here("`;` is expected here");
                node.block = self.recover_block();
            }
        }
        node
    }

    /// A name with its arguments and tests.
    fn node(&mut self, name: &'s str) -> Node<'s> {
        let place = self.place;
        self.count();
        self.advance();
        let mut arguments = Vec::new();
        while let Some(argument) = self.argument() {
            arguments.push(argument);
        }
        Node { name, place, arguments, tests: self.tests(), block: None }
    }

    /// `argument = string-list / number / tag`
    fn argument(&mut self) -> Option<Argument<'s>> {
        let place = self.place;
        let value = match self.token {
            Token::Tag(name) => Value::Tag(name),
            Token::Number(number) => Value::Number(number),
            Token::Text(_) => Value::Strings { listed: false, members: Vec::new() },
            Token::Sign('[') => Value::Strings { listed: true, members: Vec::new() },
            _ => return None,
        };
        self.count();
        let value = match (self.advance(), value) {
            (Token::Text(text), _) => Value::Strings { listed: false, members: vec![(place, text)] },
            (Token::Sign(_), _) => Value::Strings { listed: true, members: self.string_list(place) },
            (_, value) => value,
        };
        Some(Argument { place, value })
    }

    /// The rest of `string-list = "[" string *("," string) "]"`
    fn string_list(&mut self, open: Place) -> Vec<(Place, Cow<'s, str>)> {
        let mut members = Vec::new();
        loop {
            let place = self.place;
            match self.token {
                Token::Text(_) => {
                    self.count();
                    if let Token::Text(text) = self.advance() {
                        members.push((place, text));
                    }
                }
                Token::Sign(']') if members.is_empty() => self.fault_here("a list has at least one string"),
                _ => self.fault_here("a string is expected here"),
            }
            if self.takes(',') {
                continue;
            }
            self.end_list(open);
            return members;
        }
    }

    fn end_list(&mut self, open: Place) {
        if self.takes(']') {
            return;
        }
        self.faults.add(open, "this list is not closed properly: strings are parted by `,` and ended by `]`");
        while matches!(self.token, Token::Text(_) | Token::Number(_) | Token::Tag(_) | Token::Sign(',')) {
            self.advance();
        }
        self.takes(']');
    }

    /// `[test / test-list]`
    fn tests(&mut self) -> Option<Tests<'s>> {
        match self.token {
            Token::Identifier(name) => {
                let node = self.nested(|parser| parser.node(name));
                Some(Tests { listed: false, nodes: node.into_iter().collect() })
            }
            Token::Sign('(') => {
                let open = self.place;
                let nodes = self.nested(|parser| {
                    parser.advance();
                    parser.test_list(open)
                });
                Some(Tests { listed: true, nodes: nodes.unwrap_or_default() })
            }
            _ => None,
        }
    }

    /// The rest of `test-list = "(" test *("," test) ")"`
    fn test_list(&mut self, open: Place) -> Vec<Node<'s>> {
        let mut nodes = Vec::new();
        loop {
            match self.token {
                Token::Identifier(name) => nodes.push(self.node(name)),
                _ => self.fault_here("a test is expected here"),
            }
            if self.takes(',') {
                continue;
            }
            if !self.takes(')') {
                self.faults
                    .add(open, "this list is not closed properly: tests are parted by `,` and ended by `)`");
                self.skip_until(|token| matches!(token, Token::Sign(')')));
                self.takes(')');
            }
            return nodes;
        }
    }

    /// `block = "{" commands "}"`
    fn block(&mut self) -> Vec<Node<'s>> {
        let open = self.place;
        let commands = self.nested(|parser| {
            parser.advance();
            let mut commands = Vec::new();
            parser.commands(&mut commands);
            if !parser.takes('}') {
                parser.fault_of_end(open, "this `{` is never closed");
            }
            commands
        });
        commands.unwrap_or_default()
    }

    /// Reads something one level deeper, or passes over it if that is too deep.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.nesting >= self.nesting_max {
            if !std::mem::replace(&mut self.is_depth_told, true) {
                self.faults.add(self.place, format!("nested deeper than {} levels", self.nesting_max));
            }
            self.skip_nested();
            return None;
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        self.is_depth_told = false;
        Some(read)
    }

    /// Passes over what is nested too deeply, up to what may follow it.
    fn skip_nested(&mut self) {
        let is_block = self.token == Token::Sign('{');
        let mut open = 0usize;
        loop {
            match self.token {
                Token::End => return,
                Token::Sign('{' | '(') if open > 0 || is_block || self.token == Token::Sign('(') => open += 1,
                Token::Sign('}' | ')' | '{' | ';' | ',') if open == 0 => return,
                Token::Sign('}' | ')') => open -= 1,
                _ => {}
            }
            let closed = matches!(self.token, Token::Sign('}' | ')')) && open == 0;
            self.advance();
            if closed && is_block {
                return;
            }
        }
    }

    fn skip_until(&mut self, is_found: impl Fn(&Token<'s>) -> bool) {
        while !is_found(&self.token) && !matches!(self.token, Token::End | Token::Sign(';' | '{' | '}')) {
            self.advance();
        }
    }

    /// Passes over the rest of what is no command; a block in it is read for its own faults.
    fn recover(&mut self) -> Vec<Node<'s>> {
        self.recover_block().unwrap_or_default()
    }

    fn recover_block(&mut self) -> Option<Vec<Node<'s>>> {
        self.skip_until(|_| false);
        match self.token {
            Token::Sign('{') => Some(self.block()),
            _ => {
                self.takes(';');
                None
            }
        }
    }
}
