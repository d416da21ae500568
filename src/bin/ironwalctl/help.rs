//! The help texts and the version.

pub const VERSION: &str = concat!("ironwalctl ", env!("CARGO_PKG_VERSION"));

pub const USAGE: &str = "\
usage: ironwalctl verify DIR [--stream KEY] [--json] [--progress]
       ironwalctl stat   DIR [--stream KEY] [--json | --prometheus]
       ironwalctl stat   DIR --watch [--interval SECONDS] [--count N] [--stream KEY] [--json]
       ironwalctl dump   DIR [--stream KEY] [--from ID] [--to ID] [--json]
       ironwalctl dump   DIR --properties [--stream KEY] [--json]
       ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]
       ironwalctl snapshot DIR NEWDIR [--copy] [--json] [--progress]
       ironwalctl import OLD NEWDIR [--key NAME=KEY]... [--shards N] [--compress] [--json] [--progress]
       ironwalctl help [COMMAND]
       ironwalctl --version";

pub const HELP: &str = "\
ironwalctl - inspect an ironwal log, make a healthy copy of a damaged one, import one of ironwal 0.6

usage: ironwalctl verify DIR [--stream KEY] [--json] [--progress]
       ironwalctl stat   DIR [--stream KEY] [--json | --prometheus]
       ironwalctl stat   DIR --watch [--interval SECONDS] [--count N] [--stream KEY] [--json]
       ironwalctl dump   DIR [--stream KEY] [--from ID] [--to ID] [--json]
       ironwalctl dump   DIR --properties [--stream KEY] [--json]
       ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]
       ironwalctl snapshot DIR NEWDIR [--copy] [--json] [--progress]
       ironwalctl import OLD NEWDIR [--key NAME=KEY]... [--shards N] [--compress] [--json] [--progress]
       ironwalctl help [COMMAND]
       ironwalctl --version

DIR is the directory of a log. verify, stat, dump and snapshot change nothing in it and take no lock:
the log may be in use.

  verify   reads everything and lists damage with file, offset and ids
  stat     lists streams with ids, segments and bytes; reads headers only
  dump     prints entries, and a line for each range that cannot be read
  repair   copies all readable entries into a new log; DIR is locked meanwhile and not changed
  snapshot copies the log into a new directory, also while it is written
  import   makes a new log of the directory OLD, which ironwal 0.6 wrote; OLD is not changed

  --stream KEY   this stream only
  --from ID      entries from this id on
  --to ID        entries below this id (of repair: the new directory)
  --properties   the properties of the streams at each change, instead of entries
  --json         machine-readable output; its fields are in docs/IRONWALCTL.md
  --prometheus   figures for a Prometheus server
  --watch        look again and again, and print changes per second
  --progress     progress on standard error, also where that is no terminal
  --compress     the copy's entries are compressed with LZ4
  --copy         of snapshot: everything is copied, and nothing gets a second name
  --key NAME=KEY the stream in the directory NAME gets this key
  --shards N     the number of shards, where no checkpoint says it

exit codes: 0  nothing is wrong
            1  damage was found, or entries are lost
            2  the command line is not valid
            3  the command failed: no such log, no permission, in use, a read error";

pub const VERIFY: &str = "\
ironwalctl verify DIR [--stream KEY] [--json] [--progress]

Reads headers, slots, frames, payloads, footers, the chain of segments, index files and the
checkpoints of a sharded log. Each finding is a line: its severity, the stream, the file, the
offset, the ids concerned, and what is wrong.

  damage      durable data is damaged or gone
  unreadable  a file could not be checked: a read error, a newer format, an unrecognised file
  note        nothing is wrong: leftovers of a crash that the next open removes, quarantined
              bytes, a recorded loss

While another process writes to the log, its newest writes are not checked.

exit codes: 0 nothing worse than notes, 1 damage, 2 usage, 3 something could not be read";

pub const STAT: &str = "\
ironwalctl stat DIR [--stream KEY] [--json | --prometheus]
ironwalctl stat DIR --watch [--interval SECONDS] [--count N] [--stream KEY] [--json]

Lists of each stream the first kept id, the id that the next append gets, the durable end,
segments, bytes, lost ids, its properties, and the damage that headers show. Reads no entries.

  --watch              looks again and again, and prints changes per second; ends with the
                       process, or when the output is closed
  --interval SECONDS   from one look to the next; 0.001 to 86400, 1 if not given
  --count N            ends after N looks
  --prometheus         the text format of Prometheus, for the textfile collector

exit codes: 0 fine, 1 damage, 2 usage, 3 a stream cannot be opened";

pub const DUMP: &str = "\
ironwalctl dump DIR [--stream KEY] [--from ID] [--to ID] [--json]
ironwalctl dump DIR --properties [--stream KEY] [--json]

Prints entries, one a line: stream, id, length, bytes; bytes that are not printable ASCII are
\\xNN. With --json one object a line, the bytes in base64. --to is exclusive. A range that cannot
be read has a line of its own. Entries that are written and not yet durable are printed too.

With --properties the properties of each stream are printed instead: the whole map each time it
changed, as far as the segments that are left show it, with the id that the next entry had then.

exit codes: 0 all was readable, 1 a range was not, 2 usage, 3 a stream cannot be opened";

pub const REPAIR: &str = "\
ironwalctl repair DIR --to NEWDIR [--compress] [--json] [--progress]

Makes a new log in NEWDIR, which must not exist, of everything in DIR that is readable. Entries
keep their ids, and frames stay whole. Truncated ids stay truncated, and properties are kept. Lost
ids are recorded as lost, so that they are never given again. Entries that could not be copied are listed. DIR is locked against writers meanwhile
and not changed; nothing is ever removed. What to do with the two directories is up to you.

Ids lost at the very end cannot be recorded without an entry behind them: they are listed, and
appends to the copy would give them again.

exit codes: 0 the copy is complete, 1 entries are lost, 2 usage, 3 no copy was made";

pub const SNAPSHOT: &str = "\
ironwalctl snapshot DIR NEWDIR [--copy] [--json] [--progress]

Copies the log, with the checkpoints of a sharded one, into NEWDIR, which must not exist. The copy opens
without recovery. The log may be in use: its writer waits for nothing. Sealed segments get a second
name (a hard link) where the file system can; with --copy everything is copied, for a backup on other
hardware. Entries that are written and not yet durable are included.

All streams are as they were at one moment if the writer pauses for long enough; the output says
whether it did. If not, each stream is a prefix of its entries as it was at a moment of its own, and the
checkpoints of a sharded log are consistent all the same.

exit codes: 0 the snapshot is there, 2 usage, 3 none was made: damage, NEWDIR exists, a read error";

pub const IMPORT: &str = "\
ironwalctl import OLD NEWDIR [--key NAME=KEY]... [--shards N] [--compress] [--json] [--progress]

Makes a new log in NEWDIR, which must not exist, of the directory OLD, which the ironwal crate 0.6
wrote. Entries keep their ids, streams begin where they began, and a sharded log keeps its number of
shards and its checkpoints. Damage is listed with file, offset and ids; the ids stay lost.

OLD is not changed. Stop the program that uses it before: version 0.6 takes no lock, so a file that
changes meanwhile is an error. NEWDIR gets its name when it is whole and durable.

Version 0.6 replaced characters of keys in the names of directories, and kept the names only: where a
key was not A-Z a-z 0-9 - _ . give it with --key. --shards says the number of shards where no
checkpoint is left. docs/FROM_06.md is the guide.

exit codes: 0 the import is complete, 1 something is lost, 2 usage, 3 there is no new log";
