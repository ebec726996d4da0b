//! Every command that can be written is read back as it was.

use super::acl::{AclSubject, RightsChange};
use super::command::{
    Append, AppendMessage, AppendPlace, AppendStep, BodyItem, Command, CommandBody, Fetch, FetchItem, List,
    ListReturn, ListSelection, Literal, MailboxArgument, MessageSet, Partial, Replace, Resync, Search,
    Secret, Section, SectionText, SelectParameters, StatusItem, Store, StoreMode, Tag, Target, Transfer,
};
use super::input::{AppendNext, Input, Next};
use super::metadata::{Annotated, Depth, EntryName, GetMetadata, SetMetadata};
use super::multisearch::{MultiSearch, SearchSource};
use super::notify::{EventGroup, MailboxFilter, MessageEvents, NotifySet, SelectedEvents};
use super::parse::{self, Dialect};
use super::search::{PartialRange, SearchField, SearchKey, SearchReturn};
use super::sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};
use super::write;
use proptest::prelude::*;
use proptest::sample::select;
use types::{
    Flags, Keyword, Limits, MailboxName, ModSeq, Right, Rights, SequenceSet, SpecialUse, SystemFlag,
};

fn mailbox() -> impl Strategy<Value = MailboxArgument> {
    "[a-z&ü ~\\\\\"{}%*]{1,8}(/[a-z台+,]{1,4})?"
        .prop_map(|name| MailboxName::parse(&name).map_err(Into::into))
}

fn set() -> impl Strategy<Value = MessageSet> {
    let end = || prop_oneof![1_u32..1000, Just(u32::MAX)];
    prop_oneof![
        prop::collection::vec((end(), end()), 1..5)
            .prop_map(|ranges| MessageSet::Numbers(SequenceSet::from_ranges(ranges))),
        Just(MessageSet::Saved),
    ]
}

fn modseq() -> impl Strategy<Value = ModSeq> {
    (1..=i64::MAX as u64).prop_map(ModSeq)
}

fn resync() -> impl Strategy<Value = Resync> {
    let numbers = |count| {
        prop::collection::btree_set(1_u32..4_000_000_000, count)
            .prop_map(|set| SequenceSet::from_ranges(set.into_iter().map(|number| (number, number))))
    };
    let matched = (1_usize..5).prop_flat_map(move |count| (numbers(count), numbers(count)));
    let known = prop::option::of(numbers(3));
    (1..=u32::MAX, modseq(), known, prop::option::of(matched))
        .prop_map(|(uid_validity, modseq, known, matched)| Resync { uid_validity, modseq, known, matched })
}

fn select_parameters() -> impl Strategy<Value = SelectParameters> {
    (any::<bool>(), prop::option::of(resync().prop_map(Box::new)))
        .prop_map(|(condstore, resync)| SelectParameters { condstore, resync })
}

fn target() -> impl Strategy<Value = Target> {
    (any::<bool>(), set()).prop_map(|(uid, set)| Target { uid, set })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (target(), mailbox()).prop_map(|(target, mailbox)| Transfer { target, mailbox })
}

fn flags() -> impl Strategy<Value = (Flags, Vec<Keyword>)> {
    let system = prop::collection::vec(select(&SystemFlag::ALL[..]), 0..4);
    let keyword = select(vec!["$Junk", "work", "a.b"]).prop_map(|name| Keyword::parse(name).unwrap());
    (system, prop::collection::vec(keyword, 0..3)).prop_map(|(system, mut keywords)| {
        keywords.dedup();
        let unique = keywords.iter().enumerate().all(|(at, keyword)| !keywords[..at].contains(keyword));
        let flags = system.into_iter().fold(Flags::NONE, |flags, flag| flags.with(Flags::system(flag)));
        (flags, if unique { keywords } else { Vec::new() })
    })
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß\r\n]{0,12}"
}

fn part(min: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(1_u32..50, min..4)
}

fn partial() -> impl Strategy<Value = Option<Partial>> {
    prop::option::of((any::<u32>(), 1..=u32::MAX).prop_map(|(first, count)| Partial { first, count }))
}

