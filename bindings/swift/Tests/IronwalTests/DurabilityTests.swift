import Foundation
import Ironwal
import XCTest

/// Does a program learn what is durable: by marks, waits, callbacks and tasks?
final class DurabilityTests: IronwalTestCase {
    func testMarksAreOrderedAndBelongToOneStreamAndOpening() throws {
        let old: Mark
        do {
            let log = try Log(path)
            let (a, b) = (try log.stream("a"), try log.stream("b"))
            let first = try a.append(batch: batch("x")).mark
            let second = try a.append(batch: batch("y")).mark
            try b.append(Data("x"))
            XCTAssertTrue(first.isBefore(second) && !second.isBefore(first) && !first.isBefore(first))
            let last = try a.mark()
            XCTAssertFalse(last.isBefore(second))
            try expect(.config) { try b.isDurable(first) }
            try expect(.config) { try b.onDurable(first) { _ in XCTFail("called") } }
            old = first
            try log.close()
        }
        let log = try Log(path)
        try expect(.config) { try log.stream("a").isDurable(old) }
    }

    func testAWaitForAnIdEndsWithItOrWithItsTimeout() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        try stream.append(Data("a"))
        XCTAssertFalse(try stream.waitDurable(1, timeout: .zero))
        let began = ContinuousClock.now
        XCTAssertFalse(try stream.waitDurable(1, timeout: .milliseconds(50)))
        XCTAssertGreaterThanOrEqual(began.duration(to: .now), .milliseconds(50))
        let writer = Worker { try stream.append(batch: batch("b"), durability: .durable) }
        XCTAssertTrue(try stream.waitDurable(1, timeout: .seconds(60)))
        try writer.join()
        XCTAssertTrue(try stream.waitDurable(0))
    }

    func testEachCallbackIsCalledOnceAndClosingIsRefusedWithinOne() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let (calls, problems) = (Counter(), Counter())
        for id in 0..<UInt64(200) {
            let mark = try stream.append(batch: batch("entry"), durability: .written).mark
            try stream.onDurable(mark) { result in
                do {
                    try result.get()
                    if try stream.durableEnd() <= id || !stream.isDurable(mark) { problems.add() }
                    try log.close()
                    problems.add()
                } catch Status.invalidArgument {} catch { problems.add() }
                calls.add()
            }
        }
        soon("all are called") { calls.value == 200 }
        // Closing completes what waits.
        try stream.onDurable(try stream.append(batch: batch("late")).mark) { _ in calls.add() }
        try log.close()
        XCTAssertEqual([calls.value, problems.value], [201, 0])
    }

    /// A refused close closed the log for a moment, and calls of other threads threw closed.
    func testARefusedCloseDisturbsNoOtherThread() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let refused = Counter()
        for _ in 0..<200 {
            try stream.onDurable(try stream.append(batch: batch("entry")).mark) { _ in
                do { try log.close() } catch Status.invalidArgument { refused.add() } catch {}
            }
        }
        try soon("all are called") { try log.streams() == ["s"] && refused.value == 200 }
    }

    func testACancelledCallbackIsNeverCalled() throws {
        let log = try Log(path, options: Options(syncMode: .async))
        let stream = try log.stream("s")
        let called = Counter()
        var cancelled = 0
        for _ in 0..<100 {
            let mark = try stream.append(batch: batch("entry"), durability: .written).mark
            let ticket = try stream.onDurable(mark) { _ in called.add() }
            if try stream.cancel(ticket) { cancelled += 1 }
            XCTAssertFalse(try stream.cancel(ticket))
        }
        try log.close()
        XCTAssertEqual(cancelled + called.value, 100)
    }

    func testACallbackOfADeletedStreamIsCalled() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let (mayEnd, answered) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        // So that the next one still waits when the stream goes.
        try stream.onDurable(try stream.append(batch: batch("a")).mark) { _ in mayEnd.wait() }
        try stream.onDurable(try stream.append(batch: batch("b")).mark) { result in
            if case let .failure(error) = result { XCTAssertEqual(error.status, .streamNotFound) }
            answered.signal()
        }
        let deleter = Worker { try stream.delete() }
        mayEnd.signal()
        try deleter.join()
        XCTAssertEqual(answered.wait(timeout: .now() + 30), .success)
    }

    func testATaskWaitsForAMarkAndACancelledOneLeavesNothingBehind() async throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        for _ in 0..<20 {
            let appended = try stream.append(batch: batch("entry"), durability: .written)
            try await stream.durable(appended.mark)
            XCTAssertTrue(try stream.isDurable(appended.mark))
        }
        // A callback that does not return keeps the next one waiting.
        let mayEnd = DispatchSemaphore(value: 0)
        try stream.onDurable(try stream.append(batch: batch("b")).mark) { _ in mayEnd.wait() }
        let mark = try stream.append(batch: batch("c")).mark
        let waits = Task { try await stream.durable(mark) }
        try await Task.sleep(for: .milliseconds(5))
        waits.cancel()
        do {
            try await waits.value
            XCTFail("it was not cancelled")
        } catch is CancellationError {}
        mayEnd.signal()
        // Cancelled at any moment: before, while and after it is registered.
        for _ in 0..<100 {
            let mark = try stream.append(batch: batch("d")).mark
            let task = Task { try await stream.durable(mark) }
            task.cancel()
            do { try await task.value } catch is CancellationError {}
        }
        try await stream.durable(try stream.mark())
        let end = Date() + 30
        while try log.stats().listeners > 0 && Date() < end { try await Task.sleep(for: .milliseconds(1)) }
        XCTAssertEqual(try log.stats().listeners, 0)
        try log.close()
        do {
            try await stream.durable(mark)
            XCTFail("the log is closed")
        } catch Status.closed {}
    }

    func testACallThatWaitsHoldsUpNoOtherThread() throws {
        let log = try Log(path, options: lazyOptions)
        let stream = try log.stream("s")
        let waiters = (0..<20).map { _ in
            Worker { if try !stream.waitDurable(0, timeout: .seconds(60)) { throw IronwalTestTimeout() } }
        }
        let began = Date()
        try stream.append(Data("a"))
        try stream.sync()
        for waiter in waiters { try waiter.join() }
        XCTAssertLessThan(Date().timeIntervalSince(began), 30)
    }
}
