#include "segment_reader.hpp"

namespace vecstore::wal::detail {

result<segment_reader> segment_reader::open(storage::file_system& files, const std::string& directory,
                                            segment_name name) {
    const auto path = storage::join_path(directory, to_string(name));
    segment_reader reader;
    reader.name_ = name;
    reader.next_lsn_ = name.first_lsn;
    VECSTORE_TRY(reader.file_, files.open(path, storage::open_mode::read));
    VECSTORE_TRY(const auto image, reader.bytes_at(0, segment_header_bytes));
    reader.header_ = decode_segment_header(image);
    if (!reader.header_) return reader;
    if (reader.header_->reader_version_min > segment_format_version)
        return error{errc::unsupported, "log segment was written by a newer version", path, 0};
    if (reader.header_->first_lsn != name.first_lsn || reader.header_->first_term != name.term)
        return corruption("log segment header does not belong to its file name", path, 0);
    reader.chain_ = reader.header_->prev_chain;
    return reader;
}

result<segment_reader> segment_reader::open_file(storage::file_system& files, const std::string& path) {
    segment_reader reader;
    VECSTORE_TRY(reader.file_, files.open(path, storage::open_mode::read));
    VECSTORE_TRY(const auto image, reader.bytes_at(0, segment_header_bytes));
    reader.header_ = decode_segment_header(image);
    if (!reader.header_) return corruption("log segment: both headers are damaged", path, 0);
    if (reader.header_->reader_version_min > segment_format_version)
        return error{errc::unsupported, "log segment was written by a newer version", path, 0};
    reader.name_ = {reader.header_->first_term, reader.header_->first_lsn};
    reader.next_lsn_ = reader.header_->first_lsn;
    reader.chain_ = reader.header_->prev_chain;
    return reader;
}

result<byte_span> segment_reader::bytes_at(std::uint64_t offset, std::size_t count) {
    const auto window_end = window_at_ + window_.size();
    if (offset < window_at_ || offset + count > window_end) {
        VECSTORE_TRY(const auto file_bytes, file_->size());
        const auto left = file_bytes > offset ? file_bytes - offset : 0;
        window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(count, window_bytes), left)));
        window_at_ = offset;
        VECSTORE_TRY(const auto got, file_->read_at(offset, window_));
        window_.resize(got);
    }
    const auto skipped = static_cast<std::size_t>(offset - window_at_);
    return byte_span(window_).subspan(skipped, std::min(count, window_.size() - skipped));
}

result<std::optional<record>> segment_reader::next() {
    VECSTORE_TRY(auto found, read_here());
    if (!found) {
        // The window may be older than what a writer has put there since.
        window_.clear();
        VECSTORE_TRY(found, read_here());
    }
    if (!found) return found;
    offset_ += record_bytes(found->payload.size());
    next_lsn_ = found->lsn + 1;
    chain_ = found->chain;
    return found;
}

result<std::optional<record>> segment_reader::read_here() {
    VECSTORE_TRY(auto bytes, bytes_at(offset_, record_header_bytes));
    if (bytes.size() < record_header_bytes) return std::optional<record>{};
    const auto header = decode_header(bytes, header_->salt);
    if (!header || header->value.lsn != next_lsn_ || header->value.prev_chain != chain_) return std::optional<record>{};
    VECSTORE_TRY(bytes, bytes_at(offset_, record_bytes(header->payload_bytes)));
    return decode_record(bytes, header_->salt);
}

}  // namespace vecstore::wal::detail
