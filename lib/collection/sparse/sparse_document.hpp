/// Options of sparse vectors as documents, for log and catalog.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

namespace vecstore::detail {

[[nodiscard]] payload::value to_value(const sparse_vector_options& options);
/// Members that are absent have their defaults.  Errors: invalid_argument (a name that is not known).
[[nodiscard]] result<sparse_vector_options> sparse_options_from(const payload::value& content);

}  // namespace vecstore::detail
