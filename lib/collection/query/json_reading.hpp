/// What the parsers of questions share. A place is a path into the text, such as `prefetch[0].query`; empty at the top.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/query/example.hpp>
#include <vecstore/collection/query/formula.hpp>
#include <vecstore/collection/query/order.hpp>
#include <vecstore/collection/sparse_value.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::detail {

using payload::document;
using payload::value;

[[nodiscard]] error bad(const std::string& place, std::string_view reason);
[[nodiscard]] std::string at(const std::string& place, std::size_t index);
[[nodiscard]] std::string member(const std::string& place, std::string_view key);
/// The error of a parser that has its own places, as one below `place`.
[[nodiscard]] error below(const std::string& place, error e);

/// The member, unless it is null.
[[nodiscard]] const value* present(const document& object, std::string_view key) noexcept;
/// Errors (of all that follow): invalid_argument.
[[nodiscard]] result<const document*> object_of(const value& json, const std::string& place);
[[nodiscard]] result<std::string> text_of(const value& json, const std::string& place);
[[nodiscard]] result<double> number_of(const value& json, const std::string& place);
/// An integer, `least` or larger.
[[nodiscard]] result<std::size_t> count_of(const value& json, const std::string& place, std::size_t least);
[[nodiscard]] result<bool> flag_of(const value& json, const std::string& place);
[[nodiscard]] result<point_id> id_of(const value& json, const std::string& place);
[[nodiscard]] result<std::vector<float>> vector_of(const value& json, const std::string& place);
/// `{"indices": [...], "values": [...]}`, or `{"text": "...", "model": "bm25"}` (also "qdrant/bm25").
/// Errors: unsupported for a text with another model.
[[nodiscard]] bool is_sparse(const value& json) noexcept;
[[nodiscard]] result<sparse_value> sparse_of(const value& json, const std::string& place);
/// `[[...], [...]]`, all of one length.
[[nodiscard]] bool is_multi(const value& json) noexcept;
[[nodiscard]] result<std::vector<std::vector<float>>> multi_of(const value& json, const std::string& place);
[[nodiscard]] result<example> example_of(const value& json, const std::string& place);
[[nodiscard]] result<order_by> order_by_of(const value& json, const std::string& place);

/// The expression of a formula.  Errors: invalid_argument.
[[nodiscard]] result<scoring::expression> expression_of(const value& json, const std::string& place,
                                                        std::size_t depth = 1);

/// Reads an optional member into `into`, which keeps its value when there is none.
template <class Into, class Read>
[[nodiscard]] result<void> read(const document& object, std::string_view key, const std::string& place, Into& into,
                                const Read& how) {
    const auto* found = present(object, key);
    if (found == nullptr) return {};
    auto got = how(*found, member(place, key));
    if (!got) return std::move(got).error();
    into = *std::move(got);
    return {};
}

}  // namespace vecstore::detail
