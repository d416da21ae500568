// How does Swift use ironwal? With the module map, which the compiler finds below include/:
//
//     swiftc -I .../include -L .../lib -lironwal -Xlinker -rpath -Xlinker .../lib main.swift
//
// Run by hand only; see README.md.
import ironwal

struct Failure: Error { let status: Int32; let message: String }

/// Runs a call that ends in an error pointer; throws its failure.
func check(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws {
    var details: OpaquePointer?
    let status = call(&details)
    if status == IRONWAL_OK { return }
    defer { ironwal_error_free(details) }
    let text = ironwal_error_message(details)
    let message = text.data.map { String(cString: $0) } ?? String(cString: ironwal_status_name(status))
    throw Failure(status: status, message: message)
}

func openLog(_ path: String) throws -> OpaquePointer {
    var options: OpaquePointer?
    var wal: OpaquePointer?
    try check { ironwal_options_new(path, path.utf8.count, &options, $0) }
    defer { ironwal_options_free(options) }
    try check { ironwal_wal_open(options, &wal, $0) }
    return wal!
}

let stream = "trades"
let entry: [UInt8] = Array("100@42".utf8)
let directory = CommandLine.arguments[1]

var id: UInt64 = 0
var wal = try openLog(directory)
try check { ironwal_append(wal, stream, stream.utf8.count, entry, entry.count, &id, $0) }
try check { ironwal_wal_close(wal, $0) }

wal = try openLog(directory)
var buffer = ironwal_buffer(data: nil, len: 0)
try check { ironwal_get(wal, stream, stream.utf8.count, id, &buffer, $0) }
precondition(Array(UnsafeBufferPointer(start: buffer.data, count: buffer.len)) == entry)
ironwal_buffer_free(&buffer)
do {
    try check { ironwal_append(wal, "", 0, entry, entry.count, nil, $0) }
    preconditionFailure("a stream without a name was accepted")
} catch let failure as Failure {
    precondition(failure.status == IRONWAL_E_CONFIG)
    print("refused, as it should be:", failure.message)
}
try check { ironwal_wal_close(wal, $0) }
print("swift: 1 entry written, closed, reopened and read back")
