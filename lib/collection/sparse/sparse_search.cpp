#include "sparse_search.hpp"

#include "sparse_row.hpp"

#include <collection/listed_points.hpp>
#include <collection/part/sparse_index.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <utility>

namespace vecstore::detail {
namespace {

/// Which indexes a query has: most that it has not are told apart by one bit.
class index_filter {
public:
    explicit index_filter(const std::vector<std::uint32_t>& indices) : indices_(indices) {
        for (const auto index : indices) bits_[place(index) / 64] |= std::uint64_t{1} << (place(index) % 64);
    }
    /// Number of the index in the query; as many as there are when it has it not.
    [[nodiscard]] std::size_t find(std::uint32_t index) const noexcept {
        if ((bits_[place(index) / 64] >> (place(index) % 64) & 1) == 0) return indices_.size();
        const auto at = std::lower_bound(indices_.begin(), indices_.end(), index);
        return at != indices_.end() && *at == index ? static_cast<std::size_t>(at - indices_.begin()) : indices_.size();
    }

private:
    static constexpr unsigned bits = 12;
    [[nodiscard]] static std::size_t place(std::uint32_t index) noexcept { return index * 0x9E37'79B1u >> (32 - bits); }

    const std::vector<std::uint32_t>& indices_;
    std::array<std::uint64_t, (std::size_t{1} << bits) / 64> bits_{};
};

/// A scanned row that shares indexes with the query.
struct match {
    ordinal_id ordinal;
    row_id row;
    const part* owner;       ///< null: a memtable
    std::size_t first, end;  ///< of its values
};
struct matched_value {
    std::size_t index;  ///< number in the query
    float value;
};

constexpr row_id rows_between_looks = 256;
/// Up to this share of all points are looked up one by one: lists score a row much faster than that.
constexpr double listed_share = 0.01;

class sparse_searcher {
public:
    sparse_searcher(read_session& session, const sparse_request& request, const filter::compiled& filter,
                    const std::vector<ordinal_id>* only, query_plan& plan)
        : session_(session),
          request_(request),
          filter_(filter),
          listed_(session, filter, only, plan),
          plan_(plan),
          rows_(session.state().vectors[request.slot]),
          asked_(request.query.indices),
          weights_(request.query.values),
          frequencies_(weights_.size()),
          nearest_(request.wanted) {}

    result<std::vector<candidate>> run() {
        plan_.strategy = filter_.passes_all() ? search_strategy::plain_walk : search_strategy::filtered_walk;
        VECSTORE_CHECK(listed_.open(listed_share));
        if (weights_.empty()) return std::vector<candidate>{};
        if (!listed_.any() || request_.idf) VECSTORE_CHECK(look_through());
        if (request_.idf) weigh();
        if (listed_.any()) {
            plan_.strategy = search_strategy::exact_scan;
            VECSTORE_CHECK(listed_.for_each([this](ordinal_id ordinal) { return score_point(ordinal); }));
        } else {
            if (indexed_.empty()) plan_.strategy = search_strategy::exact_scan;
            for (const auto& m : matches_) score(m);
            for (const auto* p : indexed_)
                if (!session_.interrupted_before(p->size())) search(*p);
        }
        if (listed_.failure()) return *std::move(listed_.failure());
        return nearest_.take_sorted();
    }

private:
    /// Scans what has no lists; sets parts that have some aside.
    result<void> look_through() {
        for (const auto& p : *rows_.parts) {
            if (p->lists() != nullptr && p->lists()->ready()) {
                indexed_.push_back(p.get());
                if (request_.idf) count(*p);
                continue;
            }
            for (row_id row = 0; row < p->size() && go_on(row, p->size()); ++row) {
                if (!session_.visible(p->ordinal_of(row))) continue;
                VECSTORE_TRY(const auto bytes, p->checked_row(row));
                look_at(bytes, p->ordinal_of(row), row, p.get());
            }
        }
        for (const auto& newest : rows_.memtables)
            for (row_id row = 0; row < newest.rows && go_on(row, newest.rows); ++row)
                if (const auto ordinal = newest.table->ordinal_of(row); session_.visible(ordinal))
                    look_at(newest.table->row(row), ordinal, row, nullptr);
        return {};
    }
    [[nodiscard]] bool go_on(row_id row, row_id count) {
        return row % rows_between_looks != 0 || !session_.interrupted_before(count - row);
    }
    void look_at(byte_span bytes, ordinal_id ordinal, row_id row, const part* owner) {
        const auto first = values_.size();
        const auto vector = view_of(bytes);
        ++row_count_;
        for (std::size_t i = 0; i < vector.size(); ++i)
            if (const auto at = asked_.find(vector.indices[i]); at < weights_.size()) {
                values_.push_back({at, vector.values[i]});
                ++frequencies_[at];
            }
        ++plan_.rows_scanned;
        if (values_.size() > first) matches_.push_back({ordinal, row, owner, first, values_.size()});
    }
    [[nodiscard]] static const index::sparse_lists& lists_of(const part& p) noexcept {
        return static_cast<const sparse_index&>(*p.lists()).lists();
    }
    void count(const part& p) {
        const auto& lists = lists_of(p);
        const bool all = p.dead_rows() == 0;
        row_count_ += p.size();
        if (!all)
            for (row_id row = 0; row < p.size(); ++row) row_count_ -= !session_.visible(p.ordinal_of(row));
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            const auto index = request_.query.indices[i];
            if (all)
                frequencies_[i] += lists.frequency(index);
            else
                lists.for_each_row(index, [&](row_id row) { frequencies_[i] += session_.visible(p.ordinal_of(row)); });
        }
    }
    void weigh() {
        for (std::size_t i = 0; i < weights_.size(); ++i)
            weights_[i] = static_cast<float>(static_cast<double>(weights_[i]) *
                                             index::inverse_document_frequency(row_count_, frequencies_[i]));
    }

