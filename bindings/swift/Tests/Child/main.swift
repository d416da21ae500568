// What does a test of processes start? A program that appends, and ends as the test says:
//
//     Child full-disk LOG      meets a full disk, and appends again once there is space
//     Child no-close LOG       ends without closing
//     Child writer LOG MODE    appends to two streams until it is killed, and reports what is acknowledged
import Foundation
import Ironwal

struct Unexpected: Error { let what: String }

func fillTheDisk(_ path: String) throws {
    // A limit on the size of files stands for a full disk; it belongs to the whole process.
    signal(SIGXFSZ, SIG_IGN)
    let log = try Log(path)
    let stream = try log.stream("s")
    try stream.append(Data("kept".utf8))
    var limit = rlimit()
    #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    #else
        let files = RLIMIT_FSIZE
    #endif
    guard getrlimit(files, &limit) == 0 else { throw Unexpected(what: "getrlimit") }
    var small = rlimit(rlim_cur: 1 << 20, rlim_max: limit.rlim_max)
    guard setrlimit(files, &small) == 0 else { throw Unexpected(what: "setrlimit") }
    do {
        try stream.append(Data(count: 4 << 20))
        throw Unexpected(what: "appended beyond the limit")
    } catch let error as IronwalError where error.status == .noSpace {
        guard error.osError == EFBIG, error.path?.hasPrefix(path) == true else { throw error }
    }
    guard setrlimit(files, &limit) == 0 else { throw Unexpected(what: "setrlimit") }
    guard try stream.append(Data("again".utf8)) == 1 else { throw Unexpected(what: "another id") }
    try log.close()
}

func endWithoutClosing(_ path: String) throws -> Never {
    let stream = try Log(path, options: Options(syncMode: .async, backgroundSync: .never)).stream("s")
    try stream.append(batch: [Data("a".utf8), Data("b".utf8)])
    try stream.append(Data("c".utf8))
    exit(0)
}

func write(_ log: Log, _ name: String) throws {
    let stream = try log.stream(name)
    var id = try stream.nextID()
    while true {
        func entry(_ id: UInt64) -> Data { Data("\(name) \(id)".utf8) }
        if id % 4 == 0 {
            id = try stream.append(batch: [entry(id), entry(id + 1), entry(id + 2)], expectedID: id).ids.upperBound
        } else {
            id = try stream.append(batch: [entry(id)], properties: [.set("at", Data("\(id)".utf8))]).ids.upperBound
        }
        // One write for each line, so that lines of two threads do not mix.
        FileHandle.standardOutput.write(Data("\(name) \(id)\n".utf8))
    }
}

let arguments = CommandLine.arguments
switch arguments.count > 2 ? arguments[1] : "" {
case "full-disk": try fillTheDisk(arguments[2])
case "no-close": try endWithoutClosing(arguments[2])
case "writer":
    var options = Options(syncMode: SyncMode(rawValue: Int32(arguments[3])!))
    options.maxSegmentSize = 1 << 16
    let log = try Log(arguments[2], options: options)
    Thread.detachNewThread { try! write(log, "a") }
    try write(log, "b")
default: throw Unexpected(what: "arguments")
}
