import Foundation
import Ironwal
import XCTest

/// A log that syncs only when it is asked to.
let lazyOptions = Options(syncMode: .async, backgroundSync: .never)

/// What a test says and compares, and a directory of its own that is removed with all logs in it.
class IronwalTestCase: XCTestCase {
    private(set) var root = ""

    /// Where the log goes; nothing is there yet.
    var path: String { other("log") }

    func other(_ name: String) -> String { root + "/" + name }

    override func setUpWithError() throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("ironwal-swift-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: root) }

    /// The stream holds these entries, from an id on, and no more.
    func expectEntries(_ stream: LogStream, _ firstID: UInt64, _ wanted: [String], line: UInt = #line) throws {
        let iterator = try stream.iterate()
        var all: [String] = []
        var id = firstID
        while let entry = try iterator.next() {
            XCTAssertEqual(entry.id, id, line: line)
            all.append(entry.bytes.text)
            id += 1
        }
        XCTAssertEqual(all, wanted, line: line)
    }

    /// The call throws an error of this status, which is returned.
    @discardableResult
    func expect<R>(_ status: Status, line: UInt = #line, _ call: () throws -> R) throws -> IronwalError {
        do { _ = try call() } catch let error as IronwalError {
            XCTAssertEqual(error.status, status, error.message, line: line)
            return error
        }
        XCTFail("expected \(status), and nothing was thrown", line: line)
        throw CancellationError()
    }

    /// The file below the directory that holds the text.
    func fileWith(_ text: String) throws -> String {
        let wanted = Data(text.utf8)
        for name in FileManager.default.enumerator(atPath: root)! {
            let file = root + "/" + (name as! String)
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory)
            if !isDirectory.boolValue, try Data(contentsOf: URL(fileURLWithPath: file)).range(of: wanted) != nil { return file }
        }
        throw CocoaError(.fileNoSuchFile)
    }

    /// Calls until it is true.
    func soon(_ what: String, line: UInt = #line, _ condition: () throws -> Bool) rethrows {
        let end = Date() + 30
        while try !condition() {
            if Date() > end { return XCTFail("not within 30 seconds: \(what)", line: line) }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }
}

extension Data {
    init(_ text: String) { self.init(text.utf8) }
    var text: String { String(decoding: self, as: UTF8.self) }
}

func batch(_ entries: String...) -> [Data] { entries.map { Data($0) } }

/// A number that threads add to.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func add(_ more: Int = 1) {
        lock.lock()
        count += more
        lock.unlock()
    }

    var value: Int {
        lock.lock()
        defer { lock.unlock() }
        return count
    }
}

/// Runs a body on a thread, and waits for it.
final class Worker: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var failure: (any Error)?

    init(_ body: @escaping @Sendable () throws -> Void) {
        Thread.detachNewThread {
            do { try body() } catch { self.failure = error }
            self.done.signal()
        }
    }

    func join() throws {
        done.wait()
        if let failure { throw failure }
    }
}

/// The first of what comes in time: nil after the timeout.
func within(_ seconds: Double, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: .seconds(seconds))
            throw IronwalTestTimeout()
        }
        try await group.next()
        group.cancelAll()
    }
}

struct IronwalTestTimeout: Error {}
