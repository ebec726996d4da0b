use super::Arguments;
use crate::sieve::commands::lists;
use crate::sieve::lexer::short;
use crate::sieve::matching::{Comparator, MatchType, Relation};
use crate::sieve::message::{AddressPart, is_name};
use crate::sieve::run::{Matching, SearchKey};
use crate::sieve::script::Place;
use crate::sieve::text::Text;

impl Arguments<'_> {
    /// `[COMPARATOR] [MATCH-TYPE]`, without keys yet.
    pub fn matching(&mut self) -> Matching {
        let match_type = self.match_type();
        let has_comparator = self.has_tag("comparator");
        let comparator = self.comparator();
        if match_type == MatchType::List && has_comparator {
            self.fault(self.place(), "`:list` and `:comparator` exclude each other");
        }
        if !comparator.supports(match_type) {
            let what = format!(
                "the comparator \"{}\" compares whole numbers, it can only be used with `:is`, `:value` and `:count`",
                comparator.name()
            );
            self.fault(self.place(), what);
        }
        Matching { match_type, comparator, keys: Vec::new() }
    }

    /// The next argument, the keys.
    pub fn keys(&mut self, matching: &mut Matching) {
        for (place, text) in self.texts("a key to compare with") {
            self.key(matching, place, text);
        }
    }

    /// A key, told of if it is wrong.
    pub fn key(&mut self, matching: &mut Matching, place: Place, text: Text) {
        match SearchKey::prepare(text, matching, &mut self.checker.work, &self.checker.run_work) {
            Ok(key) => matching.keys.push(key),
            Err(what) => self.fault(place, what),
        }
    }

    fn comparator(&mut self) -> Comparator {
        let Some((place, name)) = self.constant_of("comparator", None) else { return Comparator::default() };
        let Some(comparator) = Comparator::of_name(&name) else {
            self.fault(place, format!("the comparator \"{}\" is not known", short(&name)));
            return Comparator::default();
        };
        let extension = match comparator {
            Comparator::Octet | Comparator::AsciiCasemap => return comparator,
            Comparator::AsciiNumeric => "comparator-i;ascii-numeric",
            Comparator::UnicodeCasemap => "comparator-i;unicode-casemap",
        };
        self.needs(extension, place, "this comparator");
        comparator
    }

    fn match_type(&mut self) -> MatchType {
        let plain = self.one_of(&[
            ("is", None, MatchType::Is),
            ("contains", None, MatchType::Contains),
            ("matches", None, MatchType::Matches),
            ("regex", Some("regex"), MatchType::Regex),
            ("list", Some("extlists"), MatchType::List),
        ]);
        let relations = [self.relation("value", MatchType::Value), self.relation("count", MatchType::Count)];
        let given: Vec<MatchType> = plain.into_iter().chain(relations.into_iter().flatten()).collect();
        if given.len() > 1 {
            self.fault(self.place(), format!("`{}` compares in one way only", short(self.name())));
        }
        let match_type = given.first().copied().unwrap_or_default();
        if match_type == MatchType::List {
            self.checker.needs.contacts = true;
            if !lists::COMPARING.iter().any(|name| self.name().eq_ignore_ascii_case(name)) {
                self.fault(self.place(), format!("`{}` does not compare with lists", short(self.name())));
            }
        }
        match_type
    }

    fn relation(&mut self, tag: &str, match_type: fn(Relation) -> MatchType) -> Option<MatchType> {
        let (place, name) = self.constant_of(tag, Some("relational"))?;
        let relation = Relation::of_name(&name.to_ascii_lowercase());
        if relation.is_none() {
            self.fault(place, "a relation is one of \"gt\", \"ge\", \"lt\", \"le\", \"eq\" and \"ne\"");
        }
        Some(match_type(relation.unwrap_or(Relation::Equal)))
    }

    /// `[ADDRESS-PART]`
    pub fn address_part(&mut self) -> Option<AddressPart> {
        self.one_of(&[
            ("all", None, AddressPart::All),
            ("localpart", None, AddressPart::LocalPart),
            ("domain", None, AddressPart::Domain),
            ("user", Some("subaddress"), AddressPart::User),
            ("detail", Some("subaddress"), AddressPart::Detail),
        ])
    }

    /// Names of header fields. One that no field can have is odd, no fault (RFC 5228 section 2.4.2.2).
    pub fn header_names(&mut self) -> Vec<Text> {
        self.header_names_with(|_| None)
    }

    /// Names of header fields that must be such as `fault` says nothing of.
    pub fn header_names_with(&mut self, fault: impl Fn(&str) -> Option<String>) -> Vec<Text> {
        let names = self.texts("the name of a header field");
        names.into_iter().map(|(place, name)| self.fit_for_header(place, name, &fault)).collect()
    }

    /// The name of one header field.
    pub fn header_name(&mut self) -> Text {
        let (place, name) = self.text("the name of a header field");
        self.fit_for_header(place, name, |_| None)
    }

    fn fit_for_header(&mut self, place: Place, name: Text, fault: impl Fn(&str) -> Option<String>) -> Text {
        let Some(constant) = name.constant() else { return name };
        match (is_name(constant.as_bytes()), fault(constant)) {
            (false, _) => self.warn(place, format!("no header field can be called \"{}\"", short(constant))),
            (true, Some(what)) => self.fault(place, what),
            (true, None) => {}
        }
        name
    }
}
