/// A small seeded generator whose numbers are the same on every platform (std distributions are not).
/// Paper: Blackman & Vigna, "Scrambled linear pseudorandom number generators", arXiv:1805.01407 (xoshiro256**);
/// seeded by SplitMix64.
/// Thread safety: belongs to one thread.
#pragma once

#include <bit>
#include <cstdint>

namespace vecstore {

/// SplitMix64's finaliser: a bijection on 64 bits that scatters neighbouring inputs.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9u;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBu;
    return z ^ (z >> 31);
}

class random_source {
public:
    using result_type = std::uint64_t;

    explicit random_source(std::uint64_t seed) noexcept {
        for (auto& word : state_) word = mix64(seed += 0x9E37'79B9'7F4A'7C15u);
    }
    [[nodiscard]] std::uint64_t operator()() noexcept {
        const auto result = std::rotl(state_[1] * 5, 7) * 9;
        const auto t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }
    /// Uniform in [0, bound); bound > 0. Bias below 2^-32 for bounds that fit 32 bits.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }
    /// Uniform in [0, 1), 53 bits.
    [[nodiscard]] double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

    [[nodiscard]] static constexpr std::uint64_t min() noexcept { return 0; }
    [[nodiscard]] static constexpr std::uint64_t max() noexcept { return ~std::uint64_t{0}; }

private:
    std::uint64_t state_[4];
};

}  // namespace vecstore
