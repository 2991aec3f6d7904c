// Writes of a collection, and what it says of itself. Reads are in query.cpp.
#include "operation.hpp"
#include "port.hpp"
#include "reader.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

namespace vecstore {
namespace {

using detail::collection_access;
using detail::operation;
using detail::payload_edit;
using detail::read_session;

result<write_result> commit(const collection_access& access, detail::write_request request, write_options options,
                            const std::size_t& points) {
    request.target = access.state.get();
    request.durability = options.durability;
    VECSTORE_TRY(auto written, access.database->commit(std::move(request)));
    written.points = points;
    return written;
}

error no_such_point(const point_id& id) { return {errc::not_found, "no point with id " + to_string(id)}; }

/// The ids that a selector means now. `must_exist`: a listed id that does not exist is an error, else it is left out.
result<std::vector<point_id>> select(read_session& session, const point_selector& points,
                                     const filter::compiled& filter, bool must_exist) {
    std::vector<point_id> ids;
    if (!points.by_filter()) {
        for (const auto& id : points.ids()) {
            VECSTORE_TRY(const auto ordinal, session.find(id));
            if (ordinal)
                ids.push_back(id);
            else if (must_exist)
                return no_such_point(id);
        }
        return ids;
    }
    VECSTORE_CHECK(session.for_each_point([&](ordinal_id, const detail::point_ref& point) {
        if (filter(point.id, point.payload)) ids.push_back(point.id);
        return true;
    }));
    return ids;
}

/// Checks that no payload grows above its limit before anything is logged.
result<void> check_sizes(read_session& session, std::span<const point_id> ids, byte_span values) {
    for (const auto& id : ids) {
        VECSTORE_TRY(const auto ordinal, session.find(id));
        if (!ordinal) continue;
        VECSTORE_TRY(const auto point, session.point(*ordinal));
        if (auto edited = detail::edit_payload(point.payload, payload_edit::set, values); !edited) {
            auto e = std::move(edited).error();
            e.message = "id " + to_string(id) + ": " + e.message;
            return e;
        }
    }
    return {};
}

result<write_result> edit(const std::shared_ptr<collection_access>& access, const point_selector& points,
                          payload_edit kind, const byte_vector& body, write_options options) {
    VECSTORE_TRY(const auto filter, filter::compiled::compile(points.filter()));
    std::size_t count = 0;
    detail::write_request request;
    request.resolve = [&]() -> result<std::vector<operation>> {
        VECSTORE_TRY(auto session, read_session::open(*access));
        VECSTORE_TRY(const auto ids, select(session, points, filter, true));
        if (kind == payload_edit::set) VECSTORE_CHECK(check_sizes(session, ids, body));
        count = ids.size();
        return detail::encode_edit(access->state->id(), kind, ids, body);
    };
    return commit(*access, std::move(request), options, count);
}

}  // namespace

const std::string& collection::name() const noexcept { return access_->state->name(); }

result<write_result> collection::upsert(const std::vector<point>& points, write_options options) {
    return upsert(std::span<const point>(points), options);
}

result<write_result> collection::upsert(std::span<const point> points, write_options options) {
    VECSTORE_TRY(auto operations, detail::encode_upsert(access_->state->id(), access_->state->options(), points));
    detail::write_request request;
    request.operations = std::move(operations);
    return commit(*access_, std::move(request), options, points.size());
}

result<write_result> collection::erase(const point_selector& points, write_options options) {
    VECSTORE_TRY(const auto filter, filter::compiled::compile(points.filter()));
    std::size_t count = 0;
    detail::write_request request;
    request.resolve = [&]() -> result<std::vector<operation>> {
        VECSTORE_TRY(auto session, read_session::open(*access_));
        VECSTORE_TRY(const auto ids, select(session, points, filter, false));
        count = ids.size();
        return detail::encode_erase(access_->state->id(), ids);
    };
    return commit(*access_, std::move(request), options, count);
}

result<write_result> collection::set_payload(const point_selector& points, const payload::document& values,
                                             write_options options) {
    VECSTORE_TRY(const auto body, payload::encode(values));
    return edit(access_, points, payload_edit::set, body, options);
}

result<write_result> collection::overwrite_payload(const point_selector& points, const payload::document& values,
                                                   write_options options) {
    VECSTORE_TRY(const auto body, payload::encode(values));
    return edit(access_, points, payload_edit::overwrite, body, options);
}

result<write_result> collection::erase_payload(const point_selector& points, const std::vector<std::string>& paths,
                                               write_options options) {
    for (const auto& path : paths) VECSTORE_CHECK(payload::path::parse(path));
    return edit(access_, points, payload_edit::erase, detail::encode_paths(paths), options);
}

result<write_result> collection::clear_payload(const point_selector& points, write_options options) {
    return edit(access_, points, payload_edit::clear, {}, options);
}

result<collection_info> collection::info() const {
    VECSTORE_TRY(const auto session, read_session::open(*access_));
    collection_info info;
    info.name = access_->state->name();
    info.options = access_->state->options();
    info.points = session.state().point_count;
    for (const auto& rows : session.state().vectors) {
        for (const auto& part : *rows.parts) {
            ++info.parts;
            (part->indexed() ? info.rows_indexed : info.rows_scanned) += part->size();
            if (part->graph() != nullptr) info.rows_in_graphs += part->size();
            if (part->lists() != nullptr) info.rows_in_lists += part->size();
            const auto memory = part->memory();
            info.index_bytes += memory.resident;
            info.index_file_bytes += memory.on_disk;
            info.mapped_bytes += part->mapped_bytes();
        }
        for (const auto& newest : rows.memtables) {
            info.rows_scanned += newest.rows;
            info.memtable_bytes += newest.table->memory_bytes();
        }
    }
    for (const auto& overlay : session.state().overlays) info.overlay_bytes += overlay->memory_bytes();
    return info;
}

}  // namespace vecstore