fn section() -> impl Strategy<Value = Section> {
    let names = || prop::collection::vec("[A-Za-z-]{1,8}", 1..3);
    let text = prop_oneof![
        Just(SectionText::Whole),
        Just(SectionText::Header),
        Just(SectionText::Text),
        (names(), any::<bool>()).prop_map(|(names, not)| SectionText::HeaderFields { names, not }),
    ];
    prop_oneof![
        (part(0), text).prop_map(|(part, text)| Section { part, text }),
        part(1).prop_map(|part| Section { part, text: SectionText::Mime }),
    ]
}

fn fetch_item() -> impl Strategy<Value = FetchItem> {
    prop_oneof![
        (section(), partial(), any::<bool>()).prop_map(|(section, partial, peek)| FetchItem::Binary {
            section,
            partial,
            peek
        }),
        section().prop_map(FetchItem::BinarySize),
        (section(), partial(), any::<bool>()).prop_map(|(section, partial, peek)| {
            FetchItem::Body(BodyItem { section, partial, peek, rfc822_name: false })
        }),
        select(vec![(SectionText::Whole, false), (SectionText::Header, true), (SectionText::Text, false)])
            .prop_map(|(text, peek)| {
                let section = Section { part: Vec::new(), text };
                FetchItem::Body(BodyItem { section, partial: None, peek, rfc822_name: true })
            }),
        any::<bool>().prop_map(FetchItem::BodyStructure),
        any::<bool>().prop_map(FetchItem::Preview),
        select(vec![
            FetchItem::EmailId,
            FetchItem::Envelope,
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::ModSeq,
            FetchItem::Rfc822Size,
            FetchItem::SaveDate,
            FetchItem::ThreadId,
            FetchItem::Uid
        ]),
    ]
}

fn fetch() -> impl Strategy<Value = Fetch> {
    let since = prop::option::of((modseq(), any::<bool>()));
    let items = prop::collection::vec(fetch_item(), 1..5);
    (target(), items, since, prop::option::of(partial_range())).prop_map(|(target, items, since, partial)| {
        let mut unique = Vec::new();
        for item in items {
            if !unique.contains(&item) {
                unique.push(item);
            }
        }
        let vanished = target.uid && since.is_some_and(|(_, vanished)| vanished);
        let partial = partial.filter(|_| target.uid);
        Fetch { target, items: unique, changed_since: since.map(|(modseq, _)| modseq), vanished, partial }
    })
}

fn message_events() -> impl Strategy<Value = MessageEvents> {
    (any::<bool>(), any::<bool>())
        .prop_map(|(arrivals, flags)| MessageEvents { arrivals, flags: arrivals && flags })
}

fn mailbox_filter() -> impl Strategy<Value = MailboxFilter> {
    prop_oneof![
        Just(MailboxFilter::Inboxes),
        Just(MailboxFilter::Personal),
        Just(MailboxFilter::Subscribed),
        prop::collection::vec(mailbox(), 1..3).prop_map(MailboxFilter::Mailboxes),
        prop::collection::vec(mailbox(), 1..3).prop_map(MailboxFilter::Subtree),
    ]
}

fn multisearch() -> impl Strategy<Value = MultiSearch> {
    let source = prop_oneof![
        Just(SearchSource::Selected),
        mailbox_filter().prop_map(SearchSource::Filter),
        prop::collection::vec(mailbox(), 1..3).prop_map(SearchSource::SubtreeOne),
    ];
    let sources = prop::collection::vec(source, 0..3);
    (sources, returns(), search_key()).prop_map(|(sources, returns, key)| {
        let search = MultiSearch { sources, returns: SearchReturn { save: false, ..returns }, key };
        match search.returns == SearchReturn::default() {
            true => MultiSearch { returns: SearchReturn::ALL, ..search },
            false => search,
        }
    })
}

fn notify() -> impl Strategy<Value = NotifySet> {
    let selected = (any::<bool>(), message_events(), fetch()).prop_map(|(delayed, messages, fetch)| {
        let fetch = if messages.arrivals { fetch.items } else { Vec::new() };
        SelectedEvents { delayed, messages, fetch }
    });
    let group = (mailbox_filter(), message_events(), any::<[bool; 4]>()).prop_map(
        |(mailboxes, messages, [names, subscriptions, metadata, server_metadata])| EventGroup {
            mailboxes,
            messages,
            names,
            subscriptions,
            metadata,
            server_metadata,
        },
    );
    (any::<bool>(), prop::option::of(selected), prop::collection::vec(group, 1..3))
        .prop_map(|(status, selected, groups)| NotifySet { status, selected, groups })
}

