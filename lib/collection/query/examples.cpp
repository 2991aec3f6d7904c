#include "examples.hpp"

#include <vecstore/distance/pack.hpp>

namespace vecstore::detail {

result<example_source> example_source::open(read_session& session, const collection_access& access, const query& q,
                                            std::size_t slot) {
    example_source source(session, slot);
    if (!q.lookup_from) return source;
    const auto of_lookup = [](error e) {
        e.message = "lookup_from: " + e.message;
        return e;
    };
    auto found = access.database->find_collection(q.lookup_from->collection);
    if (!found) return of_lookup(std::move(found).error());
    if ((*found)->id() != session.collection().id()) {
        auto other = read_session::open({access.database, *std::move(found)});
        if (!other) return of_lookup(std::move(other).error());
        source.other_.emplace(*std::move(other));
    }
    const auto& options = source.source().collection().options();
    auto there = find_slot(options, q.lookup_from->vector.value_or(q.using_vector));
    if (!there) return invalid_argument("lookup_from.vector: " + there.error().message);
    source.source_slot_ = *there;
    const auto dim = options.vectors[*there].dim, wanted = session.collection().options().vectors[slot].dim;
    if (dim != wanted)
        return invalid_argument("lookup_from.vector: has dimension " + std::to_string(dim) + ", expected " +
                                std::to_string(wanted));
    return source;
}

result<std::vector<float>> example_source::vector_of(const example& e, const std::string& place) {
    if (const auto* vector = e.if_vector()) {
        VECSTORE_CHECK(make_ready(session_->collection().options().vectors[slot_], *vector, place));
        return *vector;
    }
    const auto& id = *e.if_id();
    const auto missing = [&](const std::string& what) { return error{errc::not_found, place + ": " + what}; };
    VECSTORE_TRY(const auto ordinal, source().find(id));
    if (!ordinal || !source().visible(*ordinal)) return missing("no point with id " + to_string(id));
    const auto& options = source().collection().options().vectors[source_slot_];
    VECSTORE_TRY(const auto stored, source().vector(source_slot_, *ordinal));
    if (!stored) return missing("point " + to_string(id) + " has no vector \"" + options.name + "\"");
    if (!other_) points_.push_back(*ordinal);
    std::vector<float> values(options.dim);
    unpack(options.type, stored->data(), values);
    return values;
}

result<ready_vector> example_source::ready(const example& e, const std::string& place) {
    VECSTORE_TRY(auto values, vector_of(e, place));
    VECSTORE_TRY(auto ready, make_ready(session_->collection().options().vectors[slot_], values, place));
    if (ready.data == values.data()) {
        ready.scaled = std::move(values);
        ready.data = ready.scaled.data();
    }
    return ready;
}

}  // namespace vecstore::detail
