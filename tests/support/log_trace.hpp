/// A log with known contents, for tests that damage it.
#pragma once

#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/wal/reader.hpp>
#include <vecstore/wal/writer.hpp>

#include <string>
#include <vector>

namespace vecstore::test {

/// The payload that record `lsn` of a trace has: length and bytes follow from the lsn.
inline std::string trace_payload(std::uint64_t lsn) {
    std::string text = "record " + std::to_string(lsn) + " ";
    text.resize(20 + lsn * 37 % 200, static_cast<char>('a' + lsn % 26));
    return text;
}

/// Appends records up to `last`, `batch` at a time as one batch each.
inline result<void> append_trace(wal::writer& log, std::uint64_t last, std::uint64_t batch = 1) {
    while (log.last_lsn() < last) {
        std::vector<std::string> payloads;
        std::vector<wal::draft> drafts;
        for (std::uint64_t i = 0; i < batch; ++i) payloads.push_back(trace_payload(log.last_lsn() + 1 + i));
        for (std::uint64_t i = 0; i < batch; ++i) {
            const auto flags = i + 1 < batch ? wal::flag_batch_continues : std::uint16_t{0};
            drafts.push_back({wal::record_type::upsert, flags, as_bytes(payloads[i])});
        }
        VECSTORE_CHECK(log.append(drafts));
    }
    return {};
}

/// What recovery gave, and whether each record was the right one in the right place.
struct replayed {
    result<wal::log_scan> scan = error{};
    std::uint64_t last_lsn = 0;
    bool all_right = true;
};

inline replayed replay(storage::file_system& files, wal::recover_options options = {}) {
    replayed out;
    out.last_lsn = options.checkpoint_lsn;
    out.scan = wal::recover(files, "wal", options, [&](const wal::record& each) -> result<void> {
        out.all_right =
            out.all_right && each.lsn == out.last_lsn + 1 && as_text(each.payload) == trace_payload(each.lsn);
        out.last_lsn = each.lsn;
        return {};
    });
    return out;
}

inline wal::writer_options small_segments(std::uint64_t segment_bytes = 16u << 10) {
    wal::writer_options options;
    options.segment_bytes = segment_bytes;
    options.allocate_bytes = 2048;
    options.salt_seed = 7;
    options.term = 1;
    return options;
}

inline wal::writer open_log(storage::file_system& files, const wal::writer_options& options = small_segments()) {
    files.create_directories("wal").value();
    const auto found = replay(files);
    return wal::writer::open(files, "wal", options, found.scan.value().end).value();
}

}  // namespace vecstore::test