fn search_key() -> impl Strategy<Value = SearchKey> {
    let day = || -10_000_i64..40_000;
    let leaf = prop_oneof![
        Just(SearchKey::All),
        (select(&SystemFlag::ALL[..]), any::<bool>()).prop_map(|(flag, set)| SearchKey::Flag(flag, set)),
        (select(&SearchField::ALL[..]), text()).prop_map(|(field, text)| SearchKey::Field(field, text)),
        (text(), text()).prop_map(|(name, text)| SearchKey::Header(name, text)),
        text().prop_map(SearchKey::Body),
        text().prop_map(SearchKey::Text),
        any::<bool>().prop_map(|set| SearchKey::Keyword(Keyword::parse("$Junk").unwrap(), set)),
        any::<bool>().prop_map(SearchKey::Recent),
        day().prop_map(SearchKey::Before),
        day().prop_map(SearchKey::On),
        day().prop_map(SearchKey::Since),
        "[A-Za-z0-9_-]{1,20}".prop_map(SearchKey::EmailId),
        "[A-Za-z0-9_-]{1,20}".prop_map(SearchKey::ThreadId),
        Just(SearchKey::SaveDateSupported),
        day().prop_map(SearchKey::SavedBefore),
        day().prop_map(SearchKey::SavedOn),
        day().prop_map(SearchKey::SavedSince),
        day().prop_map(SearchKey::SentBefore),
        day().prop_map(SearchKey::SentOn),
        day().prop_map(SearchKey::SentSince),
        (0..=i64::MAX as u64).prop_map(SearchKey::Larger),
        (0..=i64::MAX as u64).prop_map(SearchKey::Smaller),
        (1..=u32::MAX).prop_map(SearchKey::Older),
        (1..=u32::MAX).prop_map(SearchKey::Younger),
        modseq().prop_map(SearchKey::ModSeq),
        set().prop_map(SearchKey::Sequence),
        set().prop_map(SearchKey::Uid),
    ];
    leaf.prop_recursive(5, 20, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| SearchKey::Or(Box::new(a), Box::new(b))),
            prop::collection::vec(inner, 2..4).prop_map(SearchKey::And),
        ]
    })
}

fn partial_range() -> impl Strategy<Value = PartialRange> {
    (1_u32.., 1_u32.., any::<bool>()).prop_map(|(from, to, from_end)| PartialRange { from, to, from_end })
}

fn returns() -> impl Strategy<Value = SearchReturn> {
    let words = (any::<[bool; 7]>(), any::<bool>(), prop::option::of(partial_range()));
    words.prop_map(|([min, max, count, save, relevancy, context, update], all, partial)| {
        let all = all && partial.is_none();
        let returns = SearchReturn { min, max, all, count, save, partial, relevancy, context, update };
        if returns == SearchReturn::default() { SearchReturn::ALL } else { returns }
    })
}

fn search() -> impl Strategy<Value = Search> {
    (any::<bool>(), prop::option::of(returns()), search_key()).prop_map(|(uid, returns, key)| Search {
        uid,
        returns,
        key,
    })
}

fn sort() -> impl Strategy<Value = Sort> {
    let criterion =
        (select(&SortKey::ALL[..]), any::<bool>()).prop_map(|(key, reverse)| SortCriterion { key, reverse });
    let criteria = prop::collection::vec(criterion, 1..4);
    (any::<bool>(), prop::option::of(returns()), criteria, search_key())
        .prop_map(|(uid, returns, criteria, key)| Sort { uid, returns, criteria, key })
}

fn thread() -> impl Strategy<Value = Thread> {
    (any::<bool>(), select(&ThreadAlgorithm::ALL[..]), search_key())
        .prop_map(|(uid, algorithm, key)| Thread { uid, algorithm, key })
}

