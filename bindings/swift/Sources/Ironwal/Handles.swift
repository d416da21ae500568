import Foundation

/// When is a log closed, and when is its handle freed? Calls keep it; closing refuses new ones and waits for those under way.
final class LogHandle: @unchecked Sendable {
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
            throw IronwalError(.invalidArgument, "a callback of the log cannot close it")
        }
    }
}
