//! Which commands show what is in a log, and which options has each?

use super::command_spec::Command;
use super::command_spec::DIR;
use super::command_spec::FROM;
use super::command_spec::JSON;
use super::command_spec::PROGRESS;
use super::command_spec::Piece::Paragraph;
use super::command_spec::Piece::Row;
use super::command_spec::STREAM;
use super::command_spec::Spec;
use super::command_spec::TO;
use super::command_spec::Takes;
use super::command_spec::flag;
use super::command_spec::operand;
use super::command_spec::short;
use super::command_spec::with;

pub const VERIFY: Spec = Spec {
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
        Paragraph("While another process writes to the log, its newest writes are not checked."),
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
};

pub const STAT: Spec = Spec {
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
};

pub const REPORT: Spec = Spec {
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
};

pub const CHECKPOINTS: Spec = Spec {
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
};

pub const DUMP: Spec = Spec {
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
};

pub const TAIL: Spec = Spec {
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
};

pub const GREP: Spec = Spec {
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
};
