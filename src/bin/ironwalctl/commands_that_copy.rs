//! Which commands make a new log or an export, and which options has each?

use super::command_spec::COMPRESS;
use super::command_spec::Command;
use super::command_spec::DIR;
use super::command_spec::FORMAT;
use super::command_spec::FROM;
use super::command_spec::JSON;
use super::command_spec::NEWDIR;
use super::command_spec::PROGRESS;
use super::command_spec::Piece::Paragraph;
use super::command_spec::Piece::Row;
use super::command_spec::STREAM;
use super::command_spec::Spec;
use super::command_spec::TO;
use super::command_spec::Takes;
use super::command_spec::flag;
use super::command_spec::operand;
use super::command_spec::optional;
use super::command_spec::with;

pub const EXPORT: Spec = Spec {
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
};

pub const LOAD: Spec = Spec {
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
};

pub const REPAIR: Spec = Spec {
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
};

pub const SNAPSHOT: Spec = Spec {
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
};

pub const IMPORT: Spec = Spec {
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
};
