package ironwal

// What did opening find, what does a verification find, what has happened since, and how is a copy made?

// #include "shim.h"
import "C"

import (
	"math"
	"time"
	"unsafe"
)

// Severity says how bad a finding is. One of a later version is none of these, and no note.
type Severity int32

const (
	SeverityNote       Severity = C.IRONWAL_SEVERITY_NOTE       // no damage: remains of a crash
	SeverityDamage     Severity = C.IRONWAL_SEVERITY_DAMAGE     // durable data is damaged or missing
	SeverityUnreadable Severity = C.IRONWAL_SEVERITY_UNREADABLE // a file could not be checked
)

// Finding is one thing that was found. Texts are empty where it concerns none.
type Finding struct {
	Stream, Path, What string
	Offset             uint64 // in bytes
	HasOffset          bool
	FirstID            uint64
	EndID              uint64 // exclusive; FirstID where no ids are known
	Severity           Severity
}

// VerifyReport is what a verification read and found.
type VerifyReport struct {
	Clean bool // no finding is worse than a note
	// What was read.
	Streams, Segments, Frames, Entries, Bytes, Checkpoints, PropertyFrames, VoidFrames uint64
	Findings                                                                           []Finding
}

// RecoveredStream is what opening found in one stream.
type RecoveredStream struct {
	Stream           string // the name; that of the directory where the name is unknown
	Message          string // why it is not served, or takes no appends; empty where it does both
	Status           Status // of Message; 0 where there is none
	DurableEndBefore uint64 // one past the last id that was known to be durable before
	NextID           uint64
	Complete         bool
	Findings         []Finding
}

// RecoveryReport is what opening a log found and did.
type RecoveryReport struct {
	Complete bool // nothing that was durable is missing or unreadable, as far as opening can know
	Streams  uint64
	Duration time.Duration
	Reported []RecoveredStream // those with damage, with remains of a crash, or that could not be opened
}

func finding(f *C.ironwal_finding) Finding {
	made := Finding{
		Stream:   text(f.stream),
		Path:     text(f.path),
		What:     text(f.what),
		FirstID:  uint64(f.first_id),
		EndID:    uint64(f.end_id),
		Severity: Severity(f.severity),
	}
	if made.HasOffset = uint64(f.offset) != math.MaxUint64; made.HasOffset {
		made.Offset = uint64(f.offset)
	}
	return made
}

// Verify reads everything that is stored and checks it. It changes nothing and stops nothing.
func (l *Log) Verify() (made *VerifyReport, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var report *C.ironwal_verify_report
		if err := failure(C.ironwal_wal_verify(wal, &report, &object), object); err != nil {
			return err
		}
		defer C.ironwal_verify_report_free(report)
		var t C.ironwal_verify_report_totals
		status := C.ironwal_verify_report_get_totals(report, &t, C.size_t(unsafe.Sizeof(t)), &object)
		if err := failure(status, object); err != nil {
			return err
		}
		made = &VerifyReport{
			Clean: t.clean == 1, Streams: uint64(t.streams), Segments: uint64(t.segments), Frames: uint64(t.frames),
			Entries: uint64(t.entries), Bytes: uint64(t.bytes), Checkpoints: uint64(t.checkpoints),
			PropertyFrames: uint64(t.property_frames), VoidFrames: uint64(t.void_frames),
		}
		for i := C.size_t(0); i < C.size_t(t.findings); i++ {
			var f C.ironwal_finding
			status := C.ironwal_verify_report_get_finding(report, i, &f, C.size_t(unsafe.Sizeof(f)), &object)
			if err := failure(status, object); err != nil {
				return err
			}
			made.Findings = append(made.Findings, finding(&f))
		}
		return nil
	})
	return made, err
}

// Recovery returns what opening the log found and did. It does not change while the log is open.
func (l *Log) Recovery() (made *RecoveryReport, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var report *C.ironwal_recovery_report
		if err := failure(C.ironwal_wal_recovery(wal, &report, &object), object); err != nil {
			return err
		}
		defer C.ironwal_recovery_report_free(report)
		var t C.ironwal_recovery_report_totals
		status := C.ironwal_recovery_report_get_totals(report, &t, C.size_t(unsafe.Sizeof(t)), &object)
		if err := failure(status, object); err != nil {
			return err
		}
		made = &RecoveryReport{
			Complete: t.complete == 1, Streams: uint64(t.streams), Duration: time.Duration(t.duration_ns),
		}
		for i := C.size_t(0); i < C.size_t(t.reported); i++ {
			stream, err := recovered(report, i)
			if err != nil {
				return err
			}
			made.Reported = append(made.Reported, stream)
		}
		return nil
	})
	return made, err
}

func recovered(report *C.ironwal_recovery_report, index C.size_t) (RecoveredStream, error) {
	var object *C.ironwal_error
	var s C.ironwal_recovered_stream
	status := C.ironwal_recovery_report_get_stream(report, index, &s, C.size_t(unsafe.Sizeof(s)), &object)
	if err := failure(status, object); err != nil {
		return RecoveredStream{}, err
	}
	made := RecoveredStream{
		Stream: text(s.stream), Message: text(s.message), Status: Status(s.status),
		DurableEndBefore: uint64(s.durable_end_before), NextID: uint64(s.next_id), Complete: s.complete == 1,
	}
	for i := C.size_t(0); i < C.size_t(s.findings); i++ {
		var f C.ironwal_finding
		status := C.ironwal_recovery_report_get_finding(report, index, i, &f, C.size_t(unsafe.Sizeof(f)), &object)
		if err := failure(status, object); err != nil {
			return RecoveredStream{}, err
		}
		made.Findings = append(made.Findings, finding(&f))
	}
	return made, nil
}

