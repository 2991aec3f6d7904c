/// Makes the file of a segment: out of payloads, and out of older segments.
/// Memory: about 16 bytes for each value of each point, and each distinct text once, until it is written.
/// Thread safety: belongs to one thread. All functions may throw std::bad_alloc.
#pragma once

#include "ordinal_bitmap.hpp"
#include "segment_format.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/payload/path.hpp>
#include <vecstore/payload/view.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/text/analyzer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vecstore::field_index {

class segment;

/// What a manifest needs to know of a segment's file.
struct segment_summary {
    std::uint64_t root = 0;  ///< checksum of the file
    std::uint64_t points = 0;
    ordinal_id first = 0, last = 0;
};

class segment_builder {
public:
    /// `index`: number of the index that the segment belongs to.
    /// `analyzer`: of an index of texts, which must have one.
    segment_builder(std::uint64_t index, const field_schema& schema, payload::path where,
                    std::optional<text::analyzer> analyzer = std::nullopt)
        : index_(index), kind_(schema.kind), where_(std::move(where)), analyzer_(std::move(analyzer)) {}

    /// Takes what a point has at the path. Precondition: the ordinal was not added before.
    void add(ordinal_id ordinal, payload::view content);
    /// Takes what `from` knows of the points `wanted`. Precondition: as above; `from` is of the same index.
    /// Errors: corruption, io.
    result<void> add(const segment& from, const ordinal_bitmap& wanted);

    [[nodiscard]] bool empty() const noexcept { return covered_.empty(); }

    /// Writes the file, durably. What was added is used up. Precondition: not empty.
    /// Errors: resource_exhausted, io.
    [[nodiscard]] result<segment_summary> write(storage::file_system& files, const std::string& path);

private:
    /// A value and one of its ordinals; of text, its number.
    template <class Key>
    using pairs = std::vector<std::pair<Key, ordinal_id>>;

    void add_reached(ordinal_id ordinal, payload::view reached);
    void add_element(ordinal_id ordinal, payload::view element);
    [[nodiscard]] bool keep(ordinal_id ordinal, payload::view element);
    void add_text(std::string_view text, ordinal_id ordinal);
    void note_text(ordinal_id ordinal);
    result<void> write_texts(storage::block_file_writer& file);
    result<void> write_places(storage::block_file_writer& file);

    std::uint64_t index_;
    field_kind kind_;
    payload::path where_;
    std::optional<text::analyzer> analyzer_;
    std::vector<ordinal_id> covered_, nulls_, filled_, valued_, others_, texts_seen_, several_;
    pairs<std::int64_t> integers_;
    pairs<double> floats_;
    pairs<std::int64_t> booleans_, times_, counts_;
    std::vector<std::tuple<double, double, ordinal_id>> places_;  ///< latitude first
    pairs<std::uint32_t> texts_;
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };
    std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> text_numbers_;
    segment_head head_;
};

}  // namespace vecstore::field_index
