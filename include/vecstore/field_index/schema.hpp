/// How the values of one payload field are indexed.
/// Thread safety: plain values, free functions.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/text/analyzer.hpp>

#include <cstdint>
#include <string_view>

namespace vecstore {

/// Which values of a field an index knows; values of other kinds are kept apart, so that every answer stays that of the
/// payloads themselves. The values are on disk, do not renumber.
enum class field_kind : std::uint8_t {
    keyword = 0,   ///< strings, as a whole
    integer = 1,   ///< numbers
    floating = 2,  ///< numbers; the same index as `integer`
    boolean = 3,   ///< true and false
    datetime = 4,  ///< strings that mean a time (filter/datetime.hpp)
    uuid = 5,      ///< strings; two spellings of a UUID are equal (case, hyphens, "urn:uuid:", braces)
    geo = 6,       ///< objects with `lon` and `lat`
    text = 7,      ///< strings, as tokens of an analyzer
};
/// "keyword", "integer", "float", "bool", "datetime", "uuid", "geo", "text".
[[nodiscard]] std::string_view to_string(field_kind kind) noexcept;
/// Errors: invalid_argument.
[[nodiscard]] result<field_kind> parse_field_kind(std::string_view name);

struct field_schema {
    field_kind kind = field_kind::keyword;

    /// Options of other engines, which are kept and say nothing here: one structure serves lookups, ranges and prefixes,
    /// and all of it is mapped from the disk.
    bool lookup = true, range = true;
    bool prefix = false;
    bool is_tenant = false, is_principal = false;
    bool on_disk = false;
    bool enable_hnsw = true;

    /// Of kind `text`: what tokens are. Such an index decides what `text`, `text_any` and `phrase` mean for its field, for all
    /// points from its creation on: each value that is a text must have all tokens of the question, any of them, or all
    /// of them beside each other in their order. A question without tokens matches nothing. Fields without such an index
    /// are searched letter by letter.
    text::analyzer_options analyzer = {};
    bool phrase_matching = false;  ///< kept; phrases are found with and without

    friend bool operator==(const field_schema&, const field_schema&) = default;
};

/// The JSON spelling: an object with `type` and what is not as by default.
[[nodiscard]] payload::value to_value(const field_schema& schema);
/// From a string (the kind) or an object with `type`.
/// Of kind `text`: `tokenizer`, `min_token_len`, `max_token_len`, `lowercase`, `ascii_folding`, `phrase_matching`; `stopwords`,
/// a language or {languages, custom}; `stemmer`, {type: "snowball", language} or {type: "none"}; `unspaced`, "bigrams" or
/// "singles", for the multilingual tokenizer.
/// Errors: invalid_argument, with the member's name (`type`, or an option of another kind, or of another type); an
/// integer index with neither lookup nor range. unsupported (a stemmer, in a build without libstemmer).
[[nodiscard]] result<field_schema> parse_field_schema(const payload::value& value);

}  // namespace vecstore
