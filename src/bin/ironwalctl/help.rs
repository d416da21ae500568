//! What does the tool say about itself?

pub const VERSION: &str = concat!("ironwalctl ", env!("CARGO_PKG_VERSION"));

pub const USAGE: &str = "\
usage: ironwalctl verify DIR [--stream KEY] [--json] [--progress]
       ironwalctl stat   DIR [--stream KEY] [--json]
       ironwalctl dump   DIR [--stream KEY] [--from ID] [--to ID] [--json]
       ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]
       ironwalctl help [COMMAND]
       ironwalctl --version";

pub const HELP: &str = "\
ironwalctl - look at a log of ironwal, and make a healthy copy of a damaged one

usage: ironwalctl verify DIR [--stream KEY] [--json] [--progress]
       ironwalctl stat   DIR [--stream KEY] [--json]
       ironwalctl dump   DIR [--stream KEY] [--from ID] [--to ID] [--json]
       ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]
       ironwalctl help [COMMAND]
       ironwalctl --version

DIR is the directory of a log. verify, stat and dump change nothing in it and take no lock: the
log may be in use.

  verify   reads everything and tells what is damaged, with file, place and ids
  stat     tells streams, ids, segments and bytes; reads headers only
  dump     prints entries, and what cannot be read in place of them
  repair   copies what is readable into a new log; DIR is locked meanwhile and stays as it is

  --stream KEY   this stream only
  --from ID      entries from this id on
  --to ID        entries below this id (of repair: the new directory)
  --json         machine-readable output; its fields are in docs/IRONWALCTL.md
  --progress     progress on standard error, also where that is no terminal
  --compress     the copy's entries are compressed with LZ4

exit codes: 0  nothing is wrong
            1  damage was found, or entries are lost
            2  the command line makes no sense
            3  it could not be done: no such log, no permission, in use, a read error";

pub const VERIFY: &str = "\
ironwalctl verify DIR [--stream KEY] [--json] [--progress]

Reads headers, slots, frames, payloads, footers, the chain of segments, index files and the
checkpoints of a sharded log. Each finding is a line: its severity, the stream, the file, the
place in it, the ids concerned, and what is wrong.

  damage      something that was durable is damaged or gone
  unreadable  something could not be looked at: a read error, a newer format, a stranger's file
  note        nothing is wrong: what a crash leaves for the next open, what was kept aside, a
              loss that is on record

Beside a writer what it writes meanwhile is not looked at.

exit codes: 0 nothing worse than notes, 1 damage, 2 usage, 3 something could not be read";

pub const STAT: &str = "\
ironwalctl stat DIR [--stream KEY] [--json]

Tells of each stream the first id kept, the id that the next append gets, how far it is durable,
segments, bytes, ids that are lost, and what is damaged as far as headers tell. Reads no payloads.

exit codes: 0 fine, 1 damage, 2 usage, 3 a stream cannot be opened";

pub const DUMP: &str = "\
ironwalctl dump DIR [--stream KEY] [--from ID] [--to ID] [--json]

Prints entries, one a line: stream, id, length, bytes; bytes that are not printable ASCII are
\\xNN. With --json one object a line, the bytes in base64. --to is exclusive. What cannot be read
is a line of its own. Entries that are written and not yet durable are printed too.

exit codes: 0 all was readable, 1 something was not, 2 usage, 3 a stream cannot be opened";

pub const REPAIR: &str = "\
ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]

Makes a new log in NEWDIR, which must not exist, of everything in DIR that is readable. Entries
keep their ids, frames stay whole; ids that are lost are recorded as lost, so that they are never
given again. What could not be copied is listed. DIR is locked against writers meanwhile and not
changed; nothing is ever removed. What to do with the two directories is up to you.

Ids lost at the very end cannot be recorded without an entry behind them: they are listed, and
the copy would give them again.

exit codes: 0 the copy is complete, 1 something is lost, 2 usage, 3 no copy was made";
