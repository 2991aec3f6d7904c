/// Refusing filters that would have to read payloads (`collection_options::strict_filters`).
/// Thread safety: functions without state.
#pragma once

#include "indexed_field.hpp"

#include <vecstore/filter/expression.hpp>

namespace vecstore::detail {

/// Errors: invalid_argument that names the first condition, its field, and the kind of index that would serve it.
[[nodiscard]] result<void> check_indexed(const filter::expression& filter, const field_list& fields);

}  // namespace vecstore::detail
