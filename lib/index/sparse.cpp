#include <vecstore/index/sparse.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace vecstore::index {
namespace {

constexpr std::size_t block_entry_bytes = 12;
constexpr row_id window_rows = 256;

error damaged(const char* what) { return {errc::corruption, std::string("inverted lists: ") + what}; }

float from_half(std::uint16_t upper_half) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(upper_half) << 16);
}

}  // namespace

std::optional<float> sparse_dot(sparse_view query, sparse_view row) noexcept {
    double sum = 0;
    bool shared = false;
    std::size_t i = 0;
    for (std::size_t j = 0; i < query.size() && j < row.size();) {
        const auto a = query.indices[i], b = row.indices[j];
        if (a == b) {
            sum += static_cast<double>(query.values[i]) * static_cast<double>(row.values[j]);
            shared = true;
        }
        i += a <= b;
        j += b <= a;
    }
    return shared ? std::optional(static_cast<float>(sum)) : std::nullopt;
}

double inverse_document_frequency(std::size_t rows, std::size_t with) noexcept {
    const auto df = static_cast<double>(with);
    return std::log((static_cast<double>(rows) - df + 0.5) / (df + 0.5) + 1);
}

result<sparse_lists> sparse_lists::open(const sparse_sections& sections, row_id rows) {
    sparse_lists lists;
    lists.sections_ = sections;
    lists.rows_ = rows;
    lists.terms_ = sections.terms.size() / sizeof(std::uint32_t);
    lists.blocks_ = sections.blocks.size() / block_entry_bytes;
    lists.postings_ = sections.rows.size();
    VECSTORE_CHECK(lists.check());
    return lists;
}

result<void> sparse_lists::check() const {
    const auto& s = sections_;
    if (s.terms.size() % sizeof(std::uint32_t) != 0 || s.starts.size() != (terms_ + 1) * sizeof(std::uint32_t) ||
        s.blocks.size() % block_entry_bytes != 0 || s.values.size() != postings_ * sizeof(float) ||
        postings_ > std::numeric_limits<std::uint32_t>::max())
        return damaged("sections have the wrong size");
    if (start(0) != 0 || start(terms_) != blocks_) return damaged("terms do not cover the blocks");
    for (std::size_t term = 0; term < terms_; ++term) {
        const auto index = [&](std::size_t i) { return load_le<std::uint32_t>(s.terms.data() + i * 4); };
        if (term > 0 && index(term - 1) >= index(term)) return damaged("terms are out of order");
        if (start(term) >= start(term + 1) || start(term + 1) > blocks_) return damaged("a term has no blocks");
        for (std::size_t number = start(term); number < start(term + 1); ++number) {
            if (number > start(term) && block_at(number - 1).window >= block_at(number).window)
                return damaged("windows are out of order");
            VECSTORE_CHECK(check_block(number));
        }
    }
    if (blocks_ == 0 && postings_ > 0) return damaged("postings without a block");
    return {};
}

result<void> sparse_lists::check_block(std::size_t number) const {
    const auto b = block_at(number);
    const auto end = end_of(number);
    if (b.first >= end || end > postings_ || (number == 0 && b.first != 0)) return damaged("a block has no postings");
    const auto first_row = static_cast<std::uint64_t>(b.window) * window_rows;
    const auto upper = from_half(b.upper), lower = from_half(b.lower);
    for (std::size_t i = b.first; i < end; ++i) {
        if (i > b.first && sections_.rows[i - 1] >= sections_.rows[i]) return damaged("rows are out of order");
        const auto value = load_le<float>(sections_.values.data() + i * sizeof(float));
        if (!std::isfinite(value) || !(value <= upper && value >= lower)) return damaged("a value is out of bounds");
    }
    if (first_row + std::to_integer<std::uint64_t>(sections_.rows[end - 1]) >= rows_)
        return damaged("a row is out of range");
    return {};
}

std::uint32_t sparse_lists::start(std::size_t term) const noexcept {
    return load_le<std::uint32_t>(sections_.starts.data() + term * sizeof(std::uint32_t));
}

sparse_lists::block sparse_lists::block_at(std::size_t number) const noexcept {
    const auto* at = sections_.blocks.data() + number * block_entry_bytes;
    return {load_le<std::uint32_t>(at), load_le<std::uint32_t>(at + 4), load_le<std::uint16_t>(at + 8),
            load_le<std::uint16_t>(at + 10)};
}

std::size_t sparse_lists::end_of(std::size_t number) const noexcept {
    return number + 1 < blocks_ ? block_at(number + 1).first : postings_;
}

