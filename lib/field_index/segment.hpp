/// A segment of a payload index, mapped: answers what the filter's evaluator would, for the points that it covers.
/// Blocks are checked on first touch, as those of parts; only the bitmaps that every question needs are read at once.
/// Thread safety: immutable; any number of threads.
#pragma once

#include "ordinal_bitmap.hpp"
#include "segment_format.hpp"
#include "text_rules.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/storage/block_file.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vecstore::field_index {

/// The values of one kind in a segment, in order, each with its ordinals.
class dictionary {
public:
    dictionary() = default;
    /// `text`: keys are offsets and bytes, else 8 bytes each.
    /// Errors: corruption (a section is missing, or is not as large as `values` says).
    [[nodiscard]] static result<dictionary> open(const storage::block_file& file, dictionary_kind kind,
                                                 std::uint64_t values);

    [[nodiscard]] std::uint64_t size() const noexcept { return values_; }
    /// The value of a rank; those that are not of the kind are nonsense. Precondition: rank < size(), ready().
    [[nodiscard]] std::int64_t integer(std::uint64_t rank) const noexcept {
        return load_le<std::int64_t>(keys_.data() + rank * 8);
    }
    [[nodiscard]] double floating(std::uint64_t rank) const noexcept {
        return load_le<double>(keys_.data() + rank * 8);
    }
    [[nodiscard]] std::string_view text(std::uint64_t rank) const noexcept;
    /// The first rank for which `behind(rank)` holds, size() if there is none. Precondition: ready().
    template <class Behind>
    [[nodiscard]] std::uint64_t find(const Behind& behind) const {
        std::uint64_t low = 0, high = values_;
        while (low < high) {
            const auto middle = low + (high - low) / 2;
            if (behind(middle))
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
    /// Keys and nodes may be read when it succeeds.  Errors: corruption, io.
    [[nodiscard]] result<void> ready(const storage::block_file& file) const;

    /// Adds the ordinals of the values of ranks `first` to `end - 1` to `sets` and `ordinals`.
    /// Errors: corruption, io.  Precondition: ready().
    result<void> collect(const storage::block_file& file, std::uint64_t first, std::uint64_t end,
                         std::vector<ordinal_bitmap>& sets, std::vector<ordinal_id>& ordinals) const;
    /// At least as many as `collect` gives; exact when no point has two of the values.  Precondition: ready().
    [[nodiscard]] std::uint64_t count(std::uint64_t first, std::uint64_t end) const;

private:
    struct node {
        std::uint64_t offset;
        std::uint32_t bytes, ordinals;
    };
    /// Calls `visit(node)` for the fewest nodes that cover the ranks.
    template <class Visit>
    void cover(std::uint64_t first, std::uint64_t end, const Visit& visit) const;
    [[nodiscard]] node node_at(std::uint64_t number) const noexcept;

    byte_span keys_, nodes_, postings_;
    std::uint64_t values_ = 0;
    std::vector<std::uint64_t> levels_;
};

/// The places in a segment, by latitude.
class place_list {
public:
    place_list() = default;
    /// Errors: corruption.
    [[nodiscard]] static result<place_list> open(const storage::block_file& file, std::uint64_t places);
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] geo_point place(std::uint64_t i) const noexcept {
        return {load_le<double>(longitudes_.data() + i * 8), load_le<double>(latitudes_.data() + i * 8)};
    }
    [[nodiscard]] ordinal_id ordinal(std::uint64_t i) const noexcept {
        return load_le<ordinal_id>(ordinals_.data() + i * 4);
    }
    /// The first place that is not south of a latitude; size() if there is none.
    [[nodiscard]] std::uint64_t first_from(double latitude) const noexcept;
    /// As of dictionaries.
    [[nodiscard]] result<void> ready(const storage::block_file& file) const;

private:
    byte_span latitudes_, longitudes_, ordinals_;
    std::uint64_t size_ = 0;
};

class segment {
public:
    /// Errors: not_found, corruption (also: of another index), io, unsupported (a newer version).
    [[nodiscard]] static result<std::shared_ptr<const segment>> open(storage::file_system& files,
                                                                     const std::string& path, std::uint64_t index,
                                                                     storage::verify_mode verify);

