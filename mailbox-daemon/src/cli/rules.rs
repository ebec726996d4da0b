//! The words about simple rules.

use super::sieve::text_of;
use clap::{Args, Subcommand};
use policy::rules::{
    BodyTexts, Condition, File, HeaderTexts, How, Rule, Size, Texts, Vacation, When, Word, Written,
};
use service::admin::{Command, VacationChange};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum RulesWord {
    /// Show the rules of an account
    Show {
        /// Such as ana@home.test
        account: String,
    },
    /// Set all rules of an account, from the JSON that `rules show --json` prints
    Set {
        /// Such as ana@home.test
        account: String,
        /// The rules; - for standard input
        file: PathBuf,
    },
    /// Add a rule after the others
    Add(Box<AddArgs>),
    /// Remove the rules of a name
    Remove {
        /// Such as ana@home.test
        account: String,
        /// What they are called
        name: String,
    },
    /// Say what is answered while somebody is away
    Vacation(VacationArgs),
}

/// A rule. All conditions have to hold, unless --any says otherwise.
#[derive(Args)]
pub struct AddArgs {
    /// Such as ana@home.test
    account: String,
    /// What it is called; made of the rest when left out
    #[arg(long)]
    name: Option<String>,
    /// The sender's name or address contains this
    #[arg(long, value_name = "TEXT")]
    from: Vec<String>,
    /// A recipient's name or address contains this
    #[arg(long, value_name = "TEXT")]
    to: Vec<String>,
    /// The subject contains this
    #[arg(long, value_name = "TEXT")]
    subject: Vec<String>,
    /// It comes from this mailing list, such as rust.example.org
    #[arg(long, value_name = "LIST-ID")]
    list: Vec<String>,
    /// A field of the header contains this
    #[arg(long, value_name = "FIELD:TEXT")]
    header: Vec<String>,
    /// The text contains this
    #[arg(long, value_name = "TEXT")]
    body: Vec<String>,
    /// It is larger than this, in KiB
    #[arg(long, value_name = "KIB")]
    larger_than: Option<u32>,
    /// One condition is enough
    #[arg(long)]
    any: bool,
    /// Move it into this folder
    #[arg(long)]
    folder: Option<String>,
    /// Move it into the trash
    #[arg(long, conflicts_with = "folder")]
    delete: bool,
    /// Mark it as read
    #[arg(long)]
    read: bool,
    /// Flag it
    #[arg(long)]
    flag: bool,
    /// Set a keyword
    #[arg(long)]
    keyword: Vec<String>,
    /// Send a copy to this address
    #[arg(long, value_name = "ADDRESS")]
    forward: Vec<String>,
    /// Keep no copy of what is forwarded
    #[arg(long, requires = "forward", conflicts_with_all = ["folder", "delete"])]
    keep_none: bool,
    /// Try the rules after it too
    #[arg(long)]
    go_on: bool,
}

#[derive(Args)]
pub struct VacationArgs {
    /// Such as ana@home.test
    account: String,
    /// What it says
    #[arg(long, group = "says")]
    text: Option<String>,
    /// A file with what it says; - for standard input
    #[arg(long, value_name = "FILE", group = "says")]
    text_file: Option<PathBuf>,
    /// Its subject
    #[arg(long, requires = "says")]
    subject: Option<String>,
    /// The first day it answers, such as 2026-12-24
    #[arg(long, value_name = "DAY", requires = "says")]
    first_day: Option<String>,
    /// The last
    #[arg(long, value_name = "DAY", requires = "says")]
    last_day: Option<String>,
    /// Days until the same person gets it again
    #[arg(long, default_value_t = 7)]
    days: u16,
    /// Another address of the account: mail to it is answered too
    #[arg(long, value_name = "ADDRESS", requires = "says")]
    own_address: Vec<String>,
    /// Answer again with what was said before
    #[arg(long, conflicts_with_all = ["says", "off"], required_unless_present_any = ["says", "off"])]
    on: bool,
    /// Answer no longer
    #[arg(long, conflicts_with = "says")]
    off: bool,
}