// StreamStats is what a stream reports about itself, in the fields of the header's ironwal_stream_stats_t.
type StreamStats struct {
	Appends, Entries, Bytes, Rounds, Callers, Syncs, SyncNs, Rotations, Cuts, RollBacks uint64
	FirstID, NextID, DurableEnd, UnsyncedBytes, Listeners, Segments, Poisoned           uint64
	MeasuredAppends, AppendP50Ns, AppendP99Ns, AppendP999Ns, AppendMaxNs                uint64
}

// Stats returns what has happened to the stream since the log was opened, and where it is now.
func (s *Stream) Stats() (made StreamStats, err error) {
	if err := s.enter(); err != nil {
		return made, err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	var f C.ironwal_stream_stats_t
	status := C.ironwal_stream_stats(s.handle, &f, C.size_t(unsafe.Sizeof(f)), &object)
	if err := failure(status, object); err != nil {
		return made, err
	}
	return *(*StreamStats)(unsafe.Pointer(&f)), nil
}

// LogStats is what a log reports about itself, in the fields of the header's ironwal_wal_stats_t.
type LogStats struct {
	Appends, Entries, Bytes, Rounds, Callers, Syncs, SyncNs, Rotations, Cuts, RollBacks  uint64
	SyncP50Ns, SyncP99Ns, SyncP999Ns, SyncMaxNs                                          uint64
	MeasuredAppends, AppendP50Ns, AppendP99Ns, AppendP999Ns, AppendMaxNs                 uint64
	BackgroundSyncs, Streams, FailedStreams, PoisonedStreams, Segments                   uint64
	UndurableEntries, UnsyncedBytes, Listeners, OpenWriteFiles, OpenReadFiles            uint64
	WriteFilesOpened, ReadFilesOpened, BlockCacheHits, BlockCacheMisses, BlockCacheBytes uint64
	RecoveredStreams, IncompleteStreams, RecoveryNs                                      uint64
	JournalRecords, JournalItems, JournalBytes, JournalWriteBacks, JournalRefused        uint64
	JournalFiles, JournalFileBytes, JournalFilesAside, JournalRetired                    uint64
}

// The structs of Go and C have the same fields, all of 64 bits: a length that differs does not compile.
var (
	_ [unsafe.Sizeof(StreamStats{})]byte = [unsafe.Sizeof(C.ironwal_stream_stats_t{})]byte{}
	_ [unsafe.Sizeof(LogStats{})]byte    = [unsafe.Sizeof(C.ironwal_wal_stats_t{})]byte{}
)

// Stats returns what has happened to all streams since the log was opened, and where they are now.
func (l *Log) Stats() (made LogStats, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var f C.ironwal_wal_stats_t
		status := C.ironwal_wal_stats(wal, &f, C.size_t(unsafe.Sizeof(f)), &object)
		made = *(*LogStats)(unsafe.Pointer(&f))
		return failure(status, object)
	})
	return made, err
}

// SnapshotMode says how a snapshot gets sealed segments.
type SnapshotMode int32

const (
	SnapshotLink SnapshotMode = C.IRONWAL_SNAPSHOT_LINK // by a second name, where the file system can
	SnapshotCopy SnapshotMode = C.IRONWAL_SNAPSHOT_COPY // by a copy
)

// SnapshotStats is what a snapshot holds.
type SnapshotStats struct {
	Streams, SegmentsLinked, SegmentsCopied, BytesCopied uint64
	IsOneMoment                                          bool
}

func snapshotStats(s *C.ironwal_snapshot_stats) SnapshotStats {
	return SnapshotStats{
		Streams: uint64(s.streams), SegmentsLinked: uint64(s.segments_linked),
		SegmentsCopied: uint64(s.segments_copied), BytesCopied: uint64(s.bytes_copied),
		IsOneMoment: s.is_one_moment == 1,
	}
}

// SnapshotTo puts a copy of the log, as it is at one moment, into the new directory dir.
func (l *Log) SnapshotTo(dir string, mode SnapshotMode) (made SnapshotStats, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var s C.ironwal_snapshot_stats
		status := C.ironwal_wal_snapshot_to(wal, chars(dir), C.size_t(len(dir)), C.int32_t(mode),
			&s, C.size_t(unsafe.Sizeof(s)), &object)
		made = snapshotStats(&s)
		return failure(status, object)
	})
	return made, err
}

// SnapshotStreamsTo is SnapshotTo, also where a log that is open read-only finds no moment at which the writer
// pauses; IsOneMoment reports whether it found one.
func (l *Log) SnapshotStreamsTo(dir string, mode SnapshotMode) (made SnapshotStats, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var s C.ironwal_snapshot_stats
		status := C.ironwal_wal_snapshot_streams_to(wal, chars(dir), C.size_t(len(dir)), C.int32_t(mode),
			&s, C.size_t(unsafe.Sizeof(s)), &object)
		made = snapshotStats(&s)
		return failure(status, object)
	})
	return made, err
}
