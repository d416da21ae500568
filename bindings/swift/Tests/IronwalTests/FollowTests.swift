import Foundation
import Ironwal
import XCTest

/// Do iterators show what is there, wait for what comes, and end when they should?
final class FollowTests: IronwalTestCase {
    private func rest(_ iterator: EntryIterator) throws -> [String] {
        var all: [String] = []
        while let entry = try iterator.next() { all.append("\(entry.id) \(entry.bytes.text)") }
        return all
    }

    private func all(_ entries: Entries) async throws -> [UInt64] {
        var ids: [UInt64] = []
        for try await entry in entries { ids.append(entry.id) }
        return ids
    }

    func testIterationBeginsAtAnIdAndFindsWhatComesLater() async throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("0", "1", "2"))
        let iterator = try stream.iterate(from: 1)
        XCTAssertEqual(try iterator.next { id, bytes in "\(id) \(bytes.count)" }, "1 1")
        XCTAssertEqual(try rest(iterator), ["2 2"])
        XCTAssertNil(try iterator.next())
        try stream.append(Data("3"))
        XCTAssertEqual(try rest(iterator), ["3 3"])
        XCTAssertNil(try stream.iterate(from: 9).next())
        let entries = stream.entries(from: 2)
        for _ in 0..<2 {
            let ids = try await all(entries)
            XCTAssertEqual(ids, [2, 3])
        }
    }

    func testIterationBackwardBeginsAtAnIdAndShowsNothingAppendedLater() async throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("0", "1", "2"))
        let (whole, part) = (try await all(stream.entriesBackward()), try await all(stream.entriesBackward(from: 1)))
        XCTAssertEqual(whole, [2, 1, 0])
        XCTAssertEqual(part, [1, 0])
        let iterator = try stream.iterateBackward()
        XCTAssertEqual(try iterator.next()?.id, 2)
        try stream.append(Data("later"))
        XCTAssertEqual(try rest(iterator), ["1 1", "0 0"])
        XCTAssertNil(try iterator.next())
        try expect(.invalidArgument) { try iterator.wait(timeout: .zero) }
        try expect(.invalidArgument) { try iterator.canceller() }
    }

    func testAnIteratorReportsCutsAndTruncationsWithTheirIds() throws {
        let log = try Log(path, options: Options(maxEntriesPerSegment: 1))
        let stream = try log.stream("s")
        for entry in ["0", "1", "2", "3"] { try stream.append(Data(entry)) }
        let iterator = try stream.iterate()
        _ = try iterator.next()
        try stream.truncatePrefix(before: 2)
        XCTAssertEqual(try expect(.segmentNotFound) { try iterator.next() }.ids, 1..<2)
        XCTAssertEqual(try rest(iterator), ["2 2", "3 3"])
        try stream.truncateSuffix(from: 3)
        XCTAssertEqual(try expect(.suffixCut) { try iterator.next() }.ids?.lowerBound, 3)
    }

    func testAFollowerReportsACut() async throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(Data("a"))
        do {
            for try await _ in stream.follow() { try stream.truncateSuffix(from: 0) }
            XCTFail("it ended")
        } catch Status.suffixCut {}
    }

    func testAFollowerWaitsForEntriesAndEndsAfterItsTimeout() throws {
        let log = try Log(path, options: Options(syncMode: .async))
        let stream = try log.stream("s")
        let iterator = try stream.iterate(shown: .durable)
        XCTAssertFalse(try iterator.wait(timeout: .milliseconds(1)))
        let writer = Worker { try stream.append(Data("come")) }
        XCTAssertTrue(try iterator.wait(timeout: .seconds(30)))
        XCTAssertEqual(try rest(iterator), ["0 come"])
        try writer.join()
    }

    func testAWaitWithoutEndIsCancelledByAnotherThreadOnceForEachCancellation() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        let iterator = try stream.iterate()
        let canceller = try iterator.canceller()
        for _ in 0..<10 {
            let other = Worker { try canceller.cancel() }
            try expect(.cancelled) { try iterator.wait() }
            try other.join()
            XCTAssertFalse(try iterator.wait(timeout: .zero))
        }
    }

    func testADurableViewShowsNothingThatIsOnlyWritten() throws {
        let log = try Log(path, options: Options(backgroundSync: .never))
        let stream = try log.stream("s")
        let (written, durable, byMode) = (
            try stream.iterate(shown: .written), try stream.iterate(shown: .durable), try stream.iterate()
        )
        try stream.append(batch: batch("a"), durability: .written)
        XCTAssertNotNil(try written.next())
        XCTAssertNil(try durable.next())
        XCTAssertNil(try byMode.next())
        try stream.sync()
        XCTAssertNotNil(try durable.next())
        XCTAssertNotNil(try byMode.next())
    }

    func testClosingTheLogEndsAWait() async throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        let iterator = try stream.iterate()
        let waits = Worker {
            do { _ = try stream.waitDurable(7) } catch Status.closed {}
        }
        let follows = Task {
            do { for try await _ in stream.follow() {} } catch Status.closed { return true }
            return false
        }
        let closer = Worker {
            Thread.sleep(forTimeInterval: 0.02)
            try log.close()
        }
        try expect(.closed) { try iterator.wait(timeout: .seconds(30)) }
        try waits.join()
        try closer.join()
        let ended = try await follows.value
        XCTAssertTrue(ended)
    }

    func testAReaderFollowsAnotherWriter() async throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(Data("0"))
        let reader = try Log(readOnly: path)
        var shown: UInt64 = 0
        for try await entry in try reader.stream("s").follow() {
            XCTAssertEqual(entry.id, shown)
            shown += 1
            if shown == 5 { break }
            try stream.append(Data("more"))
        }
        XCTAssertEqual(shown, 5)
    }

    func testATaskFollowsEachEntryOnceAndEndsWhenItIsCancelled() async throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let shown = Counter()
        // More of them than there are threads that run tasks.
        let followers = (0..<16).map { _ in
            Task {
                var next: UInt64 = 0
                for try await entry in stream.follow(shown: .written) {
                    XCTAssertEqual(entry.id, next)
                    next += 1
                    shown.add()
                }
            }
        }
        for i in 0..<100 {
            try stream.append([UInt8(i)])
            if i % 10 == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        let end = Date() + 30
        while shown.value < 1600 && Date() < end { try await Task.sleep(for: .milliseconds(2)) }
        XCTAssertEqual(shown.value, 1600)
        for follower in followers { follower.cancel() }
        for follower in followers {
            do {
                try await follower.value
                XCTFail("it was not cancelled")
            } catch is CancellationError {}
        }
        // A new task begins where one ended.
        try stream.append(Data("later"))
        for try await entry in stream.follow(from: 100, shown: .written) {
            XCTAssertEqual(entry.bytes.text, "later")
            break
        }
    }
}
