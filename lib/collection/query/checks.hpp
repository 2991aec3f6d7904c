/// What every question is checked for, and the form in which vectors are compared.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/query.hpp>
#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/search/search.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::detail {

/// Of a vector of any kind.  Errors: not_found, which lists the names that there are.
[[nodiscard]] result<std::size_t> find_any_slot(const collection_options& options, const std::string& name);
/// Of one that is neither sparse nor a multi-vector.  Errors: not_found, invalid_argument (it is).
[[nodiscard]] result<std::size_t> find_slot(const collection_options& options, const std::string& name);
/// Errors: not_found.
[[nodiscard]] result<void> check_names(const collection_options& options, const vector_selector& with_vectors);
/// Errors: invalid_argument.
[[nodiscard]] result<void> check_limit(std::size_t limit, std::size_t offset);

/// The distance that `query::within` stands for, and a little more.  Errors: invalid_argument.
[[nodiscard]] result<float> radius_of(metric m, float within);

/// A vector in the form that the kernels take. Moving it keeps `data` valid.
struct ready_vector {
    ready_vector() = default;
    ready_vector(const ready_vector&) = delete;
    ready_vector& operator=(const ready_vector&) = delete;
    ready_vector(ready_vector&&) = default;
    ready_vector& operator=(ready_vector&&) = default;
    ~ready_vector() = default;

    std::vector<float> scaled;   ///< a copy of unit length, where cosine needs one; or a copy that was asked for
    byte_vector bits;            ///< instead for binary
    const void* data = nullptr;  ///< of one of them, or what was given
};

/// Borrows `values` unless it must change them. `what` names them in errors.
/// Errors: invalid_argument (dimension, a number that is not finite, no direction under cosine, neither 0 nor 1 for binary).
[[nodiscard]] result<ready_vector> make_ready(const vector_options& options, std::span<const float> values,
                                              std::string_view what);

/// A question for the nearest that passed its checks.
struct checked_query {
    ready_vector vector;
    filter::compiled filter;
    nearest_request request;
    vecstore::metric metric = vecstore::metric::cosine;
};

/// Checks all of `q` that is about nearness; `nearest` is asked instead of `q.nearest`.
/// Lifetime: the result borrows `nearest`.
/// Errors: invalid_argument, not_found.
[[nodiscard]] result<checked_query> check_nearest(const read_session& session, const query& q,
                                                  std::span<const float> nearest, std::string_view what = "nearest");

/// True when a score is on the right side of `q.score_threshold` and `q.within`.
[[nodiscard]] bool good_enough(const query& q, bool larger_is_better, float score) noexcept;

}  // namespace vecstore::detail
