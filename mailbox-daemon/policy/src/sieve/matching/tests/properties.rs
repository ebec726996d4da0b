use super::*;
use proptest::prelude::*;

/// What `:matches` means, tried out letter by letter; stars short first.
fn naive(value: &[u8], key: &[u8]) -> Option<Vec<Vec<u8>>> {
    match key {
        [] => value.is_empty().then(Vec::new),
        [b'*', rest @ ..] => (0..=value.len()).find_map(|length| {
            let mut captured = naive(&value[length..], rest)?;
            captured.insert(0, value[..length].to_vec());
            Some(captured)
        }),
        [b'?', rest @ ..] => {
            let mut captured = naive(value.get(1..)?, rest)?;
            captured.insert(0, value[..1].to_vec());
            Some(captured)
        }
        [b'\\', letter, rest @ ..] | [letter, rest @ ..] => {
            let first = value.first()?;
            if first.eq_ignore_ascii_case(letter) { naive(&value[1..], rest) } else { None }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn wildcards_agree_with_the_naive_way(value in "[abAB*]{0,12}", key in r"([aB*?]|\\\*){0,8}") {
        let expected = naive(value.as_bytes(), key.as_bytes()).map(|captured| {
            let captured = captured.into_iter().map(|part| String::from_utf8(part).unwrap());
            std::iter::once(value.clone()).chain(captured).collect::<Vec<_>>()
        });
        prop_assert_eq!(&compared(AsciiCasemap, Matches, value.as_bytes(), &key), &expected);
        prop_assert_eq!(&compared(UnicodeCasemap, Matches, value.as_bytes(), &key), &expected);
    }

    #[test]
    fn letters_of_unicode_match_as_those_of_ascii_do(value in "[abAB]{0,10}", key in "[aB*?]{0,8}") {
        let foreign = |text: &str| text.replace('a', "ä").replace('A', "Ä").replace('b', "ß").replace('B', "SS");
        // Two letters of the key are one of the value.
        let value_of_one = value.replace('B', "b");
        let plain = compared(AsciiCasemap, Matches, value_of_one.as_bytes(), &key);
        let strange = compared(UnicodeCasemap, Matches, foreign(&value_of_one).as_bytes(), &foreign(&key));
        prop_assert_eq!(plain.map(|found| found.iter().map(|part| foreign(part)).collect::<Vec<_>>()), strange);
    }

    #[test]
    fn any_octets_are_compared(value in prop::collection::vec(any::<u8>(), 0..40), key in ".{0,12}") {
        for comparator in [Octet, AsciiCasemap, AsciiNumeric, UnicodeCasemap] {
            for match_type in [Is, Contains, Matches, Regex, MatchType::Value(Relation::Less)] {
                if let Ok(key) = Key::prepare(comparator, match_type, &key, &mut work()) {
                    key.compare(&value, &mut work()).unwrap();
                }
            }
        }
    }

    #[test]
    fn any_expression_that_is_read_is_run(key in r"[ab()|*+?{}12,.^$\[\]:\\-]{0,16}") {
        let Ok(read) = expression::read(AsciiCasemap, &key) else { return Ok(()) };
        prop_assert!(regex::Regex::new(&read.source).is_ok(), "{} {}", key, read.source);
    }

    #[test]
    fn parts_of_a_value_are_in_it(text in "[aäß日e\u{301}B]{0,30}", start in 0usize..30, length in 0usize..30) {
        let part: String = proto::mime::fold::characters(&text).skip(start).take(length).collect();
        for comparator in [Octet, AsciiCasemap, UnicodeCasemap] {
            prop_assert!(holds(comparator, Contains, &text, &part));
        }
        prop_assert!(holds(UnicodeCasemap, Contains, &text.to_uppercase(), &part));
    }
}
