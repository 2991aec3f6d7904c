#include "frame.hpp"

#include <vecstore/storage/checksum.hpp>

namespace vecstore::replication {
namespace {

constexpr std::size_t checksum_at = 20;

/// Of the header's other fields and the body, without a copy that holds both.
std::uint32_t checksum_of(byte_span whole) noexcept {
    return storage::checksum32(whole.subspan(frame_header_bytes), storage::checksum64(whole.first(checksum_at)));
}

error damaged(std::string message) { return {errc::corruption, "frame: " + std::move(message)}; }

}  // namespace

std::size_t begin_frame(byte_writer& out, frame_type type, std::uint64_t term, std::uint32_t stream) {
    const auto begun = out.size();
    out.put(std::uint32_t{0});
    out.put(static_cast<std::uint8_t>(type));
    out.put(std::uint8_t{0});
    out.put(protocol_version);
    out.put(stream);
    out.put(term);
    out.put(std::uint32_t{0});
    return begun;
}

void end_frame(byte_writer& out, std::size_t begun) {
    out.patch(begun, static_cast<std::uint32_t>(out.size() - begun - frame_header_bytes));
    out.patch(begun + checksum_at, checksum_of(out.bytes().subspan(begun)));
}

result<frame> parse_frame(byte_span bytes) {
    if (bytes.size() < frame_header_bytes) return damaged("shorter than its header");
    byte_reader in(bytes);
    frame f;
    const auto body_bytes = in.get<std::uint32_t>();
    f.type = in.get<std::uint8_t>();
    f.flags = in.get<std::uint8_t>();
    f.version = in.get<std::uint16_t>();
    f.stream = in.get<std::uint32_t>();
    f.term = in.get<std::uint64_t>();
    const auto checksum = in.get<std::uint32_t>();
    if (body_bytes != in.remaining()) return damaged("its length is not what it says");
    if (checksum != checksum_of(bytes)) return damaged("checksum differs");
    if (f.version != protocol_version)
        return error{errc::unsupported,
                     "frame: version " + std::to_string(f.version) + " is not " + std::to_string(protocol_version)};
    f.body = in.get_bytes(body_bytes);
    return f;
}

void frame_reader::feed(byte_span bytes) {
    whole_ = {};
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

result<std::optional<frame>> frame_reader::next() {
    const auto rest = byte_span(buffer_).subspan(at_);
    if (rest.size() < sizeof(std::uint32_t)) return std::optional<frame>{};
    const auto body_bytes = load_le<std::uint32_t>(rest.data());
    if (body_bytes > limit_)
        return error{errc::resource_exhausted, "frame: a body of " + std::to_string(body_bytes) + " bytes, " +
                                                   std::to_string(limit_) + " are allowed"};
    const auto bytes = frame_header_bytes + body_bytes;
    if (rest.size() < bytes) return std::optional<frame>{};
    VECSTORE_TRY(const auto found, parse_frame(rest.first(bytes)));
    whole_ = rest.first(bytes);
    at_ += bytes;
    return std::optional(found);
}

}  // namespace vecstore::replication
