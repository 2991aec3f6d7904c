/// The indexes of payload fields, as a view pins them.
///
/// A payload index is a list of runs, oldest first. A run (field_index/segment.hpp) covers the points whose payload was
/// written in an interval of checkpoints, as they were at its end; the newest run that covers an ordinal speaks for it.
///
/// Invariant of a view, for each index that is `complete`: every visible ordinal that no overlay of the view has a version
/// of is covered by a run, and the newest such run says what its payload is. Ordinals that an overlay knows are evaluated.
/// Why it holds: a checkpoint writes a run of all that its sealed overlay changed, for each index that was there when it was
/// sealed, and `install` publishes runs and drops the overlay at once; the run of all older points is built from the
/// tables of a checkpoint that is not older than the index (database/fields.cpp).
/// Thread safety: immutable.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/text/analyzer.hpp>

#include <field_index/ordinal_bitmap.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::field_index {
class segment;
}  // namespace vecstore::field_index

namespace vecstore::detail {

struct field_run {
    std::uint64_t number = 0;  ///< of the file
    std::uint64_t lsn = 0;     ///< of the checkpoint that it speaks of
    std::shared_ptr<const field_index::segment> content;
};
/// Oldest first.
using run_list = std::vector<field_run>;

class indexed_field {
public:
    using field_test = decltype(filter::field_condition::test);

    /// `id`: lsn of its creation. `path`: as payload::to_string writes it.
    indexed_field(std::uint64_t id, std::string path, field_schema schema, run_list runs = {}, bool complete = false);

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const field_schema& schema() const noexcept { return schema_; }
    [[nodiscard]] const run_list& runs() const noexcept { return runs_; }
    /// The same index with other runs.
    [[nodiscard]] std::shared_ptr<const indexed_field> with(run_list runs, bool complete) const {
        auto changed = std::make_shared<indexed_field>(*this);
        changed->runs_ = std::move(runs);
        changed->complete_ = complete;
        return changed;
    }

    /// False until all points that were there when it was created have been looked at, and when it has lost something.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// Complete, and none of its runs was found damaged since.
    [[nodiscard]] bool usable() const noexcept;

    /// The ordinals that the runs say match, some of which may be dead by now; nothing when they cannot tell.
    /// Precondition: complete().
    struct answer {
        field_index::ordinal_bitmap set;
        bool exact = true;  ///< false: others are among them
    };
    [[nodiscard]] std::optional<answer> matches(const field_test& test) const;
    /// What its kind makes of a test of texts; null: nothing.
    [[nodiscard]] std::shared_ptr<const filter::text_rule> rule_for(const field_test& test) const;
    /// Of an index of texts.
    [[nodiscard]] const std::optional<text::analyzer>& analyzer() const noexcept { return analyzer_; }
    /// At least as many as `matches` gives.
    [[nodiscard]] std::optional<std::uint64_t> count_at_most(const field_test& test) const;
    /// All that the runs know of.
    [[nodiscard]] field_index::ordinal_bitmap covered() const;

private:
    template <class Ask>
    [[nodiscard]] std::optional<answer> join(const Ask& ask) const;

    std::uint64_t id_;
    std::string path_;
    field_schema schema_;
    run_list runs_;
    bool complete_;
    std::optional<text::analyzer> analyzer_;
};

/// In the order of their paths.
using field_list = std::vector<std::shared_ptr<const indexed_field>>;

/// Null when there is none. `path`: as above.
[[nodiscard]] const indexed_field* find_field(const field_list& fields, std::string_view path) noexcept;

/// The list with `field` in it, instead of one with the same path.
[[nodiscard]] std::shared_ptr<const field_list> with_field(const field_list& fields,
                                                           std::shared_ptr<const indexed_field> field);
[[nodiscard]] std::shared_ptr<const field_list> without_field(const field_list& fields, std::string_view path);

}  // namespace vecstore::detail
