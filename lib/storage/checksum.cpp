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

hash128 checksum128(byte_span bytes, std::uint64_t seed) noexcept {
    const auto value = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {value.low64, value.high64};
}

struct running_checksum128::state {
    XXH3_state_t xxh;
};

running_checksum128::running_checksum128() : state_(std::make_unique<state>()) { XXH3_128bits_reset(&state_->xxh); }
running_checksum128::running_checksum128(running_checksum128&&) noexcept = default;
running_checksum128::~running_checksum128() = default;

void running_checksum128::add(byte_span bytes) noexcept {
    XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

hash128 running_checksum128::value() const noexcept {
    const auto value = XXH3_128bits_digest(&state_->xxh);
    return {value.low64, value.high64};
}

}  // namespace vecstore::storage
