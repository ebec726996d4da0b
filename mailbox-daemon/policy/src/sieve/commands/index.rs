//! index (RFC 5260 section 6): `:index` and `:last`.

use crate::sieve::check::Arguments;
use crate::sieve::message::Index;

/// Reads `[":index" <fieldno: number> [":last"]]`; `extension` is what the tags need, unless the command comes with them.
pub fn read(arguments: &mut Arguments<'_>, extension: Option<&'static str>) -> Option<Index> {
    let from_end = arguments.flag("last", extension);
    let Some((place, number)) = arguments.number_of("index", extension) else {
        if from_end && !arguments.has_tag("index") {
            arguments.fault(arguments.place(), "`:last` needs `:index`");
        }
        return None;
    };
    if number == 0 {
        arguments.fault(place, "`:index` counts from 1");
    }
    Some(Index { number, from_end })
}
