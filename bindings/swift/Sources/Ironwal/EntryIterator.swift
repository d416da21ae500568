import CIronwal
import Foundation

/// Which entries an iterator shows.
public enum Shown: Int32, CaseIterable, Sendable {
    /// Those that reads show in the sync mode of the log.
    case byMode = 901
    /// All in the kernel; a power loss may take some back.
    case written = 902
    /// Durable ones only.
    case durable = 903
}

/// Cancels the waits of one iterator, from any thread.
public final class Canceller: @unchecked Sendable {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { ironwal_canceller_free(handle) }

    /// Ends the wait that is under way with ``Status/cancelled``, or the next one where none is.
    public func cancel() throws { try withExtendedLifetime(self) { try check { ironwal_canceller_cancel(handle, $0) } } }
}

/// A place in a stream that moves in one direction. One thread at a time may use it.
///
/// ``next()`` may be called again after it returned nil, and finds what was appended since. After ``Status/crcMismatch``,
/// ``Status/corrupt`` and ``Status/segmentNotFound`` it goes on behind what is damaged or gone. It never waits.
public final class EntryIterator {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { ironwal_iter_free(handle) }

    /// The next entry. Nil: the end for now.
    public func next() throws -> Entry? { try next { Entry(id: $0, bytes: Data($1)) } }

    /// Calls with the next entry, without a copy: its bytes are there during the call. Nil: the end for now.
    public func next<R>(_ body: (UInt64, UnsafeRawBufferPointer) throws -> R) throws -> R? {
        try withExtendedLifetime(self) {
            var id: UInt64 = 0
            var view = ironwal_view()
            let found = try check(or: Int32(IRONWAL_E_END)) { ironwal_iter_next(handle, &id, &view, $0) }
            return found ? try body(id, UnsafeRawBufferPointer(start: view.data, count: view.len)) : nil
        }
    }

    /// Waits until ``next()`` has something to return. False: not after this time; nil waits without end. Throws
    /// ``Status/cancelled`` after a cancellation, ``Status/invalidArgument`` for an iterator that moves backward. It blocks its
    /// thread; a task iterates ``LogStream/follow(from:shown:)``.
    public func wait(timeout: Duration? = nil) throws -> Bool {
        try withExtendedLifetime(self) {
            try check(or: Int32(IRONWAL_E_TIMEOUT)) { ironwal_iter_wait(handle, timeout?.nanoseconds ?? .max, $0) }
        }
    }

    /// What cancels the waits of this iterator.
    public func canceller() throws -> Canceller {
        var made: OpaquePointer?
        try withExtendedLifetime(self) { try check { ironwal_iter_canceller(handle, &made, $0) } }
        return Canceller(made!)
    }
}

extension LogStream {
    /// A place that moves forward from an id.
    public func iterate(from id: UInt64 = 0, shown: Shown = .byMode) throws -> EntryIterator {
        var made: OpaquePointer?
        try withExtendedLifetime(self) { try check { ironwal_stream_follow(handle, id, shown.rawValue, &made, $0) } }
        return EntryIterator(made!)
    }

    /// A place that moves backward from an id, or from the last entry. It shows nothing appended later, and cannot wait.
    public func iterateBackward(from id: UInt64 = .max) throws -> EntryIterator {
        var made: OpaquePointer?
        try withExtendedLifetime(self) { try check { ironwal_stream_iter_rev(handle, id, &made, $0) } }
        return EntryIterator(made!)
    }

    /// The entries from an id on, to the end as it is when the iteration comes there. For damage it throws; an ``EntryIterator`` goes
    /// on behind it.
    ///
    ///     for try await entry in trades.entries() { ... }
    public func entries(from id: UInt64 = 0, shown: Shown = .byMode) -> Entries {
        Entries(stream: self, id: id, shown: shown, way: .toTheEnd)
    }

    /// The entries from an id back to the first one kept; without an id from the last one.
    public func entriesBackward(from id: UInt64 = .max) -> Entries {
        Entries(stream: self, id: id, shown: .byMode, way: .backward)
    }

    /// The entries from an id on, and those to come: the iteration waits for them, until its task is cancelled or the log closed
    /// (``Status/closed``). While nothing comes, a thread of its own waits, and none of those that run tasks.
    ///
    ///     for try await entry in trades.follow(from: 7) { ... }
    public func follow(from id: UInt64 = 0, shown: Shown = .byMode) -> Entries {
        Entries(stream: self, id: id, shown: shown, way: .following)
    }
}

/// Entries of a stream, one after the other.
public struct Entries: AsyncSequence, Sendable {
    public typealias Element = Entry

    enum Way: Sendable { case toTheEnd, backward, following }

    let stream: LogStream
    let id: UInt64
    let shown: Shown
    let way: Way

    public func makeAsyncIterator() -> Iterator { Iterator(entries: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let entries: Entries
        private var begun: Begun?

        init(entries: Entries) { self.entries = entries }

        /// The next entry. Nil: the end, or the task is cancelled.
        public mutating func next() async throws -> Entry? {
            let begun = try self.begun ?? Begun(entries)
            self.begun = begun
            while true {
                try Task.checkCancellation()
                if let entry = try begun.iterator.next() { return entry }
                guard let canceller = begun.canceller else { return nil }
                try await begun.wait(canceller)
            }
        }
    }

    /// An iterator of the library. One task at a time uses it: that of the iteration, or the thread that it waits for.
    final class Begun: @unchecked Sendable {
        let iterator: EntryIterator
        let canceller: Canceller?

        init(_ entries: Entries) throws {
            switch entries.way {
            case .toTheEnd:
                iterator = try entries.stream.iterate(from: entries.id, shown: entries.shown)
                canceller = nil
            case .backward:
                iterator = try entries.stream.iterateBackward(from: entries.id)
                canceller = nil
            case .following:
                iterator = try entries.stream.iterate(from: entries.id, shown: entries.shown)
                canceller = try iterator.canceller()
            }
        }

        /// A wait that blocks, on a thread of its own: those that run tasks are few.
        func wait(_ canceller: Canceller) async throws {
            do {
                try await withTaskCancellationHandler {
                    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                        Thread.detachNewThread {
                            continuation.resume(with: Result { _ = try self.iterator.wait() })
                        }
                    }
                } onCancel: {
                    // It fails for NULL only.
                    try? canceller.cancel()
                }
            } catch Status.cancelled {
                throw CancellationError()
            }
        }
    }
}
