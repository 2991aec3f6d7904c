/// Sections of the files of indexes: written in slices, read into memory of their own.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/storage/block_file.hpp>

#include <algorithm>
#include <cstddef>

namespace vecstore::detail {

/// In slices, so that the writer never holds a second copy of a large section.
[[nodiscard]] inline result<void> write_section(storage::block_file_writer& file, std::uint32_t name, byte_span bytes) {
    constexpr std::size_t slice = std::size_t{1} << 20;
    VECSTORE_CHECK(file.begin_section(name));
    for (std::size_t at = 0; at < bytes.size(); at += slice)
        VECSTORE_CHECK(file.append(bytes.subspan(at, std::min(slice, bytes.size() - at))));
    return {};
}

/// The bytes of a section, whole and right.  Errors: corruption (no such section; path and offset of a damaged block).
[[nodiscard]] inline result<byte_span> checked_section(const storage::block_file& file, std::uint32_t name) {
    VECSTORE_TRY(const auto bytes, file.section(name));
    VECSTORE_CHECK(file.check(bytes));
    return bytes;
}

/// May throw std::bad_alloc.  Errors: as `checked_section`.
[[nodiscard]] inline result<aligned_buffer<std::byte>> read_section(const storage::block_file& file,
                                                                    std::uint32_t name) {
    VECSTORE_TRY(const auto bytes, file.section(name));
    aligned_buffer<std::byte> copy(bytes.size());
    // In slices, so that what has been checked is still in the cache when it is copied.
    for (std::size_t at = 0; at < bytes.size(); at += storage::block_bytes) {
        const auto slice = bytes.subspan(at, std::min(storage::block_bytes, bytes.size() - at));
        VECSTORE_CHECK(file.check(slice));
        std::copy(slice.begin(), slice.end(), copy.data() + at);
    }
    return copy;
}

[[nodiscard]] inline byte_span span_of(const aligned_buffer<std::byte>& buffer) noexcept {
    return {buffer.data(), buffer.size()};
}

/// The section OWNR.  Errors: corruption (damaged, or of another part).
[[nodiscard]] inline result<void> check_owner(const storage::block_file& file, std::uint64_t root) {
    VECSTORE_TRY(const auto bytes, checked_section(file, storage::fourcc("OWNR")));
    byte_reader in(bytes);
    if (in.get<std::uint64_t>() != root || !in.finished()) return corruption("index of another part", file.path(), 0);
    return {};
}

}  // namespace vecstore::detail
