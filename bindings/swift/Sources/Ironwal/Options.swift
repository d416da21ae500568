import CIronwal

/// When appends are durable.
public enum SyncMode: Int32, CaseIterable, Sendable {
    /// Each append, when it returns. The default.
    case strict = 1
    /// Batches and transactions, when they return; single appends survive the process.
    case batchOnly = 2
    /// By a later sync; what was appended survives the death of the process.
    case async = 3
}

/// How frames are stored.
public enum Compression: Int32, CaseIterable, Sendable {
    /// As given. The default.
    case none = 301
    /// As LZ4 blocks, where that makes a payload smaller.
    case lz4 = 302
}

/// How segments are read.
public enum ReadStrategy: Int32, CaseIterable, Sendable {
    /// By positional reads. The default.
    case standardIO = 101
    /// Mapped; a failing disk can then raise SIGBUS in the reading thread.
    case mmap = 102
}

/// How the active segment is written.
public enum WriteStrategy: Int32, CaseIterable, Sendable {
    /// As the library chooses. The default.
    case auto = 201
    /// By positional writes.
    case standardIO = 202
    /// By stores into the mapped segment, always; a failing or full disk can then raise SIGBUS.
    case mmap = 203
}

/// Where a sync writes first.
public enum CommitPath: Int32, CaseIterable, Sendable {
    /// As the library chooses for each sync.
    case auto = 1201
    /// Into the stream's own file. The default.
    case inPlace = 1202
    /// Into the commit journal, which all streams share, where what is to be synced is short.
    case journal = 1203
}

/// Which streams options of their own are for.
public enum Match: Int32, CaseIterable, Sendable {
    /// The stream with this name.
    case exact = 1401
    /// All whose names begin with this.
    case prefix = 1402
}

/// Options of streams, in place of those of the log.
public struct StreamOptions: Sendable {
    public var match: Match
    public var name: String
    /// Text such as `sync_mode=async; max_segment_size=256M`: see `ironwal_options_set_stream` in `ironwal.h`.
    public var settings: String

    public init(_ match: Match, _ name: String, _ settings: String) {
        self.match = match
        self.name = name
        self.settings = settings
    }
}

/// What opening does about damage.
public enum OnCorruption: Int32, CaseIterable, Sendable {
    /// Keeps what is good and reports what is not. The default.
    case truncate = 401
    /// Refuses to open.
    case error = 402
}

/// How severe a message of a log is.
public enum LogLevel: Int32, CaseIterable, Sendable {
    /// Data was lost or a request was refused.
    case error = 501
    /// Something was damaged and dealt with.
    case warn = 502
    /// Logs opened, recovered and closed.
    case info = 503
    case debug = 504
    /// Everything. The default.
    case trace = 505
}

/// When a stream is synced in the background.
public enum BackgroundSync: Sendable, Hashable {
    /// No later than this after its oldest unsynced append, and once so many bytes are unsynced.
    case after(Duration, bytes: UInt64)
    case never
}

/// Which old segments are removed: whole ones, oldest first, never the newest. Nil limits nothing.
public struct Retention: Sendable, Hashable {
    /// Removes as long as the stream has more bytes of segments.
    public var maxBytes: UInt64?
    /// Removes what was last changed longer ago.
    public var maxAge: Duration?
    /// Keeps what a cursor has not read: a property "cursor/NAME", the next id to read as 8 bytes, the lowest first.
    public var keepCursors: Bool

    public init(maxBytes: UInt64? = nil, maxAge: Duration? = nil, keepCursors: Bool = false) {
        self.maxBytes = maxBytes
        self.maxAge = maxAge
        self.keepCursors = keepCursors
    }

    var bytes: UInt64 { maxBytes ?? UInt64.max }
    var ageNs: UInt64 { maxAge?.nanoseconds ?? UInt64.max }
}

