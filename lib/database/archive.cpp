#include "archive.hpp"

#include "snapshot_manifest.hpp"
#include "wal/segment_reader.hpp"

namespace vecstore::detail {
namespace {

using storage::join_path;
using wal::detail::segment_reader;

result<std::vector<wal::segment_name>> segments_of(storage::file_system& files, const std::string& directory) {
    if (!files.exists(directory)) return std::vector<wal::segment_name>{};
    return wal::list_segments(files, directory);
}

result<segment_reader> open_segment(storage::file_system& files, const std::string& directory,
                                    const wal::segment_name& name) {
    VECSTORE_TRY(auto reader, segment_reader::open(files, directory, name));
    if (!reader.header()) return corruption("log segment: both headers are damaged", reader.path(), 0);
    return reader;
}

/// A closed segment ends where its last record ends.
result<void> check_end(const segment_reader& reader) {
    VECSTORE_TRY(const auto size, reader.size());
    if (reader.offset() == size) return {};
    return corruption("log record is damaged: lsn " + std::to_string(reader.next_lsn()), reader.path(),
                      reader.offset());
}

result<void> keep_segment(storage::file_system& files, const std::string& log, storage::file_system& archive_files,
                          const std::string& archive, const wal::segment_name& name) {
    const auto from = join_path(log, to_string(name));
    const auto to = join_path(archive, to_string(name));
    if (archive_files.exists(to)) {
        VECSTORE_TRY(const auto ours, open_segment(files, log, name));
        VECSTORE_TRY(const auto kept, open_segment(archive_files, archive, name));
        if (*ours.header() == *kept.header()) return {};
        return error{errc::already_exists, "the archive has a segment of another log under this name", to, 0};
    }
    const auto temporary = to + ".tmp";
    VECSTORE_CHECK(archive_files.remove_all(temporary));
    if (&files == &archive_files)
        VECSTORE_CHECK(files.link(from, temporary));
    else
        VECSTORE_CHECK(copy_file(files, from, archive_files, temporary));
    return archive_files.rename(temporary, to);
}

error not_kept(std::uint64_t lsn, std::uint64_t wanted, const std::string& archive) {
    auto message = "the log record with lsn " + std::to_string(lsn) + " is not kept here";
    if (wanted != lsn) message += "; it is needed for lsn " + std::to_string(wanted);
    return {errc::not_found, std::move(message), archive, 0};
}

/// Reads the records of one segment that follow `at`, and moves `at` to the last of them.
result<void> read_segment(segment_reader& reader, std::uint64_t upto, const wal::record_visitor& visit,
                          log_position& at, bool& batch_open) {
    const auto start = at;
    const auto foreign = [&] {
        return corruption("the log does not continue the state at lsn " + std::to_string(start.lsn), reader.path(),
                          reader.offset());
    };
    if (reader.next_lsn() == at.lsn + 1 && reader.chain() != at.chain) return foreign();
    while (at.lsn < upto) {
        VECSTORE_TRY(const auto record, reader.next());
        if (!record) return check_end(reader);
        if (record->lsn == start.lsn && record->chain != start.chain) return foreign();
        if (record->lsn <= start.lsn) continue;
        VECSTORE_CHECK(visit(*record));
        at = {record->lsn, record->term, record->chain};
        batch_open = record->batch_continues();
    }
    return {};
}

}  // namespace

result<std::uint64_t> archive_segments(storage::file_system& files, const std::string& log,
                                       storage::file_system& archive_files, const std::string& archive,
                                       const std::array<std::byte, 16>& database_uuid) {
    VECSTORE_CHECK(archive_files.create_directories(archive));
    VECSTORE_CHECK(check_owner(archive_files, archive, database_uuid));
    VECSTORE_TRY(const auto segments, segments_of(files, log));
    if (segments.empty()) return std::uint64_t{1};
    for (std::size_t i = 0; i + 1 < segments.size(); ++i)
        VECSTORE_CHECK(keep_segment(files, log, archive_files, archive, segments[i]));
    VECSTORE_CHECK(archive_files.sync_directory(archive));
    return segments.back().first_lsn;
}

result<void> check_owner(storage::file_system& files, const std::string& archive,
                         const std::array<std::byte, 16>& database_uuid) {
    VECSTORE_TRY(const auto segments, segments_of(files, archive));
    if (segments.empty()) return {};
    VECSTORE_TRY(const auto newest, open_segment(files, archive, segments.back()));
    if (newest.header()->database_uuid == database_uuid) return {};
    return error{errc::already_exists, "the archive has the log of another database", newest.path(), 0};
}

result<log_position> read_archive(storage::file_system& files, const std::string& archive, const log_position& from,
                                  std::uint64_t upto, const wal::record_visitor& visit) {
    auto at = from;
    VECSTORE_TRY(const auto segments, segments_of(files, archive));
    bool batch_open = false;
    for (std::size_t i = 0; i < segments.size() && at.lsn < upto; ++i) {
        const bool passed = i + 1 < segments.size() && segments[i + 1].first_lsn <= at.lsn + 1;
        if (passed) continue;
        if (segments[i].first_lsn > at.lsn + 1) break;
        VECSTORE_TRY(auto reader, open_segment(files, archive, segments[i]));
        VECSTORE_CHECK(read_segment(reader, upto, visit, at, batch_open));
    }
    if (upto != lsn_latest && at.lsn < upto) return not_kept(at.lsn + 1, upto, archive);
    if (batch_open)
        return invalid_argument("lsn " + std::to_string(upto) +
                                " lies inside a batch of writes, which was never visible in part");
    return at;
}

result<std::vector<lsn_range>> check_archive(storage::file_system& files, const std::string& archive) {
    std::vector<lsn_range> ranges;
    std::uint32_t chain = 0;
    VECSTORE_TRY(const auto segments, segments_of(files, archive));
    for (const auto& name : segments) {
        VECSTORE_TRY(auto reader, open_segment(files, archive, name));
        const bool continues = !ranges.empty() && ranges.back().last + 1 == name.first_lsn;
        if (continues && reader.chain() != chain)
            return corruption("log segment does not continue the one before", reader.path(), 0);
        for (;;) {
            VECSTORE_TRY(const auto record, reader.next());
            if (!record) break;
        }
        VECSTORE_CHECK(check_end(reader));
        chain = reader.chain();
        if (reader.next_lsn() == name.first_lsn) continue;
        if (continues)
            ranges.back().last = reader.next_lsn() - 1;
        else
            ranges.push_back({name.first_lsn, reader.next_lsn() - 1});
    }
    return ranges;
}

result<void> prune_archive(storage::file_system& files, const std::string& archive, std::uint64_t lsn) {
    VECSTORE_TRY(const auto segments, segments_of(files, archive));
    for (std::size_t i = 0; i + 1 < segments.size() && segments[i + 1].first_lsn <= lsn; ++i)
        VECSTORE_CHECK(files.remove(join_path(archive, to_string(segments[i]))));
    return segments.empty() ? result<void>{} : files.sync_directory(archive);
}

}  // namespace vecstore::detail