    [[nodiscard]] const segment_head& head() const noexcept { return head_; }
    [[nodiscard]] const storage::block_file& file() const noexcept { return *file_; }
    [[nodiscard]] const ordinal_bitmap& covered() const noexcept { return covered_; }
    [[nodiscard]] const ordinal_bitmap& nulls() const noexcept { return nulls_; }
    [[nodiscard]] const ordinal_bitmap& filled() const noexcept { return filled_; }
    [[nodiscard]] const ordinal_bitmap& valued() const noexcept { return valued_; }
    [[nodiscard]] const ordinal_bitmap& others() const noexcept { return others_; }
    /// Of an index of UUIDs or texts: points with a text, and with more than one.
    [[nodiscard]] const ordinal_bitmap& texts() const noexcept { return texts_; }
    [[nodiscard]] const ordinal_bitmap& several() const noexcept { return several_; }

    using field_test = decltype(filter::field_condition::test);
    /// The covered points for which the test of this field holds, exactly; nothing when the segment cannot tell.
    /// Errors: corruption, io.
    [[nodiscard]] result<std::optional<ordinal_bitmap>> matches(const field_test& test) const;
    /// The covered points that have the tokens, of an index of texts; `exact`: and no others.
    /// Errors: corruption, io.
    struct found_texts {
        ordinal_bitmap set;
        bool exact = true;
    };
    [[nodiscard]] result<found_texts> matches(const token_rule& rule) const;
    /// At least as many as `matches` gives, without making the set.  Errors: as `matches`.
    [[nodiscard]] result<std::optional<std::uint64_t>> count_at_most(const field_test& test) const;

    /// The values of a kind; empty when the segment has none.  Errors: corruption, io.
    [[nodiscard]] result<const dictionary*> values(dictionary_kind kind) const;

    /// Call `visit(value, ordinal)` for all.  Errors: corruption, io.
    result<void> for_each_text(const std::function<void(std::string_view, ordinal_id)>& visit) const;
    result<void> for_each_integer(dictionary_kind kind,
                                  const std::function<void(std::int64_t, ordinal_id)>& visit) const;
    result<void> for_each_place(const std::function<void(const geo_point&, ordinal_id)>& visit) const;
    result<void> for_each_float(const std::function<void(double, ordinal_id)>& visit) const;

    /// Memory on the heap.
    [[nodiscard]] std::size_t memory_bytes() const noexcept;
    /// True once something in it was found damaged: it is then not asked again, and made anew.
    [[nodiscard]] bool damaged() const noexcept { return damaged_.load(std::memory_order_relaxed); }
    void note_damage() const noexcept { damaged_.store(true, std::memory_order_relaxed); }

private:
    struct selection;
    struct selector;
    segment() = default;
    result<void> load(std::uint64_t index);
    /// True when an element that is a text may be other than its dictionary says.
    [[nodiscard]] bool has_texts() const noexcept {
        return !texts_.empty() || (file_->version() == segment_file_version && of(dictionary_kind::text).size() > 0);
    }
    [[nodiscard]] const dictionary& of(dictionary_kind kind) const noexcept {
        return dictionaries_[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] result<ordinal_bitmap> points_with(std::string_view text) const;
    [[nodiscard]] result<std::optional<selection>> select(const field_test& test) const;
    template <class Key>
    result<void> for_each(dictionary_kind kind, const Key& key_of) const;

    std::shared_ptr<const storage::block_file> file_;
    segment_head head_;
    ordinal_bitmap covered_, nulls_, filled_, valued_, others_, texts_, several_;
    std::array<dictionary, dictionaries_known> dictionaries_;
    place_list places_;
    mutable std::atomic<bool> damaged_{false};
};

}  // namespace vecstore::field_index
