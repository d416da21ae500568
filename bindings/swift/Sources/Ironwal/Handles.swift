import Foundation

/// When is a log closed, and when is its handle freed? Calls keep it; closing refuses new ones and waits for those under way.
final class LogHandle: @unchecked Sendable {
    let callbacks = CallbackScope()
    private let changed = NSCondition()
    private var pointer: OpaquePointer?
    private var calls = 0
    private let free: (OpaquePointer) -> Void

    init(_ pointer: OpaquePointer, free: @escaping (OpaquePointer) -> Void) {
        self.pointer = pointer
        self.free = free
    }

    /// What was not closed is freed, and a failure is not reported.
    deinit { if let pointer { free(pointer) } }

    func use<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        changed.lock()
        guard let pointer else {
            changed.unlock()
            throw IronwalError.closed("the log")
        }
        calls += 1
        changed.unlock()
        defer {
            changed.lock()
            calls -= 1
            if calls == 0 { changed.broadcast() }
            changed.unlock()
        }
        return try body(pointer)
    }

    /// Closes the log once. A close that was refused, as a callback asked for it, leaves it open.
    func close(_ call: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws {
        if callbacks.runHere { throw LogHandle.refusal }
        changed.lock()
        guard let closing = pointer else {
            changed.unlock()
            throw IronwalError.closed("the log")
        }
        pointer = nil
        while calls > 0 { changed.wait() }
        changed.unlock()
        do {
            try check { call(closing, $0) }
        } catch Status.invalidArgument {
            changed.lock()
            pointer = closing
            changed.unlock()
            throw LogHandle.refusal
        }
    }

    private static let refusal = IronwalError(.invalidArgument, "a callback of the log cannot close it")
}

/// Whether a thread runs a callback of one log, which cannot close it.
final class CallbackScope: Sendable {
    private static let key = "ironwal.callback"

    var runHere: Bool { Thread.current.threadDictionary[Self.key] as? CallbackScope === self }

    func run(_ body: () -> Void) {
        let before = Thread.current.threadDictionary[Self.key]
        Thread.current.threadDictionary[Self.key] = self
        body()
        Thread.current.threadDictionary[Self.key] = before
    }
}
