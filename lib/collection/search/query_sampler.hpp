/// Keeps some of the latest queries for one named vector, so that indexes can be measured with what is really asked
/// (part/recheck.hpp). In memory alone: queries are written to no disk, and are gone when the database is closed.
/// How: all are taken until there are enough, then one in sixteen, drawn by a hash, so that no period in what is asked can line
/// up with the sample; each takes the place of the oldest. A search that is not drawn pays for one counter.
/// Thread safety: `start` before others know of it; the rest any number of threads. A search never waits: where the
/// sample is in use, its query is left out.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/random.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace vecstore::detail {

/// Fewer tell less than the rows do.
inline constexpr std::size_t sampled_queries_min = 256;
inline constexpr std::size_t sampled_queries_max = 1'000;

struct asked_query {
    byte_vector vector;  ///< in the form that kernels take
    std::size_t k = 0;   ///< neighbours wanted
};

class query_sampler {
public:
    /// `query_bytes` of one query. Until then nothing is kept.
    void start(std::size_t query_bytes) noexcept {
        constexpr std::size_t bytes_max = std::size_t{4} << 20;
        query_bytes_ = query_bytes;
        places_ = std::clamp(bytes_max / query_bytes, sampled_queries_min, sampled_queries_max);
    }

    /// `vector` [query_bytes].
    void note(const void* vector, std::size_t k) const noexcept {
        if (places_ == 0) return;
        const auto number = seen_.fetch_add(1, std::memory_order_relaxed);
        if (number < places_ || mix64(number) % drawn_of == 0) keep(static_cast<const std::byte*>(vector), k);
    }

    /// Queries that came, kept or not.
    [[nodiscard]] std::uint64_t seen() const noexcept { return seen_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t size() const {
        const lock_guard lock(mutex_);
        return kept_.size();
    }
    [[nodiscard]] std::size_t memory_bytes() const {
        const lock_guard lock(mutex_);
        return kept_.capacity() * sizeof(asked_query) + kept_.size() * query_bytes_;
    }
    /// The latest `count` of those that were kept. May throw std::bad_alloc.
    [[nodiscard]] std::vector<asked_query> latest(std::size_t count = sampled_queries_max) const {
        const lock_guard lock(mutex_);
        std::vector<asked_query> queries;
        const auto size = kept_.size();
        for (std::size_t i = size - std::min(count, size); i < size; ++i)
            queries.push_back(kept_[(oldest_ + i) % size]);
        return queries;
    }

private:
    static constexpr std::uint64_t drawn_of = 16;

    void keep(const std::byte* vector, std::size_t k) const noexcept {
        if (!mutex_.try_lock()) return;
        try {
            if (kept_.size() < places_) {
                kept_.push_back({{vector, vector + query_bytes_}, k});
            } else {
                auto& place = kept_[oldest_];
                std::copy(vector, vector + query_bytes_, place.vector.begin());
                place.k = k;
                oldest_ = (oldest_ + 1) % places_;
            }
        } catch (const std::bad_alloc&) {
            // Nothing depends on this one.
        }
        mutex_.unlock();
    }

    std::size_t query_bytes_ = 0;
    std::size_t places_ = 0;
    mutable std::atomic<std::uint64_t> seen_{0};
    mutable mutex mutex_;
    mutable std::vector<asked_query> kept_ VECSTORE_GUARDED_BY(mutex_);
    mutable std::size_t oldest_ VECSTORE_GUARDED_BY(mutex_) = 0;
};

}  // namespace vecstore::detail
