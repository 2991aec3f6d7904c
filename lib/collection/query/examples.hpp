/// Examples of a question become vectors here: given ones are checked, those of points are looked up.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include "checks.hpp"
#include "point_list.hpp"

#include <collection/port.hpp>
#include <collection/reader.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::detail {

class example_source {
public:
    /// For one question, which is asked of `slot`. `session` is that of the collection asked, and outlives this.
    /// Errors: not_found (the collection to look ids up in), invalid_argument (its vector), and those of opening a session.
    [[nodiscard]] static result<example_source> open(read_session& session, const collection_access& access,
                                                     const query& q, std::size_t slot);

    /// The numbers of an example. `place` names it in errors.
    /// Errors: not_found (no such point, or it lacks the vector), invalid_argument (dimension, not finite), corruption, io.
    [[nodiscard]] result<std::vector<float>> vector_of(const example& e, const std::string& place);
    /// The same in the form that is compared.
    [[nodiscard]] result<ready_vector> ready(const example& e, const std::string& place);

    /// Points that were examples, ascending: they are no hits. Empty when they lie in another collection.
    [[nodiscard]] const ordinal_list& points() noexcept {
        sort_unique(points_);
        return points_;
    }

private:
    example_source(read_session& session, std::size_t slot) noexcept
        : session_(&session), slot_(slot), source_slot_(slot) {}
    [[nodiscard]] read_session& source() noexcept { return other_ ? *other_ : *session_; }

    read_session* session_;
    std::size_t slot_;                   ///< of the collection asked
    std::optional<read_session> other_;  ///< where ids are looked up, when it is another collection
    std::size_t source_slot_;            ///< there
    ordinal_list points_;
};

}  // namespace vecstore::detail