fn store() -> impl Strategy<Value = Store> {
    let mode = select(vec![StoreMode::Add, StoreMode::Remove, StoreMode::Replace]);
    let unchanged_since = prop::option::of(prop_oneof![Just(ModSeq(0)), modseq()]);
    (target(), mode, any::<bool>(), unchanged_since, flags()).prop_map(
        |(target, mode, silent, unchanged_since, (flags, keywords))| Store {
            target,
            mode,
            silent,
            unchanged_since,
            flags,
            keywords,
        },
    )
}

fn status_items() -> impl Strategy<Value = Vec<StatusItem>> {
    (1..=StatusItem::ALL.len()).prop_map(|count| StatusItem::ALL[..count].to_vec())
}

fn list() -> impl Strategy<Value = List> {
    let selection =
        any::<(bool, bool, bool, bool)>().prop_map(|(subscribed, remote, recursive_match, special_use)| {
            let recursive_match = recursive_match && (subscribed || special_use);
            ListSelection { subscribed, remote, recursive_match, special_use }
        });
    let returns =
        (
            any::<(bool, bool, bool, bool)>(),
            prop::option::of(status_items()),
            prop::option::of(entry_names()),
        )
            .prop_map(|((subscribed, children, special_use, my_rights), status, metadata)| {
                ListReturn { subscribed, children, special_use, metadata, my_rights, status }
            });
    let pattern = || "[a-zä%*/&]{0,6}";
    prop_oneof![
        (pattern(), pattern()).prop_map(|(reference, pattern)| List {
            reference,
            patterns: vec![pattern],
            ..List::default()
        }),
        (selection, pattern(), prop::collection::vec(pattern(), 1..3), returns).prop_map(
            |(selection, reference, patterns, returns)| List {
                extended: true,
                selection,
                reference,
                patterns,
                returns
            }
        ),
    ]
}

fn append_message() -> impl Strategy<Value = AppendStep> {
    (flags(), prop::option::of(0_i64..4_000_000_000)).prop_map(|((flags, keywords), internal_date)| {
        AppendStep::Message(AppendMessage { flags, keywords, internal_date })
    })
}

fn url() -> impl Strategy<Value = AppendStep> {
    "[/;=.a-zA-Z0-9% ü]{1,12}".prop_map(AppendStep::Url)
}

/// Messages of URLs, and at the end perhaps one whose octets come.
fn append(replace: bool) -> impl Strategy<Value = Append> {
    let whole = (append_message(), prop::collection::vec(url(), 1..3));
    let octets = (0_u64..1 << 40, any::<(bool, bool, bool, bool)>());
    let last = (append_message(), prop::collection::vec(url(), 0..2), octets).prop_map(
        move |(message, urls, (bytes, (synchronising, binary, catenate, utf8)))| {
            let place = AppendPlace { catenate: catenate || !urls.is_empty(), utf8, replace };
            let literal = Literal { bytes, synchronising, binary: binary || utf8 };
            let begin = std::iter::once(message).chain(urls);
            begin.chain(std::iter::once(AppendStep::Octets(literal, place))).collect::<Vec<_>>()
        },
    );
    let wholes = prop::collection::vec(whole, 0..if replace { 1 } else { 3 });
    let only_urls = (append_message(), prop::collection::vec(url(), 1..3));
    let end = prop_oneof![
        last,
        only_urls.prop_map(|(message, urls)| std::iter::once(message).chain(urls).collect::<Vec<_>>()),
    ];
    (mailbox(), wholes, end).prop_map(|(mailbox, wholes, end)| {
        let whole = wholes.into_iter().flat_map(|(message, urls)| std::iter::once(message).chain(urls));
        Append { mailbox, steps: whole.chain(end).collect() }
    })
}

fn replace() -> impl Strategy<Value = Replace> {
    let number = prop_oneof![1_u32..1000, Just(u32::MAX)];
    (any::<bool>(), number, append(true)).prop_map(|(uid, number, append)| {
        let set = MessageSet::Numbers(SequenceSet::from_ranges([(number, number)]));
        Replace { target: Target { uid, set }, append }
    })
}

fn entry_name() -> impl Strategy<Value = EntryName> {
    "/(shared|private)(/[a-z. ]{1,5}){1,3}".prop_map(|text| EntryName::parse(&text).unwrap())
}

fn entry_names() -> impl Strategy<Value = Vec<EntryName>> {
    prop::collection::btree_set(entry_name(), 1..4).prop_map(|names| names.into_iter().collect())
}

