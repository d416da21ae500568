//! Which commands are there, and which options has each?
//!
//! The command line is parsed by this table (`cli`), and the help texts (`help`), the manual page (`man`) and the
//! completions of shells (`completions`) are made of it.

/// What the tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Verify,
    Stat,
    Report,
    Checkpoints,
    Dump,
    Tail,
    Grep,
    Export,
    Load,
    Repair,
    Snapshot,
    Import,
    Generate,
    Help,
}

/// What an operand or the value of an option is, so that shells can complete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// An option without a value.
    Nothing,
    Text,
    File,
    Directory,
    OneOf(&'static [&'static str]),
    CommandName,
}

/// An argument by its place.
#[derive(Debug)]
pub struct Operand {
    pub name: &'static str,
    pub takes: Takes,
    pub is_optional: bool,
}

/// An option of one command.
#[derive(Debug)]
pub struct Opt {
    pub long: &'static str,
    pub short: Option<char>,
    /// The word for its value in texts.
    pub value: &'static str,
    pub takes: Takes,
    pub help: &'static str,
}

/// A piece of a description.
#[derive(Debug)]
pub enum Piece {
    Paragraph(&'static str),
    /// A word and what it means.
    Row(&'static str, &'static str),
}

/// A command.
#[derive(Debug)]
pub struct Spec {
    pub command: Command,
    pub name: &'static str,
    /// How it is called, behind the program's name.
    pub synopses: &'static [&'static str],
    pub summary: &'static str,
    pub operands: &'static [Operand],
    pub options: &'static [Opt],
    pub description: &'static [Piece],
    pub exit_codes: &'static [(u8, &'static str)],
}

use Piece::Paragraph;
use Piece::Row;

const fn flag(long: &'static str, help: &'static str) -> Opt {
    Opt {
        long,
        short: None,
        value: "",
        takes: Takes::Nothing,
        help,
    }
}

const fn with(long: &'static str, value: &'static str, takes: Takes, help: &'static str) -> Opt {
    Opt {
        long,
        short: None,
        value,
        takes,
        help,
    }
}

const fn short(short: char, option: Opt) -> Opt {
    Opt {
        short: Some(short),
        ..option
    }
}

const fn operand(name: &'static str, takes: Takes) -> Operand {
    Operand {
        name,
        takes,
        is_optional: false,
    }
}

const fn optional(name: &'static str, takes: Takes) -> Operand {
    Operand {
        name,
        takes,
        is_optional: true,
    }
}

const DIR: Operand = operand("DIR", Takes::Directory);
const NEWDIR: Operand = operand("NEWDIR", Takes::Directory);
const JSON: Opt = flag(
    "json",
    "machine-readable output; docs/IRONWALCTL.md describes the fields",
);
const STREAM: Opt = with("stream", "KEY", Takes::Text, "this stream only");
const FROM: Opt = with("from", "ID", Takes::Text, "entries from this id on");
const TO: Opt = with("to", "ID", Takes::Text, "entries below this id");
const PROGRESS: Opt = flag(
    "progress",
    "progress on standard error, also where that is not a terminal",
);
const COMPRESS: Opt = flag("compress", "compress the entries of the new log with LZ4");
const FORMAT: Opt = with(
    "format",
    "FORMAT",
    Takes::OneOf(&["json", "raw", "lines"]),
    "json (the default), raw or lines",
);

/// Options of every command that looks at a log.
const GENERAL: &[Opt] = &[with(
    "color",
    "WHEN",
    Takes::OneOf(&["auto", "always", "never"]),
    "auto (the default: on a terminal, unless NO_COLOR is set), always or never",
)];

impl Spec {
    /// All options of the command, those of every command last.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        let general = match self.command {
            Command::Generate | Command::Help => &[],
            _ => GENERAL,
        };
        self.options.iter().chain(general)
    }
}

/// What `generate` prints.
const GENERATED: &[&str] = &["man", "bash", "zsh", "fish"];