    void push(const candidate& found) {
        if (request_.radius && found.distance > *request_.radius) return;
        if (nearest_.full() && (nearest_.size() == 0 || !(found < nearest_.worst()))) return;
        if (listed_.pass(found.ordinal)) nearest_.push(found);
    }
    void score(const match& m) {
        double sum = 0;  // in the order of the indexes, as everywhere
        for (auto i = m.first; i < m.end; ++i)
            sum += static_cast<double>(weights_[values_[i].index]) * static_cast<double>(values_[i].value);
        ++plan_.distances;
        push({-static_cast<float>(sum), m.ordinal, m.row, m.owner});
    }
    result<void> score_point(ordinal_id ordinal) {
        VECSTORE_TRY(const auto row, session_.vector(request_.slot, ordinal));
        if (!row) return {};
        const auto score = index::sparse_dot({request_.query.indices, weights_}, view_of(*row));
        ++plan_.distances;
        if (score) push({-*score, ordinal, row_none, nullptr});
        return {};
    }
    void search(const part& p) {
        const bool all = p.dead_rows() == 0 && filter_.passes_all();
        const auto allow = [&](row_id row) {
            const auto ordinal = p.ordinal_of(row);
            return session_.visible(ordinal) && listed_.pass(ordinal);
        };
        auto radius = request_.radius;
        if (nearest_.full() && nearest_.size() > 0)
            radius = radius ? std::min(*radius, nearest_.worst().distance) : nearest_.worst().distance;
        const index::sparse_view query{request_.query.indices, weights_};
        index::sparse_cost cost;
        const auto found = lists_of(p).search(query, request_.wanted,
                                              all ? std::function<bool(row_id)>() : std::cref(allow), radius, cost);
        plan_.distances += cost.rows_scored;
        for (const auto& n : found) nearest_.push({n.distance, p.ordinal_of(n.row), n.row, &p});
    }

    read_session& session_;
    const sparse_request& request_;
    const filter::compiled& filter_;
    listed_points listed_;
    query_plan& plan_;
    const vector_view& rows_;
    index_filter asked_;
    std::vector<float> weights_;
    std::vector<std::size_t> frequencies_;  ///< visible rows with each index
    std::size_t row_count_ = 0;             ///< visible rows
    std::vector<const part*> indexed_;
    std::vector<match> matches_;
    std::vector<matched_value> values_;
    top_k<candidate> nearest_;
};

}  // namespace

result<std::vector<candidate>> find_nearest_sparse(read_session& session, const sparse_request& request,
                                                   const filter::compiled& filter, const std::vector<ordinal_id>* only,
                                                   query_plan& plan) {
    return sparse_searcher(session, request, filter, only, plan).run();
}

}  // namespace vecstore::detail
