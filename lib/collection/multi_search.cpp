#include "multi_search.hpp"

#include "slots.hpp"

#include <vecstore/distance/computer.hpp>

#include <algorithm>
#include <span>

namespace vecstore::detail {
namespace {

constexpr row_id rows_between_looks = 256;

class multi_searcher {
public:
    multi_searcher(read_session& session, const multi_request& request, const filter::compiled& filter,
                   const std::vector<ordinal_id>* only, query_plan& plan)
        : session_(session),
          request_(request),
          filter_(filter),
          only_(only),
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
        if (only_ != nullptr) {
            for (const auto ordinal : *only_) VECSTORE_CHECK(compare_point(ordinal));
        } else if (const auto ids = filter_.required_ids()) {
            VECSTORE_CHECK(compare_ids(*ids));
        } else {
            for (const auto& p : *rows_.parts)
                for (row_id row = 0; row < p->size() && go_on(row, p->size()); ++row) {
                    if (!session_.visible(p->ordinal_of(row))) continue;
                    VECSTORE_TRY(const auto bytes, p->checked_row(row));
                    compare(bytes, p->ordinal_of(row), row, p.get());
                }
            for (const auto& newest : rows_.memtables)
                for (row_id row = 0; row < newest.rows && go_on(row, newest.rows); ++row)
                    if (const auto ordinal = newest.table->ordinal_of(row); session_.visible(ordinal))
                        compare(newest.table->row(row), ordinal, row, nullptr);
        }
        if (failure_) return *std::move(failure_);
        return nearest_.take_sorted();
    }

private:
    result<void> compare_ids(std::span<const point_id> ids) {
        std::vector<point_id> unique(ids.begin(), ids.end());
        std::sort(unique.begin(), unique.end());
        unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
        for (const auto& id : unique) {
            VECSTORE_TRY(const auto ordinal, session_.find(id));
            if (!ordinal || !session_.visible(*ordinal)) continue;
            VECSTORE_CHECK(compare_point(*ordinal));
        }
        return {};
    }
    result<void> compare_point(ordinal_id ordinal) {
        VECSTORE_TRY(const auto row, session_.vector(request_.slot, ordinal));
        if (row) compare(*row, ordinal, row_none, nullptr);
        return {};
    }
    [[nodiscard]] bool go_on(row_id row, row_id count) {
        return !failure_ && (row % rows_between_looks != 0 || !session_.interrupted_before(count - row));
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
        if (passes(ordinal)) nearest_.push(found);
    }
    /// The filter alone. The first failure to read a payload is kept.
    bool passes(ordinal_id ordinal) {
        if (only_ != nullptr || filter_.passes_all()) return true;
        ++plan_.filter_evaluations;
        auto point = session_.point(ordinal);
        if (!point) {
            failure_ = std::move(point).error();
            return false;
        }
        return session_.passes(filter_, ordinal, *point);
    }

    read_session& session_;
    const multi_request& request_;
    const filter::compiled& filter_;
    const std::vector<ordinal_id>* only_;
    query_plan& plan_;
    const vector_view& rows_;
    std::size_t bytes_;  ///< of one vector
    double offset_ = 0;
    std::vector<distance_computer> computers_;  ///< one for each vector of the query
    std::vector<const void*> vectors_;
    std::vector<float> distances_;
    top_k<candidate> nearest_;
    std::optional<error> failure_;
};

}  // namespace

result<std::vector<candidate>> find_nearest_multi(read_session& session, const multi_request& request,
                                                  const filter::compiled& filter, const std::vector<ordinal_id>* only,
                                                  query_plan& plan) {
    return multi_searcher(session, request, filter, only, plan).run();
}

}  // namespace vecstore::detail