/// All commands, in the order of texts.
pub const COMMANDS: &[Spec] = &[
    Spec {
        command: Command::Verify,
        name: "verify",
        synopses: &["verify DIR [-q] [--stream KEY] [--json] [--progress]"],
        summary: "reads everything and lists damage with file, offset and ids",
        operands: &[DIR],
        options: &[
            short(
                'q',
                flag(
                    "quiet",
                    "print damage and what is unreadable only: nothing at all of a good log",
                ),
            ),
            STREAM,
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Reads headers, slots, frames, payloads, footers, the chain of segments, index files and the \
                 checkpoints of a sharded log. Each finding is a line: its severity, the stream, the file, the \
                 offset, the ids concerned, and what is wrong.",
            ),
            Row("damage", "durable data is damaged or gone"),
            Row(
                "unreadable",
                "a file could not be checked: a read error, a newer format, an unrecognised file",
            ),
            Row(
                "note",
                "nothing is wrong: leftovers of a crash that the next open removes, quarantined bytes, a recorded loss",
            ),
            Paragraph(
                "While another process writes to the log, its newest writes are not checked.",
            ),
            Paragraph(
                "The commit journal is checked too. Where no writer has the log open, all is checked as it is once the                  next open for writing has written the journal into the streams' files.",
            ),
        ],
        exit_codes: &[
            (0, "nothing worse than notes"),
            (1, "damage"),
            (2, "usage"),
            (3, "something could not be read"),
        ],
    },
    Spec {
        command: Command::Stat,
        name: "stat",
        synopses: &[
            "stat DIR [--stream KEY] [--segments] [--json | --prometheus]",
            "stat DIR --watch [--interval SECONDS] [--count N] [--stream KEY] [--json]",
        ],
        summary: "lists streams with ids, segments and bytes; reads headers only",
        operands: &[DIR],
        options: &[
            STREAM,
            flag("segments", "each segment too: its file, ids and bytes"),
            flag(
                "watch",
                "look again and again, and print changes per second",
            ),
            with(
                "interval",
                "SECONDS",
                Takes::Text,
                "from one look to the next; 0.001 to 86400, 1 if not given",
            ),
            with("count", "N", Takes::Text, "end after N looks"),
            JSON,
            flag(
                "prometheus",
                "the text format of Prometheus, for the textfile collector",
            ),
        ],
        description: &[
            Paragraph(
                "Lists of each stream the first kept id, the id that the next append gets, the durable end, \
                 segments, bytes, lost ids, its properties, and the damage that headers show. Reads no entries.",
            ),
            Paragraph(
                "A last line is on the commit journal, where there is one: its size, its records and how many streams                  they name. Where no writer has the log open, the next open for writing writes them into the streams'                  files, and all numbers are as if it had.",
            ),
            Paragraph(
                "With --watch it ends after --count looks, when standard output is closed, or on Ctrl-C.",
            ),
        ],
        exit_codes: &[
            (0, "no damage"),
            (1, "damage"),
            (2, "usage"),
            (3, "a stream cannot be opened"),
        ],
    },
    Spec {
        command: Command::Report,
        name: "report",
        synopses: &["report DIR --html FILE [--stream KEY] [--progress]"],
        summary: "writes a page for a browser: streams, segments, damage and growth, as pictures and tables",
        operands: &[DIR],
        options: &[
            with(
                "html",
                "FILE",
                Takes::File,
                "the page; one that is there is replaced",
            ),
            STREAM,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Reads everything, as verify does, and writes what verify and stat say into one HTML file. The file \
                 needs nothing else: it holds no scripts, and loads nothing. Growth is drawn from the times of the \
                 files, so only of segments that are left.",
            ),
            Paragraph("FILE gets its name when it is whole. It must not lie in the log."),
        ],
        exit_codes: &[
            (0, "the page is there, nothing is worse than notes"),
            (1, "the page is there, and shows damage"),
            (2, "usage"),
            (3, "no page was written, or something could not be read"),
        ],
    },
    Spec {
        command: Command::Checkpoints,
        name: "checkpoints",
        synopses: &["checkpoints DIR [--show ID] [--hex] [--json]"],
        summary: "lists the checkpoints of a sharded log, or shows one: the next id of each shard",
        operands: &[DIR],
        options: &[
            with(
                "show",
                "ID",
                Takes::Text,
                "this checkpoint, with a line for each shard",
            ),
            flag("hex", "ID is bytes in hexadecimal, as in 00ff7a"),
            JSON,
        ],
        description: &[
            Paragraph(
                "Prints each checkpoint that can be loaded, the oldest first: its id, when it was created, and how many ids \
                 lie below it in all shards together. Bytes of an id that are not printable ASCII are \\xNN. With --show, \
                 or with --json, the next id of each shard: replay starts there.",
            ),
            Paragraph(
                "Damaged records of checkpoints.log are not listed: verify finds them. A checkpoint is checked against the \
                 shards; a line says so if a shard ends before it.",
            ),
        ],
        exit_codes: &[
            (0, "each checkpoint that is listed can be loaded"),
            (1, "a checkpoint does not fit to its shards, or is damaged"),
            (2, "usage"),
            (3, "no sharded log, no such checkpoint, a read error"),
        ],
    },
    Spec {
        command: Command::Dump,
        name: "dump",
        synopses: &[
            "dump DIR [--stream KEY] [--from ID] [--to ID] [--json]",
            "dump DIR --properties [--stream KEY] [--json]",
            "dump DIR/commit-journal/FILE [--json]",
        ],
        summary: "prints entries, and a line for each range that cannot be read",
        operands: &[DIR],
        options: &[
            STREAM,
            FROM,
            TO,
            flag(
                "properties",
                "the properties of the streams at each change, instead of entries",
            ),
            JSON,
        ],
        description: &[
            Paragraph(
                "Prints entries, one a line: stream, id, length, bytes; bytes that are not printable ASCII are \
                 \\xNN. With --json one object a line, the bytes in base64. --to is exclusive. A range that cannot \
                 be read has a line of its own. Entries that are written and not yet durable are printed too.",
            ),
            Paragraph(
                "With --properties the properties of each stream are printed instead: the whole map each time it \
                 changed, as far as the segments that are left show it, with the id that the next entry had then.",
            ),
            Paragraph(
                "Of a file of the commit journal its header and its records are printed, and what these hold: the kind                  of each item, the stream, the segment, the offset in the segment's file and the length.",
            ),
        ],
        exit_codes: &[
            (0, "all was readable"),
            (1, "a range was not readable"),
            (2, "usage"),
            (3, "a stream cannot be opened"),
        ],
    },
    Spec {
        command: Command::Tail,
        name: "tail",
        synopses: &[
            "tail DIR [-n N] [--stream KEY] [--durable] [--json]",
            "tail DIR -f [-n N] [--stream KEY] [--durable] [--interval SECONDS] [--json]",
        ],
        summary: "prints the last entries, and with -f those that are appended from now on",
        operands: &[DIR],
        options: &[
            short(
                'n',
                with(
                    "lines",
                    "N",
                    Takes::Text,
                    "the last N entries of each stream; 10 if not given",
                ),
            ),
            short(
                'f',
                flag("follow", "go on with what is appended, until Ctrl-C"),
            ),
            STREAM,
            flag("durable", "entries only once they are durable"),
            with(
                "interval",
                "SECONDS",
                Takes::Text,
                "from one look for new entries to the next; 0.001 to 86400, 0.1 if not given",
            ),
            JSON,
        ],
        description: &[
            Paragraph(
                "Prints the last N entries of each stream, in the lines of dump. Damage between them and behind them has a \
                 line for its range, and does not count.",
            ),
            Paragraph(
                "With -f it goes on with what another process appends, also to streams that begin meanwhile. If a \
                 suffix is cut that was printed, a line says so, and the entries that replace it follow. It ends on \
                 Ctrl-C (SIGINT), on SIGTERM, and when standard output is closed; what was printed is complete then.",
            ),
        ],
        exit_codes: &[
            (0, "all was readable, also when ended by Ctrl-C"),
            (1, "a range was not readable"),
            (2, "usage"),
            (3, "a stream cannot be opened, or the disk failed"),
        ],
    },
    Spec {
        command: Command::Grep,
        name: "grep",
        synopses: &[
            "grep DIR TEXT [--hex] [-i] [-v] [-c] [--stream KEY] [--from ID] [--to ID] [--json] [--progress]",
        ],
        summary: "prints the entries that contain a text or bytes",
        operands: &[DIR, operand("TEXT", Takes::Text)],
        options: &[
            flag("hex", "TEXT is bytes in hexadecimal, as in 00ff7a"),
            short(
                'i',
                flag("ignore-case", "ASCII letters match in either case"),
            ),
            short(
                'v',
                flag("invert-match", "print the entries that do not contain it"),
            ),
            short(
                'c',
                flag("count", "print how many entries of each stream match"),
            ),
            STREAM,
            FROM,
            TO,
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Searches the bytes of each entry for TEXT, which is no pattern: every byte stands for itself. Prints \
                 matching entries in the lines of dump, and a line for each range that cannot be searched.",
            ),
            Paragraph(
                "Entries are read one after the other, so a search needs no more memory than the largest frame.",
            ),
        ],
        exit_codes: &[
            (0, "an entry matched, and all was readable"),
            (
                1,
                "a range was not readable, whether or not an entry matched",
            ),
            (2, "usage"),
            (3, "a stream cannot be opened"),
            (4, "no entry matched, and all was readable"),
        ],
    },
    Spec {
        command: Command::Export,
        name: "export",
        synopses: &[
            "export DIR [--stream KEY] [--from ID] [--to ID] [--text] [--progress]",
            "export DIR --format raw|lines --stream KEY [--from ID] [--to ID] [--progress]",
        ],
        summary: "writes entries to standard output, in a form that load reads",
        operands: &[DIR],
        options: &[
            FORMAT,
            flag(
                "text",
                "json: entries that are UTF-8 as text, the others in base64",
            ),
            STREAM,
            FROM,
            TO,
            PROGRESS,
        ],
        description: &[
            Row(
                "json",
                "one object a line: the log, each stream with first id, next id and properties, each entry with its id and \
                 its bytes in base64, each range that cannot be read, and the end with the number of entries",
            ),
            Row(
                "raw",
                "of one stream: 8 bytes of id and 4 bytes of length, both little-endian, then the bytes, and so on",
            ),
            Row(
                "lines",
                "of one stream: the bytes of each entry and a newline; an entry that holds a newline is an error",
            ),
            Paragraph(
                "The log may be in use. Each stream is exported as it was when the command began; entries that are \
                 written and not yet durable are included. raw and lines hold no properties, lines holds no ids, and \
                 checkpoints of a sharded log are in none of the formats: snapshot copies those.",
            ),
        ],
        exit_codes: &[
            (0, "all was exported"),
            (1, "a range was not readable, and is missing"),
            (2, "usage"),
            (
                3,
                "a stream cannot be opened, or cannot be written in this format",
            ),
        ],
    },
    Spec {
        command: Command::Load,
        name: "load",
        synopses: &[
            "load NEWDIR [FILE] [--compress] [--json] [--progress]",
            "load NEWDIR [FILE] --format raw|lines --stream KEY [--compress] [--json] [--progress]",
        ],
        summary: "makes a new log of what export wrote",
        operands: &[NEWDIR, optional("FILE", Takes::File)],
        options: &[
            FORMAT,
            with(
                "stream",
                "KEY",
                Takes::Text,
                "raw and lines: the stream to make",
            ),
            COMPRESS,
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Makes a new log in NEWDIR, which must not exist, of FILE or, without it or if it is -, of standard input. \
                 Entries keep their ids, streams begin and go on at the same ids, and properties are kept. Ids that are \
                 missing are recorded as lost, as repair does it. With lines, ids are given from 0 on.",
            ),
            Paragraph(
                "NEWDIR gets its name when it is whole and durable. Input that ends early, ids that go back, and entries \
                 that do not belong to their stream are errors, and no log is made.",
            ),
        ],
        exit_codes: &[
            (0, "the new log holds all that was exported"),
            (
                1,
                "the new log was made; the export lacks entries that could not be read",
            ),
            (2, "usage"),
            (3, "there is no new log"),
        ],
    },
    Spec {
        command: Command::Repair,
        name: "repair",
        synopses: &["repair DIR --to NEWDIR [--compress] [--json] [--progress]"],
        summary: "copies all readable entries into a new log; DIR is locked meanwhile and not changed",
        operands: &[DIR],
        options: &[
            with(
                "to",
                "NEWDIR",
                Takes::Directory,
                "the directory of the new log",
            ),
            COMPRESS,
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Makes a new log in NEWDIR, which must not exist, of everything in DIR that is readable. Entries \
                 keep their ids, and frames stay whole. Truncated ids stay truncated, and properties are kept. Lost \
                 ids are recorded as lost, so that they are never given again. Entries that could not be copied are \
                 listed. DIR is locked against writers meanwhile and not changed; nothing is ever removed. What to do \
                 with the two directories is up to you.",
            ),
            Paragraph(
                "Ids lost at the very end cannot be recorded without an entry behind them: they are listed, and \
                 appends to the copy would give them again.",
            ),
        ],
        exit_codes: &[
            (0, "the copy is complete"),
            (1, "entries are lost"),
            (2, "usage"),
            (3, "no copy was made"),
        ],
    },
    Spec {
        command: Command::Snapshot,
        name: "snapshot",
        synopses: &["snapshot DIR NEWDIR [--copy] [--json] [--progress]"],
        summary: "copies the log into a new directory, also while it is written",
        operands: &[DIR, NEWDIR],
        options: &[
            flag("copy", "copy everything; nothing gets a second name"),
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Copies the log, with the checkpoints of a sharded one, into NEWDIR, which must not exist. The copy \
                 opens without recovery. The log may be in use: its writer waits for nothing. Sealed segments get a \
                 second name (a hard link) where the file system can; with --copy everything is copied, for a backup \
                 on other hardware. Entries that are written and not yet durable are included.",
            ),
            Paragraph(
                "All streams are as they were at one moment if the writer pauses for long enough; the output says \
                 whether it did. If not, each stream is a prefix of its entries as it was at a moment of its own, and \
                 the checkpoints of a sharded log are consistent all the same.",
            ),
        ],
        exit_codes: &[
            (0, "the snapshot is there"),
            (2, "usage"),
            (
                3,
                "no snapshot was made: damage, NEWDIR exists, a read error",
            ),
        ],
    },
    Spec {
        command: Command::Import,
        name: "import",
        synopses: &[
            "import OLD NEWDIR [--key NAME=KEY]... [--shards N] [--compress] [--json] [--progress]",
        ],
        summary: "makes a new log of the directory OLD, which ironwal 0.6 wrote; OLD is not changed",
        operands: &[operand("OLD", Takes::Directory), NEWDIR],
        options: &[
            with(
                "key",
                "NAME=KEY",
                Takes::Text,
                "the stream in the directory NAME gets this key",
            ),
            with(
                "shards",
                "N",
                Takes::Text,
                "the number of shards, where no checkpoint says it",
            ),
            COMPRESS,
            JSON,
            PROGRESS,
        ],
        description: &[
            Paragraph(
                "Makes a new log in NEWDIR, which must not exist, of the directory OLD, which the ironwal crate 0.6 \
                 wrote. Entries keep their ids, streams begin where they began, and a sharded log keeps its number of \
                 shards and its checkpoints. Damage is listed with file, offset and ids; the ids stay lost.",
            ),
            Paragraph(
                "OLD is not changed. Stop the program that uses it before: version 0.6 takes no lock, so a file that \
                 changes meanwhile is an error. NEWDIR gets its name when it is whole and durable.",
            ),
            Paragraph(
                "Version 0.6 replaced characters of keys in the names of directories, and kept the names only: where a \
                 key was not A-Z a-z 0-9 - _ . give it with --key. --shards says the number of shards where no \
                 checkpoint is left. docs/FROM_06.md is the guide.",
            ),
        ],
        exit_codes: &[
            (0, "the import is complete"),
            (1, "something is lost"),
            (2, "usage"),
            (3, "there is no new log"),
        ],
    },
    Spec {
        command: Command::Generate,
        name: "generate",
        synopses: &["generate man|bash|zsh|fish"],
        summary: "prints the manual page, or the completions of a shell",
        operands: &[operand("WHAT", Takes::OneOf(GENERATED))],
        options: &[],
        description: &[Paragraph(
            "For installations without these files. Bash reads its completions from \
             ~/.local/share/bash-completion/completions/ironwalctl, zsh from a file _ironwalctl in a directory of its \
             fpath, fish from ~/.config/fish/completions/ironwalctl.fish.",
        )],
        exit_codes: &[(0, "it was printed"), (2, "usage")],
    },
    Spec {
        command: Command::Help,
        name: "help",
        synopses: &["help [COMMAND]"],
        summary: "prints this text, or that of a command",
        operands: &[optional("COMMAND", Takes::CommandName)],
        options: &[],
        description: &[],
        exit_codes: &[(0, "the text was printed"), (2, "usage")],
    },
];

