/// A write before it has its turn: steps, checked and encoded as far as that goes without the state. At its turn the
/// rest is decided (which ids a filter means, which conditions are met), and the records of all steps become one batch
/// of the log: all of it happens, or nothing.
/// A step sees what the steps before it did. Filters alone look at the state before the write, so they are refused once
/// an earlier step has changed their collection.
/// Lifetime: points, selectors and conditions are borrowed until `commit` returns.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/collection/point.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/port.hpp>
#include <collection/reader.hpp>
#include <collection/whole_point.hpp>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace vecstore::detail {

class write_plan {
public:
    explicit write_plan(database_port& database) noexcept : database_(&database) {}

    /// Errors: invalid_argument that names point, field and value.
    result<void> upsert(const std::shared_ptr<collection_access>& to, std::span<const point> points,
                        const write_condition& condition);
    /// Errors: invalid_argument (filter, condition).
    result<void> erase(const std::shared_ptr<collection_access>& from, const point_selector& points,
                       const write_condition& condition);
    /// `body`: as for `encode_edit`, right by construction.  Errors: invalid_argument (filter, condition).
    result<void> edit(const std::shared_ptr<collection_access>& in, const point_selector& points, payload_edit kind,
                      byte_vector body, const write_condition& condition);

    /// Replaces the vectors given.  Errors: invalid_argument that names point, vector and value; (condition).
    result<void> update_vectors(const std::shared_ptr<collection_access>& in, std::span<const point_vectors> points,
                                const write_condition& condition);
    /// Errors: invalid_argument (no such name, filter, condition).
    result<void> erase_vectors(const std::shared_ptr<collection_access>& in, const point_selector& points,
                               const std::vector<std::string>& names, const write_condition& condition);

    /// Errors: invalid_argument (too large, a payload that would grow too large), not_found (an id to be edited, a
    /// collection that was dropped), conflict, and those of `database_port::commit`.
    result<write_result> commit(const write_options& options) &&;

private:
    struct step {
        std::shared_ptr<collection_access> access;
        const write_condition* condition = nullptr;
        filter::compiled only_matching;
        std::span<const point> points;             ///< upsert
        std::vector<operation> encoded;            ///< upsert: all its points
        const point_selector* selector = nullptr;  ///< erase, edit
        filter::compiled filter;                   ///< erase, edit
        std::optional<payload_edit> edit;          ///< edit
        byte_vector body;                          ///< edit
        struct rows_of {
            point_id id;
            packed_rows rows;
        };
        std::optional<std::vector<rows_of>> vectors;  ///< update of vectors
        std::vector<std::size_t> erased_slots;        ///< erasing of vectors

        [[nodiscard]] bool of_vectors() const noexcept { return vectors || !erased_slots.empty(); }
    };
    /// What the write itself has made of a point so far.
    struct own_change {
        bool exists = false;
        const point* upserted = nullptr;     ///< the payload is this one's,
        std::optional<byte_vector> payload;  ///< unless it is here
        std::optional<packed_rows> rows;     ///< its vectors, once a step has changed some
        std::uint64_t expire_at = 0;         ///< with `rows`
    };
    /// A collection as the next step finds it.
    struct target {
        read_session session;
        std::unordered_map<point_id, own_change> changed;
    };
    struct found_point {
        bool exists = false;
        std::uint64_t version = 0;
        payload::view payload;
        std::optional<ordinal_id> ordinal;  ///< before the write
        const own_change* own = nullptr;
    };

    result<void> add(step added);
    [[nodiscard]] result<void> check_condition(const step& added) const;
    result<void> resolve(write_request& request);
    result<void> resolve_upsert(step& s, target& on, write_request& request);
    result<void> resolve_erase(const step& s, target& on, write_request& request);
    result<void> resolve_edit(const step& s, target& on, write_request& request);
    result<void> resolve_vectors(const step& s, target& on, write_request& request);
    result<void> apply_edit(const step& s, target& on, const point_id& id);
    [[nodiscard]] result<whole_point> whole_of(target& on, const point_id& id);
    static void note_whole(target& on, const whole_point& whole);
    static void append(std::vector<operation>& all, std::vector<operation> more);
    [[nodiscard]] static bool has_vector(const target& on, const found_point& found, std::string_view name) noexcept;
    result<std::vector<point_id>> select(const step& s, target& on, write_request& request);
    [[nodiscard]] result<found_point> find(target& on, const point_id& id, bool with_payload);
    [[nodiscard]] result<bool> meets(const step& s, target& on, std::size_t i, const point_id& id);
    [[nodiscard]] bool follows_changes() const noexcept;

    database_port* database_;
    std::vector<step> steps_;
    std::map<const collection_state*, target> targets_;
};

}  // namespace vecstore::detail
