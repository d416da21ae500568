package ironwalraft

// How does a log entry of raft become the bytes of an entry of a stream?
//
// One byte that names the layout, the term, the type, the time of the append, the length of the
// extensions, the extensions, and the rest is data. Numbers are varints. The index is the id.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/hashicorp/raft"
)

const layout = 1

// errNoEntry is the reason why bytes of a stream are refused.
var errNoEntry = errors.New("not an entry that this package wrote")

// encode appends the entry to bytes.
func encode(bytes []byte, log *raft.Log) []byte {
	bytes = append(bytes, layout)
	bytes = binary.AppendUvarint(bytes, log.Term)
	bytes = append(bytes, byte(log.Type))
	bytes = binary.AppendVarint(bytes, appendedAt.get(log))
	bytes = binary.AppendUvarint(bytes, uint64(len(log.Extensions)))
	bytes = append(bytes, log.Extensions...)
	return append(bytes, log.Data...)
}

// decode fills the log from an entry. Its slices are parts of bytes.
func decode(index uint64, bytes []byte, log *raft.Log) error {
	refused := func(why string) error { return fmt.Errorf("entry %d: %w: %s", index, errNoEntry, why) }
	if len(bytes) == 0 {
		return refused("it is empty")
	}
	if bytes[0] != layout {
		return refused(fmt.Sprintf("it has layout %d, this version reads %d", bytes[0], layout))
	}
	rest := bytes[1:]
	term, n := binary.Uvarint(rest)
	if n <= 0 || len(rest) == n {
		return refused("it ends within the term or the type")
	}
	kind := raft.LogType(rest[n])
	rest = rest[n+1:]
	at, n := binary.Varint(rest)
	if n <= 0 {
		return refused("it ends within the time")
	}
	rest = rest[n:]
	extensions, n := binary.Uvarint(rest)
	if n <= 0 || uint64(len(rest)-n) < extensions {
		return refused("it ends within the extensions")
	}
	rest = rest[n:]
	*log = raft.Log{Index: index, Term: term, Type: kind}
	if extensions > 0 {
		log.Extensions = rest[:extensions:extensions]
	}
	if uint64(len(rest)) > extensions {
		log.Data = rest[extensions:]
	}
	appendedAt.set(log, at)
	return nil
}

// appendedAt is the field AppendedAt of raft.Log, which versions before 1.5 do not have.
var appendedAt = timeField{reflect.TypeOf(raft.Log{}), "AppendedAt"}.find()

type timeField struct {
	of   reflect.Type
	name string
}

// field is a field of the type time.Time of a struct; nil: there is none.
type field []int

func (f timeField) find() field {
	found, ok := f.of.FieldByName(f.name)
	if !ok || found.Type != reflect.TypeOf(time.Time{}) {
		return nil
	}
	return found.Index
}

// get returns the time in nanoseconds since 1970, and 0 for none.
func (f field) get(of any) int64 {
	if f == nil {
		return 0
	}
	at := reflect.ValueOf(of).Elem().FieldByIndex(f).Interface().(time.Time)
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

func (f field) set(of any, nanoseconds int64) {
	if f == nil || nanoseconds == 0 {
		return
	}
	at := time.Unix(0, nanoseconds)
	reflect.ValueOf(of).Elem().FieldByIndex(f).Set(reflect.ValueOf(at))
}
