/// The one checksum of every file format: XXH3 with a seed.
/// Why XXH3 and not CRC32C: it is as fast as memory on any CPU, and Debian packages no CRC32C library. Formats with a
/// 32-bit field store the low half, so field sizes are those of a CRC32C design.
/// Detects accidents, not attackers.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/hash128.hpp>

#include <cstdint>
#include <memory>

namespace vecstore::storage {

/// XXH3-64 of `bytes`. The value is on disk: it never changes for the same input and seed.
/// Cost: about one pass over memory; some nanoseconds for short input.
[[nodiscard]] std::uint64_t checksum64(byte_span bytes, std::uint64_t seed = 0) noexcept;

/// The low 32 bits of `checksum64`.
[[nodiscard]] std::uint32_t checksum32(byte_span bytes, std::uint64_t seed = 0) noexcept;

/// XXH3-128 of `bytes`; on disk, too.
[[nodiscard]] hash128 checksum128(byte_span bytes, std::uint64_t seed = 0) noexcept;

/// XXH3-128 of bytes that come piece by piece: what `checksum128` gives for all of them.
/// Thread safety: belongs to one thread.
class running_checksum128 {
public:
    running_checksum128();
    running_checksum128(running_checksum128&&) noexcept;
    ~running_checksum128();
    void add(byte_span bytes) noexcept;
    [[nodiscard]] hash128 value() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace vecstore::storage
