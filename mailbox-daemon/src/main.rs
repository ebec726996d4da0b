//! The mail of a home in one process. This crate is the command line and the order in which things start.

mod cli;
mod demo_text;
mod log;
mod memory;
mod output;
mod spam_evaluate;
mod test_scripts;
mod try_script;

use clap::Parser;
use cli::{Cli, RelayWord, SieveWord, Word};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use output::say;
use std::path::Path;
use std::process::ExitCode;

/// Threads that may wait for the disk at once besides the workers; each keeps an allocator cache of its own.
const BLOCKING_THREADS_MAX: usize = 4;
/// Files open at once are allowed up to this, where the system allows it: several times what the default limits can use.
const OPEN_FILES: u64 = 8192;
/// The exit code of a doctor who found something that stays wrong.
const UNWELL: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("mailbox-daemon: {message}");
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<ExitCode, String> {
    match cli.word {
        Word::Run => daemon(run(&cli.config)),
        Word::Demo(demo) => daemon(async { demo.settled().run(demo_text::announce).await.map_err(as_text) }),
        Word::Check => check(&cli.config),
        Word::Relay(RelayWord::Presets) => {
            output::print(&service::admin::relay_presets(), cli.json);
            Ok(())
        }
        Word::Doctor(doctor) => return examine(&cli.config, doctor.repair, cli.json),
        Word::Sieve(SieveWord::Check { script }) => return try_script::check(&script, cli.json),
        Word::Sieve(SieveWord::Test { files }) => return test_scripts::run(&files, cli.json),
        Word::Sieve(SieveWord::Run(args)) => return try_script::run(&args, cli.json),
        Word::Spam(word) => {
            let state_dir = service::host::state_dir_of(&cli.config);
            let execute = |command| service::control::execute(&state_dir, command).map_err(as_text);
            if let Some(answer) = word.run(&execute)? {
                output::print(&answer, cli.json);
            }
            Ok(())
        }
        word => {
            let state_dir = service::host::state_dir_of(&cli.config);
            let answer = service::control::execute(&state_dir, word.command()?).map_err(as_text)?;
            output::print(&answer, cli.json);
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Sets the process up for a long life in little memory, then runs the future to its end.
fn daemon(life: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    memory::stay_small();
    allow_many_files();
    log::start();
    service::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)))
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(1024 * 1024)
        .enable_all()
        .build()
        .map_err(as_text)?;
    let result = runtime.block_on(life);
    // Sessions that outlived the grace period end with the process.
    runtime.shutdown_background();
    result
}

/// Sessions, mailboxes and messages on their way need more open files than the 1024 a process begins with.
fn allow_many_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(OPEN_FILES)), hard));
    if let Err(error) = raised {
        eprintln!("mailbox-daemon: the limit of open files stays as it is: {error}");
    }
}

async fn run(config: &Path) -> Result<(), String> {
    let settings = service::host::read_settings(config).map_err(as_text)?;
    service::run::run(settings, config, |_| {}).await.map_err(as_text)
}

fn check(config: &Path) -> Result<(), String> {
    let settings = service::host::read_settings(config).map_err(as_text)?;
    say(format_args!("{}: no mistakes found", config.display()));
    for hint in service::admin::relay_hints(&settings) {
        say(hint);
    }
    Ok(())
}

fn examine(config: &Path, repair: bool, as_json: bool) -> Result<ExitCode, String> {
    let state_dir = service::host::state_dir_of(config);
    let report = service::doctor::doctor(&state_dir, repair).map_err(as_text)?;
    output::print(&report.answer, as_json);
    Ok(if report.is_well { ExitCode::SUCCESS } else { ExitCode::from(UNWELL) })
}

fn as_text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
