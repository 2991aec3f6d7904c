/// Reads one segment in windows, for recovery and cursors.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/record.hpp>
#include <vecstore/wal/segment.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

namespace vecstore::wal::detail {

inline constexpr std::size_t window_bytes = 1u << 20;

class segment_reader {
public:
    /// Opens a segment; `header()` is empty when both copies are damaged.
    /// Errors: unsupported (made by a newer version), corruption (header and name differ), not_found, io.
    static result<segment_reader> open(storage::file_system& files, const std::string& directory, segment_name name);

    /// The same for a file that is not under its own name.  Errors: also corruption (both headers).
    static result<segment_reader> open_file(storage::file_system& files, const std::string& path);

    [[nodiscard]] const std::optional<segment_header>& header() const noexcept { return header_; }
    [[nodiscard]] const segment_name& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& path() const noexcept { return file_->path(); }
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::uint64_t next_lsn() const noexcept { return next_lsn_; }
    [[nodiscard]] std::uint32_t chain() const noexcept { return chain_; }
    [[nodiscard]] result<std::uint64_t> size() const { return file_->size(); }

    /// The next record, if a right one with the expected lsn and chain stands there; then steps behind it.
    /// The payload lives until the next call.
    /// Errors: io, resource_exhausted.
    result<std::optional<record>> next();

    /// Bytes from `offset`, up to `count`, fewer only at the end of the file. They live until the next call.
    result<byte_span> bytes_at(std::uint64_t offset, std::size_t count);

private:
    result<std::optional<record>> read_here();

    std::unique_ptr<storage::file> file_;
    segment_name name_;
    std::optional<segment_header> header_;
    std::uint64_t offset_ = segment_header_bytes;
    std::uint64_t next_lsn_ = 0;
    std::uint32_t chain_ = 0;
    byte_vector window_;
    std::uint64_t window_at_ = 0;
};

}  // namespace vecstore::wal::detail
