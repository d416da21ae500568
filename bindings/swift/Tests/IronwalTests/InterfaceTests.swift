import CIronwal
import Foundation
import XCTest

@testable import Ironwal

/// Do the declarations, the documents and the examples agree with the library?
final class InterfaceTests: IronwalTestCase {
    /// What a handle of a stream does too: these take the name of a stream.
    private static let byName = """
        append append_at append_batch append_vectored append_with get get_into get_batch sync truncate restore_archived get_property \
        get_properties set_properties replace_properties replace_suffix truncate_suffix truncate_prefix reset wal_iter wal_iter_rev \
        current_segment_start_id txn_begin
        """

    /// Not bound for other reasons: batches over several streams are not bound yet; a longer call does what these do; tasks do what a descriptor does; a callback for ids would have to
    /// outlive its log; ironwalctl looks at directories that are not open.
    private static let leftOut = """
        stream_append_at stream_append_batch entry_list_count entry_list_get entry_list_free error_status iter_current iter_next_many \
        options_clone options_set_log stream_iter stream_current_segment_start_id stream_events events_fd events_drain events_free \
        sharded_options_set_checkpoint_ids sharded_iter_shard sharded_flush_shard sharded_append_batch_for_key \
        sharded_checkpoint_count append_atomic sharded_append_batch_atomic \
        verify_directory dump_directory stat_directory stat_report_get_totals stat_report_get_stream stat_report_get_segment \
        stat_report_free repair_directory repair_report_get_totals repair_report_get_stream repair_report_get_lost repair_report_free
        """

    static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func read(_ name: String) throws -> String {
        try String(contentsOf: package.appendingPathComponent(name), encoding: .utf8)
    }

