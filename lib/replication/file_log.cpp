#include "file_log.hpp"

#include <algorithm>
#include <utility>

namespace vecstore::replication {

position file_log::last(const wal::writer& log) {
    return at(log, log.last_lsn()).value_or(position{log.term(), log.last_lsn(), log.chain()});
}

std::optional<position> file_log::at(const wal::writer& log, std::uint64_t lsn) {
    const auto found = log.position_at(lsn);
    if (!found) return std::nullopt;
    return position{found->term, lsn, found->chain};
}

result<void> file_log::append(wal::writer& log, std::span<const wal::record> records) {
    auto lsn = log.last_lsn();
    auto chain = log.chain();
    const auto durable = log.durable_lsn();
    VECSTORE_CHECK(log.append_records(records));
    std::uint32_t batch_pos = 0;
    for (auto record : records) {
        record.lsn = ++lsn;
        record.prev_chain = chain;
        record.batch_pos = batch_pos;
        record.durable_upto = durable;
        batch_pos = record.batch_continues() ? batch_pos + 1 : 0;
        auto& bytes = recent_.emplace_back();
        bytes.reserve(wal::record_bytes(record.payload.size()));
        chain = wal::encode_record(record, 0, bytes);
        recent_bytes_ += bytes.size();
    }
    while (recent_bytes_ > recent_bytes_max_ && !recent_.empty()) {
        recent_bytes_ -= recent_.front().size();
        recent_.pop_front();
    }
    return {};
}

result<void> file_log::cut(wal::writer& log, std::uint64_t lsn) {
    for (auto last = log.last_lsn(); last > lsn && !recent_.empty(); --last) {
        recent_bytes_ -= recent_.back().size();
        recent_.pop_back();
    }
    readers_.clear();
    return log.cut(lsn);
}

result<std::uint64_t> file_log::read(const wal::writer& log, std::uint64_t from_lsn, std::size_t bytes_max,
                                     byte_writer& out) {
    const auto first_recent = log.last_lsn() + 1 - recent_.size();
    if (from_lsn < first_recent) return read_files(log, from_lsn, bytes_max, out);
    auto lsn = from_lsn;
    for (std::size_t bytes = 0; lsn <= log.last_lsn(); ++lsn) {
        const auto& record = recent_[static_cast<std::size_t>(lsn - first_recent)];
        if (lsn > from_lsn && bytes + record.size() > bytes_max) break;
        out.put_bytes(record);
        bytes += record.size();
    }
    return lsn - 1;
}

result<file_log::reader> file_log::reader_at(std::uint64_t lsn) {
    const auto found =
        std::find_if(readers_.begin(), readers_.end(), [&](const reader& r) { return r.next_lsn == lsn; });
    if (found == readers_.end()) {
        VECSTORE_TRY(auto cursor, wal::cursor::open(files_, directory_, lsn));
        return reader{std::move(cursor), lsn, {}};
    }
    auto taken = std::move(*found);
    readers_.erase(found);
    return taken;
}

/// A reader that meets an error is not kept.
result<std::uint64_t> file_log::read_files(const wal::writer& log, std::uint64_t from_lsn, std::size_t bytes_max,
                                           byte_writer& out) {
    VECSTORE_TRY(auto from, reader_at(from_lsn));
    std::size_t bytes = 0;
    while (from.next_lsn <= log.last_lsn()) {
        if (from.held.empty()) {
            VECSTORE_TRY(auto record, from.cursor.next(log.last_lsn()));
            if (!record) return error{errc::not_found, "log record " + std::to_string(from.next_lsn) + " is not there"};
            wal::encode_record(*record, 0, from.held);
        }
        if (bytes > 0 && bytes + from.held.size() > bytes_max) break;
        out.put_bytes(from.held);
        bytes += from.held.size();
        from.held.clear();
        ++from.next_lsn;
    }
    const auto upto = from.next_lsn - 1;
    readers_.push_back(std::move(from));
    if (readers_.size() > readers_max) readers_.pop_front();
    return upto;
}

}  // namespace vecstore::replication
