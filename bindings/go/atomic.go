package ironwal

// How are batches appended over several streams, all of them or nothing?

// #include "shim.h"
import "C"

// Part is what Log.AppendAtomic appends to one stream: entries, changes of properties, or both.
type Part struct {
	Stream     *Stream // of the log; it comes once
	Entries    [][]byte
	Properties []Property

	// With Expects, nothing of the batch is appended unless the first entry gets the id ExpectedID.
	Expects    bool
	ExpectedID uint64
}

// IDs are those from First to End (exclusive).
type IDs struct{ First, End uint64 }

// AppendAtomic appends a part to each of several streams: after any crash all parts are there or none. It is durable
// on return in every sync mode, by one sync. It returns the ids of each part. A batch takes at most 256 KiB:
// ErrTooLarge. Error.Stream is the stream of the part that is the cause of an error; nothing is appended anywhere
// then, except that after ErrIO all parts or none may be there once the log is opened again.
func (l *Log) AppendAtomic(parts []Part) (ids []IDs, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		if len(parts) == 0 {
			return nil
		}
		given := make([]C.iw_part, len(parts))
		firsts, ends := make([]C.uint64_t, len(parts)), make([]C.uint64_t, len(parts))
		lengths := make([]C.size_t, 0, len(parts)+1)
		var bytes []byte
		var entries, properties int
		for i, part := range parts {
			if err := part.Stream.enter(); err != nil {
				return err
			}
			defer part.Stream.guard.leave()
			given[i].stream = part.Stream.handle
			given[i].entry_count = C.size_t(len(part.Entries))
			given[i].property_count = C.size_t(len(part.Properties))
			if part.Expects {
				given[i].expected_id, given[i].expects_id = C.uint64_t(part.ExpectedID), 1
			}
			bytes, lengths = gather(bytes, lengths, part.Entries, part.Properties)
			entries += len(part.Entries)
			properties += len(part.Properties)
		}
		lengths = append(lengths, 0) // so that there is a first one
		var object *C.ironwal_error
		status := C.iw_append_atomic(wal, &given[0], C.size_t(len(given)), C.size_t(entries), C.size_t(properties),
			first(bytes), &lengths[0], &firsts[0], &ends[0], &object)
		if err := failure(status, object); err != nil {
			return err
		}
		for i := range parts {
			ids = append(ids, IDs{First: uint64(firsts[i]), End: uint64(ends[i])})
		}
		return nil
	})
	return ids, err
}
