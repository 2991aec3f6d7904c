/// A file of the log: a 4 KiB header (two copies), then records. Byte layout: FORMAT.md beside this file.
/// Thread safety: pure functions; `read_segment_header` as the file system.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::wal {

inline constexpr std::size_t segment_header_bytes = 4096;
inline constexpr std::size_t segment_header_copy_offset = 2048;
inline constexpr std::uint32_t segment_format_version = 1;

struct segment_header {
    std::uint32_t format_version = segment_format_version;
    std::uint32_t reader_version_min = segment_format_version;  ///< readers below this must refuse the file
    std::array<std::byte, 16> database_uuid{};
    std::array<std::byte, 16> node_uuid{};
    std::uint64_t segment_number = 0;
    std::uint64_t first_lsn = 1;
    std::uint64_t first_term = 0;
    std::uint64_t salt = 0;        ///< seed of the header checksum of every record in the file
    std::uint32_t prev_chain = 0;  ///< chain of the record before `first_lsn`

    bool operator==(const segment_header&) const = default;
};

/// The 4 KiB image with both copies.
[[nodiscard]] byte_vector encode_segment_header(const segment_header& header);

/// The first copy that is right, or nothing. Takes fewer than 4 KiB too.
[[nodiscard]] std::optional<segment_header> decode_segment_header(byte_span bytes) noexcept;

/// A segment's file, by its name alone.
struct segment_name {
    std::uint64_t term = 0;
    std::uint64_t first_lsn = 0;
    bool operator==(const segment_name&) const = default;
};

/// "<term>-<first lsn>.wal", each as 16 hexadecimal digits.
[[nodiscard]] std::string to_string(const segment_name& name);
[[nodiscard]] std::optional<segment_name> parse_segment_name(std::string_view text) noexcept;

/// The segments of a directory, by first lsn. Other files are passed over; a missing directory has none.
/// Errors: corruption (two segments with the same first lsn), io.
[[nodiscard]] result<std::vector<segment_name>> list_segments(storage::file_system& files,
                                                              const std::string& directory);

}  // namespace vecstore::wal
