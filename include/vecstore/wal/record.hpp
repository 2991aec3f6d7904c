/// One entry of the log: header, payload, zero padding to 8 bytes. Byte layout: FORMAT.md beside this file.
/// The header has its own checksum, so that a damaged length cannot lead a scan astray. Each record carries the chain
/// of the one before: a hash over all records so far, so that an equal chain at an lsn means an equal prefix.
/// Differs from the design's CRC32C: XXH3 (storage/checksum.hpp), same field sizes.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace vecstore::wal {

/// What a payload means. Values are on disk, do not renumber.
enum class record_type : std::uint16_t {
    upsert = 1,
    erase = 2,
    set_payload = 3,
    ddl = 4,         ///< collections and their schema
    term_open = 5,   ///< a leader's first record of a term
    config = 6,      ///< membership
    state_hash = 7,  ///< replicas compare their state here
    snapshot_mark = 8,
    pad = 9,        ///< nothing; has an lsn like every record
    write_id = 10,  ///< the last record of a batch whose writer named it: the name, and what the writer was told
    upsert_expiring = 11,  ///< an upsert whose points say when they expire
};

/// Set on every record of a batch but the last: the batch is applied as a whole or not at all.
inline constexpr std::uint16_t flag_batch_continues = 1;
/// The payload is encrypted (record_cipher.hpp). Nothing in this layer looks at it but that.
inline constexpr std::uint16_t flag_encrypted = 2;

inline constexpr std::size_t record_header_bytes = 56;
inline constexpr std::uint32_t record_magic = 0x4C41'5756;  // "VWAL"

/// A record as read. `payload` is borrowed from the reader that gave it.
struct record {
    std::uint64_t lsn = 0;
    std::uint64_t term = 0;
    record_type type = record_type::pad;
    std::uint16_t flags = 0;
    std::uint32_t batch_pos = 0;     ///< 0 for the first record of a batch
    std::uint64_t durable_upto = 0;  ///< last lsn that was synced when this one was written
    std::uint32_t prev_chain = 0;
    std::uint32_t chain = 0;  ///< not stored; computed, and found as prev_chain of the next record
    byte_span payload;

    [[nodiscard]] bool batch_continues() const noexcept { return (flags & flag_batch_continues) != 0; }
    [[nodiscard]] bool encrypted() const noexcept { return (flags & flag_encrypted) != 0; }
};

/// A record to be written: what the writer cannot know. `payload` is borrowed for the call.
struct draft {
    record_type type = record_type::pad;
    std::uint16_t flags = 0;
    byte_span payload;
};

/// Bytes a record with that payload takes in the log.
[[nodiscard]] constexpr std::size_t record_bytes(std::size_t payload_bytes) noexcept {
    return (record_header_bytes + payload_bytes + 7) / 8 * 8;
}

/// Appends the encoding of `value` to `out` and gives its chain. Takes all members but `chain` from `value`.
/// `salt` is the segment's: it makes the header checksum unlike that of any other segment's records.
std::uint32_t encode_record(const record& value, std::uint64_t salt, byte_vector& out);

/// What stands in the first 56 bytes, when their checksum is right.
struct record_header {
    record value;  ///< payload empty, chain computed
    std::uint32_t payload_bytes = 0;
    std::uint32_t payload_checksum = 0;
};

/// Reads a header. Nothing unless magic, header checksum and length bound (`record_bytes_max`) are right. A type that
/// this version does not know is passed on: refusing it here would make a newer record look torn.
/// Precondition: bytes.size() >= record_header_bytes.
[[nodiscard]] std::optional<record_header> decode_header(byte_span bytes, std::uint64_t salt) noexcept;

/// Reads the record at the start of `bytes`; nothing unless it is whole and all its checksums are right.
[[nodiscard]] std::optional<record> decode_record(byte_span bytes, std::uint64_t salt) noexcept;

}  // namespace vecstore::wal
