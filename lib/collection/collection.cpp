// Writes of a collection, and what it says of itself. Reads are in query.cpp.
#include "notes.hpp"
#include "port.hpp"
#include "reader.hpp"
#include "state_hash.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/write/operation.hpp>
#include <collection/write/write_plan.hpp>
#include <field_index/segment.hpp>

namespace vecstore {
namespace {

using detail::collection_access;
using detail::payload_edit;
using detail::read_session;

/// A write of one step.
result<write_result> edit(const std::shared_ptr<collection_access>& access, const point_selector& points,
                          payload_edit kind, byte_vector body, const write_options& options) {
    detail::write_plan plan(*access->database);
    VECSTORE_CHECK(plan.edit(access, points, kind, std::move(body), options.condition));
    return std::move(plan).commit(options);
}

}  // namespace

const std::string& collection::name() const noexcept { return access_->state->name(); }

result<write_result> collection::upsert(const std::vector<point>& points, write_options options) {
    return upsert(std::span<const point>(points), std::move(options));
}

result<write_result> collection::upsert(std::span<const point> points, write_options options) {
    detail::write_plan plan(*access_->database);
    VECSTORE_CHECK(plan.upsert(access_, points, options.condition));
    return std::move(plan).commit(options);
}

result<write_result> collection::erase(const point_selector& points, write_options options) {
    detail::write_plan plan(*access_->database);
    VECSTORE_CHECK(plan.erase(access_, points, options.condition));
    return std::move(plan).commit(options);
}

result<write_result> collection::set_payload(const point_selector& points, const payload::document& values,
                                             write_options options) {
    VECSTORE_TRY(auto body, payload::encode(values));
    return edit(access_, points, payload_edit::set, std::move(body), options);
}

result<write_result> collection::overwrite_payload(const point_selector& points, const payload::document& values,
                                                   write_options options) {
    VECSTORE_TRY(auto body, payload::encode(values));
    return edit(access_, points, payload_edit::overwrite, std::move(body), options);
}

result<write_result> collection::erase_payload(const point_selector& points, const std::vector<std::string>& paths,
                                               write_options options) {
    for (const auto& path : paths) VECSTORE_CHECK(payload::path::parse(path));
    return edit(access_, points, payload_edit::erase, detail::encode_paths(paths), options);
}

result<write_result> collection::clear_payload(const point_selector& points, write_options options) {
    return edit(access_, points, payload_edit::clear, {}, options);
}

result<write_result> collection::set_payload_at(const point_selector& points, const std::string& key,
                                                const payload::document& values, write_options options) {
    VECSTORE_CHECK(payload::path::parse(key));
    VECSTORE_TRY(const auto body, payload::encode(values));
    return edit(access_, points, payload_edit::set_at, detail::encode_at(key, body), options);
}

result<write_result> collection::update_vectors(const std::vector<point_vectors>& points, write_options options) {
    return update_vectors(std::span<const point_vectors>(points), std::move(options));
}

result<write_result> collection::update_vectors(std::span<const point_vectors> points, write_options options) {
    detail::write_plan plan(*access_->database);
    VECSTORE_CHECK(plan.update_vectors(access_, points, options.condition));
    return std::move(plan).commit(options);
}

result<write_result> collection::erase_vectors(const point_selector& points, const std::vector<std::string>& names,
                                               write_options options) {
    detail::write_plan plan(*access_->database);
    VECSTORE_CHECK(plan.erase_vectors(access_, points, names, options.condition));
    return std::move(plan).commit(options);
}

result<void> collection::set_metadata(const payload::document& values) {
    return detail::change_notes(*access_, [&](detail::collection_notes& notes) -> result<void> {
        for (const auto& [key, value] : values) notes.metadata.set(key, value);
        return {};
    });
}

result<void> collection::set_model(const std::string& vector_name, const std::string& model) {
    const auto& options = access_->state->options();
    return detail::change_notes(*access_, [&](detail::collection_notes& notes) -> result<void> {
        for (std::size_t slot = 0; slot < options.vectors.size(); ++slot) {
            if (options.vectors[slot].name != vector_name) continue;
            auto tagged = options.vectors[slot];
            tagged.model = model;
            VECSTORE_CHECK(validate(collection_options{{tagged}}));
            if (!notes.models[slot].empty() && notes.models[slot] != model)
                return detail::other_model(vector_name, notes.models[slot], model);
            notes.models[slot] = model;
            return {};
        }
        return error{errc::not_found, "no vector \"" + vector_name + "\""};
    });
}

result<write_result> collection::create_field_index(const std::string& path, const field_schema& schema,
                                                    const field_index_options& options) {
    return access_->database->create_field_index(access_->state, path, schema, options);
}

result<write_result> collection::drop_field_index(const std::string& path) {
    return access_->database->drop_field_index(access_->state, path);
}

result<hash128> collection::verify_state() const {
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const auto& state = *access_->state;
    const auto& now = session.state();
    hash128 computed;
    std::size_t points = 0;
    std::optional<error> failure;
    VECSTORE_CHECK(session.for_each_point([&](ordinal_id ordinal, const detail::point_ref& point) {
        const auto vectors = detail::hash_of_vectors(now, ordinal);
        if (!vectors) {
            failure = vectors.error();
            return false;
        }
        computed += detail::hash_of_point(state.id(), point.id, point.version, *vectors, point.encoded);
        ++points;
        return true;
    }));
    if (failure) return *std::move(failure);
    if (points != now.point_count)
        return error{errc::corruption, "collection \"" + name() + "\" has " + std::to_string(points) + " points, not " +
                                           std::to_string(now.point_count)};
    if (now.state_hash && *now.state_hash != computed)
        return error{errc::corruption, "collection \"" + name() + "\": the points have hash " + to_string(computed) +
                                           ", " + to_string(*now.state_hash) + " was kept"};
    return computed;
}

result<collection_info> collection::info() const {
    VECSTORE_TRY(const auto session, read_session::open(*access_));
    collection_info info;
    info.name = access_->state->name();
    info.options = access_->state->options_with(*session.state().notes);
    info.points = session.state().point_count;
    info.state_hash = session.state().state_hash;
    for (std::size_t slot = 0; slot < session.state().vectors.size(); ++slot) {
        const auto& rows = session.state().vectors[slot];
        const auto& sample = session.collection().queries(slot);
        info.sampled_queries += sample.size();
        info.sample_bytes += sample.memory_bytes();
        for (const auto& part : *rows.parts) {
            ++info.parts;
            const auto by_queries = [](const detail::part_index* index) {
                return index != nullptr && index->measured_by_queries() != nullptr;
            };
            if (by_queries(part->graph()) || by_queries(part->lists())) info.rows_measured_by_queries += part->size();
            (part->indexed() ? info.rows_indexed : info.rows_scanned) += part->size();
            if (part->graph() != nullptr) info.rows_in_graphs += part->size();
            if (part->lists() != nullptr) info.rows_in_lists += part->size();
            const auto memory = part->memory();
            info.index_bytes += memory.resident;
            info.index_file_bytes += memory.on_disk;
            info.mapped_bytes += part->mapped_bytes();
            if (part->codes() != nullptr) info.index_bytes += part->codes()->memory_bytes();
        }
        for (const auto& newest : rows.memtables) {
            info.rows_scanned += newest.rows;
            info.memtable_bytes += newest.table->memory_bytes();
        }
    }
    for (const auto& field : *session.state().fields) {
        field_index_info one{field->path(), field->schema(), field->usable(), 0, field->runs().size(), 0, 0};
        one.points = static_cast<std::size_t>(field->covered().cardinality());
        for (const auto& run : field->runs()) {
            one.memory_bytes += run.content->memory_bytes();
            one.file_bytes += run.content->file().bytes();
        }
        info.fields.push_back(std::move(one));
    }
    for (const auto& overlay : session.state().overlays) info.overlay_bytes += overlay->memory_bytes();
    return info;
}

}  // namespace vecstore