fn annotated() -> impl Strategy<Value = Annotated> {
    prop_oneof![Just(Annotated::Server), mailbox().prop_map(Annotated::Mailbox)]
}

fn get_metadata() -> impl Strategy<Value = GetMetadata> {
    let depth = select(vec![Depth::Nothing, Depth::NextLevel, Depth::Everything]);
    (annotated(), prop::option::of(any::<u32>()), depth, entry_names())
        .prop_map(|(of, value_bytes_max, depth, entries)| GetMetadata { of, value_bytes_max, depth, entries })
}

fn set_metadata() -> impl Strategy<Value = SetMetadata> {
    let value = || prop::option::of(prop::collection::vec(any::<u8>(), 0..12));
    let values = prop::collection::btree_map(entry_name(), value(), 1..4);
    (annotated(), values).prop_map(|(of, values)| SetMetadata { of, values: values.into_iter().collect() })
}

fn acl_subject() -> impl Strategy<Value = AclSubject> {
    (mailbox(), "-?[a-zä@. ]{1,12}").prop_map(|(mailbox, identifier)| AclSubject { mailbox, identifier })
}

fn rights_change() -> impl Strategy<Value = RightsChange> {
    (prop::collection::vec(select(&Right::ALL[..]), 0..4), 0..3).prop_map(|(rights, kind)| {
        let rights = Rights::of(&rights);
        [RightsChange::Add(rights), RightsChange::Remove(rights), RightsChange::Replace(rights)]
            [kind as usize]
    })
}

