//! reject and ereject (RFC 5429).

use super::CommandRule;
use crate::sieve::check::Arguments;
use crate::sieve::plan::{Refusal, RefusalKind};
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;

pub const COMMANDS: &[CommandRule] = &[
    CommandRule {
        name: "reject",
        extension: Some("reject"),
        check: |arguments| refuse(arguments, RefusalKind::Reject),
    },
    CommandRule {
        name: "ereject",
        extension: Some("ereject"),
        check: |arguments| refuse(arguments, RefusalKind::Ereject),
    },
];

fn refuse(arguments: &mut Arguments<'_>, kind: RefusalKind) -> Box<dyn Action> {
    let (_, reason) = arguments.text("a reason");
    Box::new(Refuse { kind, reason })
}

#[derive(Debug)]
struct Refuse {
    kind: RefusalKind,
    reason: Text,
}

impl Action for Refuse {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let reason = run.text(&self.reason)?.into_owned();
        run.refuse(Refusal { kind: self.kind, reason })?;
        Ok(Flow::Next)
    }
}
