import Foundation
import Ironwal
import XCTest

/// Do properties, cuts, snapshots, statistics and reports say what is so?
final class StreamTests: IronwalTestCase {
    private func properties(_ stream: LogStream) throws -> [String: String] {
        var all: [String: String] = [:]
        for (key, value) in try stream.properties() { all[key.text] = value.text }
        return all
    }

    func testPropertiesAndEntriesChangeTogether() throws {
        do {
            let log = try Log(path)
            let stream = try log.stream("s")
            try stream.append(
                batch: batch("a"), expectedID: 0, properties: [.set("vote", Data("1")), .set("gone", Data("x"))])
            var many: [PropertyChange] = (0..<20).map { .set("k\($0)", Data("\($0)")) }
            many.append(.remove("gone"))
            try stream.set(many, durability: .durable)
            try log.close()
        }
        let log = try Log(path)
        let stream = try log.stream("s")
        XCTAssertEqual(try stream.property("vote")?.text, "1")
        XCTAssertNil(try stream.property("gone"))
        XCTAssertEqual(try stream.properties().count, 21)
        XCTAssertTrue(try stream.isDurable(try stream.replaceProperties([.set("only", Data())])))
        XCTAssertEqual(try properties(stream), ["only": ""])
        try expectEntries(stream, 0, ["a"])
    }

