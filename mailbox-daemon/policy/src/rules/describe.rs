//! Rules in words, for a list that people read.

use super::{BodyTexts, Condition, File, HeaderTexts, How, Rule, Size, Texts, Vacation, When, Word, Written};

impl Rule {
    /// What it looks at, such as `from contains "power" and larger than 500 KiB`.
    pub fn conditions_in_words(&self) -> String {
        let and_or = match self.when {
            When::All => " and ",
            When::Any => " or ",
        };
        match self.conditions.is_empty() {
            true => "every message".to_owned(),
            false => self.conditions.iter().map(Condition::in_words).collect::<Vec<_>>().join(and_or),
        }
    }

    /// What it does, such as `mark as read, move to Bills`.
    pub fn actions_in_words(&self) -> String {
        let mut actions = Vec::new();
        actions.extend(self.mark_read.then(|| "mark as read".to_owned()));
        actions.extend(self.flag.then(|| "flag".to_owned()));
        actions.extend(self.keywords.iter().map(|keyword| format!("set {}", keyword.0)));
        actions.extend(self.forward.iter().map(|to| format!("forward to {}", to.0)));
        match &self.file {
            File::Inbox => {}
            File::Folder(folder) => actions.push(format!("move to {}", folder.0)),
            File::Trash => actions.push("move to the trash".to_owned()),
            File::Nowhere => actions.push("keep no copy".to_owned()),
        }
        actions.extend(self.stop.then(|| "try no other rule".to_owned()));
        actions.join(", ")
    }
}

impl Condition {
    fn in_words(&self) -> String {
        match self {
            Condition::From(texts) => compared("from", texts),
            Condition::ToOrCc(texts) => compared("to or cc", texts),
            Condition::Subject(texts) => compared("subject", texts),
            Condition::ListId(texts) => compared("mailing list", texts),
            Condition::Header(HeaderTexts { name, how, texts, not }) => {
                compared(&name.0.to_string(), &Texts { how: *how, texts: texts.clone(), not: *not })
            }
            Condition::Body(BodyTexts { texts, not }) => {
                compared("text", &Texts { how: How::Contains, texts: texts.clone(), not: *not })
            }
            Condition::LargerThan(Size { kib, not: false }) => format!("larger than {kib} KiB"),
            Condition::LargerThan(Size { kib, not: true }) => format!("not larger than {kib} KiB"),
        }
    }
}

impl Vacation {
    /// When it answers, such as `from 2026-12-20 to 2027-01-06`.
    pub fn days_in_words(&self) -> String {
        match (&self.first_day, &self.last_day) {
            (None, None) => "always".to_owned(),
            (Some(first), None) => format!("from {}", first.0),
            (None, Some(last)) => format!("until {}", last.0),
            (Some(first), Some(last)) => format!("from {} to {}", first.0, last.0),
        }
    }
}

fn compared(what: &str, texts: &Texts) -> String {
    let how = match (texts.how, texts.not) {
        (How::Contains, false) => "contains",
        (How::Contains, true) => "does not contain",
        (How::Is, false) => "is",
        (How::Is, true) => "is not",
        (How::Begins, false) => "begins with",
        (How::Begins, true) => "does not begin with",
        (How::Ends, false) => "ends with",
        (How::Ends, true) => "does not end with",
    };
    format!("{what} {how} {}", any_of(&texts.texts))
}

fn any_of<T: Word>(texts: &[Written<T>]) -> String {
    texts.iter().map(|text| format!("\"{}\"", text.0)).collect::<Vec<_>>().join(" or ")
}
