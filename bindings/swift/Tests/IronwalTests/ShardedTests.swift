import Foundation
import Ironwal
import XCTest

/// Do sharded logs route, make checkpoints, replay, prune and roll back?
final class ShardedTests: IronwalTestCase {
    private let shards: UInt32 = 4

    private func key(_ n: Int) -> Data { Data("key \(n)") }

    private func from(_ log: ShardedLog, _ shard: UInt32, _ id: UInt64) throws -> [String] {
        let iterator = try log.shard(shard).iterate(from: id)
        var all: [String] = []
        while let entry = try iterator.next() { all.append(entry.bytes.text) }
        return all
    }

    func testEntriesGoToTheShardOfTheirKey() throws {
        let log = try ShardedLog(path, shards: shards)
        let placed = try log.append(batch: (0..<40).map { (key: key($0), entry: Data("\($0)")) })
        for (n, at) in placed.enumerated() {
            XCTAssertEqual(at.shard, try ShardedLog.route(key(n), shards: shards))
            XCTAssertEqual(try from(log, at.shard, at.id).first, "\(n)")
        }
        XCTAssertEqual(try log.append(batch: [(key: Data, entry: Data)]()), [])
        let again = try log.append(key: key(0), Data("again"))
        XCTAssertEqual(again.shard, placed[0].shard)
        try log.flush()
        XCTAssertEqual(try from(log, again.shard, again.id), ["again"])
        XCTAssertEqual(try log.shardCount(), shards)
        try expect(.config) { try log.shard(shards) }
        try expect(.config) { try ShardedLog.route(Data(), shards: 0) }
        try log.close()
        try expect(.closed) { try log.close() }
        try expect(.closed) { try log.append(key: key(0), Data()) }
        try expect(.shardCountMismatch) { try ShardedLog(path, shards: shards + 1) }
        try expect(.config) { try ShardedLog(other("other"), shards: 0) }
    }

    func testAReaderOfAShardedLogSeesWhatItsWriterAppends() throws {
        try expect(.io) { try ShardedLog(readOnly: path) }
        let log = try ShardedLog(path, shards: shards)
        let placed = try log.append(key: key(0), Data("0"))
        try log.createCheckpoint("first")
        try expect(.shardCountMismatch) { try ShardedLog(readOnly: path, shards: shards + 1) }
        let reader = try ShardedLog(readOnly: path)
        XCTAssertEqual(try reader.shardCount(), shards)
        XCTAssertEqual(try from(reader, placed.shard, placed.id), ["0"])
        try log.append(key: key(0), Data("1"))
        try reader.refresh()
        XCTAssertEqual(try from(reader, placed.shard, placed.id), ["0", "1"])
        XCTAssertEqual(try reader.checkpoints().map(\.name), ["first"])
        try expect(.readOnly) { try reader.append(key: key(0), Data()) }
        try expect(.readOnly) { try reader.createCheckpoint("second") }
    }

    func testAShardIsFollowedAsAStream() async throws {
        let log = try ShardedLog(path, shards: shards, options: ShardedOptions(log: Options(syncMode: .async)))
        let placed = try log.append(key: key(0), Data("0"))
        let stream = try log.shard(placed.shard)
        var n = 0
        for try await entry in stream.follow(from: placed.id, shown: .durable) {
            XCTAssertEqual(entry.bytes.text, "\(n)")
            n += 1
            if n == 3 { break }
            try log.append(key: key(0), Data("\(n)"))
        }
        try log.close()
        try expect(.closed) { try stream.get(0) }
    }

    func testReplayStartsAtTheNewestCheckpoint() throws {
        let options = ShardedOptions(log: Options(syncMode: .async, maxEntriesPerSegment: 5))
        do {
            let log = try ShardedLog(path, shards: shards, options: options)
            try expect(.noCheckpoints) { try log.loadLatestCheckpoint() }
            for n in 0..<100 { try log.append(key: key(n), Data("before")) }
            try log.createCheckpoint("first")
            for n in 0..<10 { try log.append(key: key(n), Data("after")) }
            try log.createCheckpoint("second")
            for n in 0..<3 { try log.append(key: key(n), Data("tail")) }
            try expect(.invalidCheckpointID) { try log.createCheckpoint("") }
            try log.close()
        }
        let log = try ShardedLog(path, shards: shards, options: options)
        let (latest, first) = (try log.loadLatestCheckpoint(), try log.loadCheckpoint("first"))
        XCTAssertEqual(latest.name, "second")
        XCTAssertEqual([first.offsets.reduce(0, +), latest.offsets.reduce(0, +)], [100, 110])
        let tail = try latest.offsets.enumerated().flatMap { try from(log, UInt32($0.offset), $0.element) }
        XCTAssertEqual(tail, ["tail", "tail", "tail"])
        XCTAssertLessThan(abs(first.time.timeIntervalSinceNow), 3600)
        XCTAssertEqual(try log.checkpoints().map(\.name), ["first", "second"])
        XCTAssertEqual(try log.snapshot(to: other("copy")).streams, UInt64(shards))
        try log.rollback(to: "second")
        XCTAssertEqual(try latest.offsets.enumerated().flatMap { try from(log, UInt32($0.offset), $0.element) }, [])
        XCTAssertGreaterThan(try log.prune(before: "second").segmentsDeleted, 0)
        try expect(.checkpointPruned) { try log.loadCheckpoint("first") }
        try expect(.checkpointNotFound) { try log.loadCheckpoint("third") }
        try log.createCheckpoint("third")
        XCTAssertEqual(try log.compactCheckpoints(keepLatest: 1).checkpointsAfter, 1)
        XCTAssertEqual(try ShardedLog(other("copy"), shards: shards).loadCheckpoint("first").offsets, first.offsets)
    }

    func testCheckpointsAreMadeByThemselves() throws {
        var options = ShardedOptions()
        options.checkpointEveryEntries = 10
        options.checkpointInterval = .seconds(3600)
        options.checkpointPrefix = "mine-"
        options.keepCheckpoints = 2
        do {
            let log = try ShardedLog(path, shards: shards, options: options)
            try soon("a checkpoint") {
                try log.append(key: key(0), Data("entry"))
                return try log.automaticStatus()!.created > 0
            }
            let status = try log.automaticStatus()!
            XCTAssertTrue(status.failed == 0 && status.lastError == nil)
            XCTAssertTrue(try log.checkpoints()[0].name.hasPrefix("mine-"))
            try log.close()
        }
        XCTAssertNil(try ShardedLog(path, shards: shards).automaticStatus())
        var only = ShardedOptions()
        only.keepCheckpoints = 1
        try expect(.config) { try ShardedLog(other("other"), shards: shards, options: only) }
    }
}