    static func sources(_ directory: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: package.appendingPathComponent(directory).path)
        return try names.filter { $0.hasSuffix(".swift") }.map { try read(directory + "/" + $0) }.joined()
    }

    static func matches(_ pattern: String, _ text: String) -> [[String]] {
        let expression = try! NSRegularExpression(pattern: pattern, options: .anchorsMatchLines)
        let whole = NSRange(text.startIndex..., in: text)
        return expression.matches(in: text, range: whole).map { found in
            (0..<found.numberOfRanges).map { String(text[Range(found.range(at: $0), in: text)!]) }
        }
    }

    static func functions() throws -> [String] {
        matches("^\\w[\\w ]*[ *](ironwal_\\w+)\\(", try read("../../include/ironwal.h")).map { $0[1] }
    }

    static func has(_ text: String, word: String) -> Bool { !matches("\\b\(word)\\b", text).isEmpty }

    func testEveryFunctionOfTheHeaderIsBoundOrNamedAsLeftOut() throws {
        let sources = try Self.sources("Sources/Ironwal")
        var named = Set((Self.byName + " " + Self.leftOut).split(separator: " ").map { "ironwal_" + $0 })
        let functions = try Self.functions()
        XCTAssertGreaterThan(functions.count, 180)
        let words = Set(Self.matches("\\bironwal_\\w+\\b", sources).map { $0[0] })
        for name in functions {
            XCTAssertNotEqual(words.contains(name), named.contains(name), "\(name): bound or left out, not both")
            named.remove(name)
        }
        XCTAssertEqual(named, [])
    }

    func testEveryConstantOfAnEnumerationIsThere() throws {
        let header = try Self.read("../../include/ironwal.h")
        func numbers<Kind: CaseIterable & RawRepresentable<Int32>>(_: Kind.Type) -> Set<Int32> { Set(Kind.allCases.map(\.rawValue)) }
        for (prefix, found) in [
            ("SYNC", numbers(SyncMode.self)), ("COMPRESSION", numbers(Compression.self)), ("READ", numbers(ReadStrategy.self)),
            ("WRITE", numbers(WriteStrategy.self)), ("COMMIT", numbers(CommitPath.self)), ("MATCH", numbers(Match.self)), ("CORRUPTION", numbers(OnCorruption.self)), ("LOG", numbers(LogLevel.self)),
            ("DURABILITY", numbers(Durability.self)), ("VIEW", numbers(Shown.self)), ("SNAPSHOT", numbers(SnapshotMode.self)),
            ("SEVERITY", numbers(Severity.self)),
        ] {
            let wanted = Self.matches("^#define IRONWAL_\(prefix)_\\w+ (\\d+)$", header).map { Int32($0[1])! }
            XCTAssertEqual(found, Set(wanted), prefix)
        }
        XCTAssertEqual(SyncMode.async.rawValue, IRONWAL_SYNC_ASYNC)
        XCTAssertEqual(Shown.durable.rawValue, IRONWAL_VIEW_DURABLE)
    }

    func testEveryStatusOfTheHeaderHasAName() throws {
        let header = try Self.read("../../include/ironwal.h")
        let wanted = Self.matches("^#define (IRONWAL_E_\\w+) (-\\d+)$", header)
        XCTAssertGreaterThanOrEqual(wanted.count, 35)
        for one in wanted {
            let error = IronwalError(code: Int32(one[2])!, object: nil)
            XCTAssertEqual(error.status.description, one[1])
            XCTAssertEqual(error.message, one[1])
            XCTAssertTrue(Status.allCases.contains(error.status), one[1])
        }
        XCTAssertEqual(Set(Status.allCases).count, wanted.count)
    }

    func testAStatusOfALaterVersionIsOther() {
        let error = IronwalError(code: -999, object: nil)
        XCTAssertEqual(error.status, .other)
        XCTAssertEqual(error.code, -999)
    }

    func testTheVersionsAgree() throws {
        XCTAssertEqual(version, libraryVersion)
        XCTAssertEqual(version, IRONWAL_VERSION_STRING)
        XCTAssertTrue(try Self.read("../../Cargo.toml").contains("\nversion = \"\(version)\"\n"))
    }

    func testEachBehaviourHasATest() throws {
        let tests = try Self.sources("Tests/IronwalTests")
        var rows = 0
        for line in try Self.read("../behaviours.md").split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 9, let number = Int(cells[1]) else { continue }
            rows += 1
            XCTAssertEqual(rows, number)
            if cells[7] == "–" { continue }
            let named = Self.matches("`(\\w+)`", cells[7])
            XCTAssertFalse(named.isEmpty, "behaviour \(number) has no test")
            for name in named { XCTAssertTrue(tests.contains("    func test\(name[1])("), "behaviour \(number): no test \(name[1])") }
        }
        XCTAssertGreaterThanOrEqual(rows, 50)
    }

    private func run(_ program: String, _ arguments: String...) throws -> (code: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = ProcessTests.programs.appendingPathComponent(program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: root)
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        return (
            process.terminationStatus, output.fileHandleForReading.readDataToEndOfFile().text,
            errors.fileHandleForReading.readDataToEndOfFile().text
        )
    }

    func testTheProgramOfTheReadmeRuns() throws {
        let page = try Self.read("README.md")
        XCTAssertTrue(page.contains("```swift\n" + (try Self.read("Examples/Readme/main.swift")) + "```\n"))
        let result = try run("Readme")
        XCTAssertEqual(result.output, "0 100@42\n", result.errors)
    }

    func testTheAuditLogOfTheExamplesKeepsItsRecords() throws {
        let both = "0 ann created invoice 7\n1 bob paid invoice 7\n"
        XCTAssertTrue(try run("AuditLog", "log", "show").errors.hasPrefix("IRONWAL_E_IO: "))
        XCTAssertEqual(try run("AuditLog", "log", "add", "ann", "created invoice 7").output, "0\n")
        XCTAssertEqual(try run("AuditLog", "log", "add", "bob", "paid invoice 7").output, "1\n")
        XCTAssertEqual(try run("AuditLog", "log", "show").output, both)
        XCTAssertEqual(try run("AuditLog", "log", "watch", "2").output, both)
        XCTAssertTrue(try run("AuditLog", "log", "remove").errors.contains("DIRECTORY"))
        let log = try Log(path)
        let audit = try log.stream("audit")
        let (first, second) = (try XCTUnwrap(try audit.get(0)), try XCTUnwrap(try audit.get(1)))
        try audit.replaceSuffix(from: 0, with: [first + Data(" "), second])
        try log.close()
        let broken = try run("AuditLog", "log", "show")
        XCTAssertEqual(broken.code, 1)
        XCTAssertTrue(broken.errors.contains("record 1 does not follow"), broken.errors)
    }
}
