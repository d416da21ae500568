import Foundation
import Ironwal

let log = try Log("orders")
let trades = try log.stream("trades")
let id = try trades.append(Data("100@42".utf8))  // durable when it returns
for try await entry in trades.entries(from: id) {
    print(entry.id, String(decoding: entry.bytes, as: UTF8.self))
}
try log.close()
