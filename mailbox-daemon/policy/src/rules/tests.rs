use super::*;
use crate::config;
use crate::sieve::Script;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn word<T: Word>(text: &str) -> Written<T> {
    Written(T::parse(text).unwrap())
}

fn line() -> impl Strategy<Value = Written<Line>> {
    prop_oneof!["[^\\p{Cc}]{1,12}", "[*?\\\\\"${}<>\\[\\] ]{1,8}", "[a-z@.]{1,12}"]
        .prop_map(|text| word(&text))
}

fn letter() -> impl Strategy<Value = Written<Letter>> {
    "([^\\p{Cc}]|\n|\t|\"|\\\\|\\.\n){1,40}".prop_map(|text| word(&text))
}

fn address() -> impl Strategy<Value = Written<Address>> {
    prop_oneof!["[a-z'+\\\\]{1,8}", "[a-z]{1,4}", "\"[a-z @]{1,8}\""]
        .prop_filter_map("an address", |local| Address::parse(&format!("{local}@home.test")).ok())
        .prop_map(Written)
}

fn texts() -> impl Strategy<Value = Texts> {
    let how = prop_oneof![Just(How::Contains), Just(How::Is), Just(How::Begins), Just(How::Ends)];
    (how, vec(line(), 1..4), any::<bool>()).prop_map(|(how, texts, not)| Texts { how, texts, not })
}

fn condition() -> impl Strategy<Value = Condition> {
    let name =
        "[A-Za-z-]{1,10}".prop_filter_map("a name", |name| HeaderName::parse(&name).ok()).prop_map(Written);
    prop_oneof![
        texts().prop_map(Condition::From),
        texts().prop_map(Condition::ToOrCc),
        texts().prop_map(Condition::Subject),
        texts().prop_map(Condition::ListId),
        (name, texts()).prop_map(|(name, Texts { how, texts, not })| {
            Condition::Header(HeaderTexts { name, how, texts, not })
        }),
        (vec(line(), 1..4), any::<bool>()).prop_map(|(texts, not)| Condition::Body(BodyTexts { texts, not })),
        (1..=LARGER_THAN_KIB_MAX, any::<bool>())
            .prop_map(|(kib, not)| Condition::LargerThan(Size { kib, not })),
    ]
}

fn file() -> impl Strategy<Value = File> {
    let folder =
        "[^\\p{Cc}/]{1,10}".prop_filter_map("a name", |name| <MailboxName as Word>::parse(&name).ok());
    prop_oneof![
        Just(File::Inbox),
        folder.prop_map(|folder| File::Folder(Written(folder))),
        Just(File::Trash),
        Just(File::Nowhere),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let keyword = "[$a-zA-Z]{1,8}".prop_map(|keyword| word(&keyword));
    let what = (vec(keyword, 0..3), vec(address(), 0..3), file(), any::<[bool; 5]>());
    let when = prop_oneof![Just(When::All), Just(When::Any)];
    (line(), when, vec(condition(), 0..4), what).prop_map(
        |(name, when, conditions, (keywords, forward, file, [on, mark_read, flag, stop, _]))| Rule {
            name,
            on,
            when,
            conditions,
            mark_read,
            flag,
            keywords,
            forward,
            file,
            stop,
        },
    )
}

fn vacation() -> impl Strategy<Value = Vacation> {
    let day = || {
        option::of((2026..2030_u16, 1..=12_u8, 1..=28_u8))
            .prop_map(|day| day.map(|(year, month, day)| word(&format!("{year}-{month:02}-{day:02}"))))
    };
    (any::<bool>(), day(), day(), letter(), option::of(line()), 1..=INTERVAL_DAYS_MAX, vec(address(), 0..3))
        .prop_map(|(on, first_day, last_day, text, subject, days, own_addresses)| Vacation {
            on,
            first_day,
            last_day,
            text,
            subject,
            days,
            own_addresses,
        })
}

fn forms() -> impl Strategy<Value = Rules> {
    (option::of(vacation()), vec(rule(), 0..4)).prop_map(|(vacation, rules)| Rules { vacation, rules })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_form_comes_back_from_its_script(form in forms()) {
        if let Ok(script) = form.to_script() {
            prop_assert_eq!(Rules::from_script(&script), Some(form.clone()), "{}", script);
            let json = serde_json::to_string(&form).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rules>(&json).unwrap(), form.clone(), "{}", json);
            let compiled = Script::compile(script.as_bytes(), &config::Sieve::default());
            let faults = compiled.map_or_else(|faults| faults, |script| script.warnings().to_vec());
            prop_assert_eq!(faults, vec![], "{}", script);
        }
    }
}