/// The options of a log. Nil is the default of the C library, which `ironwal.h` names. None of it is stored.
public struct Options: Sendable {
    public var syncMode: SyncMode?
    public var compression: Compression?
    public var readStrategy: ReadStrategy?
    public var writeStrategy: WriteStrategy?
    public var commitPath: CommitPath?
    /// Bytes that the files of the commit journal may take.
    public var journalSize: UInt64?
    public var onCorruption: OnCorruption?
    /// Bytes of a segment, before the next one is begun.
    public var maxSegmentSize: UInt64?
    /// Entries of a segment, before the next one is begun.
    public var maxEntriesPerSegment: UInt64?
    /// Files kept open for writing.
    public var maxOpenSegments: UInt?
    /// Files kept open or mapped for reading.
    public var maxOpenReadSegments: UInt?
    /// Bytes of frames gathered into one write.
    public var writeBufferSize: UInt?
    /// Bytes read ahead.
    public var readBufferSize: UInt?
    /// Bytes of decompressed frames kept in memory.
    public var blockCacheSize: UInt64?
    /// Payloads below this many bytes are never compressed.
    public var minCompressionSize: UInt?
    public var backgroundSync: BackgroundSync?
    /// How many threads sync in the background: 1 to 64.
    public var syncThreads: UInt?
    /// Measures how long each append takes.
    public var latencies = false
    /// Where truncation moves segments instead of deleting them.
    public var archivePath: String?
    /// Is applied to all streams once a minute.
    public var retention: Retention?
    /// Gets the messages of the log, on any thread and several at a time. It must not append, sync, close or wait for durability in
    /// that log.
    public var logger: (@Sendable (LogLevel, String) -> Void)?
    /// The least severe level that reaches the logger.
    public var loggerLevel: LogLevel?
    /// Of several with a name one holds, whole: the exact one, else that with the longest prefix.
    public var streams: [StreamOptions] = []
    /// More options as text, such as `sync_mode=async; max_segment_size=64M`, applied last: see `ironwal_options_parse` in
    /// `ironwal.h`.
    public var settings: String?

    public init(
        syncMode: SyncMode? = nil, maxEntriesPerSegment: UInt64? = nil, backgroundSync: BackgroundSync? = nil
    ) {
        self.syncMode = syncMode
        self.maxEntriesPerSegment = maxEntriesPerSegment
        self.backgroundSync = backgroundSync
    }

    /// Calls with options of the library, which are freed afterwards.
    func with<R>(_ path: String, _ body: (OpaquePointer) throws -> R) throws -> R {
        var made: OpaquePointer?
        try withUTF8(path) { path, length in try check { ironwal_options_new(path, length, &made, $0) } }
        let options = made!
        defer { ironwal_options_free(options) }
        try apply(options)
        return try body(options)
    }

    private func apply(_ to: OpaquePointer) throws {
        func set<T>(_ value: T?, _ setter: (OpaquePointer?, T, UnsafeMutablePointer<OpaquePointer?>?) -> Int32) throws {
            if let value { try check { setter(to, value, $0) } }
        }
        try set(syncMode?.rawValue, ironwal_options_set_sync_mode)
        try set(compression?.rawValue, ironwal_options_set_compression)
        try set(readStrategy?.rawValue, ironwal_options_set_read_strategy)
        try set(writeStrategy?.rawValue, ironwal_options_set_write_strategy)
        try set(commitPath?.rawValue, ironwal_options_set_commit_path)
        try set(journalSize, ironwal_options_set_journal_size)
        try set(onCorruption?.rawValue, ironwal_options_set_on_corruption)
        try set(maxSegmentSize, ironwal_options_set_max_segment_size)
        try set(maxEntriesPerSegment, ironwal_options_set_max_entries_per_segment)
        try set(maxOpenSegments.map { Int(clamping: $0) }, ironwal_options_set_max_open_segments)
        try set(maxOpenReadSegments.map { Int(clamping: $0) }, ironwal_options_set_max_open_read_segments)
        try set(writeBufferSize.map { Int(clamping: $0) }, ironwal_options_set_write_buffer_size)
        try set(readBufferSize.map { Int(clamping: $0) }, ironwal_options_set_read_buffer_size)
        try set(blockCacheSize, ironwal_options_set_block_cache_size)
        try set(minCompressionSize.map { Int(clamping: $0) }, ironwal_options_set_min_compression_size)
        try set(syncThreads.map { Int(clamping: $0) }, ironwal_options_set_sync_threads)
        try set(loggerLevel?.rawValue, ironwal_options_set_log_level)
        switch backgroundSync {
        case let .after(interval, bytes):
            try check { ironwal_options_set_background_sync(to, interval.nanoseconds, bytes, $0) }
        case .never: try check { ironwal_options_set_no_background_sync(to, $0) }
        case nil: break
        }
        if latencies { try check { ironwal_options_set_latencies(to, true, $0) } }
        if let archivePath {
            try withUTF8(archivePath) { path, length in try check { ironwal_options_set_archive_path(to, path, length, $0) } }
        }
        if let retention {
            try check { ironwal_options_set_retention(to, retention.bytes, retention.ageNs, retention.keepCursors, $0) }
        }
        if let logger { try setLogger(logger, of: to) }
        for own in streams {
            try withUTF8(own.name) { name, nameLength in
                try withUTF8(own.settings) { text, length in
                    try check { ironwal_options_set_stream(to, own.match.rawValue, name, nameLength, text, length, $0) }
                }
            }
        }
        if let settings {
            try withUTF8(settings) { text, length in try check { ironwal_options_parse(to, text, length, $0) } }
        }
    }
}
