/// Filters as a collection means them: fields with an index of texts or of UUIDs are tested by tokens or as UUIDs, in every
/// point, whether a run knows it or not.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/view.hpp>

namespace vecstore::detail {

/// True when some index changes what filters mean.
[[nodiscard]] bool has_text_rules(const view& state) noexcept;

/// Errors: invalid_argument, as `filter::validate`.
[[nodiscard]] result<filter::compiled> compile_filter(const view& state, const filter::expression& filter);

}  // namespace vecstore::detail
