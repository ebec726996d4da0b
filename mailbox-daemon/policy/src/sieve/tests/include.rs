use super::*;

#[test]
fn scripts_include_scripts() {
    let world = World::with_scripts(&[
        (
            "a",
            "require [\"include\", \"variables\", \"fileinto\"]; global \"x\"; set \"y\" \"b\"; fileinto \"${x}-${y}\";",
        ),
        ("r", "require \"include\"; if true { return; } discard;"),
        ("s", "require \"include\"; keep; stop;"),
        ("loop", "require \"include\"; include \"loop\";"),
        ("once", "require \"include\"; include :once \"once\"; keep;"),
        ("bad", "require \"ihave\";\nerror \"oh\";"),
        ("set", "require [\"include\", \"variables\"]; set \"global.v\" \"w\";"),
    ]);
    let require = "require [\"include\", \"variables\", \"fileinto\"];\n";
    for (source, expected) in [
        (
            "global \"x\"; set \"x\" \"1\"; set \"y\" \"2\"; include \"a\"; if string \"${y}${global.x}\" \"21\" { keep; }",
            "file 1-b; file INBOX",
        ),
        ("include \"r\"; fileinto \"z\";", "file z"),
        ("return; fileinto \"z\";", "file INBOX"),
        ("include \"s\"; fileinto \"z\";", "file INBOX"),
        (
            "include :personal \"loop\";",
            "file INBOX; trouble line 1: in the script \"loop\": the script \"loop\" includes itself",
        ),
        ("include \"once\";", "file INBOX"),
        (
            "include \"none\";",
            "file INBOX; trouble line 2: the script \"none\" that is included is not there or has faults",
        ),
        ("include :optional \"none\"; discard;", "nothing"),
        ("include :global :optional \"a\"; discard;", "nothing"),
        ("fileinto \"z\"; include \"bad\";", "file INBOX; trouble line 2: in the script \"bad\": oh"),
        ("include :once \"s\"; include :once \"s\";", "file INBOX"),
        ("global \"v\"; include \"set\"; fileinto \"${v}\";", "file w"),
    ] {
        assert_eq!(world.told(&format!("{require}{source}")), expected, "{source}");
    }
    let names: Vec<_> = compile(&format!("{require} include \"a\"; include :global \"b\"; include \"a\";"))
        .needs()
        .scripts
        .clone();
    assert_eq!(names, [ScriptName::parse("a").expect("a name")]);
}