/// What the exit codes mean, whatever the command.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (0, "nothing is wrong"),
    (1, "damage was found, or entries are lost"),
    (2, "the command line is not valid"),
    (
        3,
        "the command failed: no such log, no permission, in use, a read error",
    ),
    (4, "grep: no entry matched"),
];

/// The name of a command.
pub fn name_of(command: Command) -> &'static str {
    let mut of_command = COMMANDS.iter().filter(|spec| spec.command == command);
    of_command.next().map_or("", |spec| spec.name)
}

/// The command of that name.
pub fn named(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_a_synopsis_is_in_the_table_and_back() {
        for spec in COMMANDS {
            let synopses = spec.synopses.join(" ");
            let words: Vec<&str> = synopses
                .split(|c: char| c.is_whitespace() || "[]|.".contains(c))
                .collect();
            for option in spec.options {
                let long = format!("--{}", option.long);
                let short = option.short.map(|letter| format!("-{letter}"));
                let is_named = words
                    .iter()
                    .any(|word| *word == long || Some(*word) == short.as_deref());
                assert!(is_named, "{long} of {}", spec.name);
            }
            for word in words.iter().filter(|word| word.starts_with('-')) {
                let has = |option: &Opt| {
                    format!("--{}", option.long) == **word
                        || option
                            .short
                            .is_some_and(|letter| format!("-{letter}") == **word)
                };
                assert!(spec.options.iter().any(has), "{word} of {}", spec.name);
            }
        }
    }
}
