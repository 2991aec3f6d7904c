#include "segment_reader.hpp"

#include <vecstore/wal/reader.hpp>

namespace vecstore::wal {

cursor::cursor(storage::file_system& files, std::string directory) : files_(&files), directory_(std::move(directory)) {}
cursor::cursor(cursor&&) noexcept = default;
cursor& cursor::operator=(cursor&&) noexcept = default;
cursor::~cursor() = default;

result<cursor> cursor::open(storage::file_system& files, std::string directory, std::uint64_t from_lsn) {
    cursor opened(files, std::move(directory));
    opened.next_lsn_ = from_lsn;
    VECSTORE_TRY(const auto segments, list_segments(files, opened.directory_));
    if (!segments.empty() && segments.front().first_lsn > from_lsn)
        return error{errc::not_found,
                     "lsn " + std::to_string(from_lsn) + " is before the log's first, " +
                         std::to_string(segments.front().first_lsn),
                     opened.directory_, 0};
    return opened;
}

/// Opens the segment in which the next record to read stands: behind the current one, or the one that holds next_lsn_.
result<void> cursor::enter_segment() {
    const auto wanted = segment_ ? segment_->next_lsn() : next_lsn_;
    VECSTORE_TRY(const auto segments, list_segments(*files_, directory_));
    const segment_name* found = nullptr;
    for (const auto& each : segments)
        if (each.first_lsn <= wanted) found = &each;
    if (found == nullptr)
        return error{errc::not_found, "lsn " + std::to_string(wanted) + " is no longer in the log", directory_, 0};
    if (segment_ && (found->first_lsn != wanted || *found == segment_->name()))
        return corruption("log record is damaged or missing: lsn " + std::to_string(wanted), segment_->path(),
                          segment_->offset());
    VECSTORE_TRY(auto opened, detail::segment_reader::open(*files_, directory_, *found));
    if (!opened.header()) return corruption("log segment: both headers are damaged", opened.path(), 0);
    if (segment_ && opened.chain() != segment_->chain())
        return corruption("log segment does not continue the one before", opened.path(), 0);
    segment_ = std::make_unique<detail::segment_reader>(std::move(opened));
    return {};
}

result<std::optional<record>> cursor::next(std::uint64_t upto_lsn) {
    if (next_lsn_ > upto_lsn) return std::optional<record>{};
    if (!segment_) VECSTORE_CHECK(enter_segment());
    for (;;) {
        VECSTORE_TRY(auto found, segment_->next());
        if (!found) {
            VECSTORE_CHECK(enter_segment());
        } else if (found->lsn == next_lsn_) {
            ++next_lsn_;
            return found;
        }
    }
}

result<void> read_segment(storage::file_system& files, const std::string& path, const record_visitor& visit) {
    VECSTORE_TRY(auto reader, detail::segment_reader::open_file(files, path));
    for (;;) {
        VECSTORE_TRY(const auto found, reader.next());
        if (!found) break;
        VECSTORE_CHECK(visit(*found));
    }
    VECSTORE_TRY(const auto size, reader.size());
    if (reader.offset() != size)
        return corruption("log record is damaged: lsn " + std::to_string(reader.next_lsn()), path, reader.offset());
    return {};
}

}  // namespace vecstore::wal