    func testPropertiesBeyondTheirLimitsAreRefusedAndNothingChanges() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.set([.set("p", Data("v"))])
        try expect(.config) { try stream.set([.set("", Data("x"))]) }
        try expect(.config) { try stream.set([.set(Data(count: 256), Data())]) }
        try expect(.tooLarge) { try stream.set([.set("q", Data(count: 4001))]) }
        try expect(.invalidArgument) { try stream.replaceProperties([.remove("p")]) }
        XCTAssertEqual(try properties(stream), ["p": "v"])
    }

    func testCutsReplacementsAndResetsLeaveWhatTheySay() throws {
        do {
            let log = try Log(path)
            let stream = try log.stream("s")
            try stream.append(batch: (0..<20).map { Data("\($0)") })
            try stream.truncatePrefix(before: 14)
            XCTAssertEqual(try stream.truncateSuffix(from: 18), 2)
            XCTAssertEqual(try stream.replaceSuffix(from: 16, with: batch("new"), properties: [.set("p", Data("v"))]), 16..<17)
            try expect(.sequenceMismatch) { try stream.truncateSuffix(from: 3) }
            try log.close()
        }
        let log = try Log(path)
        let stream = try log.stream("s")
        try expectEntries(stream, 14, ["14", "15", "new"])
        XCTAssertEqual(try properties(stream), ["p": "v"])
        try stream.reset(to: 100, with: batch("far"), properties: [.remove("p")])
        try expectEntries(stream, 100, ["far"])
        XCTAssertEqual(try properties(stream), [:])
        XCTAssertEqual([try stream.firstID(), try stream.nextID(), try stream.durableEnd()], [100, 101, 101])
        XCTAssertEqual(try stream.reset(to: 7), 7..<7)
        XCTAssertEqual(try stream.append(Data("seven")), 7)
    }

    func testTruncationAndRetentionRemoveWholeSegments() throws {
        let log = try Log(path, options: Options(syncMode: .async, maxEntriesPerSegment: 10))
        let stream = try log.stream("s")
        for _ in 0..<35 { try stream.append(Data("x")) }
        XCTAssertEqual(try stream.apply(Retention()), 0)
        XCTAssertEqual(try stream.truncateSegments(before: 15), 1)
        try stream.set([.set("cursor/reader", Data([25, 0, 0, 0, 0, 0, 0, 0]))])
        XCTAssertEqual(try log.apply(Retention(maxBytes: 0, keepCursors: true)), 1)
        XCTAssertEqual(try stream.firstID(), 20)
        XCTAssertEqual(try stream.truncatePrefix(before: 31), 1)
        XCTAssertEqual(try stream.firstID(), 31)
    }

    func testASnapshotOpensAsTheLogWas() throws {
        for mode in SnapshotMode.allCases {
            let (path, copied, byReader) = (other("\(mode)-log"), other("\(mode)-copy"), other("\(mode)-reader"))
            let options = Options(syncMode: .async, maxEntriesPerSegment: 4)
            let log = try Log(path, options: options)
            let (a, b) = (try log.stream("a"), try log.stream("b"))
            try a.append(batch: batch("1", "2"), properties: [.set("p", Data("v"))])
            for _ in 0..<10 { try b.append(Data("x")) }
            let stats = try log.snapshot(to: copied, mode: mode)
            XCTAssertEqual(stats.streams, 2)
            XCTAssertEqual([stats.isOneMoment, stats.segmentsLinked > 0], [true, mode == .link])
            try a.append(Data("later"))
            try expect(.config) { try log.snapshot(to: copied, mode: mode) }
            XCTAssertEqual(try Log(readOnly: path, options: options).snapshotStreams(to: byReader, mode: mode).streams, 2)
            let snapshot = try Log(copied)
            try expectEntries(try snapshot.stream("a"), 0, ["1", "2"])
            XCTAssertEqual(try properties(try snapshot.stream("a")), ["p": "v"])
            try expectEntries(try Log(byReader).stream("a"), 0, ["1", "2", "later"])
        }
    }

    func testStatisticsCountWhatHappened() throws {
        let log = try Log(path)
        let stream = try log.stream("s")
        try stream.append(batch: batch("a", "b"))
        try stream.append(Data("c"))
        try stream.truncateSuffix(from: 2)
        let one = try stream.stats()
        XCTAssertEqual([one.appends, one.entries, one.cuts, one.next_id, one.durable_end, one.poisoned], [2, 3, 1, 2, 2, 0])
        let all = try log.stats()
        XCTAssertEqual([all.streams, all.appends, all.poisoned_streams], [1, 2, 0])
        XCTAssertGreaterThan(all.recovery_ns, 0)
    }

    private let damagedEntry = "entry 5 entry 5"

    /// A log of one stream with 12 entries in 3 segments.
    private func fill() throws {
        let log = try Log(path, options: Options(syncMode: .async, maxEntriesPerSegment: 4))
        let stream = try log.stream("s")
        for digit in "0123456789ab" { try stream.append(Data(String(repeating: "entry \(digit) ", count: 100))) }
        try log.close()
    }

    func testADamagedEntryIsReportedAndTheOthersAreRead() throws {
        try fill()
        let file = try fileWith(damagedEntry)
        var content = try Data(contentsOf: URL(fileURLWithPath: file))
        content[content.range(of: Data(damagedEntry))!.lowerBound] ^= 1
        try content.write(to: URL(fileURLWithPath: file))
        let log = try Log(path)
        let stream = try log.stream("s")
        let error = try expect(.crcMismatch) { try stream.get(5) }
        XCTAssertEqual(error.path.map { ($0 as NSString).lastPathComponent }, (file as NSString).lastPathComponent)
        XCTAssertEqual(error.ids?.lowerBound, 5)
        XCTAssertNotNil(try stream.get(4))
        let iterator = try stream.iterate()
        var found: [UInt64] = []
        var problems = 0
        while true {
            do {
                guard let entry = try iterator.next() else { break }
                found.append(entry.id)
            } catch Status.crcMismatch { problems += 1 }
        }
        XCTAssertEqual(found, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
        XCTAssertEqual(problems, 1)
        let report = try log.verify()
        XCTAssertFalse(report.isClean)
        XCTAssertEqual(report.entries, 11)
        let damage = report.findings.filter { $0.severity == .damage }
        XCTAssertEqual(damage.count, 1)
        XCTAssertEqual(damage[0].ids, 5..<6)
        XCTAssertEqual(damage[0].stream, "s")
        XCTAssertTrue(damage[0].offset != nil && !damage[0].what.isEmpty)
    }

    func testWhatOpeningFoundIsReportedAndADamagedLogCanBeRefused() throws {
        try fill()
        do {
            let log = try Log(path)
            let whole = try log.recovery()
            XCTAssertTrue(whole.isComplete && whole.reported.isEmpty && whole.duration > .zero)
            XCTAssertTrue(try log.verify().isClean)
            try log.close()
        }
        try FileManager.default.removeItem(atPath: try fileWith(damagedEntry))
        var options = Options()
        options.onCorruption = .error
        try expect(.corrupt) { try Log(path, options: options) }
        let log = try Log(path)
        let report = try log.recovery()
        XCTAssertFalse(report.isComplete)
        XCTAssertEqual([Int(report.streams), report.reported.count], [1, 1])
        let lost = report.reported[0]
        XCTAssertEqual([lost.nextID, lost.durableEndBefore], [12, 12])
        XCTAssertTrue(lost.stream == "s" && !lost.isComplete && lost.status == nil)
        XCTAssertEqual(lost.findings[0].severity, .damage)
        XCTAssertEqual(lost.findings[0].ids, 4..<8)
        let stream = try log.stream("s")
        try expect(.segmentNotFound) { try stream.get(5) }
        XCTAssertEqual(try stream.append(Data("goes on")), 12)
    }
}
