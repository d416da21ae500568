import CIronwal

/// Which kind of failure a call had.
///
///     do { ... } catch Status.locked { ... }
public struct Status: Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// The number that the library has for it.
    public let rawValue: Int32

    private init(rawValue: Int32) { self.rawValue = rawValue }

    /// A failure that fits no other status.
    public static let other = Status(rawValue: IRONWAL_E_OTHER)

    /// A NULL that must not be, a length above PTRDIFF_MAX, an unknown enum value, a wrong handle.
    public static let invalidArgument = Status(rawValue: IRONWAL_E_INVALID_ARG)

    /// No such entry (unknown stream, pruned, or not yet appended).
    public static let notFound = Status(rawValue: IRONWAL_E_NOT_FOUND)

    /// The iterator is at the current end of the log.
    public static let end = Status(rawValue: IRONWAL_E_END)

    /// The buffer is too small; the required size is returned.
    public static let bufferTooSmall = Status(rawValue: IRONWAL_E_BUFFER_TOO_SMALL)

    /// The timeout expired.
    public static let timeout = Status(rawValue: IRONWAL_E_TIMEOUT)

    /// The operating system refused, or there was no memory (ENOMEM); the error object holds its code.
    public static let io = Status(rawValue: IRONWAL_E_IO)

    /// No space, quota or file size left. Nothing was lost; try again once there is space.
    public static let noSpace = Status(rawValue: IRONWAL_E_NO_SPACE)

    /// The structure on disk is broken.
    public static let corrupt = Status(rawValue: IRONWAL_E_CORRUPT)

    /// A stored payload does not match its checksum.
    public static let crcMismatch = Status(rawValue: IRONWAL_E_CRC_MISMATCH)

    /// An option, a path or a stream name is out of its documented bounds.
    public static let config = Status(rawValue: IRONWAL_E_CONFIG)

    /// The entry was there once and its segment is gone: lost to damage, or pruned under an iterator.
    public static let segmentNotFound = Status(rawValue: IRONWAL_E_SEGMENT_NOT_FOUND)

    /// There is no such stream.
    public static let streamNotFound = Status(rawValue: IRONWAL_E_STREAM_NOT_FOUND)

    /// A file stands where one of the log belongs and is not the log's.
    public static let invalidFilename = Status(rawValue: IRONWAL_E_INVALID_FILENAME)

    /// A value cannot be stored in the format.
    public static let serialization = Status(rawValue: IRONWAL_E_SERIALIZATION)

    /// Another writer, in this process or another, has the log open.
    public static let locked = Status(rawValue: IRONWAL_E_LOCKED)

    /// An earlier failure latched: no appends until the log is closed and opened again.
    public static let poisoned = Status(rawValue: IRONWAL_E_POISONED)

    /// The frame would exceed the limit of 1 GiB.
    public static let tooLarge = Status(rawValue: IRONWAL_E_TOO_LARGE)

    /// The next id of the stream is not the expected one.
    public static let sequenceMismatch = Status(rawValue: IRONWAL_E_SEQUENCE_MISMATCH)

    /// The log was closed.
    public static let closed = Status(rawValue: IRONWAL_E_CLOSED)

    /// This process is a fork of the one that opened the log.
    public static let forked = Status(rawValue: IRONWAL_E_FORKED)

    /// The file is of a format this version does not read.
    public static let unsupportedVersion = Status(rawValue: IRONWAL_E_UNSUPPORTED_VERSION)

    /// A defect inside the library was caught; the log accepts no further calls but close and free.
    public static let panic = Status(rawValue: IRONWAL_E_PANIC)

    /// The iterator has moved since this view was given out.
    public static let staleView = Status(rawValue: IRONWAL_E_STALE_VIEW)

    /// There is no checkpoint of this id.
    public static let checkpointNotFound = Status(rawValue: IRONWAL_E_CHECKPOINT_NOT_FOUND)

    /// The checkpoint, or the file that holds it, is damaged.
    public static let checkpointCorrupted = Status(rawValue: IRONWAL_E_CHECKPOINT_CORRUPTED)

    /// The log was made with another number of shards.
    public static let shardCountMismatch = Status(rawValue: IRONWAL_E_SHARD_COUNT_MISMATCH)

    /// An id of a checkpoint that is not 1 to 65,535 bytes long.
    public static let invalidCheckpointID = Status(rawValue: IRONWAL_E_INVALID_CHECKPOINT_ID)

    /// The log has no checkpoint.
    public static let noCheckpoints = Status(rawValue: IRONWAL_E_NO_CHECKPOINTS)

    /// The checkpoint counts on entries that were removed.
    public static let checkpointPruned = Status(rawValue: IRONWAL_E_CHECKPOINT_PRUNED)

    /// A batch over several shards is whole in some and absent from others.
    public static let batchIncomplete = Status(rawValue: IRONWAL_E_BATCH_INCOMPLETE)

    /// The log was opened read-only.
    public static let readOnly = Status(rawValue: IRONWAL_E_READ_ONLY)

    /// The log's directory, or LOCK in it, is not what this log locked any more: it was moved, removed or replaced.
    /// Nothing at its path was changed, and nothing more can be appended.
    public static let detached = Status(rawValue: IRONWAL_E_DETACHED)

    /// Ids that the iterator had returned were cut from the end of the stream, and may be other entries by now.
    public static let suffixCut = Status(rawValue: IRONWAL_E_SUFFIX_CUT)

    /// The wait was cancelled.
    public static let cancelled = Status(rawValue: IRONWAL_E_CANCELLED)

    public static let allCases: [Status] = [
        .other,
        .invalidArgument,
        .notFound,
        .end,
        .bufferTooSmall,
        .timeout,
        .io,
        .noSpace,
        .corrupt,
        .crcMismatch,
        .config,
        .segmentNotFound,
        .streamNotFound,
        .invalidFilename,
        .serialization,
        .locked,
        .poisoned,
        .tooLarge,
        .sequenceMismatch,
        .closed,
        .forked,
        .unsupportedVersion,
        .panic,
        .staleView,
        .checkpointNotFound,
        .checkpointCorrupted,
        .shardCountMismatch,
        .invalidCheckpointID,
        .noCheckpoints,
        .checkpointPruned,
        .batchIncomplete,
        .readOnly,
        .detached,
        .suffixCut,
        .cancelled,
    ]

    /// Such as "IRONWAL_E_LOCKED".
    public var description: String { String(cString: ironwal_status_name(rawValue)) }

    /// A number of a later version is other.
    init(code: Int32) {
        let made = Status(rawValue: code)
        self = Status.allCases.contains(made) ? made : .other
    }

    /// Whether an error is a failure of this kind, for `catch`.
    public static func ~= (status: Status, error: any Error) -> Bool {
        (error as? IronwalError)?.status == status
    }
}

