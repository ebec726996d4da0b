//! ManageSieve clients: sieve-connect, and Python's sievelib.

use super::program::{Outcome, Program};
use super::{Demo, Door};

#[test]
fn sievelib_tours_the_scripts() {
    let demo = Demo::start();
    let outcome = Program::new("python3", "python3-sievelib")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_programs/sieve_tour.py"))
        .arg(demo.port(Door::ManageSieve).to_string())
        .succeed();
    assert!(outcome.stdout.ends_with("the tour is over\n"), "{outcome:?}");
}

fn sieve_connect(demo: &Demo, arguments: &[&str]) -> Outcome {
    Program::new("sieve-connect", "sieve-connect")
        .args(["--server", "localhost", "--4", "--user", "ana@home.test", "--passwordfd", "0"])
        .arg("--port")
        .arg(demo.port(Door::ManageSieve).to_string())
        .arg("--tlscafile")
        .arg(demo.ca_file())
        .args(arguments)
        .input("demo-password\n")
        .succeed()
}

#[test]
fn sieve_connect_uploads_activates_and_downloads() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().unwrap();
    let (mine, back) = (folder.path().join("mine.sieve"), folder.path().join("back.sieve"));
    let script = "# mine\r\nrequire \"fileinto\";\r\nfileinto \"Archive\";\r\n";
    std::fs::write(&mine, script).unwrap();
    let (mine, back) = (mine.to_str().unwrap(), back.to_str().unwrap());
    sieve_connect(&demo, &["--localsieve", mine, "--remotesieve", "main", "--upload"]);
    sieve_connect(&demo, &["--remotesieve", "main", "--activate"]);
    let listed = sieve_connect(&demo, &["--list"]).stdout;
    assert!(listed.contains("\"main\" ACTIVE"), "{listed}");
    sieve_connect(&demo, &["--localsieve", back, "--remotesieve", "main", "--download"]);
    assert_eq!(std::fs::read_to_string(back).unwrap(), script);
    sieve_connect(&demo, &["--deactivate"]);
    sieve_connect(&demo, &["--remotesieve", "main", "--delete"]);
    assert_eq!(sieve_connect(&demo, &["--list"]).stdout.trim(), "");
}
