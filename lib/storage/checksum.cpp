#include <vecstore/storage/checksum.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vecstore::storage {

std::uint64_t checksum64(byte_span bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint32_t checksum32(byte_span bytes, std::uint64_t seed) noexcept {
    return static_cast<std::uint32_t>(checksum64(bytes, seed));
}

}  // namespace vecstore::storage
