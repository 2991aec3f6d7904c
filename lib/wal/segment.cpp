#include <vecstore/storage/checksum.hpp>
#include <vecstore/wal/segment.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace vecstore::wal {
namespace {

constexpr std::uint64_t segment_magic = 0x4745'534C'4157'5356;  // "VSWALSEG"
constexpr std::size_t covered_bytes = 88;
constexpr std::size_t name_digits = 16;
constexpr std::string_view name_suffix = ".wal";

std::optional<segment_header> decode_copy(byte_span bytes) noexcept {
    if (bytes.size() < covered_bytes + 8) return std::nullopt;
    if (load_le<std::uint64_t>(bytes.data() + covered_bytes) != storage::checksum64(bytes.first(covered_bytes)))
        return std::nullopt;
    byte_reader in(bytes);
    if (in.get<std::uint64_t>() != segment_magic) return std::nullopt;
    segment_header header;
    header.format_version = in.get<std::uint32_t>();
    header.reader_version_min = in.get<std::uint32_t>();
    std::memcpy(header.database_uuid.data(), in.get_bytes(16).data(), 16);
    std::memcpy(header.node_uuid.data(), in.get_bytes(16).data(), 16);
    header.segment_number = in.get<std::uint64_t>();
    header.first_lsn = in.get<std::uint64_t>();
    header.first_term = in.get<std::uint64_t>();
    header.salt = in.get<std::uint64_t>();
    header.prev_chain = in.get<std::uint32_t>();
    return header;
}

std::string hexadecimal(std::uint64_t value) {
    std::string text(name_digits, '0');
    for (auto at = name_digits; value != 0; value >>= 4) text[--at] = "0123456789abcdef"[value & 15];
    return text;
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

byte_vector encode_segment_header(const segment_header& header) {
    byte_writer out;
    out.put(segment_magic);
    out.put(header.format_version);
    out.put(header.reader_version_min);
    out.put_bytes(header.database_uuid);
    out.put_bytes(header.node_uuid);
    out.put(header.segment_number);
    out.put(header.first_lsn);
    out.put(header.first_term);
    out.put(header.salt);
    out.put(header.prev_chain);
    out.put(std::uint32_t{0});
    out.put(storage::checksum64(out.bytes()));
    byte_vector image(segment_header_bytes);
    std::memcpy(image.data(), out.bytes().data(), out.size());
    std::memcpy(image.data() + segment_header_copy_offset, out.bytes().data(), out.size());
    return image;
}

std::optional<segment_header> decode_segment_header(byte_span bytes) noexcept {
    if (const auto first = decode_copy(bytes)) return first;
    if (bytes.size() < segment_header_copy_offset) return std::nullopt;
    return decode_copy(bytes.subspan(segment_header_copy_offset));
}

std::string to_string(const segment_name& name) {
    return hexadecimal(name.term) + "-" + hexadecimal(name.first_lsn) + std::string(name_suffix);
}

std::optional<segment_name> parse_segment_name(std::string_view text) noexcept {
    if (text.size() != 2 * name_digits + 1 + name_suffix.size() || text[name_digits] != '-' ||
        text.substr(2 * name_digits + 1) != name_suffix)
        return std::nullopt;
    const auto term = parse_hexadecimal(text.substr(0, name_digits));
    const auto first_lsn = parse_hexadecimal(text.substr(name_digits + 1, name_digits));
    if (!term || !first_lsn) return std::nullopt;
    return segment_name{*term, *first_lsn};
}

result<std::vector<segment_name>> list_segments(storage::file_system& files, const std::string& directory) {
    std::vector<segment_name> segments;
    if (!files.exists(directory)) return segments;
    VECSTORE_TRY(const auto names, files.list(directory));
    for (const auto& text : names)
        if (const auto name = parse_segment_name(text)) segments.push_back(*name);
    const auto by_lsn = [](const segment_name& a, const segment_name& b) { return a.first_lsn < b.first_lsn; };
    std::sort(segments.begin(), segments.end(), by_lsn);
    for (std::size_t i = 1; i < segments.size(); ++i)
        if (segments[i].first_lsn == segments[i - 1].first_lsn)
            return corruption("two log segments begin at the same lsn",
                              storage::join_path(directory, to_string(segments[i])), 0);
    return segments;
}

}  // namespace vecstore::wal