const FORM: &str = r#"{
  "vacation": {"text": "Back on Monday.\n\nAna", "first_day": "2026-12-20", "last_day": "2027-01-06", "own_addresses": ["a@home.test"]},
  "rules": [
    {"name": "Rust", "conditions": [{"field": "list_id", "how": "is", "texts": ["rust.example.org"]}],
     "mark_read": true, "file": {"folder": "Lists/Rust"}},
    {"name": "Bills", "when": "any", "conditions": [
       {"field": "from", "how": "ends", "texts": ["@power.example"]},
       {"field": "subject", "texts": ["invoice", "100% \"sure\""], "not": true},
       {"field": "larger_than", "kib": 500}],
     "keywords": ["$Bill"], "flag": true, "forward": ["tax@office.example"], "stop": false},
    {"name": "Gone", "on": false, "file": "trash"}
  ]
}"#;

const SCRIPT: &str = r#"# Simple rules, made with a form. Changed by hand they are a script like any other.
require ["copy", "date", "fileinto", "imap4flags", "mailbox", "relational", "special-use", "vacation"];

# Vacation
if allof (currentdate :value "ge" "date" "2026-12-20", currentdate :value "le" "date" "2027-01-06") {
    vacation :days 7 :addresses "a@home.test" "Back on Monday.

Ana";
}

# Rule: Rust
if allof (header :matches "list-id" ["rust.example.org", "*<rust.example.org>"]) {
    addflag "\\Seen";
    fileinto :create "Lists/Rust";
    stop;
}

# Rule: Bills
if anyof (address :matches "from" "*@power.example",
    not header :contains "subject" ["invoice", "100% \"sure\""],
    size :over 500K) {
    addflag ["\\Flagged", "$Bill"];
    redirect :copy "tax@office.example";
}

# Rule, off: Gone
if allof (false, allof (true)) {
    fileinto :create :specialuse "\\Trash" "Trash";
    stop;
}
"#;

#[test]
fn a_form_becomes_a_script_people_can_read() {
    let form: Rules = serde_json::from_str(FORM).unwrap();
    assert_eq!(form.to_script().unwrap().replace("\r\n", "\n"), SCRIPT);
    assert_eq!(Rules::from_script(SCRIPT), Some(form), "whatever ends its lines");
}

#[test]
fn what_somebody_changed_is_no_form() {
    for (from, to) in [
        ("500K", "0500K"),
        ("stop;", "keep; stop;"),
        ("stop;", "discard;"),
        ("anyof", "not anyof"),
        ("\"copy\", ", ""),
        ("    addflag \"\\\\Seen\"", "    setflag \"\\\\Seen\""),
        ("# Rule: Rust", "# Rust"),
        ("# Rule: Rust", "# Rule: Rust\n# a note"),
        ("-12-20", "-12-32"),
        ("*<rust", "*<rost"),
        ("# Rule, off: Gone", "# Rule: Gone"),
        ("\"ge\"", "\"gt\""),
        ("redirect :copy", "redirect"),
    ] {
        let changed = SCRIPT.replacen(from, to, 1);
        assert_ne!(changed, SCRIPT, "{from}");
        assert_eq!(Rules::from_script(&changed), None, "{from} -> {to}");
    }
    assert_eq!(Rules::from_script("keep;"), None);
    assert_eq!(Rules::from_script(""), None);
}

#[test]
fn what_makes_no_sense_is_told() {
    for (rule, what) in [
        (r#"{"name": "a", "stop": false}"#, "a: it does nothing"),
        (r#"{"name": "a", "file": "nowhere"}"#, "a: a message that is not kept has to be forwarded"),
        (
            r#"{"name": "a", "conditions": [{"field": "from", "texts": []}]}"#,
            "a: a condition has nothing to look for",
        ),
        (
            r#"{"name": "a", "conditions": [{"field": "larger_than", "kib": 0}]}"#,
            "a: a size is 1 to 1048576 KiB",
        ),
    ] {
        let form = Rules { vacation: None, rules: vec![serde_json::from_str(rule).unwrap()] };
        assert_eq!(form.to_script().unwrap_err().to_string(), what);
    }
    for rule in [
        r#"{"name": ""}"#,
        r#"{"name": "a\nb"}"#,
        r#"{"name": "a", "forward": ["nobody"]}"#,
        r#"{"name": "a", "colour": "red"}"#,
        r#"{"name": "a", "file": {"folder": "a//b"}}"#,
        r#"{"name": "a", "conditions": [{"field": "header", "name": "FROM", "texts": ["b"]}]}"#,
        r#"{"name": "a", "conditions": [{"field": "subject", "texts": ["b"], "hov": "is"}]}"#,
    ] {
        assert!(serde_json::from_str::<Rule>(rule).is_err(), "{rule}");
    }
    let backwards = r#"{"vacation": {"text": "x", "first_day": "2026-03-01", "last_day": "2026-02-28"}}"#;
    assert_eq!(serde_json::from_str::<Rules>(backwards).unwrap().to_script(), Err(Unfit::NoDays));
    assert!(serde_json::from_str::<Rules>(&backwards.replace("02-28", "02-29")).is_err(), "no leap year");
}
