// How does a program keep an audit trail that shows each loss and each change?
//
// An audit trail in one stream. Each record begins with a digest of the record before it, so that no record is changed or removed
// by mistake unnoticed; the library sees to it that none is lost.
//
//     AuditLog DIRECTORY add ACTOR ACTION    appends one record, durably
//     AuditLog DIRECTORY show                prints and checks all of them
//     AuditLog DIRECTORY watch COUNT         prints so many records, and waits for those that are to come
//
// Several processes may show and watch beside the one that adds.
import Foundation
import Ironwal

let usage = "AuditLog DIRECTORY add ACTOR ACTION\nAuditLog DIRECTORY show\nAuditLog DIRECTORY watch COUNT\n"

struct BrokenChain: Error { let message: String }

/// FNV-1a of 64 bits, as Foundation has no digest: it shows mistakes, and does not resist an attacker.
func link(of record: Data) -> Data {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in record { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return withUnsafeBytes(of: hash.littleEndian) { Data($0) }
}

let linkBytes = link(of: Data()).count

func add(_ path: String, _ actor: String, _ action: String) throws -> UInt64 {
    let log = try Log(path)
    let audit = try log.stream("audit")
    let last = try audit.last()
    let record = link(of: last?.bytes ?? Data()) + Data("\(actor) \(action)".utf8)
    // Durable when it returns, and only if no other thread was faster.
    let id = try audit.append(batch: [record], expectedID: last.map { $0.id + 1 } ?? 0).ids.lowerBound
    try log.close()
    return id
}

func show(_ path: String) async throws {
    let audit = try Log(readOnly: path).stream("audit")
    var before = link(of: Data())
    for try await entry in audit.entries() {
        try printRecord(entry, before)
        before = link(of: entry.bytes)
    }
}

func watch(_ path: String, _ count: Int) async throws {
    let audit = try Log(readOnly: path).stream("audit")
    for try await entry in audit.follow().prefix(count) { try printRecord(entry, nil) }
}

/// Prints a record, and compares what it begins with with the digest of the record before it.
func printRecord(_ entry: Entry, _ before: Data?) throws {
    guard entry.bytes.count >= linkBytes else { throw BrokenChain(message: "record \(entry.id) is none") }
    if let before, entry.bytes.prefix(linkBytes) != before {
        throw BrokenChain(message: "record \(entry.id) does not follow the one before it")
    }
    print(entry.id, String(decoding: entry.bytes.dropFirst(linkBytes), as: UTF8.self))
}

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data(message.utf8))
    exit(1)
}

let arguments = Array(CommandLine.arguments.dropFirst())
do {
    switch (arguments.count, arguments.count > 1 ? arguments[1] : "") {
    case (4, "add"): print(try add(arguments[0], arguments[2], arguments[3]))
    case (2, "show"): try await show(arguments[0])
    case (3, "watch"): try await watch(arguments[0], Int(arguments[2]) ?? 0)
    default: fail(usage)
    }
} catch let error as IronwalError {
    fail("\(error)\n")
} catch let error as BrokenChain {
    fail("\(error.message)\n")
}
