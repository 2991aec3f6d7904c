#include "scrub.hpp"

#include <collection/part/graph_index.hpp>
#include <collection/part/ivf_index.hpp>
#include <collection/part/sparse_index.hpp>
#include <collection/upkeep/checkpoint.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <new>

namespace vecstore::detail {
namespace {

template <class Visit>
void for_each_part(const collection_list& collections, const Visit& visit) {
    for (const auto& state : collections) {
        const auto pinned = state->pin();
        if (!pinned || pinned->dropped) continue;
        for (std::size_t slot = 0; slot < pinned->vectors.size(); ++slot)
            for (const auto& part : *pinned->vectors[slot].parts) visit(*state, slot, part);
    }
}

}  // namespace

std::deque<placed_part> parts_of(const collection_list& collections, const std::string& root) {
    std::deque<placed_part> parts;
    for_each_part(collections, [&](const collection_state& state, std::size_t slot, const auto& part) {
        parts.push_back({part, part_directory(root, state.id(), slot)});
    });
    return parts;
}

void count_damage(const collection_list& collections, scrub_stats& into) {
    for_each_part(collections, [&](const collection_state&, std::size_t, const auto& part) {
        into.damaged_blocks += part->file().damaged_count();
        into.unverified_bytes += part->file().unchecked_count() * storage::block_bytes;
        into.damaged_indexes += part->damaged_indexes();
        for (const auto* index : part->opened_indexes())
            if (index != nullptr && index->waiting()) into.unverified_bytes += index->memory().on_disk;
    });
}

result<void> first_look::step() {
    if (done()) return {};
    const auto rows = parts_.front().rows.lock();
    if (rows == nullptr) {
        next_part();
        return {};
    }
    const auto& part = *rows;
    const auto indexes = part.opened_indexes();
    while (index_ < indexes.size()) {
        const auto* const index = indexes[index_++];
        if (index == nullptr || !index->waiting()) continue;
        try {
            return index->ready() ? result<void>{} : index->failure();
        } catch (const std::bad_alloc&) {
            return error{errc::resource_exhausted, "no memory for an index", part_path(parts_.front().directory, 0)};
        }
    }
    auto checked = part.look_at(block_, blocks_of_slice);
    // Behind the damage, if there is some: the block is told in the error.
    block_ = checked || checked.error().code != errc::corruption ? block_ + blocks_of_slice
                                                                 : checked.error().offset / storage::block_bytes + 1;
    if (block_ >= part.file().block_count()) next_part();
    return checked;
}

void first_look::next_part() noexcept {
    parts_.pop_front();
    index_ = 0;
    block_ = 0;
}

void scrub_pass::close_file() noexcept {
    reader_.reset();
    own_.reset();
}

void scrub_pass::next_part() noexcept {
    close_file();
    parts_.pop_front();
    file_ = 0;
    if (!parts_.empty()) return;
    counters_.last_pass.store(std::chrono::steady_clock::now().time_since_epoch(), std::memory_order_relaxed);
    counters_.passes.fetch_add(1, std::memory_order_release);
}

/// False when the front part has no further file.
result<bool> scrub_pass::open_next(const part& rows) {
    const auto& descriptor = rows.descriptor();
    const std::array<std::uint64_t, 3> roots{descriptor.root, descriptor.graph_root, descriptor.ivf_root};
    const std::array<std::uint32_t, 3> kinds{0, graph_file_kind, rows.sparse() ? sparse_file_kind : ivf_file_kind};
    while (file_ < roots.size() && (roots[file_] == 0 || roots[file_] == index_declined)) ++file_;
    if (file_ == roots.size()) return false;
    const auto number = file_++;
    const auto path = part_files(parts_.front().directory, descriptor.number)[number];
    block_ = 0;
    VECSTORE_TRY(auto reader, files_.open(path, storage::open_mode::read));
    if (number > 0) {
        VECSTORE_TRY(own_, storage::block_file::open(files_, path, kinds[number], storage::verify_mode::footer));
    }
    reader_ = std::move(reader);
    return true;
}

result<std::uint64_t> scrub_pass::step(std::uint64_t bytes) {
    if (done()) return std::uint64_t{0};
    const auto rows = parts_.front().rows.lock();
    if (rows == nullptr) {
        next_part();
        return std::uint64_t{0};
    }
    if (reader_ == nullptr) {
        auto opened = open_next(*rows);
        // A file that was left out when it was opened, or whose part is just being replaced.
        if (!opened && opened.error().code == errc::not_found) return std::uint64_t{0};
        if (opened && !*opened) next_part();
        if (!opened) counters_.findings.fetch_add(1, std::memory_order_relaxed);
        return opened ? result<std::uint64_t>(0) : std::move(opened).error();
    }
    const auto& file = current(*rows);
    const auto count = std::max<std::uint64_t>(1, bytes / storage::block_bytes), before = block_;
    const auto verified = file.verify_medium(block_, count, *reader_);
    const bool block_damaged = !verified && verified.error().code == errc::corruption;
    block_ = std::min(file.block_count(),
                      block_damaged ? verified.error().offset / storage::block_bytes + 1 : before + count);
    const auto read = (block_ - before) * storage::block_bytes;
    counters_.bytes.fetch_add(read, std::memory_order_relaxed);
    if (block_ >= file.block_count() || (!verified && !block_damaged)) close_file();
    if (verified) return read;
    counters_.findings.fetch_add(1, std::memory_order_relaxed);
    return verified.error();
}

}  // namespace vecstore::detail
