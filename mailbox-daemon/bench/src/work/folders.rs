//! `list500`: an account with many folders.

use std::thread;
use std::time::Duration;

use super::{Scale, median_of};
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::imap::{Door, Imap};
use crate::servers::{ANA, Site};

const FOLDERS: u64 = 500;
/// Folders that do not lie in another one.
const TOP_FOLDERS: u64 = 20;
const ROUNDS: usize = 15;
/// What was changed this instant is looked at again by everybody, since a file system's clock is coarse.
const SETTLE: Duration = Duration::from_secs(3);

const LISTS: [(&str, &str); 2] = [
    ("list", "LIST \"\" \"*\""),
    ("list_status", "LIST \"\" \"*\" RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))"),
];

/// Makes the folders, then lists them as phones do at every start.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let folders = scale.count(FOLDERS);
    let server = site.start()?;
    let mut imap = server.imap(Door::Imap, ANA)?;
    make_folders(&mut imap, folders)?;
    thread::sleep(SETTLE);
    for (name, command) in LISTS {
        let costs = super::repeat(&server, scale.rounds(ROUNDS), |_| {
            let mut listed = 0;
            imap.command_with(command, |line| listed += u64::from(line.starts_with(b"* LIST ")))?;
            match listed >= folders {
                true => Ok(()),
                false => Err(Fault::Setup(format!("{command} told {listed} of {folders} folders"))),
            }
        })?;
        median_of(figures, &format!("list500.{name}"), &costs);
    }
    imap.command("LOGOUT")?;
    server.stop()
}

fn make_folders(imap: &mut Imap, folders: u64) -> Outcome<()> {
    for number in 0..folders {
        let name = match number < TOP_FOLDERS {
            true => format!("top{number}"),
            false => format!("top{}/folder{number}", number % TOP_FOLDERS),
        };
        imap.command(&format!("CREATE {name}"))?;
        imap.command(&format!("SUBSCRIBE {name}"))?;
    }
    Ok(())
}
