/// A random rotation: an orthogonal map that spreads what is special in few dimensions over all, so that codes of one or a
/// few bits a dimension have errors that theory knows (rotation_code.hpp). Nothing is trained, nothing but a seed stored.
/// Paper: Ailon & Chazelle, "The fast Johnson-Lindenstrauss transform", 2009 (signs and Walsh-Hadamard transforms).
/// Differs: any dimension, without padding: each round transforms two windows, of the largest power of two that fits, at
/// the front and at the back.
/// Thread safety: constant.
#pragma once

#include <vecstore/core/random.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::quantization {

class rotation {
public:
    /// The same dim and seed give the same map on every machine, up to rounding. Precondition: dim > 0.
    rotation(std::size_t dim, std::uint64_t seed) : dim_(dim), window_(std::bit_floor(dim)), signs_(rounds * dim) {
        random_source random(seed);
        // The transform makes a vector longer by the root of its size; the signs put that right.
        const float once = 1 / std::sqrt(static_cast<float>(window_));
        for (auto& sign : signs_) sign = random.below(2) == 0 ? 1.0f : -1.0f;
        for (std::size_t round = 0; round < rounds; ++round)
            for (std::size_t d = 0; d < window_; ++d) signs_[round * dim_ + d] *= once;
        tail_ = once;
    }

    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return signs_.capacity() * sizeof(float); }

    /// Rotates values [dim] in place. Lengths and inner products stay, up to rounding.
    /// Cost: about 8 dim log2(dim) additions.
    void apply(float* values) const noexcept {
        for (std::size_t round = 0; round < rounds; ++round) {
            const float* signs = signs_.data() + round * dim_;
            for (std::size_t d = 0; d < dim_; ++d) values[d] *= signs[d];
            transform(values);
            if (window_ == dim_) continue;
            float* last = values + dim_ - window_;
            for (std::size_t d = 0; d < window_; ++d) last[d] *= tail_;
            transform(last);
        }
    }

    /// Vectors that `apply_turned` rotates together.
    static constexpr std::size_t lanes = 16;

    /// The same for `lanes` vectors at once, turned: values [dim, lanes].
    /// Cost: a fifth of `apply` for each, since nothing moves between the lanes of a register.
    void apply_turned(float* values) const noexcept {
        for (std::size_t round = 0; round < rounds; ++round) {
            scale_turned(values, dim_, signs_.data() + round * dim_, 1);
            transform_turned(values);
            if (window_ == dim_) continue;
            float* last = values + (dim_ - window_) * lanes;
            scale_turned(last, window_, &tail_, 0);
            transform_turned(last);
        }
    }

private:
    static constexpr std::size_t rounds = 4;

    void transform(float* x) const noexcept {
        for (std::size_t half = 1; half < window_; half *= 2)
            for (std::size_t first = 0; first < window_; first += 2 * half)
                for (std::size_t i = first; i < first + half; ++i) {
                    const float a = x[i], b = x[i + half];
                    x[i] = a + b;
                    x[i + half] = a - b;
                }
    }

    static void scale_turned(float* x, std::size_t count, const float* by, std::size_t step) noexcept {
        for (std::size_t d = 0; d < count; ++d, x += lanes, by += step)
            for (std::size_t i = 0; i < lanes; ++i) x[i] *= *by;
    }
    /// Two steps of the transform at once while there are two, so that values are read and written half as often.
    void transform_turned(float* x) const noexcept {
        std::size_t half = 1;
        for (; 2 * half < window_; half *= 4)
            for (std::size_t first = 0; first < window_; first += 4 * half)
                for (std::size_t i = first; i < first + half; ++i) {
                    float *const p = x + i * lanes, *const q = p + half * lanes, *const r = q + half * lanes,
                                 *const s = r + half * lanes;
                    for (std::size_t lane = 0; lane < lanes; ++lane) {
                        const float a = p[lane] + q[lane], b = p[lane] - q[lane];
                        const float c = r[lane] + s[lane], d = r[lane] - s[lane];
                        p[lane] = a + c;
                        q[lane] = b + d;
                        r[lane] = a - c;
                        s[lane] = b - d;
                    }
                }
        for (; half < window_; half *= 2)
            for (std::size_t i = 0; i < half; ++i) {
                float *const p = x + i * lanes, *const q = p + half * lanes;
                for (std::size_t lane = 0; lane < lanes; ++lane) {
                    const float a = p[lane], b = q[lane];
                    p[lane] = a + b;
                    q[lane] = a - b;
                }
            }
    }

    std::size_t dim_;
    std::size_t window_;
    float tail_ = 1;
    std::vector<float> signs_;  ///< [rounds, dim]
};

}  // namespace vecstore::quantization
