/// Refusing filters that would have to read payloads (`collection_options::strict_filters`).
/// Thread safety: functions without state.
#pragma once

#include "indexed_field.hpp"

#include <vecstore/filter/expression.hpp>

#include <collection/reader.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace vecstore::detail {

/// Errors: invalid_argument that names the first condition, its field, and the kind of index that would serve it.
[[nodiscard]] result<void> check_indexed(const filter::expression& filter, const field_list& fields);

/// The same of a field that a read asks for its values. `place`: what names it in the question.
/// Errors: invalid_argument, when the collection is strict and the field has no index of one of the kinds.
[[nodiscard]] result<void> check_key(const read_session& session, const std::string& key, std::string_view place,
                                     std::initializer_list<field_kind> kinds);

}  // namespace vecstore::detail