impl RulesWord {
    /// The command to execute.
    pub fn command(self) -> Result<Command, String> {
        Ok(match self {
            RulesWord::Show { account } => Command::RulesShow { account },
            RulesWord::Set { account, file } => {
                let rules = serde_json::from_str(&text_of(&file)?);
                Command::RulesSet {
                    account,
                    rules: rules.map_err(|error| format!("these are no rules: {error}"))?,
                }
            }
            RulesWord::Add(args) => {
                let (account, rule) = args.rule()?;
                Command::RulesAdd { account, rule: Box::new(rule) }
            }
            RulesWord::Remove { account, name } => Command::RulesRemove { account, name },
            RulesWord::Vacation(args) => args.command()?,
        })
    }
}

impl AddArgs {
    fn rule(self) -> Result<(String, Rule), String> {
        let conditions = self.conditions()?;
        let file = match self.folder.as_deref() {
            Some(folder) => File::Folder(word(folder)?),
            None if self.delete => File::Trash,
            None if self.keep_none => File::Nowhere,
            None => File::Inbox,
        };
        let mut rule = Rule {
            name: word(self.name.as_deref().unwrap_or("unnamed"))?,
            on: true,
            when: if self.any { When::Any } else { When::All },
            conditions,
            mark_read: self.read,
            flag: self.flag,
            keywords: words(&self.keyword)?,
            forward: words(&self.forward)?,
            file,
            stop: !self.go_on,
        };
        if self.name.is_none() {
            let name: String = rule.conditions_in_words().chars().take(60).collect();
            rule.name = word(&name)?;
        }
        Ok((self.account, rule))
    }

    fn conditions(&self) -> Result<Vec<Condition>, String> {
        let mut conditions = Vec::new();
        let mut texts = |found: &[String], how, condition: fn(Texts) -> Condition| {
            for text in found {
                conditions.push(condition(Texts { how, texts: vec![word(text)?], not: false }));
            }
            Ok::<_, String>(())
        };
        texts(&self.from, How::Contains, Condition::From)?;
        texts(&self.to, How::Contains, Condition::ToOrCc)?;
        texts(&self.subject, How::Contains, Condition::Subject)?;
        texts(&self.list, How::Is, Condition::ListId)?;
        for header in &self.header {
            let (name, text) = header.split_once(':').ok_or("--header looks like X-Priority:1")?;
            let (name, texts) = (word(name)?, vec![word(text.trim())?]);
            conditions.push(Condition::Header(HeaderTexts { name, how: How::Contains, texts, not: false }));
        }
        for text in &self.body {
            conditions.push(Condition::Body(BodyTexts { texts: vec![word(text)?], not: false }));
        }
        conditions.extend(self.larger_than.map(|kib| Condition::LargerThan(Size { kib, not: false })));
        Ok(conditions)
    }
}

impl VacationArgs {
    fn command(self) -> Result<Command, String> {
        let text = match (self.text, self.text_file) {
            (Some(text), _) => Some(text),
            (None, Some(file)) => Some(text_of(&file)?),
            (None, None) => None,
        };
        let Some(text) = text else {
            return Ok(Command::RulesVacation {
                account: self.account,
                change: VacationChange::IsOn(self.on),
            });
        };
        let vacation = Vacation {
            on: true,
            first_day: self.first_day.as_deref().map(word).transpose()?,
            last_day: self.last_day.as_deref().map(word).transpose()?,
            text: word(&text)?,
            subject: self.subject.as_deref().map(word).transpose()?,
            days: self.days,
            own_addresses: words(&self.own_address)?,
        };
        Ok(Command::RulesVacation { account: self.account, change: VacationChange::Says(Box::new(vacation)) })
    }
}

fn word<T: Word>(text: &str) -> Result<Written<T>, String> {
    T::parse(text).map(Written).map_err(|error| format!("{text}: {error}"))
}

fn words<T: Word>(texts: &[String]) -> Result<Vec<Written<T>>, String> {
    texts.iter().map(|text| word(text)).collect()
}
