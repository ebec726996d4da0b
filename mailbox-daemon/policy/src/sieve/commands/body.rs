//! body (RFC 5173).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::message::Octets;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};
use crate::sieve::text::Text;

pub const TESTS: &[TestRule] = &[TestRule { name: "body", extension: Some("body"), check: body }];

/// Looking whether a part is wanted.
const PART_STEPS: usize = 8;

fn body(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let word = arguments.one_of(&[("raw", None, Transform::Raw), ("text", None, Transform::Text)]);
    let types = arguments.texts_of("content", None);
    if word.is_some() && types.is_some() {
        arguments.fault(arguments.place(), "`:content` excludes `:raw` and `:text`");
    }
    let types = types.map(|types| Transform::Content(types.into_iter().map(|(_, name)| name).collect()));
    let transform = word.or(types).unwrap_or(Transform::Text);
    arguments.keys(&mut matching);
    Box::new(Body { transform, matching })
}

/// What is compared (RFC 5173 section 5).
#[derive(Clone, Debug)]
enum Transform {
    /// The body as it is.
    Raw,
    /// Parts of these types.
    Content(Vec<Text>),
    /// What people read.
    Text,
}

#[derive(Debug)]
struct Body {
    transform: Transform,
    matching: Matching,
}

impl Test for Body {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        // What wildcards stood for is not kept (RFC 5173 section 6).
        let mut search = self.matching.silent_search();
        let types = self.types(run)?;
        let is_missing = !run.facts.has_body && run.message.body().is_empty();
        let parts = match self.transform {
            _ if is_missing => 0,
            Transform::Raw => 1,
            Transform::Content(_) | Transform::Text => run.message.parts(&mut run.work)?.count(),
        };
        run.work.spend(parts * PART_STEPS)?;
        for part in 0..parts {
            for octets in self.values(part, &types, run)? {
                if search.value(&octets, &mut run.parts().1)? {
                    return Ok(true);
                }
            }
        }
        search.end(&mut run.parts().1)
    }
}

impl Body {
    fn types(&self, run: &mut Run<'_>) -> Result<Vec<String>, Failure> {
        match &self.transform {
            Transform::Content(types) => types.iter().map(|name| Ok(run.text(name)?.into_owned())).collect(),
            Transform::Raw | Transform::Text => Ok(Vec::new()),
        }
    }

    fn values<'r>(
        &self,
        part: usize,
        types: &[String],
        run: &mut Run<'r>,
    ) -> Result<Vec<Octets<'r>>, Failure> {
        match &self.transform {
            Transform::Raw => Ok(vec![run.message.body()]),
            Transform::Text => Ok(run.message.text_of(part, &mut run.work)?.into_iter().collect()),
            Transform::Content(_) => {
                let parts = run.message.parts(&mut run.work)?;
                let is_wanted = parts.get(part).is_some_and(|part| types.iter().any(|name| part.is_of(name)));
                match is_wanted {
                    true => Ok(run.message.searched(part, &mut run.work)?),
                    false => Ok(Vec::new()),
                }
            }
        }
    }
}
