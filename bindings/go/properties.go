package ironwal

// What is kept beside the entries of a stream: a vote, a commit index, cursors?

// #include "shim.h"
import "C"

// Property is one change of a stream's properties: Key, 1 to 255 bytes, gets Value, up to 4,000 bytes, or
// is removed. All together take at most 4,096 bytes, with 4 more for each.
type Property struct {
	Key, Value []byte
	Remove     bool
}

// Property returns the value of a property as it was written last, durable or not. ErrNotFound: the
// stream has no such property. After damage the newest properties are returned, or ErrCorrupt.
func (s *Stream) Property(key []byte) ([]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	r := C.iw_property(s.handle, first(key), C.size_t(len(key)))
	if err := failure(r.status, r.error); err != nil {
		return nil, err
	}
	defer C.iw_bytes_free(r.data, r.len)
	return copied(r.data, r.len), nil
}

// Properties returns all properties, by key.
func (s *Stream) Properties() (map[string][]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	r := C.iw_properties(s.handle)
	if err := failure(r.status, r.error); err != nil {
		return nil, err
	}
	list := (*C.ironwal_property_list)(r.handle)
	defer C.ironwal_property_list_free(list)
	properties := make(map[string][]byte)
	for i := C.size_t(0); i < C.ironwal_property_list_count(list); i++ {
		pair := C.iw_property_at(list, i)
		properties[string(copied(pair.key.data, pair.key.len))] = copied(pair.value.data, pair.value.len)
	}
	return properties, nil
}

// SetProperties changes properties as one, in the order of the slice. It begins a stream that does not
// exist.
func (s *Stream) SetProperties(properties []Property, durability Durability) (Mark, error) {
	appended, err := s.write(C.IW_SET_PROPERTIES, 0, nil, properties, durability)
	return appended.Mark, err
}

// ReplaceProperties replaces all properties by these; also the way out after damage to them.
func (s *Stream) ReplaceProperties(properties []Property, durability Durability) (Mark, error) {
	appended, err := s.write(C.IW_REPLACE_PROPERTIES, 0, nil, properties, durability)
	return appended.Mark, err
}
