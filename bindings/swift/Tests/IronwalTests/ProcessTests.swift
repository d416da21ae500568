import Foundation
import Ironwal
import XCTest

/// Does the end of a process harm nothing, and do errors of the system arrive? The children are the program `Child`.
final class ProcessTests: IronwalTestCase {
    /// Where the programs of the package are.
    static var programs: URL {
        #if os(macOS)
            Bundle(for: ProcessTests.self).bundleURL.deletingLastPathComponent()
        #else
            Bundle.main.bundleURL
        #endif
    }

    private func child(_ arguments: String...) -> Process {
        let process = Process()
        process.executableURL = Self.programs.appendingPathComponent("Child")
        process.arguments = arguments
        return process
    }

    private func runToEnd(_ process: Process) throws {
        try process.run()
        process.waitUntilExit()
        XCTAssertEqual(process.terminationStatus, 0)
        XCTAssertEqual(process.terminationReason, .exit)
    }

    func testAnErrorOfTheSystemHasItsCodeAndPath() throws {
        let error = try expect(.io) { try Log(other("no/such/parent")) }
        XCTAssertEqual(error.osError, ENOENT)
        XCTAssertTrue(error.path?.contains("no/such") == true && !error.message.isEmpty, error.message)
        XCTAssertTrue("\(error)".hasPrefix("IRONWAL_E_IO: "))
    }

    func testAFullDiskIsNoSpaceAndLosesNothing() throws {
        try runToEnd(child("full-disk", path))
        try expectEntries(try Log(path).stream("s"), 0, ["kept", "again"])
    }

    func testAProgramThatEndsWithoutClosingLosesNothing() throws {
        try runToEnd(child("no-close", path))
        try expectEntries(try Log(path).stream("s"), 0, ["a", "b", "c"])
    }

    func testAKilledProcessLosesNothingAcknowledgedInEverySyncMode() throws {
        let rounds = ProcessInfo.processInfo.environment["IRONWAL_ROUNDS"].flatMap { Int($0) } ?? 3
        for mode in SyncMode.allCases {
            let path = other("\(mode)")
            var acknowledged: [String: UInt64] = ["a": 0, "b": 0]
            for round in 0..<rounds {
                let (writer, pipe) = (child("writer", path, "\(mode.rawValue)"), Pipe())
                writer.standardOutput = pipe
                try writer.run()
                let enough = 40 + round % 50 * 17
                var (text, lines) = ("", 0)
                while true {
                    let data = pipe.fileHandleForReading.availableData
                    if data.isEmpty { break }
                    text += data.text
                    lines += data.filter { $0 == UInt8(ascii: "\n") }.count
                    if lines >= enough && writer.isRunning { kill(writer.processIdentifier, SIGKILL) }
                }
                writer.waitUntilExit()
                XCTAssertEqual(writer.terminationReason, .uncaughtSignal)
                XCTAssertGreaterThanOrEqual(lines, enough)
                // A last line without its end says nothing.
                for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                    let words = line.split(separator: " ")
                    acknowledged[String(words[0])] = max(acknowledged[String(words[0])]!, UInt64(words[1])!)
                }
                try expectAcknowledged(path, mode, acknowledged)
            }
        }
    }

    private func expectAcknowledged(_ path: String, _ mode: SyncMode, _ acknowledged: [String: UInt64]) throws {
        let log = try Log(path, options: Options(syncMode: mode))
        for (name, end) in acknowledged {
            let stream = try log.stream(name)
            let next = try stream.nextID()
            XCTAssertGreaterThanOrEqual(next, end, name)
            try expectEntries(stream, 0, (0..<next).map { "\(name) \($0)" })
            // Batches are whole, and an entry and its property were one append.
            XCTAssertTrue(next % 4 == 0 || next % 4 == 3, "\(name) ends at \(next), within a batch")
            let at = try stream.property("at")?.text
            XCTAssertEqual(at, next < 4 ? nil : "\(next % 4 == 0 ? next - 1 : next - 4)")
        }
        try log.close()
    }

    private func residentBytes() throws -> Int {
        let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return Int(words[1])! * 4096
    }

    func testCallsLeaveNoMemoryBehind() throws {
        let big = Data(count: 3000)
        var options = Options(syncMode: .async)
        options.logger = { _, _ in }
        let log = try Log(path, options: options)
        let first = try log.stream("s")
        try first.append(batch: [big], properties: [.set("p", big)])
        func turns(_ count: Int) throws {
            for _ in 0..<count {
                let stream = try log.stream("s")
                let iterator = try stream.iterate(shown: .written)
                let canceller = try iterator.canceller()
                _ = try iterator.next()
                _ = try stream.get(0)
                _ = try stream.last()
                _ = try stream.withEntry(0) { $0.count }
                _ = try stream.properties()
                _ = try log.streams()
                _ = try stream.cancel(try stream.onDurable(try stream.mark()) { _ in _ = big.count })
                try expect(.sequenceMismatch) { try stream.append(batch: [Data](), expectedID: 9) }
                try canceller.cancel()
            }
        }
        try turns(500)
        // What is lost is lost in each round: one entry a turn would be 1.5 MB.
        var smallest = Int.max
        for _ in 0..<5 {
            let before = try residentBytes()
            try turns(500)
            smallest = min(smallest, try residentBytes() - before)
        }
        XCTAssertLessThan(smallest, 1 << 19)
    }
}
