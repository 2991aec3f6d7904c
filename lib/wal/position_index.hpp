/// Term and chain of every record that is still in the log, in memory: 4 bytes a record, and 16 for each run of records of
/// one term. Who shares a log asks for them at any place.
/// Thread safety: one thread at a time.
#pragma once

#include <vecstore/wal/writer.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

namespace vecstore::wal::detail {

class position_index {
public:
    /// `before`: of the record before `first_lsn`, when it is known.
    position_index(std::uint64_t first_lsn, std::optional<record_position> before)
        : first_lsn_(first_lsn), before_(before) {}

    /// The next record's.
    void push(const record_position& next) {
        if (runs_.empty() || runs_.back().term != next.term) runs_.push_back({next.term, last_lsn() + 1});
        chains_.push_back(next.chain);
    }
    /// Drops those behind `lsn`.
    void cut(std::uint64_t lsn) {
        while (last_lsn() > lsn) chains_.pop_back();
        while (!runs_.empty() && runs_.back().first_lsn > lsn) runs_.pop_back();
    }
    /// Drops those before `lsn`, at most all.
    void release_before(std::uint64_t lsn) {
        if (lsn <= first_lsn_) return;
        lsn = std::min(lsn, last_lsn() + 1);
        before_ = find(lsn - 1);
        chains_.erase(chains_.begin(), chains_.begin() + static_cast<std::ptrdiff_t>(lsn - first_lsn_));
        first_lsn_ = lsn;
        while (!runs_.empty() && run_end(0) < lsn) runs_.pop_front();
        if (!runs_.empty()) runs_.front().first_lsn = std::max(runs_.front().first_lsn, lsn);
    }
    [[nodiscard]] std::optional<record_position> find(std::uint64_t lsn) const {
        if (lsn + 1 == first_lsn_) return before_;
        if (lsn < first_lsn_ || lsn > last_lsn()) return std::nullopt;
        const auto behind = std::upper_bound(runs_.begin(), runs_.end(), lsn,
                                             [](std::uint64_t at, const run& r) { return at < r.first_lsn; });
        return record_position{std::prev(behind)->term, chains_[static_cast<std::size_t>(lsn - first_lsn_)]};
    }
    [[nodiscard]] bool knows_before() const noexcept { return before_.has_value(); }
    [[nodiscard]] std::uint64_t first_lsn() const noexcept { return first_lsn_; }
    [[nodiscard]] std::uint64_t last_lsn() const noexcept { return first_lsn_ + chains_.size() - 1; }

private:
    struct run {
        std::uint64_t term = 0;
        std::uint64_t first_lsn = 0;
    };
    [[nodiscard]] std::uint64_t run_end(std::size_t i) const noexcept {
        return i + 1 < runs_.size() ? runs_[i + 1].first_lsn - 1 : last_lsn();
    }

    std::uint64_t first_lsn_;
    std::optional<record_position> before_;
    std::deque<std::uint32_t> chains_;
    std::deque<run> runs_;
};

}  // namespace vecstore::wal::detail
