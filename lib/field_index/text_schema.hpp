/// The JSON spelling of an analyzer's options, as members of a payload index of texts.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/payload/value.hpp>

#include <string_view>

namespace vecstore {

/// Sets what is not as by default.
void write_analyzer(const text::analyzer_options& options, payload::document& to);

/// True when `name` is an option of analyzers, which is then set.
/// Errors: invalid_argument that names the member (of another type, unknown, of an index of another kind).
[[nodiscard]] result<bool> read_analyzer_option(field_schema& schema, std::string_view name,
                                                const payload::value& given);

}  // namespace vecstore
