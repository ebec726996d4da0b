use super::*;

fn faults(source: &[u8]) -> Vec<String> {
    let compiled = Script::compile(source, &config::Sieve::default());
    compiled.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_told() {
    let source = "keep\ndiscard;\nfoo \"x\" { bar; }\nfileinto \"\";\n";
    assert_eq!(
        faults(source.as_bytes()),
        [
            "line 2, column 1: `keep` takes no test; is a `;` missing before `discard`?",
            "line 3, column 1: the command `foo` is not known",
            "line 3, column 11: the command `bar` is not known",
            "line 4, column 1: `fileinto` needs `require \"fileinto\";`",
            "line 4, column 10: a mailbox name has at least one character in every level",
        ]
    );
}
