import Foundation
import Ironwal
import XCTest

/// Do opening, appending and reading do what they say?
final class EntryTests: IronwalTestCase {
    func testEntriesAreThereAfterTheLogIsOpenedAgain() throws {
        let long = String(repeating: "x", count: 100_000)
        do {
            let log = try Log(path)
            let stream = try log.stream("orders")
            for (id, entry) in ["a", "", long].enumerated() { XCTAssertEqual(try stream.append(Data(entry)), UInt64(id)) }
            try log.close()
        }
        let log = try Log(path)
        let stream = try log.stream("orders")
        XCTAssertEqual(try log.streams(), ["orders"])
        try expectEntries(stream, 0, ["a", "", long])
        XCTAssertEqual(try stream.last()?.id, 2)
        XCTAssertEqual(try stream.last()?.bytes.count, 100_000)
        XCTAssertEqual(try stream.nextID(), 3)
        try log.close()
    }

    func testASecondWriterIsRefusedAndAReaderIsNot() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(Data("a"))
        XCTAssertFalse(try log.isReadOnly())
        try expect(.locked) { try Log(path) }
        // A status is a pattern for catch.
        do { _ = try Log(path) } catch Status.locked {} catch { XCTFail("\(error)") }
        let reader = try Log(readOnly: path)
        let seen = try reader.stream("s")
        XCTAssertTrue(try reader.isReadOnly())
        try expectEntries(seen, 0, ["a"])
        try stream.append(Data("b"))
        try reader.refresh()
        try expectEntries(seen, 0, ["a", "b"])
        try expect(.readOnly) { try seen.append(Data()) }
    }

    func testAValueOutOfBoundsAndABadPathAreRefusedAndNothingIsCreated() throws {
        func refused(_ change: (inout Options) -> Void) throws {
            var options = Options()
            change(&options)
            try expect(.config) { try Log(path, options: options) }
        }
        try refused { $0.backgroundSync = .after(.seconds(1), bytes: 0) }
        try refused { $0.backgroundSync = .after(.zero, bytes: 1) }
        try refused { $0.syncThreads = 65 }
        try refused { $0.syncThreads = .max }
        try refused { $0.writeBufferSize = 1 << 30 + 1 }
        try refused { $0.readBufferSize = 0 }
        try refused { $0.archivePath = "a\0b" }
        try refused { $0.maxSegmentSize = 0 }
        try refused { $0.settings = "no_such_option=1" }
        for bad in ["", "a\0b"] { try expect(.config) { try Log(bad) } }
        XCTAssertFalse(FileManager.default.fileExists(atPath: path))
    }

    func testEntriesThatWentThroughTheJournalAreThereAgain() throws {
        var options = Options()
        options.commitPath = .journal
        options.journalSize = 1 << 20
        let journal = path + "/commit-journal"
        let log = try Log(path, options: options)
        let (a, b) = (try log.stream("a"), try log.stream("b"))
        let end = Date(timeIntervalSinceNow: 20)
        while !FileManager.default.fileExists(atPath: journal + "/01.jnl"), Date() < end { try a.append(Data("x")) }
        XCTAssertTrue(FileManager.default.fileExists(atPath: journal))
        for number in 0..<10 { try b.append(Data(String(number))) }
        try log.close()
        XCTAssertFalse(FileManager.default.fileExists(atPath: journal))
        let again = try Log(path)
        XCTAssertEqual(try again.stream("b").nextID(), 10)
        try again.close()
    }

    func testEveryOptionReachesTheLibrary() throws {
        let messages = Counter()
        var options = Options(syncMode: .batchOnly, maxEntriesPerSegment: 1000, backgroundSync: .after(.seconds(1), bytes: 1 << 20))
        options.compression = .lz4
        options.readStrategy = .mmap
        options.writeStrategy = .standardIO
        options.commitPath = .auto
        options.journalSize = 1 << 20
        options.onCorruption = .error
        options.maxSegmentSize = 1 << 20
        options.maxOpenSegments = 4
        options.maxOpenReadSegments = 4
        options.writeBufferSize = 0
        options.readBufferSize = 4096
        options.blockCacheSize = 1 << 16
        options.minCompressionSize = 64
        options.syncThreads = 2
        options.latencies = true
        options.archivePath = other("archive")
        options.retention = Retention(maxBytes: 1 << 30, maxAge: .seconds(3600), keepCursors: true)
        options.logger = { level, message in
            XCTAssertTrue(level.rawValue <= LogLevel.info.rawValue && !message.isEmpty)
            messages.add()
        }
        options.loggerLevel = .info
        options.settings = "max_entries_per_segment=10"
        options.streams = [StreamOptions(.prefix, "chat/", "sync_mode=async")]
        let log = try Log(path, options: options)
        XCTAssertEqual(try log.stream("chat/1").syncMode(), .async)
        let stream = try log.stream("s")
        for _ in 0..<25 { try stream.append(Data(count: 1000)) }
        let stats = try stream.stats()
        XCTAssertEqual([stats.segments, stats.measured_appends], [3, 25])
        XCTAssertLessThan(stats.bytes, 25 * 1000)
        XCTAssertEqual(try stream.truncateSegments(before: 20), 2)
        XCTAssertTrue(FileManager.default.fileExists(atPath: other("archive")))
        XCTAssertEqual(try stream.restoreArchived(), 2)
        try log.close()
        XCTAssertGreaterThan(messages.value, 0)
        let source = try InterfaceTests.read("Sources/Ironwal/Options.swift") + InterfaceTests.read("Sources/Ironwal/Callbacks.swift")
        for name in try InterfaceTests.functions() where name.hasPrefix("ironwal_options_set_") && name != "ironwal_options_set_log" {
            XCTAssertTrue(InterfaceTests.has(source, word: name), "\(name) is not called")
        }
    }

    func testACallOnWhatIsClosedIsRefusedAsClosed() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(Data("a"))
        let iterator = try stream.iterate()
        let transaction = try stream.begin()
        try log.close()
        try expect(.closed) { try log.close() }
        try expect(.closed) { try log.streams() }
        try expect(.closed) { try log.stream("s") }
        try expect(.closed) { try stream.append(Data()) }
        try expect(.closed) { try stream.get(0) }
        try expect(.closed) { try iterator.wait(timeout: .zero) }
        try expect(.closed) { try transaction.commit() }
        try expect(.closed) { try transaction.commit() }
        try expect(.closed) { try transaction.add(Data()) }
    }

    func testAForgottenLogIsClosedOnceItsLastStreamIsGone() throws {
        var stream: LogStream?
        do {
            let log = try Log(path)
            stream = try log.stream("s")
        }
        try stream!.append(Data("a"))
        try expect(.locked) { try Log(path) }
        stream = nil
        let log = try Log(path)
        try expectEntries(try log.stream("s"), 0, ["a"])
    }

    func testStreamsAreListedAndDeleted() throws {
        let log = try Log(path)
        for name in ["b", "a", "ä/ö"] { try log.stream(name).append(Data()) }
        XCTAssertEqual(try log.streams(), ["a", "b", "ä/ö"])
        try log.deleteStream("b")
        try log.deleteStream("b")
        let a = try log.stream("a")
        try a.delete()
        try expect(.streamNotFound) { try a.append(Data()) }
        XCTAssertEqual(try log.streams(), ["ä/ö"])
        for bad in ["", "a\0", String(repeating: "x", count: 256)] { try expect(.config) { try log.stream(bad) } }
    }

    func testABatchGetsConsecutiveIdsAndAMarkInEverySyncMode() throws {
        for mode in SyncMode.allCases {
            let log = try Log(other("\(mode)"), options: Options(syncMode: mode, backgroundSync: .never))
            let stream = try log.stream("s")
            let appended = try stream.append(batch: batch("a", "b"))
            XCTAssertEqual(appended.ids, 0..<2)
            XCTAssertEqual(try stream.isDurable(appended.mark), mode != .async)
            XCTAssertEqual(try stream.append(batch: batch()).ids, 2..<2)
            XCTAssertEqual(try stream.append(batch: [[UInt8]](repeating: [1, 2, 3], count: 100)).ids, 2..<102)
            XCTAssertEqual(try stream.append(parts: batch("two ", "parts", "")), 102)
            XCTAssertEqual(try stream.get(102)?.text, "two parts")
        }
    }

    func testATransactionIsOneAppend() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.begin().add(Data("discarded"))
        let transaction = try stream.begin()
        try transaction.add(Data("a"))
        try transaction.add([UInt8]("b".utf8))
        try expectEntries(stream, 0, [])
        XCTAssertEqual(try transaction.commit(), 0..<2)
        try expectEntries(stream, 0, ["a", "b"])
        XCTAssertEqual(try stream.stats().appends, 1)
    }

    func testAnAppendAtAnotherIdIsRefusedWithBothIds() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("a", "b"), expectedID: 0)
        let error = try expect(.sequenceMismatch) { try stream.append(batch: batch("c"), expectedID: 5) }
        XCTAssertEqual([error.expectedID, error.foundID], [5, 2])
        XCTAssertEqual(error.stream, "s")
        try expectEntries(stream, 0, ["a", "b"])
    }

    func testDurabilityIsChosenForEachAppend() throws {
        let strict = try Log(other("strict"), options: Options(backgroundSync: .never)).stream("s")
        try strict.append(batch: batch("a"), durability: .written)
        XCTAssertEqual(try strict.durableEnd(), 0)
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        try stream.append(Data("a"))
        XCTAssertEqual(try stream.durableEnd(), 0)
        try stream.append(batch: batch("b"), durability: .durable)
        XCTAssertEqual(try stream.durableEnd(), 2)
        try stream.append(Data("c"))
        XCTAssertEqual(try stream.durableEnd(), 2)
        try stream.sync()
        XCTAssertEqual(try stream.durableEnd(), 3)
        try stream.append(Data("d"))
        try log.sync()
        XCTAssertEqual(try stream.durableEnd(), 4)
    }

    func testAllThatHasBytesCanBeAppended() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        let bytes: [UInt8] = Array("bytes".utf8)
        try stream.append(Data("data"))
        try stream.append(bytes)
        try stream.append(bytes[1..<4])
        try stream.append(Data("data")[1...])
        try bytes.withUnsafeBytes { _ = try stream.append($0) }
        try stream.append(UnsafeRawBufferPointer(start: nil, count: 0))
        try stream.append([])
        try stream.append(batch: [bytes[0..<1], bytes[4...]])
        try expectEntries(stream, 0, ["data", "bytes", "yte", "ata", "bytes", "", "", "b", "s"])
    }

    func testAnEntryThatIsNotThereIsNil() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        XCTAssertNil(try stream.last())
        XCTAssertNil(try stream.get(0))
        try stream.append(Data("a"))
        XCTAssertEqual(try stream.get(0)?.text, "a")
        XCTAssertNil(try stream.get(1))
        XCTAssertNil(try stream.withEntry(1) { $0.count })
    }

    func testAGetIntoMemoryOfTheProgramFillsItsFrontOrReturnsTheLength() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("entry", ""))
        var buffer = Array("........".utf8)
        var small = Array("....".utf8)
        XCTAssertEqual(try buffer.withUnsafeMutableBytes { try stream.get(0, into: $0) }, .filled(5))
        XCTAssertEqual(String(decoding: buffer, as: UTF8.self), "entry...")
        XCTAssertEqual(try small.withUnsafeMutableBytes { try stream.get(0, into: $0) }, .tooSmall(5))
        XCTAssertEqual(String(decoding: small, as: UTF8.self), "....")
        let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        XCTAssertEqual(try stream.get(1, into: none), .filled(0))
        XCTAssertEqual(try stream.get(0, into: none), .tooSmall(5))
        XCTAssertNil(try stream.get(2, into: none))
    }

    func testAnEntryWithoutACopyStaysDuringTheCall() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("entry", ""))
        XCTAssertEqual(try stream.withEntry(1) { $0.count }, 0)
        let text = try stream.withEntry(0) { bytes in
            try stream.delete()
            try log.close()
            return String(decoding: bytes, as: UTF8.self)
        }
        XCTAssertEqual(text, "entry")
    }

    func testStreamsWithTheSameEntriesHaveTheSameDigest() throws {
        let log = try Log(path)
        let (a, b) = (try log.stream("a"), try log.stream("b"))
        try a.append(batch: batch("x", "y"))
        for entry in ["x", "y", "z"] { try b.append(Data(entry)) }
        XCTAssertEqual(try a.digest(of: 0..<2), try b.digest(of: 0..<2))
        XCTAssertNotEqual(try a.digest(of: 0..<2), try b.digest(of: 1..<3))
        try expect(.segmentNotFound) { try a.digest(of: 0..<3) }
    }

    func testManyThreadsAppendReadAndCloseAtOnce() throws {
        for round in 0..<20 {
            let log = try Log(other("log\(round)"), options: Options(syncMode: .async))
            let stream = try log.stream("s")
            let workers = (0..<6).map { _ in
                Worker {
                    do {
                        while true {
                            _ = try stream.get(try stream.append(Data("entry")))
                            _ = try log.streams()
                        }
                    } catch Status.closed {}
                }
            }
            Thread.sleep(forTimeInterval: Double(round) * 0.0001)
            try log.close()
            for worker in workers { try worker.join() }
            try expect(.closed) { try log.close() }
        }
    }

    func testThreadsThatShareAStreamGetEachIdOnce() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let sum = Counter()
        let workers = (0..<8).map { _ in
            Worker { for _ in 0..<200 { sum.add(Int(try stream.append(Data("entry")))) } }
        }
        for worker in workers { try worker.join() }
        XCTAssertEqual(try stream.nextID(), 1600)
        XCTAssertEqual(sum.value, 1600 * 1599 / 2)
    }

    func testAReplicaGetsTheFramesOfItsPrimary() throws {
        let from = try Log(other("primary")).stream("s")
        let to = try Log(other("replica")).stream("s")
        try from.append(batch: batch("a", "b"))
        XCTAssertEqual(try to.apply(packet: try from.export(behind: Data(), maxBytes: 1 << 16)), 0..<2)
        try from.append(batch: batch("c"), durability: .written)
        try to.apply(packet: try from.export(behind: try to.framePosition(), maxBytes: 1 << 16, written: true))
        try expectEntries(to, 0, ["a", "b", "c"])
    }
}
