import CIronwal
import Foundation

/// Names a callback given to ``LogStream/onDurable(_:_:)``, to cancel it.
public final class Ticket: @unchecked Sendable {
    fileprivate var raw = ironwal_ticket()
    fileprivate let body: Unmanaged<Body>

    /// What the library keeps until it has called it, or it is cancelled.
    fileprivate final class Body {
        let call: @Sendable (Result<Void, IronwalError>) -> Void
        init(_ call: @escaping @Sendable (Result<Void, IronwalError>) -> Void) { self.call = call }
    }

    fileprivate init(_ call: @escaping @Sendable (Result<Void, IronwalError>) -> Void) {
        body = Unmanaged.passRetained(Body(call))
    }
}

extension LogStream {
    /// Has a closure called once everything in front of the mark is durable, or cannot become so: ``Status/poisoned``,
    /// ``Status/detached``, ``Status/closed``, ``Status/streamNotFound``. Returns at once, and asks for a sync.
    ///
    /// It runs on a thread of the library, or on the one that closes the log. It may append, read, register and cancel, and must return
    /// soon; it cannot close the log.
    @discardableResult
    public func onDurable(_ mark: Mark, _ call: @escaping @Sendable (Result<Void, IronwalError>) -> Void) throws -> Ticket {
        let ticket = Ticket { [callbacks] result in callbacks.run { call(result) } }
        let context = UInt(bitPattern: ticket.body.toOpaque())
        do {
            var raw = ironwal_ticket()
            try withExtendedLifetime(self) {
                try check { ironwal_stream_on_durable(handle, mark.raw, durableCalled, context, &raw, $0) }
            }
            ticket.raw = raw
        } catch {
            ticket.body.release()
            throw error
        }
        return ticket
    }

    /// Cancels the closure that a ticket names. True: it was not called and will not be. False: it has returned, unless it is what
    /// calls this.
    public func cancel(_ ticket: Ticket) throws -> Bool {
        var cancelled = false
        try withExtendedLifetime(self) {
            try check { ironwal_stream_cancel_durable(handle, &ticket.raw, &cancelled, $0) }
        }
        if cancelled { ticket.body.release() }
        return cancelled
    }

    /// Returns when everything in front of the mark is durable, and throws where it cannot become so. No thread waits. A task that is
    /// cancelled leaves nothing behind.
    public func durable(_ mark: Mark) async throws {
        try Task.checkCancellation()
        let wait = DurableWait()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait.begin(self, mark, continuation)
            }
        } onCancel: {
            wait.cancel()
        }
    }
}

/// A task that waits for a mark. Its continuation is resumed once, by the callback or by the cancellation.
private final class DurableWait: @unchecked Sendable {
    private let lock = NSLock()
    private var continuation: CheckedContinuation<Void, any Error>?
    private var registered: (stream: LogStream, ticket: Ticket)?
    private var isCancelled = false

    func begin(_ stream: LogStream, _ mark: Mark, _ continuation: CheckedContinuation<Void, any Error>) {
        lock.lock()
        self.continuation = continuation
        lock.unlock()
        do {
            let ticket = try stream.onDurable(mark) { self.resume($0.mapError { $0 }) }
            lock.lock()
            let isLate = isCancelled
            if self.continuation != nil { registered = (stream, ticket) }
            lock.unlock()
            // The task was cancelled before there was a ticket to cancel.
            if isLate { cancel() }
        } catch {
            resume(.failure(error))
        }
    }

    func cancel() {
        lock.lock()
        isCancelled = true
        let registered = self.registered
        self.registered = nil
        lock.unlock()
        guard let registered else { return }
        do {
            // False: the callback resumes it, or has.
            if try registered.stream.cancel(registered.ticket) { resume(.failure(CancellationError())) }
        } catch {
            // The log was closed, which calls the callback.
        }
    }

    private func resume(_ result: Result<Void, any Error>) {
        lock.lock()
        let continuation = self.continuation
        self.continuation = nil
        registered = nil
        lock.unlock()
        continuation?.resume(with: result)
    }
}

private func durableCalled(context: UInt, mark: ironwal_mark, code: Int32) {
    let body = Unmanaged<Ticket.Body>.fromOpaque(UnsafeRawPointer(bitPattern: context)!).takeRetainedValue()
    body.call(code == IRONWAL_OK ? .success(()) : .failure(IronwalError(code: code, object: nil)))
}

/// Sends the messages of every log opened with these options to a closure, which the library releases.
func setLogger(_ logger: @escaping @Sendable (LogLevel, String) -> Void, of options: OpaquePointer) throws {
    let context = UInt(bitPattern: Unmanaged.passRetained(Logger(logger)).toOpaque())
    try check { ironwal_options_set_log_owned(options, logged, context, released, $0) }
}

private final class Logger {
    let call: @Sendable (LogLevel, String) -> Void
    init(_ call: @escaping @Sendable (LogLevel, String) -> Void) { self.call = call }
}

private func logged(context: UInt, level: Int32, message: UnsafePointer<CChar>?, length: Int) {
    let logger = Unmanaged<Logger>.fromOpaque(UnsafeRawPointer(bitPattern: context)!).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: message, count: length)
    logger.call(LogLevel(rawValue: level) ?? .trace, String(decoding: bytes, as: UTF8.self))
}

private func released(context: UInt) {
    Unmanaged<Logger>.fromOpaque(UnsafeRawPointer(bitPattern: context)!).release()
}
