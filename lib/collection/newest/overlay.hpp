/// The changes since a checkpoint, in memory: ids and points, each with its versions.
/// A reader that pinned lsn L sees of each chain the newest version with lsn <= L; where there is none, the answer lies
/// in an older overlay or in the tables of the checkpoint. Old versions stay until the whole overlay goes, which a
/// checkpoint
/// brings about; so the memory is bounded by the log since then, and nothing has to be reclaimed piece by piece.
/// Thread safety: one writer (`apply`) at a time; any number of readers, which never wait.
#pragma once

#include "arena.hpp"
#include "skip_list.hpp"

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/hash128.hpp>
#include <vecstore/core/point_id.hpp>
#include <vecstore/core/types.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

namespace vecstore::detail {

/// Which ordinal an id means from `lsn` on; `ordinal_none` = none.
struct id_version {
    std::uint64_t lsn;
    const id_version* older;
    ordinal_id ordinal;
};

/// A point's id and payload from `lsn` on. The payload's bytes follow the struct.
struct point_version {
    std::uint64_t lsn;
    const point_version* older;
    std::uint64_t expire_at;  ///< 0 = never
    point_id id;
    hash128 vectors;  ///< state_hash.hpp: hash of the point's vectors
    std::uint32_t payload_bytes;

    [[nodiscard]] byte_span payload() const noexcept {
        return {reinterpret_cast<const std::byte*>(this + 1), payload_bytes};
    }
};

template <class Version>
[[nodiscard]] const Version* newest_at(const std::atomic<const Version*>& chain, std::uint64_t lsn) noexcept {
    const auto* version = chain.load(std::memory_order_acquire);
    while (version != nullptr && version->lsn > lsn) version = version->older;
    return version;
}

class overlay {
public:
    using id_chain = std::atomic<const id_version*>;
    using point_chain = std::atomic<const point_version*>;
    using id_list = skip_list<point_id, id_chain>;
    using point_list = skip_list<ordinal_id, point_chain>;

    /// `first_ordinal`: the first one given to a point while this overlay is the newest.
    explicit overlay(ordinal_id first_ordinal) : first_ordinal_(first_ordinal), ids_(memory_), older_points_(memory_) {}

    void put_id(const point_id& id, std::uint64_t lsn, ordinal_id ordinal) {
        auto& chain = ids_.insert(id).value;
        auto* const version =
            new (memory_.allocate(sizeof(id_version))) id_version{lsn, chain.load(std::memory_order_relaxed), ordinal};
        chain.store(version, std::memory_order_release);
    }
    void put_point(ordinal_id ordinal, std::uint64_t lsn, const point_id& id, byte_span payload,
                   std::uint64_t expire_at = 0, const hash128& vectors = {}) {
        auto& chain = chain_of(ordinal);
        auto* const version = new (memory_.allocate(sizeof(point_version) + payload.size()))
            point_version{lsn,     chain.load(std::memory_order_relaxed),     expire_at, id,
                          vectors, static_cast<std::uint32_t>(payload.size())};
        if (!payload.empty()) std::memcpy(version + 1, payload.data(), payload.size());
        chain.store(version, std::memory_order_release);
    }
    void put_death(ordinal_id ordinal) { deaths_.push_back(ordinal); }

    [[nodiscard]] const id_version* find_id(const point_id& id, std::uint64_t lsn) const noexcept {
        const auto* const node = ids_.find(id);
        return node == nullptr ? nullptr : newest_at(node->value, lsn);
    }
    [[nodiscard]] const point_version* find_point(ordinal_id ordinal, std::uint64_t lsn) const noexcept {
        if (ordinal < first_ordinal_) {
            const auto* const node = older_points_.find(ordinal);
            return node == nullptr ? nullptr : newest_at(node->value, lsn);
        }
        const auto i = ordinal - first_ordinal_;
        return i < new_point_count_.load(std::memory_order_acquire) ? newest_at(new_points_[i], lsn) : nullptr;
    }

    [[nodiscard]] const id_list& ids() const noexcept { return ids_; }
    /// Points older than this overlay whose payload changed.
    [[nodiscard]] const point_list& older_points() const noexcept { return older_points_; }
    [[nodiscard]] ordinal_id first_ordinal() const noexcept { return first_ordinal_; }
    /// Ordinals that died, in log order. For the checkpoint only, once no writer is left.
    [[nodiscard]] const std::vector<ordinal_id>& deaths() const noexcept { return deaths_; }
    [[nodiscard]] bool empty() const noexcept { return ids_.size() == 0 && older_points_.size() == 0; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return memory_.memory_bytes() + new_points_.memory_bytes();
    }

private:
    point_chain& chain_of(ordinal_id ordinal) {
        if (ordinal < first_ordinal_) return older_points_.insert(ordinal).value;
        const auto i = ordinal - first_ordinal_;
        if (i >= new_point_count_.load(std::memory_order_relaxed)) {
            new_points_.ensure(i + std::size_t{1});
            new_point_count_.store(i + 1, std::memory_order_release);
        }
        return new_points_[i];
    }

    ordinal_id first_ordinal_;
    arena memory_;
    id_list ids_;
    point_list older_points_;
    chunked_array<point_chain> new_points_;
    std::atomic<ordinal_id> new_point_count_{0};
    std::vector<ordinal_id> deaths_;
};

}  // namespace vecstore::detail
