use super::*;

const REQUIRE: &str = "require [\"variables\", \"encoded-character\", \"envelope\", \"relational\", \"comparator-i;ascii-numeric\", \"regex\"];";

/// Scripts and what a variable `r` holds at their end.
fn assert_sets(table: &[(&str, &str)]) {
    for (script, expected) in table {
        let source =
            format!("{REQUIRE} require [\"vnd.dovecot.debug\"];\n{script}\ndebug_log \"${{r}}\"; discard;");
        assert_eq!(World::default().told(&source), format!("log {expected}"), "{script}");
    }
}

#[test]
fn strings_are_interpreted() {
    assert_sets(&[
        ("set \"r\" \"&%${}!\";", "&%${}!"),
        ("set \"r\" \"${doh!}\";", "${doh!}"),
        ("set \"r\" \"<${full}>\";", "<>"),
        ("set \"Company\" \"ACME\"; set \"r\" \"${COMPANY}\";", "ACME"),
        ("set \"company\" \"ACME\"; set \"r\" \"${BAD${Company}\";", "${BADACME"),
        ("set \"company\" \"ACME\"; set \"r\" \"${President, ${Company} Inc.}\";", "${President, ACME Inc.}"),
        ("set \"foo\" \"x\"; set \"r\" \"${fo\\o}${fo\\\\o}\\${foo}\\\\${foo}\";", "x${fo\\o}x\\x"),
        ("set \"dollar\" \"$\"; set \"r\" \"regarding ${dollar}{beep}\";", "regarding ${beep}"),
        ("set \"name\" \"Ethelbert\"; set \"r\" \"dear${hex:20 24 7b 4e}ame}\";", "dear Ethelbert"),
        ("set \"a\" \"${b}\"; set \"b\" \"x\"; set \"r\" \"<${a}>\";", "<>"),
        ("set \"a\" \"${unicode:24}{b}\"; set \"r\" \"${a}\";", ""),
    ]);
}

#[test]
fn modifiers() {
    let jumbled = "set \"a\" \"juMBlEd lETteRS\";";
    for (set, expected) in [
        ("set :length \"r\" \"${a}\";", "15"),
        ("set :lower \"r\" \"${a}\";", "jumbled letters"),
        ("set :upperfirst \"r\" \"${a}\";", "JuMBlEd lETteRS"),
        ("set :upperfirst :lower \"r\" \"${a}\";", "Jumbled letters"),
        ("set :lowerfirst :UPPER \"r\" \"${a}\";", "jUMBLED LETTERS"),
        ("set :quotewildcard \"r\" \"Rock*\\\\?\";", "Rock\\*\\\\\\?"),
        ("set :length :quotewildcard \"r\" \"a*\";", "3"),
        ("set :length \"r\" \"Grüße\";", "5"),
        ("set :upper \"r\" \"Grüße\";", "GRüßE"),
        ("set :upperfirst \"r\" \"\";", ""),
        ("set :quoteregex \"r\" \"a.b\";", "a\\.b"),
    ] {
        assert_sets(&[(&format!("{jumbled}{set}"), expected)]);
    }
}

#[test]
fn wildcards_leave_what_they_stood_for() {
    assert_sets(&[
        (
            "if header :matches \"subject\" \"* from *\" { set \"r\" \"${1}|${2}|${3}|${0}|${007}\"; }",
            "Grüße|Ana||Grüße from Ana|",
        ),
        (
            "if address :matches [\"to\", \"cc\"] [\"nobody*\", \"c*@**.test\"] { set \"r\" \"${1}|${2}|${3}\"; }",
            "y||home",
        ),
        (
            "if header :matches \"subject\" \"*\" { } if header :matches \"subject\" \"x*\" { } set \"r\" \"${1}\";",
            "Grüße from Ana",
        ),
        (
            "if header :matches \"subject\" \"*\" { } if header :is \"x-priority\" \"3\" { } set \"r\" \"${1}\";",
            "Grüße from Ana",
        ),
        ("if anyof (true, header :matches \"subject\" \"*\") { } set \"r\" \"<${1}>\";", "<>"),
        ("set \"r\" \"${0}<${9}>\";", "<>"),
        ("if string :matches \"a\" \"${1}*\" { set \"r\" \"${1}\"; }", "a"),
        ("if string :regex \"abc\" \"(.)(.)\" { set \"r\" \"${2}${1}${0}\"; }", "baab"),
    ]);
}

#[test]
fn tests_of_strings() {
    assert_holds(
        REQUIRE,
        &[
            ("string \"\" \"\"", true),
            ("string \" a\" \"a\"", false),
            ("string [\"a\", \"b\"] [\"c\", \"B\"]", true),
            ("string :count \"eq\" [\"a\", \"\", \"b\", \"${x}\"] \"2\"", true),
            ("string :count \"eq\" \"\" \"0\"", true),
            ("string :value \"gt\" :comparator \"i;ascii-numeric\" \"10\" \"9\"", true),
            (
                "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"received\", \"subject\"] [\"3\"]",
                true,
            ),
            ("address :count \"eq\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] [\"4\"]", true),
            ("header :value \"lt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"4\"", true),
        ],
    );
}

#[test]
fn values_that_are_too_long_are_cut() {
    let mut source =
        String::from("require [\"variables\", \"vnd.dovecot.debug\"]; set \"a\" \"é0123456789\";");
    source.push_str(&"set \"a\" \"${a}${a}\";".repeat(40));
    source.push_str("set :length \"n\" \"${a}\"; debug_log \"${n}\"; discard;");
    assert_eq!(World::default().told(&source), "log 14666");
}
