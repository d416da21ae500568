/* Does the report of an opening distinguish a whole log from one that has lost durable entries? */
#include "sharded.h"

static ironwal_recovery_report *report_of(ironwal_wal *wal, uint64_t reported, uint64_t complete) {
    ironwal_recovery_report *report = NULL;
    ironwal_recovery_report_totals totals;
    OK(ironwal_wal_recovery(wal, &report, &error));
    OK(ironwal_recovery_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.streams == 2 && totals.reported == reported && totals.complete == complete);
    CHECK(totals.duration_ns > 0);
    return report;
}

/* Removes one of the segments of the stream, whose directory is named as the stream is. */
static void lose_a_segment(const char *log, const char *stream, const char *segment) {
    char path[768];
    snprintf(path, sizeof path, "%s/%s/%s", path_of(log), stream, segment);
    if (unlink(path) != 0) {
        perror(path);
        exit(1);
    }
}

int main(void) {
    enter_directory();
    ironwal_wal *wal = open_with(short_segments("log"));
    for (int at = 0; at < 4; at++) OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_append(wal, TEXT("t"), TEXT("y"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    wal = open_with(short_segments("log"));
    ironwal_recovered_stream stream;
    ironwal_finding finding;
    ironwal_recovery_report *report = report_of(wal, 0, 1);
    EXPECT(IRONWAL_E_NOT_FOUND,
           ironwal_recovery_report_get_stream(report, 0, &stream, sizeof stream, &error));
    EXPECT(IRONWAL_E_NOT_FOUND,
           ironwal_recovery_report_get_finding(report, 0, 0, &finding, sizeof finding, &error));
    ironwal_recovery_report_free(report);
    OK(ironwal_wal_close(wal, &error));

    lose_a_segment("log", "s", "00000000000000000001.wal");
    wal = open_with(short_segments("log"));
    report = report_of(wal, 1, 0);
    OK(ironwal_wal_close(wal, &error));
    /* A copy: it outlives the log. */
    OK(ironwal_recovery_report_get_stream(report, 0, &stream, sizeof stream, &error));
    CHECK(stream.stream.len == 1 && stream.stream.data[0] == 's' && !stream.complete);
    CHECK(stream.next_id == 4 && stream.durable_end_before == 4 && stream.findings >= 1);
    CHECK(stream.status == IRONWAL_OK && stream.message.data == NULL);
    OK(ironwal_recovery_report_get_finding(report, 0, 0, &finding, sizeof finding, &error));
    CHECK(finding.severity == IRONWAL_SEVERITY_DAMAGE && finding.what.len > 0);
    CHECK(finding.first_id == 1 && finding.end_id == 2 && finding.stream.data[0] == 's');
    EXPECT(IRONWAL_E_NOT_FOUND,
           ironwal_recovery_report_get_finding(report, 0, stream.findings, &finding, sizeof finding,
                                               &error));
    ironwal_recovery_report_free(report);
    return 0;
}
