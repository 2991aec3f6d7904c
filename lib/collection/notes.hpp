/// Metadata of a collection and the models of its vectors: what changes without points.
/// Thread safety: functions without state.
#pragma once

#include "port.hpp"
#include "reader.hpp"

#include <vecstore/collection/point.hpp>
#include <vecstore/collection/query.hpp>
#include <vecstore/core/result.hpp>

#include <functional>
#include <string>

namespace vecstore::detail {

/// Logs what `change` makes of the notes, when it is the write's turn.  Errors: those of `change` and of `commit`.
result<void> change_notes(const collection_access& access,
                          const std::function<result<void>(collection_notes&)>& change);

[[nodiscard]] error other_model(const std::string& vector_name, const std::string& known, const std::string& given);

/// That vectors which name a model are of the collection's. Vectors without one, and collections without, fit all.
/// Errors: conflict that names both.
[[nodiscard]] result<void> check_model(const collection_options& options, const collection_notes& notes,
                                       const std::string& vector_name, const std::string& model);
/// The same for all vectors of a point or of a `point_vectors`.
template <class Vectors>
[[nodiscard]] result<void> check_models(const collection_options& options, const collection_notes& notes,
                                        const Vectors& p) {
    if (!p.vector.empty()) VECSTORE_CHECK(check_model(options, notes, "", p.model));
    for (const auto& v : p.vectors) VECSTORE_CHECK(check_model(options, notes, v.name, v.model));
    return {};
}

/// The same for what a query and its prefetches ask.
[[nodiscard]] result<void> check_models(const read_session& session, const query& q);

}  // namespace vecstore::detail