fn body() -> impl Strategy<Value = CommandBody> {
    let plain = select(vec![
        CommandBody::Capability,
        CommandBody::CancelUpdate(vec!["a1".to_owned(), "b\"2".to_owned()]),
        CommandBody::Check,
        CommandBody::Close,
        CommandBody::Compress,
        CommandBody::Expunge(None),
        CommandBody::Idle,
        CommandBody::Logout,
        CommandBody::Namespace,
        CommandBody::Noop,
        CommandBody::StartTls,
        CommandBody::Unauthenticate,
        CommandBody::Unselect,
    ]);
    let initial = prop::option::of(prop::collection::vec(any::<u8>(), 0..8));
    let uses = prop::collection::vec(select(&SpecialUse::ALL[..]), 0..3);
    let pairs = prop::collection::vec((text(), prop::option::of(text())), 0..3);
    prop_oneof![
        plain,
        append(false).prop_map(CommandBody::Append),
        replace().prop_map(CommandBody::Replace),
        ("[A-Z0-9-]{1,12}", initial)
            .prop_map(|(mechanism, initial)| CommandBody::Authenticate { mechanism, initial }),
        transfer().prop_map(CommandBody::Copy),
        transfer().prop_map(CommandBody::Move),
        (mailbox(), uses).prop_map(|(mailbox, special_use)| CommandBody::Create { mailbox, special_use }),
        mailbox().prop_map(CommandBody::Delete),
        acl_subject().prop_map(CommandBody::DeleteAcl),
        acl_subject().prop_map(CommandBody::ListRights),
        mailbox().prop_map(CommandBody::GetAcl),
        mailbox().prop_map(CommandBody::MyRights),
        get_metadata().prop_map(CommandBody::GetMetadata),
        text().prop_map(CommandBody::GetQuota),
        mailbox().prop_map(CommandBody::GetQuotaRoot),
        set_metadata().prop_map(CommandBody::SetMetadata),
        (acl_subject(), rights_change()).prop_map(|(subject, change)| CommandBody::SetAcl(subject, change)),
        mailbox().prop_map(CommandBody::Subscribe),
        mailbox().prop_map(CommandBody::Unsubscribe),
        prop::collection::vec("[A-Z0-9=]{1,8}", 1..3).prop_map(CommandBody::Enable),
        set().prop_map(|set| CommandBody::Expunge(Some(set))),
        fetch().prop_map(CommandBody::Fetch),
        pairs.prop_map(CommandBody::Id),
        list().prop_map(CommandBody::List),
        (text(), text()).prop_map(|(user, password)| CommandBody::Login { user, password: Secret(password) }),
        ("[a-z/]{0,4}", "[a-z%*ü]{1,4}")
            .prop_map(|(reference, pattern)| CommandBody::Lsub { reference, pattern }),
        prop::option::of(notify()).prop_map(CommandBody::Notify),
        (mailbox(), mailbox()).prop_map(|(from, to)| CommandBody::Rename { from, to }),
        search().prop_map(CommandBody::Search),
        multisearch().prop_map(CommandBody::MultiSearch),
        sort().prop_map(CommandBody::Sort),
        thread().prop_map(CommandBody::Thread),
        (mailbox(), any::<bool>(), select_parameters()).prop_map(|(mailbox, read_only, parameters)| {
            CommandBody::Select { mailbox, read_only, parameters }
        }),
        (mailbox(), status_items()).prop_map(|(mailbox, items)| CommandBody::Status { mailbox, items }),
        store().prop_map(CommandBody::Store),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn commands_survive(body in body(), utf8_names in any::<bool>()) {
        let limits = Limits::default();
        let dialect = Dialect { limits: &limits, utf8_names, utf8_only: false };
        let command = Command { tag: Tag::parse(b"a1").unwrap(), body };
        let mut bytes = Vec::new();
        write::command(&mut bytes, &command, utf8_names);
        prop_assert_eq!(parse::frame(&bytes, &dialect), Ok(command), "{}", bytes.escape_ascii());
    }

    #[test]
    fn no_frame_makes_the_parser_panic(
        words in prop::collection::vec(select(vec![
            "a", "UID", "FETCH", "SEARCH", "STORE", "LIST", "APPEND", "1:*", "(", ")", "BODY[", "]", "<0.1>", "{3}\r\n", "{3+}\r\n", "\"", "\\",
            "OR", "NOT", "RETURN", "SORT", "THREAD", "REFS", "PARTIAL", "-1:-2", "FUZZY", "RELEVANCY", "SUBJECT", "REVERSE", "UTF-8", "$", "1", ".", "HEADER.FIELDS", "FLAGS", "\\Seen", "INBOX", "CREATE", "USE", "REPLACE", "CATENATE", "URL", "TEXT", "UTF8", "\r\n", "é", "*", "%", "&", "~",
        ]), 0..12),
        spaced in any::<bool>(),
    ) {
        let limits = Limits::default();
        let text = words.join(if spaced { " " } else { "" });
        let _ = parse::frame(text.as_bytes(), &Dialect { limits: &limits, utf8_names: false, utf8_only: false });
    }
}

proptest! {
    /// However bytes are cut, the input comes to rest and never hands out more than was sent.
    #[test]
    fn no_bytes_make_the_input_panic_or_spin(
        pieces in prop::collection::vec(select(vec![
            "a ", "b NOOP", "\r\n", "\n", "\r", "\0", " {3}", " {3+}", "abc", "LOGIN ", "APPEND INBOX", "REPLACE 1 INBOX", " CATENATE (TEXT", " URL ", ")", " UTF8 (", " ~{2+}", " {99999999999999999999+}", "\"", "(", "é", "x",
        ]), 0..30),
        cut in 1_usize..9,
    ) {
        let limits = Limits { imap_line_bytes_max: 40, imap_literals_bytes_max: 8, message_bytes_max: 64, ..Limits::default() };
        let dialect = Dialect { limits: &limits, utf8_names: true, utf8_only: false };
        let mut input = Input::new();
        for piece in pieces.concat().as_bytes().chunks(cut) {
            input.feed(piece);
            let mut steps = 0;
            loop {
                steps += 1;
                prop_assert!(steps < 100, "it spins");
                let here = input.message().len();
                input.take_message(here);
                if let AppendNext::Steps(steps) = input.append_next(&dialect)
                    && matches!(steps.last(), Some(AppendStep::Octets(..)))
                {
                    input.accept_message();
                }
                match input.next(&dialect) {
                    Next::Command(Command { body: CommandBody::Append(append), .. }) => match append.steps.last() {
                        Some(AppendStep::Octets(Literal { bytes: 0..=10, .. }, _)) => drop(input.accept_message()),
                        _ => input.refuse_message(),
                    },
                    Next::Incomplete | Next::Hopeless => break,
                    _ => {}
                }
            }
        }
    }
}
