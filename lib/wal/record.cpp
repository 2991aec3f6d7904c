#include <vecstore/storage/checksum.hpp>
#include <vecstore/wal/record.hpp>

#include <cstring>

namespace vecstore::wal {
namespace {

constexpr std::size_t header_checksum_at = 52;
constexpr std::size_t chained_from = 4;
constexpr std::size_t chained_bytes = 32;

/// What replicas agree on: everything but salt, batch position and durable_upto.
std::uint32_t chain_of(byte_span header) noexcept {
    return storage::checksum32(header.subspan(chained_from, chained_bytes));
}

}  // namespace

std::uint32_t encode_record(const record& value, std::uint64_t salt, byte_vector& out) {
    const auto at = out.size();
    out.resize(at + record_bytes(value.payload.size()));
    auto* header = out.data() + at;
    store_le(header, record_magic);
    store_le(header + 4, static_cast<std::uint32_t>(value.payload.size()));
    store_le(header + 8, value.lsn);
    store_le(header + 16, value.term);
    store_le(header + 24, value.prev_chain);
    store_le(header + 28, storage::checksum32(value.payload));
    store_le(header + 32, static_cast<std::uint16_t>(value.type));
    store_le(header + 34, value.flags);
    store_le(header + 36, value.batch_pos);
    store_le(header + 40, value.durable_upto);
    store_le(header + 48, std::uint32_t{0});
    store_le(header + header_checksum_at, storage::checksum32({header, header_checksum_at}, salt));
    if (!value.payload.empty()) std::memcpy(header + record_header_bytes, value.payload.data(), value.payload.size());
    return chain_of({header, record_header_bytes});
}

std::optional<record_header> decode_header(byte_span bytes, std::uint64_t salt) noexcept {
    byte_reader in(bytes.first(record_header_bytes));
    if (in.get<std::uint32_t>() != record_magic) return std::nullopt;
    record_header header;
    auto& value = header.value;
    header.payload_bytes = in.get<std::uint32_t>();
    value.lsn = in.get<std::uint64_t>();
    value.term = in.get<std::uint64_t>();
    value.prev_chain = in.get<std::uint32_t>();
    header.payload_checksum = in.get<std::uint32_t>();
    value.type = static_cast<record_type>(in.get<std::uint16_t>());
    value.flags = in.get<std::uint16_t>();
    value.batch_pos = in.get<std::uint32_t>();
    value.durable_upto = in.get<std::uint64_t>();
    (void)in.get<std::uint32_t>();  // reserved: written as zero, covered by the checksum
    if (header.payload_bytes > record_bytes_max) return std::nullopt;
    if (in.get<std::uint32_t>() != storage::checksum32(bytes.first(header_checksum_at), salt)) return std::nullopt;
    value.chain = chain_of(bytes);
    return header;
}

std::optional<record> decode_record(byte_span bytes, std::uint64_t salt) noexcept {
    if (bytes.size() < record_header_bytes) return std::nullopt;
    auto header = decode_header(bytes, salt);
    if (!header || bytes.size() < record_bytes(header->payload_bytes)) return std::nullopt;
    header->value.payload = bytes.subspan(record_header_bytes, header->payload_bytes);
    if (storage::checksum32(header->value.payload) != header->payload_checksum) return std::nullopt;
    return header->value;
}

}  // namespace vecstore::wal