std::optional<std::size_t> sparse_lists::find(std::uint32_t index) const noexcept {
    std::size_t first = 0, count = terms_;
    while (count > 0) {
        const auto half = count / 2;
        if (load_le<std::uint32_t>(sections_.terms.data() + (first + half) * 4) < index) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    if (first == terms_ || load_le<std::uint32_t>(sections_.terms.data() + first * 4) != index) return std::nullopt;
    return first;
}

std::size_t sparse_lists::frequency(std::uint32_t index) const noexcept {
    const auto term = find(index);
    if (!term) return 0;
    return end_of(start(*term + 1) - std::size_t{1}) - block_at(start(*term)).first;
}

void sparse_lists::for_each_row(std::uint32_t index, const std::function<void(row_id)>& visit) const {
    const auto term = find(index);
    if (!term) return;
    for (std::size_t number = start(*term); number < start(*term + 1); ++number) {
        const auto b = block_at(number);
        for (std::size_t i = b.first; i < end_of(number); ++i)
            visit(b.window * window_rows + std::to_integer<row_id>(sections_.rows[i]));
    }
}

/// One search. Belongs to one thread.
class sparse_search {
public:
    sparse_search(const sparse_lists& lists, std::size_t k, const std::function<bool(row_id)>& allow,
                  std::optional<float> radius, sparse_cost& cost)
        : lists_(lists), allow_(allow), cost_(cost), nearest_(k), k_(k) {
        if (radius) least_ = -*radius;
    }

    [[nodiscard]] std::vector<neighbor> run(sparse_view query) {
        for (std::size_t i = 0; i < query.size(); ++i)
            if (const auto found = lists_.find(query.indices[i]))
                terms_.push_back({query.values[i], lists_.start(*found), lists_.start(*found + 1)});
        if (terms_.empty() || k_ == 0) return {};
        bound_windows();
        const auto by_bound = [](const reach& a, const reach& b) { return a.bound < b.bound; };
        std::make_heap(windows_.begin(), windows_.end(), by_bound);
        for (; !windows_.empty() && windows_.front().bound >= least(); windows_.pop_back()) {
            score(windows_.front().window);
            std::pop_heap(windows_.begin(), windows_.end(), by_bound);
        }
        cost_.windows_skipped += windows_.size();
        return nearest_.take_sorted();
    }

private:
    struct term {
        float weight;
        std::size_t first_block, last_block;
    };
    struct reach {
        float bound;
        std::uint32_t window;
    };

    /// No score below this is of use.
    [[nodiscard]] float least() const noexcept {
        return nearest_.full() ? std::max(least_, -nearest_.worst().distance) : least_;
    }

    void bound_windows() {
        constexpr float untouched = -1;
        std::vector<float> bounds((lists_.rows_ + std::size_t{window_rows} - 1) / window_rows, untouched);
        for (const auto& t : terms_)
            for (auto number = t.first_block; number < t.last_block; ++number) {
                const auto b = lists_.block_at(number);
                const auto value = from_half(t.weight > 0 ? b.upper : b.lower);
                // A row that lacks the index gets nothing, which is more than less than nothing.
                const auto most = t.weight == 0 ? 0.0f : std::max(0.0f, t.weight * value);
                bounds[b.window] = std::max(bounds[b.window], 0.0f) + most;
            }
        // What is lost by rounding each sum; nothing is negative.
        const auto slack = 1 + static_cast<float>(terms_.size() + 2) * std::numeric_limits<float>::epsilon();
        for (std::size_t window = 0; window < bounds.size(); ++window)
            if (bounds[window] >= 0) windows_.push_back({bounds[window] * slack, static_cast<std::uint32_t>(window)});
    }

    /// The term's block of a window, or its end.
    [[nodiscard]] std::size_t find_block(const term& t, std::uint32_t window) const noexcept {
        auto first = t.first_block, count = t.last_block - t.first_block;
        while (count > 0) {
            const auto half = count / 2;
            const bool below = lists_.block_at(first + half).window < window;
            first = below ? first + half + 1 : first;
            count = below ? count - half - 1 : half;
        }
        return first < t.last_block && lists_.block_at(first).window == window ? first : t.last_block;
    }

    void score(std::uint32_t window) {
        for (const auto& t : terms_) {
            const auto number = find_block(t, window);
            if (number == t.last_block) continue;
            const auto first = lists_.block_at(number).first;
            const auto end = lists_.end_of(number);
            const auto* rows = lists_.sections_.rows.data();
            const auto* values = lists_.sections_.values.data();
            const auto weight = static_cast<double>(t.weight);
            for (std::size_t i = first; i < end; ++i) {
                const auto row = std::to_integer<std::size_t>(rows[i]);
                sums_[row] += weight * static_cast<double>(load_le<float>(values + i * sizeof(float)));
                touched_[row / 64] |= std::uint64_t{1} << (row % 64);
            }
            cost_.postings += end - first;
        }
        for (std::size_t word = 0; word < touched_.size(); ++word)
            for (auto bits = std::exchange(touched_[word], 0); bits != 0; bits &= bits - 1) {
                const auto place = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
                const auto found = static_cast<float>(std::exchange(sums_[place], 0.0));
                ++cost_.rows_scored;
                if (!(found >= least())) continue;
                const auto row = window * window_rows + static_cast<row_id>(place);
                const neighbor candidate{-found, row};
                if (nearest_.full() && !(candidate < nearest_.worst())) continue;
                if (!allow_ || allow_(row)) nearest_.push(candidate);
            }
    }

    const sparse_lists& lists_;
    const std::function<bool(row_id)>& allow_;
    sparse_cost& cost_;
    top_k<neighbor> nearest_;
    std::size_t k_;
    float least_ = -std::numeric_limits<float>::infinity();
    std::vector<term> terms_;  ///< ascending by index, so that sums are the same wherever a row lies
    std::vector<reach> windows_;
    std::array<double, window_rows> sums_{};
    std::array<std::uint64_t, window_rows / 64> touched_{};
};

std::vector<neighbor> sparse_lists::search(sparse_view query, std::size_t k, const std::function<bool(row_id)>& allow,
                                           std::optional<float> radius, sparse_cost& cost) const {
    return sparse_search(*this, k, allow, radius, cost).run(query);
}

}  // namespace vecstore::index