/// The part of an incomplete batch that one shard holds whole.
public struct CommittedPart: Sendable, Hashable {
    public let shard: UInt32
    /// Its ids.
    public let ids: Range<UInt64>
}

/// A failure of a call of the library. What the library does not know is nil.
public struct IronwalError: Error, Sendable, CustomStringConvertible {
    /// Which kind of failure it is.
    public let status: Status
    /// The number of the status, also where a later version of the library has it and this package does not.
    public let code: Int32
    /// What happened, where, and what to do about it, for people.
    public let message: String
    /// The stream concerned.
    public private(set) var stream: String?
    /// The file or directory concerned.
    public private(set) var path: String?
    /// The place in the file, in bytes.
    public private(set) var offset: UInt64?
    /// The ids concerned.
    public private(set) var ids: Range<UInt64>?
    /// Of ``Status/sequenceMismatch``: the id that the caller expected.
    public private(set) var expectedID: UInt64?
    /// Of ``Status/sequenceMismatch``: the next id of the stream. It may be out of date.
    public private(set) var foundID: UInt64?
    /// Of ``Status/batchIncomplete``: the parts that are there. Those of all other shards are not.
    public private(set) var committed: [CommittedPart] = []
    /// The operating system's code (errno), 0 where there is none.
    public private(set) var osError: Int32 = 0

    public var description: String { "\(status): \(message)" }

    init(_ status: Status, _ message: String) {
        self.status = status
        self.code = status.rawValue
        self.message = message
    }

    static func closed(_ what: String) -> IronwalError { IronwalError(.closed, "\(what) was closed") }

    /// Makes an error of what a call returned, and frees the error object.
    init(code: Int32, object: OpaquePointer?) {
        self.status = Status(code: code)
        self.code = code
        guard let object else {
            message = String(cString: ironwal_status_name(code))
            return
        }
        defer { ironwal_error_free(object) }
        message = text(ironwal_error_message(object)) ?? String(cString: ironwal_status_name(code))
        stream = text(ironwal_error_stream(object))
        path = text(ironwal_error_path(object))
        osError = ironwal_error_os_error(object)
        var one: UInt64 = 0
        var two: UInt64 = 0
        if ironwal_error_offset(object, &one) { offset = one }
        if ironwal_error_ids(object, &one, &two) { ids = one..<max(one, two) }
        if ironwal_error_sequence(object, &one, &two) {
            expectedID = one
            foundID = two
        }
        for index in 0..<ironwal_error_committed_count(object) {
            var shard: UInt32 = 0
            if ironwal_error_committed_part(object, index, &shard, &one, &two) {
                committed.append(CommittedPart(shard: shard, ids: one..<max(one, two)))
            }
        }
    }
}

/// Makes a call of the library, which gets the place for its error object, and throws its failure.
@inline(__always)
func check(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws {
    var object: OpaquePointer?
    let code = call(&object)
    if code != IRONWAL_OK { throw IronwalError(code: code, object: object) }
}

/// As `check`. False: the status is one that this call may answer with.
@inline(__always)
func check(or answer: Int32, _ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws -> Bool {
    var object: OpaquePointer?
    let code = call(&object)
    if code == answer { return false }
    if code != IRONWAL_OK { throw IronwalError(code: code, object: object) }
    return true
}

/// A copy of a text of the library, nil for none.
func text(_ text: ironwal_str) -> String? {
    guard let data = text.data else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: data, count: text.len), as: UTF8.self)
}
