#include "multi_search.hpp"

#include <vecstore/distance/computer.hpp>

#include <collection/listed_points.hpp>
#include <collection/slots.hpp>

#include <algorithm>
#include <span>

namespace vecstore::detail {
namespace {

constexpr row_id rows_between_looks = 256;
/// Up to this share of all points are looked up one by one; of more, those that match are met in a pass over all.
constexpr double listed_share = 0.2;

class multi_searcher {
public:
    multi_searcher(read_session& session, const multi_request& request, const filter::compiled& filter,
                   const std::vector<ordinal_id>* only, query_plan& plan)
        : session_(session),
          request_(request),
          listed_(session, filter, only, plan),
          plan_(plan),
          rows_(session.state().vectors[request.slot]),
          bytes_(row_unit(slot_options(session.collection().options(), request.slot))),
          nearest_(request.wanted) {
        const auto& options = session.collection().options().vectors[request.slot];
        for (const auto& vector : request.query)
            computers_.emplace_back(options.metric, options.type, vector.data(), options.dim);
        if (options.metric == metric::cosine) offset_ = 1 - static_cast<double>(request.query.size());
    }

    result<std::vector<candidate>> run() {
        plan_.strategy = search_strategy::exact_scan;
        VECSTORE_CHECK(listed_.open(listed_share));
        if (listed_.any()) {
            VECSTORE_CHECK(listed_.for_each([this](ordinal_id ordinal) { return compare_point(ordinal); }));
        } else {
            for (const auto& p : *rows_.parts)
                for (row_id row = 0; row < p->size() && go_on(row, p->size()); ++row) {
                    if (!session_.visible(p->ordinal_of(row)) || listed_.rules_out(p->ordinal_of(row))) continue;
                    VECSTORE_TRY(const auto bytes, p->checked_row(row));
                    compare(bytes, p->ordinal_of(row), row, p.get());
                }
            for (const auto& newest : rows_.memtables)
                for (row_id row = 0; row < newest.rows && go_on(row, newest.rows); ++row)
                    if (const auto ordinal = newest.table->ordinal_of(row);
                        session_.visible(ordinal) && !listed_.rules_out(ordinal))
                        compare(newest.table->row(row), ordinal, row, nullptr);
        }
        if (listed_.failure()) return *std::move(listed_.failure());
        return nearest_.take_sorted();
    }

private:
    result<void> compare_point(ordinal_id ordinal) {
        VECSTORE_TRY(const auto row, session_.vector(request_.slot, ordinal));
        if (row) compare(*row, ordinal, row_none, nullptr);
        return {};
    }
    [[nodiscard]] bool go_on(row_id row, row_id count) {
        return !listed_.failure() && (row % rows_between_looks != 0 || !session_.interrupted_before(count - row));
    }
    void compare(byte_span bytes, ordinal_id ordinal, row_id row, const part* owner) {
        vectors_.clear();
        for (std::size_t at = 0; at < bytes.size(); at += bytes_) vectors_.push_back(bytes.data() + at);
        distances_.resize(vectors_.size());
        double sum = offset_;
        for (const auto& computer : computers_) {
            computer.many(vectors_.data(), vectors_.size(), distances_.data());
            sum += static_cast<double>(*std::min_element(distances_.begin(), distances_.end()));
        }
        ++plan_.rows_scanned;
        plan_.distances += vectors_.size() * computers_.size();
        const candidate found{static_cast<float>(sum), ordinal, row, owner};
        if (request_.radius && found.distance > *request_.radius) return;
        if (nearest_.full() && (nearest_.size() == 0 || !(found < nearest_.worst()))) return;
        if (listed_.pass(ordinal)) nearest_.push(found);
    }

    read_session& session_;
    const multi_request& request_;
    listed_points listed_;
    query_plan& plan_;
    const vector_view& rows_;
    std::size_t bytes_;  ///< of one vector
    double offset_ = 0;
    std::vector<distance_computer> computers_;  ///< one for each vector of the query
    std::vector<const void*> vectors_;
    std::vector<float> distances_;
    top_k<candidate> nearest_;
};

}  // namespace

result<std::vector<candidate>> find_nearest_multi(read_session& session, const multi_request& request,
                                                  const filter::compiled& filter, const std::vector<ordinal_id>* only,
                                                  query_plan& plan) {
    return multi_searcher(session, request, filter, only, plan).run();
}

}  // namespace vecstore::detail
